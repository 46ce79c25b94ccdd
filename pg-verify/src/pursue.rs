//! What is done about differences: rows are looked for, looked at again after a while, and
//! written down as SQL.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use pg_pipe::record::{Verdict, VerifiedKind};
use pg_pipe::{Context, Failure};
use pg_session::RelationName;

use crate::args::Args;
use crate::desk::Pending;
use crate::details::Details;
use crate::drill::{Drill, Extent, Found, Pair, Suspect, Wanted};
use crate::judge::judge;
use crate::known::Known;
use crate::plan::{Comparison, Course, Half, table_job};
use crate::pool::is_lost;
use crate::reading::{Job, Reading, TableJob};
use crate::repair::Repair;
use crate::scope::{Depth, Scope};
use crate::sides::Sides;
use crate::tally::{Readings, Tally};

/// Rows that a repair is written for, of one table.
const MOST_REPAIRED: usize = 1_000_000;

/// What is told of a table of which pg-copy has copied some rows only.
const NO_CONDITION: &str =
    "; its rows are looked for when pg-verify has the --where of pg-copy, too";

/// How often the stop switch is looked at while we wait.
const TICK: Duration = Duration::from_millis(100);

/// Everything that looking into differences needs.
pub(crate) struct Pursuit<'run, 'sides> {
    /// The flags.
    pub(crate) args: &'run Args,
    /// What is compared.
    pub(crate) scope: &'run Scope,
    /// What the stream says.
    pub(crate) known: &'run Known,
    /// The plan.
    pub(crate) plan: &'run [Comparison],
    /// Both sides.
    pub(crate) sides: &'sides mut Sides,
    /// The surroundings.
    pub(crate) context: &'run Context,
}

/// A difference, with both sides of its table where they can be read.
struct Case<'run> {
    comparison: &'run Comparison,
    pending: Pending,
    tables: Option<(TableJob, TableJob)>,
    /// Keys that differ, with the bytes of the source's row; none when not all are known.
    seen: Option<Vec<Seen>>,
}

/// A row that differed when it was looked at last.
struct Seen {
    suspect: Suspect,
    source: Option<String>,
    /// Whether the source had the same at the look before.
    settled: bool,
}

