//! Ranges that differ, split until their keys can be compared one by one.

use pg_session::Session;
use pg_session::checksum::{RowHash, hash_expression, rows};

use super::by_bucket::{Buckets, buckets};
use super::suspects::{self, Suspect};
use super::{Drill, Extent, Pair, garbled};
use crate::ranges::{Range, key_list};
use crate::reading::{BY_INDEX, TableJob, check_unchanged};
use crate::server::undisturbed;

/// Rows of a range whose keys are compared one by one.
const LEAF_ROWS: i64 = 30_000;

/// Parts that a range is split into. One reading sums them all up, and keys are read of those
/// that differ only: a key that is sent costs several times what its row does when it is hashed.
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
            let bounds = self.bounds(pair, &range, rows)?;
            // A range of keys that cannot be told apart is compared as it is.
            if bounds.is_empty() {
                suspects.extend(self.leaf(pair, &range)?);
                continue;
            }
            let differing = self.differing(pair, &range, &bounds)?;
            open.extend(joined(differing).into_iter().rev());
        }
        Ok(within(suspects, self.wanted.rows))
    }

    /// The parts of a range that differ, each with the rows of its larger side.
    fn differing(
        &mut self,
        pair: Pair<'_>,
        range: &Range,
        bounds: &[Vec<String>],
    ) -> anyhow::Result<Vec<(Range, i64)>> {
        let (parts, hash) = (range.split(bounds), self.hash);
        let (there, here) = self.both(|session, half| {
            let table = pair.of(half);
            session.batch(BY_INDEX)?;
            let sums = sums(session, table, &parts, hash)?;
            check_unchanged(session, &table.relation)?;
            Ok(sums)
        })?;
        Ok((0_i64..)
            .zip(parts)
            .filter_map(|(number, part)| {
                let sides = [there.get(&number), here.get(&number)];
                let rows = sides.iter().flatten().map(|(rows, _)| *rows).max();
                Some((part, rows?)).filter(|_| there.get(&number) != here.get(&number))
            })
            .collect())
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

    /// Keys at which a range is split: the source's, or the target's where the source has too
    /// few rows in it.
    fn bounds(
        &mut self,
        pair: Pair<'_>,
        range: &Range,
        rows: i64,
    ) -> anyhow::Result<Vec<Vec<String>>> {
        self.check_stop()?;
        let step = rows / PARTS + 1;
        let found = undisturbed(self.source, |session| {
            bounds(session, pair.source, range, step)
        })?;
        if !found.is_empty() {
            return Ok(found);
        }
        undisturbed(self.target, |session| {
            bounds(session, pair.target, range, step)
        })
    }
}

/// Sums up each part, in one statement that reads each by the index. Rows grouped by their part
/// would be sorted first, which costs as much again.
fn sums(
    session: &mut Session,
    table: &TableJob,
    parts: &[Range],
    hash: RowHash,
) -> anyhow::Result<Buckets> {
    let hashed = hash_expression(&table.relation.columns, hash);
    let of_part = |(number, part): (usize, &Range)| {
        let condition = format!("{}\n", table.and(&part.condition(&table.key)));
        let from = rows(&table.relation, Some(&condition));
        format!("select {number}, count(*), coalesce(sum({hashed}), 0) from {from}")
    };
    let sums: Vec<String> = parts.iter().enumerate().map(of_part).collect();
    buckets(session.text_rows(&sums.join(" union all "))?)
}

/// Neighbours as one, as long as their keys can be compared one by one: rows that differ are
/// often side by side, and each range is a query on each side.
fn joined(parts: Vec<(Range, i64)>) -> Vec<(Range, i64)> {
    let mut joined: Vec<(Range, i64)> = Vec::new();
    for (part, rows) in parts {
        match joined.last_mut() {
            Some((last, sum)) if last.to == part.from && *sum + rows <= LEAF_ROWS => {
                last.to = part.to;
                *sum += rows;
            }
            _ => joined.push((part, rows)),
        }
    }
    joined
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
    // Rows of one key that are many, which a damaged index lets in, do not split.
    bounds.retain(|bound| Some(bound) != range.from.as_ref());
    Ok(bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(value: &str) -> Vec<String> {
        vec![value.to_owned()]
    }

    fn part(from: &str, to: &str, rows: i64) -> (Range, i64) {
        let end = |value: &str| (!value.is_empty()).then(|| bound(value));
        let (from, to) = (end(from), end(to));
        (Range { from, to }, rows)
    }

    #[test]
    fn neighbours_are_one_as_long_as_their_keys_are_not_too_many() {
        let parts = vec![
            part("", "3", 10),
            part("3", "5", LEAF_ROWS - 10),
            part("5", "7", 1),
            part("8", "", 1),
        ];
        let expected = [
            part("", "5", LEAF_ROWS),
            part("5", "7", 1),
            part("8", "", 1),
        ];
        assert_eq!(joined(parts), expected);
    }
}
