//! What was measured: figures of runs, their medians, and ratios between ways.

use std::collections::BTreeMap;

use crate::measure::Figures;

/// Figures of all runs, by scenario and way.
#[derive(Debug, Default)]
pub(crate) struct Results {
    runs: BTreeMap<(&'static str, &'static str), Vec<Figures>>,
    /// Why a way has no result.
    failed: BTreeMap<(&'static str, &'static str), String>,
    /// How many tables a scenario has.
    pub(crate) tables: BTreeMap<&'static str, usize>,
}

/// A ratio of two medians, with the least and the largest of single rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratio {
    /// That of the medians.
    pub(crate) median: f64,
    /// The least.
    pub(crate) least: f64,
    /// The largest.
    pub(crate) most: f64,
}

impl Results {
    /// Notes a run.
    pub(crate) fn note(
        &mut self,
        scenario: &'static str,
        way: &'static str,
        run: Result<Figures, String>,
    ) {
        match run {
            Ok(figures) => self.runs.entry((scenario, way)).or_default().push(figures),
            Err(why) => {
                self.failed.insert((scenario, way), why);
            }
        }
    }

    /// Why a way has no result, if it has none.
    pub(crate) fn failure(&self, scenario: &'static str, way: &'static str) -> Option<&str> {
        self.failed.get(&(scenario, way)).map(String::as_str)
    }

    /// The runs of a way, in the order of rounds; none where one of them failed.
    pub(crate) fn runs(&self, scenario: &'static str, way: &'static str) -> &[Figures] {
        match self.failure(scenario, way) {
            Some(_) => &[],
            None => self.runs.get(&(scenario, way)).map_or(&[], Vec::as_slice),
        }
    }

    /// The median of one figure of a way.
    pub(crate) fn median(
        &self,
        scenario: &'static str,
        way: &'static str,
        figure: fn(&Figures) -> f64,
    ) -> Option<f64> {
        median(self.runs(scenario, way).iter().map(figure).collect())
    }
}

impl Ratio {
    /// One row of values to another, round by round; `None` where there are none.
    pub(crate) fn of(upper: &[f64], lower: &[f64]) -> Option<Self> {
        let rounds = upper.iter().zip(lower).map(|(upper, lower)| upper / lower);
        Some(Self {
            median: median(upper.to_vec())? / median(lower.to_vec())?,
            least: rounds.clone().reduce(f64::min)?,
            most: rounds.reduce(f64::max)?,
        })
    }
}

/// The value in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get(values.len().checked_sub(1)? / 2)?;
    Some(f64::midpoint(lower, upper))
}
