//! A sample of a table: pages of the source, chosen at random, whose rows are looked up on the
//! target by their key.
//!
//! Pages chosen on each side would hold other rows. A sample finds what is missing or changed;
//! what only the target has it cannot see, so that it never proves anything equal.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use pg_pipe::Context;
use pg_pipe::record::Verdict;
use pg_session::catalog::list_blocks;

use crate::details::Details;
use crate::drill::{Drill, Extent, Pair, Wanted, has_operators};
use crate::plan::{Comparison, Course, Half};
use crate::ranges::tids;
use crate::reading::{Job, TableJob};
use crate::sides::Sides;
use crate::tally::{Outcome, PARTLY, Readings, Tally};

/// Tables with a sample of fewer pages are compared whole.
const FEWEST_PAGES: i64 = 16;

/// Rows that a page has at the most (`MaxHeapTuplesPerPage` of pages of 8 kB; with larger ones
/// the first of each page are in the sample).
const PAGE_ROWS: usize = 291;

/// Compares a sample of each table of a plan that is large enough, and tells what came of it.
///
/// # Errors
/// What a server says.
pub(crate) fn compare<'run>(
    (plan, percent): (&mut [Comparison], f64),
    sides: &mut Sides,
    wanted: Wanted,
    context: &'run Context,
    tally: &mut Tally<'run>,
) -> anyhow::Result<()> {
    let hash = sides.row_hash();
    let Some(source) = &mut sides.source else {
        return Ok(());
    };
    for comparison in plan {
        let Some((there, here)) = pair(comparison) else {
            continue;
        };
        let oid = there.relation.oid;
        let blocks = list_blocks(source.session(), &[oid])?.get(&oid).copied();
        let pages = chosen(blocks.unwrap_or(0), percent, seed());
        if i64::try_from(pages.len()).unwrap_or(i64::MAX) < FEWEST_PAGES {
            continue;
        }
        let mut drill = Drill {
            source: source.session(),
            target: sides.target.session(),
            stop: context.stop(),
            hash,
            wanted,
        };
        let pair = Pair {
            source: &there,
            target: &here,
        };
        let outcome = look(&mut drill, pair, &pages, percent)
            .with_context(|| format!("cannot sample table {}", comparison.name))?;
        tally.add(comparison, outcome);
        comparison.course = Course::Told;
    }
    Ok(())
}

/// Both sides of a table whose rows can be looked up by key.
fn pair(comparison: &Comparison) -> Option<(TableJob, TableJob)> {
    let Course::Compare {
        source: Half::Read(Job::Table(there)),
        target: Half::Read(Job::Table(here)),
    } = &comparison.course
    else {
        return None;
    };
    let is_plain = there
        .relation
        .condition
        .as_deref()
        .is_none_or(str::is_empty);
    let has_key = !there.key.is_empty() && there.relation.key == here.relation.key;
    (is_plain && has_key && has_operators(&there.key))
        .then(|| ((**there).clone(), (**here).clone()))
}

fn look(
    drill: &mut Drill<'_>,
    pair: Pair<'_>,
    pages: &[i64],
    percent: f64,
) -> anyhow::Result<Outcome> {
    // A list of single values is one array, one of rows as many conditions.
    let at_a_time = if pair.source.key.len() == 1 { 16 } else { 2 };
    let mut details = Details::default();
    let mut rows = 0;
    for batch in pages.chunks(at_a_time) {
        let places = format!("ctid = any ({})", tids(batch.iter().copied(), PAGE_ROWS));
        let (suspects, read) = drill.by_lookup(pair, &places)?;
        rows += read;
        let most = drill.wanted.rows;
        drill.look(pair, &suspects, &mut |found| {
            details.add(pair.target, &found, most);
            Ok(())
        })?;
    }
    details.end(Extent::Some);
    Ok(if details.is_empty() {
        let message = format!("{PARTLY}a sample of {rows} rows ({percent}% of the pages) is equal");
        Outcome::new(Verdict::Unverified, Some(message), Readings::default())
    } else {
        let message = format!("in a sample of {rows} rows {}", details.sentence());
        Outcome {
            details: Some(details),
            ..Outcome::new(Verdict::Mismatch, Some(message), Readings::default())
        }
    })
}

/// A page of each of as many stretches of the table as there are pages in the sample.
fn chosen(blocks: i64, percent: f64, seed: u64) -> Vec<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a number of blocks, which has 32 bits"
    )]
    let wanted = (blocks as f64 * percent / 100.0).ceil() as i64;
    let mut state = seed;
    (0..wanted)
        .map(|stretch| {
            let from = blocks * stretch / wanted;
            let to = blocks * (stretch + 1) / wanted;
            let length = (to - from).max(1).unsigned_abs();
            from + (random(&mut state) % length).cast_signed()
        })
        .collect()
}

/// Vigna's splitmix64: good enough to choose pages.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| u64::from(since.subsec_nanos()) ^ since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_spread_over_the_table_and_other_ones_each_time() {
        let pages = chosen(10_000, 1.0, 7);
        assert_eq!(pages.len(), 100);
        for (number, page) in (0..).zip(&pages) {
            assert!((number * 100..(number + 1) * 100).contains(page), "{page}");
        }
        assert_ne!(pages, chosen(10_000, 1.0, 8));
        assert_eq!(chosen(5, 100.0, 1), [0, 1, 2, 3, 4]);
        assert_eq!(chosen(0, 1.0, 1), Vec::<i64>::new());
    }
}
