//! What reading a table costs by the planner's reckoning, and how it is kept within a limit: by
//! ranges of the key, or by not reading it at all.

use anyhow::Context as _;
use pg_pipe::record::Verdict;
use pg_session::checksum::rows;
use pg_session::{Session, quote};

use crate::plan::{Comparison, Course, Half};
use crate::pool::is_lost;
use crate::ranges::{MOST_RANGES, Range, keys, sorts_alike};
use crate::reading::{BY_INDEX, Job, TableJob};
use crate::server::{Server, undisturbed};
use crate::sides::Sides;

/// How often finer ranges are tried. They are not of one size, and an index makes rows dearer
/// that lie about.
const TRIES: usize = 3;

/// Takes tables of a plan apart that no statement may read as a whole; those that cannot be are
/// not read.
///
/// # Errors
/// When a server is lost.
pub(crate) fn limit(plan: &mut [Comparison], sides: &mut Sides, most: u32) -> anyhow::Result<()> {
    for comparison in plan {
        let cost = dearest(comparison, &comparison.ranges, sides)?;
        if cost <= f64::from(most) {
            continue;
        }
        let ranges = cheaper(comparison, sides, (cost, most))
            .with_context(|| format!("cannot split table {}", comparison.name))?;
        if let Some(ranges) = ranges {
            comparison.ranges = ranges;
            continue;
        }
        let why = format!(
            "a statement that reads it costs {cost:.0}, more than --statement-cost {most}, and \
             no ranges of a key would be cheap enough: it has none, or no statistics (ANALYZE)"
        );
        comparison.course = Course::Settled(Verdict::Unverified, why);
        comparison.ranges = Vec::new();
    }
    Ok(())
}

/// Ranges of which each is cheap enough on both sides, if there are some.
fn cheaper(
    comparison: &Comparison,
    sides: &mut Sides,
    (cost, most): (f64, u32),
) -> anyhow::Result<Option<Vec<Range>>> {
    let (
        Course::Compare {
            source: Half::Read(Job::Table(there)),
            target: Half::Read(Job::Table(here)),
        },
        Some(source),
    ) = (&comparison.course, &mut sides.source)
    else {
        return Ok(None);
    };
    if there.counts || !sorts_alike((source.session(), sides.target.session()), there, here)? {
        return Ok(None);
    }
    let now = i64::try_from(comparison.ranges.len().max(1)).unwrap_or(MOST_RANGES);
    let mut parts = now.saturating_mul(times(cost, most));
    for _ in 0..TRIES {
        parts = parts.saturating_mul(2).min(MOST_RANGES);
        let Some(ranges) = ranges(sides.source.as_mut(), there, parts)? else {
            return Ok(None);
        };
        if dearest(comparison, &ranges, sides)? <= f64::from(most) {
            return Ok(Some(ranges));
        }
    }
    Ok(None)
}

/// How many times the limit a cost is, rounded up.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a cost above the limit; `as` saturates"
)]
fn times(cost: f64, most: u32) -> i64 {
    (cost / f64::from(most)).ceil() as i64
}

/// About so many ranges, at keys of the source, whatever order its rows lie in.
fn ranges(
    source: Option<&mut Server>,
    table: &TableJob,
    parts: i64,
) -> anyhow::Result<Option<Vec<Range>>> {
    let Some(source) = source else {
        return Ok(None);
    };
    let Some(found) = keys(source.session(), table, parts)? else {
        return Ok(None);
    };
    // Some keys of each page, sorted: a sample of all.
    let step = found.len().div_ceil(usize::try_from(parts)?.max(1)).max(1);
    let sampled = found.into_iter().map(|(_, key)| key);
    let mut bounds: Vec<Vec<String>> = sampled.step_by(step).collect();
    bounds.dedup();
    Ok(Some(Range::default().split(&bounds)))
}

/// The cost of the dearest statement that a comparison takes.
fn dearest(comparison: &Comparison, ranges: &[Range], sides: &mut Sides) -> anyhow::Result<f64> {
    let [there, here] = comparison.jobs();
    let halves = [
        (there, sides.source.as_mut()),
        (here, Some(&mut sides.target)),
    ];
    let mut dearest = 0_f64;
    for half in halves {
        let (Some(Job::Table(table)), Some(server)) = half else {
            continue;
        };
        if ranges.is_empty() {
            dearest = dearest.max(cost(server.session(), table)?);
        }
        for range in ranges {
            let part = table.part(&range.condition(&table.key));
            dearest = dearest.max(cost(server.session(), &part)?);
        }
    }
    Ok(dearest)
}

/// What the planner thinks of reading a table, in its own units. What it cannot plan costs
/// nothing: reading it fails, which is told then.
fn cost(session: &mut Session, table: &TableJob) -> anyhow::Result<f64> {
    let names: Vec<String> = table
        .relation
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let filter = table.filter.as_ref().map(|filter| format!("{filter}\n"));
    let sql = format!(
        "explain (format json) select {} from {}",
        quote::list(&names),
        rows(&table.relation, filter.as_deref())
    );
    let planned = undisturbed(session, |session| {
        if table.is_part {
            session.batch(BY_INDEX)?;
        }
        Ok(session.text_rows(&sql)?)
    });
    let plan = match planned {
        Ok(plan) => plan.into_iter().flatten().flatten().next(),
        Err(error) if is_lost(&error) => return Err(error),
        Err(_) => return Ok(0.0),
    };
    let plan: serde_json::Value = serde_json::from_str(&plan.unwrap_or_default())
        .context("the server's EXPLAIN is not understood")?;
    plan.pointer("/0/Plan/Total Cost")
        .and_then(serde_json::Value::as_f64)
        .context("the server's EXPLAIN has no cost")
}