impl<'run> Pursuit<'run, '_> {
    /// Looks into everything that differs, and tells it.
    ///
    /// # Errors
    /// When a server is lost, or the repair cannot be written.
    pub(crate) fn run(
        &mut self,
        pending: Vec<Pending>,
        mut repair: Option<Repair>,
        tally: &mut Tally<'run>,
    ) -> anyhow::Result<()> {
        if pending.is_empty() {
            return Ok(());
        }
        let mut cases = self.cases(pending)?;
        if let Some(span) = self.args.live.recheck {
            cases = self.look_again(cases, span.0, tally)?;
        }
        for case in cases {
            self.finish(case, repair.as_mut(), tally)?;
        }
        match repair.filter(|repair| !repair.is_empty()) {
            Some(repair) => repair.write(self.sides.target.session()),
            None => Ok(()),
        }
    }

    /// Finds both sides of each table. In a pipeline the source was not read: it is now, if it
    /// can be.
    fn cases(&mut self, pending: Vec<Pending>) -> anyhow::Result<Vec<Case<'run>>> {
        let plan: &'run [Comparison] = self.plan;
        let of_table = |one: &Pending| {
            let comparison = plan.get(one.number)?;
            (comparison.kind == VerifiedKind::Table).then(|| comparison.name.clone())
        };
        let names: Vec<RelationName> = pending.iter().filter_map(of_table).collect();
        let wanted = self.args.rows.max_differences > 0 || self.args.rows.repair_sql.is_some();
        let is_needed = wanted && !names.is_empty() && !self.counts();
        if is_needed && self.sides.source.is_none() {
            self.open_source()?;
        }
        let mut live = match &mut self.sides.source {
            Some(source) if is_needed => source.list()?.relations,
            _ => Vec::new(),
        };
        live.retain(|relation| names.contains(&relation.name));
        let cases = pending.into_iter().filter_map(|mut pending| {
            let comparison = plan.get(pending.number)?;
            let source = live.iter().find(|one| one.name == comparison.name);
            // SQL out of a stream is run on no source; without it all others would be missing.
            let source = source.filter(|_| comparison.copied_where.is_none());
            if wanted && comparison.copied_where.is_some() {
                let message = pending.outcome.message.take().unwrap_or_default();
                pending.outcome.message = Some(format!("{message}{NO_CONDITION}"));
            }
            let tables = match (&comparison.course, source) {
                (
                    Course::Compare {
                        target: Half::Read(Job::Table(here)),
                        ..
                    },
                    Some(source),
                ) => Some((table_job(source.clone(), self.scope), (**here).clone())),
                _ => None,
            };
            Some(Case {
                comparison,
                pending,
                tables,
                seen: None,
            })
        });
        Ok(cases.collect())
    }

    /// That something differs is known without the source, and is told whether it can be reached
    /// or not.
    fn open_source(&mut self) -> anyhow::Result<()> {
        let opened = self.sides.open_source(self.args, self.known, self.context);
        if let Err(error) = opened {
            self.context.check_stop()?;
            self.context.notice().warn(&format!(
                "the rows that differ are not looked for: {error:#}"
            ));
        }
        Ok(())
    }

    fn counts(&self) -> bool {
        self.scope.depth == Depth::Count
    }

    fn wanted(&self) -> Wanted {
        let rows = &self.args.rows;
        Wanted {
            rows: if rows.repair_sql.is_some() {
                MOST_REPAIRED
            } else {
                rows.max_differences
            },
            values: !rows.no_values || rows.repair_sql.is_some(),
        }
    }

    /// Finds the rows of a case, writes the repair, tells it.
    fn finish(
        &mut self,
        mut case: Case<'run>,
        mut repair: Option<&mut Repair>,
        tally: &mut Tally<'run>,
    ) -> anyhow::Result<()> {
        if let (Some(repair), None) = (repair.as_deref_mut(), &case.tables) {
            repair.add_other(case.comparison, &case.pending.outcome.readings);
        }
        if let Some((there, here)) = case.tables.take() {
            let details = self.details(&case, (&there, &here), repair.as_deref_mut());
            let outcome = &mut case.pending.outcome;
            let message = outcome.message.take().unwrap_or_default();
            outcome.message = Some(match &details {
                Ok(details) if details.is_empty() => {
                    format!("{message}; no row that differs was found")
                }
                Ok(details) => format!("{message}: {}", details.sentence()),
                // That it differs is certain, and is to be told.
                Err(error) => format!("{message}; its rows could not be looked for: {error:#}"),
            });
            match details {
                Ok(details) => outcome.details = Some(details),
                Err(error) if self.context.stop().requested() || is_lost(&error) => {
                    return Err(error);
                }
                Err(_) => {
                    if let Some(repair) = repair {
                        repair.not_all_of(&here.relation.name);
                    }
                }
            }
        }
        tally.add(case.comparison, case.pending.outcome);
        Ok(())
    }

    fn details(
        &mut self,
        case: &Case<'run>,
        (there, here): (&TableJob, &TableJob),
        mut repair: Option<&mut Repair>,
    ) -> anyhow::Result<Details> {
        let rows = &self.args.rows;
        let (most, shows_values) = (rows.max_differences, !rows.no_values);
        let mut details = Details::default();
        if let Some(repair) = repair.as_deref_mut() {
            repair.begin_table(self.sides.target.session(), here, self.scope)?;
        }
        let mut take = |mut found: Found| -> anyhow::Result<()> {
            if let Some(repair) = repair.as_deref_mut() {
                repair.add(here, &found)?;
            }
            if !shows_values {
                found.hide_values();
            }
            details.add(here, &found, most);
            Ok(())
        };
        let pair = Pair {
            source: there,
            target: here,
        };
        let Some(mut drill) = self.drill() else {
            return Ok(details);
        };
        let extent = match &case.seen {
            Some(seen) => {
                let suspects: Vec<Suspect> = seen.iter().map(|one| one.suspect.clone()).collect();
                drill.look(pair, &suspects, &mut take)?;
                Extent::All
            }
            None => drill
                .find(pair, case.pending.ranges.clone(), &mut take)
                .with_context(|| {
                    format!("cannot find the rows of {} that differ", here.relation.name)
                })?,
        };
        details.end(extent);
        if let (Some(repair), Extent::Some) = (repair, extent) {
            repair.not_all_of(&here.relation.name);
        }
        Ok(details)
    }

    fn drill(&mut self) -> Option<Drill<'_>> {
        let wanted = self.wanted();
        let hash = self.sides.row_hash();
        let source = self.sides.source.as_mut()?;
        Some(Drill {
            source: source.session(),
            target: self.sides.target.session(),
            stop: self.context.stop(),
            hash,
            wanted,
        })
    }

    /// Looks again at what differed, until nothing does or it was looked at often enough.
    fn look_again(
        &mut self,
        mut cases: Vec<Case<'run>>,
        span: Duration,
        tally: &mut Tally<'run>,
    ) -> anyhow::Result<Vec<Case<'run>>> {
        for case in &mut cases {
            self.note_keys(case)?;
        }
        for look in 1..=self.args.live.recheck_times.get() {
            if cases.is_empty() {
                break;
            }
            self.context.notice().detail(&format!(
                "{} differ; looking again in {} s",
                cases.len(),
                span.as_secs_f64()
            ));
            self.wait(span)?;
            self.sides.renew()?;
            let mut still = Vec::new();
            for mut case in cases {
                if self.still_differs(&mut case)? {
                    still.push(case);
                } else {
                    let outcome = &mut case.pending.outcome;
                    outcome.verdict = Verdict::Match;
                    outcome.message = Some(format!(
                        "it differed at first and was equal at look {look} again"
                    ));
                    tally.add(case.comparison, case.pending.outcome);
                }
            }
            cases = still;
        }
        let mut rest = Vec::new();
        for case in cases {
            rest.extend(give_up_unstable(case, tally));
        }
        Ok(rest)
    }

    /// Finds the keys of the rows that differ, so that those alone are looked at again.
    fn note_keys(&mut self, case: &mut Case<'run>) -> anyhow::Result<()> {
        let Some((there, here)) = &case.tables else {
            return Ok(());
        };
        let mut seen = Vec::new();
        let mut has_keys = true;
        let mut take = |found: Found| {
            let source = found.source.map(|row| row.bytes);
            match found.suspect {
                Some(suspect) => seen.push(Seen {
                    suspect,
                    source,
                    settled: false,
                }),
                None => has_keys = false,
            }
            Ok(())
        };
        let pair = Pair {
            source: there,
            target: here,
        };
        let Some(mut drill) = self.drill() else {
            return Ok(());
        };
        drill.wanted.values = false;
        let extent = match drill.find(pair, case.pending.ranges.clone(), &mut take) {
            Ok(extent) => extent,
            Err(error) if self.context.stop().requested() || is_lost(&error) => return Err(error),
            // Without its keys all of it is looked at again.
            Err(_) => Extent::Some,
        };
        let is_whole = has_keys && extent == Extent::All && !seen.is_empty();
        case.seen = is_whole.then_some(seen);
        Ok(())
    }

    /// Looks again: at its rows where they are known, at all of it elsewhere.
    fn still_differs(&mut self, case: &mut Case<'run>) -> anyhow::Result<bool> {
        let Some((there, here)) = &case.tables else {
            return self.reads_unequal(case);
        };
        let Some(seen) = case.seen.take() else {
            return self.reads_unequal(case);
        };
        let mut still = Vec::new();
        let mut take = |found: Found| {
            let source = found.source.map(|row| row.bytes);
            let Some(suspect) = found.suspect else {
                return Ok(());
            };
            let before = seen.iter().find(|one| one.suspect.id == suspect.id);
            still.push(Seen {
                settled: before.is_some_and(|before| before.source == source),
                suspect,
                source,
            });
            Ok(())
        };
        let suspects: Vec<Suspect> = seen.iter().map(|one| one.suspect.clone()).collect();
        let pair = Pair {
            source: there,
            target: here,
        };
        let Some(mut drill) = self.drill() else {
            return Ok(true);
        };
        drill.wanted.values = false;
        drill.look(pair, &suspects, &mut take)?;
        let differs = !still.is_empty();
        case.seen = Some(still);
        Ok(differs)
    }

    /// Reads something whole on both sides again.
    fn reads_unequal(&mut self, case: &mut Case<'run>) -> anyhow::Result<bool> {
        let [there, here] = case.comparison.jobs();
        let (Some(there), Some(here), Some(source)) = (there, here, &mut self.sides.source) else {
            return Ok(true);
        };
        let begun = Instant::now();
        let mut parts = Vec::new();
        let jobs = [there, here].map(|job| case.comparison.parts(job));
        let [there, here] = &jobs;
        for (there, here) in there.iter().zip(here) {
            let here = self.sides.target.read(here)?;
            parts.push([Some(source.read(there)?), Some(here)]);
        }
        let [there, here] = Reading::of_sides(&parts);
        let (Some(there), Some(here)) = (there, here) else {
            return Err(Failure::bug("a part was left out").into());
        };
        let (verdict, message) = judge(case.comparison.kind, &there, &here);
        case.pending.ranges = case.comparison.differing(&parts);
        case.pending.outcome.message = message;
        case.pending.outcome.readings = Readings {
            source: Some(there),
            target: Some(here),
            took: begun.elapsed(),
            ..Readings::default()
        };
        Ok(verdict != Verdict::Match)
    }

    fn wait(&self, span: Duration) -> Result<(), Failure> {
        let until = Instant::now() + span;
        while Instant::now() < until {
            self.context.check_stop()?;
            thread::sleep(TICK.min(until.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }
}

/// Rows that the source changed between two looks say nothing of the target. When there are no
/// others, it is not known whether the table is equal.
fn give_up_unstable<'run>(mut case: Case<'run>, tally: &mut Tally<'run>) -> Option<Case<'run>> {
    let unstable = match &mut case.seen {
        Some(seen) => {
            let all = seen.len();
            seen.retain(|one| one.settled);
            all - seen.len()
        }
        None => 0,
    };
    if unstable == 0 {
        return Some(case);
    }
    let outcome = &mut case.pending.outcome;
    let unstable = format!("{unstable} rows were changed on the source at every look");
    if case.seen.as_ref().is_some_and(Vec::is_empty) {
        outcome.verdict = Verdict::Unverified;
        outcome.message = Some(unstable);
        tally.add(case.comparison, case.pending.outcome);
        return None;
    }
    let message = outcome.message.take().unwrap_or_default();
    outcome.message = Some(format!("{message}; {unstable}"));
    Some(case)
}
