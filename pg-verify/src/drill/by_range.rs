//! Ranges that differ, split until their keys can be compared one by one.

use pg_session::Session;
use pg_session::checksum::rows;

use super::by_bucket::sums;
use super::suspects::{self, Suspect};
use super::{Drill, Extent, Pair, garbled};
use crate::ranges::{Range, key_list};
use crate::reading::{BY_INDEX, TableJob, check_unchanged};

/// Rows of a range whose keys are compared one by one.
const LEAF_ROWS: i64 = 30_000;

/// The bucket that all rows are in.
const ONE_BUCKET: &str = "0";

/// Parts that a range is split into.
const PARTS: i64 = 64;

impl Drill<'_> {
    /// Looks for keys in ranges that differ, each with the rows that it has.
    pub(super) fn by_range(
        &mut self,
        pair: Pair<'_>,
        mut open: Vec<(Range, i64)>,
    ) -> anyhow::Result<(Vec<Suspect>, Extent)> {
        open.reverse();
        let mut suspects = Vec::new();
        while let Some((range, rows)) = open.pop() {
            if suspects.len() >= self.wanted.rows {
                return Ok((suspects, Extent::Some));
            }
            if rows <= LEAF_ROWS {
                suspects.extend(self.leaf(pair, &range)?);
                continue;
            }
            let parts = self.parts(pair, &range, rows)?;
            // A range of keys that cannot be told apart is compared as it is.
            if parts.len() == 1 {
                suspects.extend(self.leaf(pair, &range)?);
                continue;
            }
            for part in parts.into_iter().rev() {
                let (rows, differs) = self.compare(pair, &part)?;
                if differs {
                    open.push((part, rows));
                }
            }
        }
        Ok(within(suspects, self.wanted.rows))
    }

    /// The rows of the larger side, and whether the sides differ.
    fn compare(&mut self, pair: Pair<'_>, range: &Range) -> anyhow::Result<(i64, bool)> {
        let hash = self.hash;
        let (there, here) = self.both(|session, half| {
            let table = pair.of(half);
            by_index(session, range)?;
            let part = table.part(&range.condition(&table.key));
            let sum = sums(session, &part, ONE_BUCKET, hash)?;
            check_unchanged(session, &table.relation)?;
            Ok(sum)
        })?;
        let rows = there.values().chain(here.values()).map(|(rows, _)| *rows);
        Ok((rows.max().unwrap_or(0), there != here))
    }

    fn leaf(&mut self, pair: Pair<'_>, range: &Range) -> anyhow::Result<Vec<Suspect>> {
        let hash = self.hash;
        let (there, here) = self.both(|session, half| {
            let table = pair.of(half);
            by_index(session, range)?;
            suspects::read(session, table, &range.condition(&table.key), hash)
        })?;
        Ok(suspects::differing(there, here))
    }

    /// Splits a range at keys of the side that has more rows in it.
    fn parts(&mut self, pair: Pair<'_>, range: &Range, rows: i64) -> anyhow::Result<Vec<Range>> {
        let parts = (rows / (LEAF_ROWS / 2)).clamp(2, PARTS);
        let step = rows / parts + 1;
        let (there, here) =
            self.both(|session, half| bounds(session, pair.of(half), range, step))?;
        let bounds = if there.len() >= here.len() {
            there
        } else {
            here
        };
        Ok(range.split(&bounds))
    }
}

/// All of a table is read faster without its index.
fn by_index(session: &mut Session, range: &Range) -> anyhow::Result<()> {
    if *range == Range::default() {
        return Ok(());
    }
    Ok(session.batch(BY_INDEX)?)
}

/// No more suspects than are wanted.
pub(super) fn within(mut suspects: Vec<Suspect>, most: usize) -> (Vec<Suspect>, Extent) {
    if suspects.len() <= most {
        return (suspects, Extent::All);
    }
    suspects.truncate(most);
    (suspects, Extent::Some)
}

/// Every so many-th key of a range, the first left out.
fn bounds(
    session: &mut Session,
    table: &TableJob,
    range: &Range,
    step: i64,
) -> anyhow::Result<Vec<Vec<String>>> {
    by_index(session, range)?;
    let key = key_list(table);
    let from = rows(&table.relation, Some(&range.condition(&table.key)));
    let sql = format!(
        "select {key} from (select {key}, row_number() over (order by {key}) as number_of_row \
         from {from}) as numbered where number_of_row % {step} = 0 order by {key}"
    );
    let mut bounds: Vec<Vec<String>> = session
        .text_rows(&sql)?
        .into_iter()
        .map(|row| {
            row.into_iter()
                .collect::<Option<Vec<String>>>()
                .ok_or_else(garbled)
        })
        .collect::<anyhow::Result<_>>()?;
    bounds.dedup();
    Ok(bounds)
}
