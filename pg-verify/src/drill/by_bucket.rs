//! Keys by a hash of their bytes, for keys that the two sides do not sort alike, or whose rows
//! lie about.

use std::collections::BTreeMap;

use pg_session::Session;
use pg_session::checksum::{RowHash, hash_expression, rows};
use pg_session::relation::ColumnFacts;

use super::by_range::within;
use super::suspects::{self, Suspect};
use super::{Drill, Extent, Pair, garbled};
use crate::reading::TableJob;

/// Rows of a bucket, about.
const BUCKET_ROWS: i64 = 1_000;

/// Rows of the buckets that are looked into at a time.
const MOST_ROWS: i64 = 50_000;

/// Rows and sum of each bucket.
pub(super) type Buckets = BTreeMap<i64, (i64, String)>;

impl Drill<'_> {
    /// Looks for keys in buckets that differ.
    pub(super) fn by_bucket(&mut self, pair: Pair<'_>) -> anyhow::Result<(Vec<Suspect>, Extent)> {
        let (mask, hash) = (mask(pair), self.hash);
        let (there, here) = self.both(|session, half| {
            let table = pair.of(half);
            sums(session, table, &bucket(&table.key, mask, hash), hash)
        })?;
        let mut suspects = Vec::new();
        for buckets in differing(&there, &here) {
            if suspects.len() >= self.wanted.rows {
                return Ok((suspects, Extent::Some));
            }
            let (there, here) = self.both(|session, half| {
                let table = pair.of(half);
                let condition =
                    format!("{} in ({})", bucket(&table.key, mask, hash), list(&buckets));
                suspects::read(session, table, &condition, hash)
            })?;
            suspects.extend(suspects::differing(there, here));
        }
        Ok(within(suspects, self.wanted.rows))
    }
}

/// As many buckets, a power of two less one, as are good for the table.
pub(super) fn mask(pair: Pair<'_>) -> i64 {
    let estimate = |table: &TableJob| table.relation.rows_estimate.unwrap_or(table.bytes / 100);
    let rows = estimate(pair.source).max(estimate(pair.target));
    let wanted = (rows / BUCKET_ROWS).clamp(1_024, 65_536);
    wanted.unsigned_abs().next_power_of_two().cast_signed() - 1
}

/// The expression of the bucket of some columns.
pub(super) fn bucket(columns: &[ColumnFacts], mask: i64, hash: RowHash) -> String {
    format!("({} & {mask})", hash_expression(columns, hash))
}

pub(super) fn list(buckets: &[i64]) -> String {
    let numbers: Vec<String> = buckets.iter().map(ToString::to_string).collect();
    numbers.join(", ")
}

/// Sums up each bucket, in one reading.
pub(super) fn sums(
    session: &mut Session,
    table: &TableJob,
    bucket: &str,
    hash: RowHash,
) -> anyhow::Result<Buckets> {
    let filter = table.filter.as_ref().map(|filter| format!("{filter}\n"));
    let sql = format!(
        "select bucket, count(*), sum(h) from (select {bucket} as bucket, {} as h from {}) as hashed \
         group by bucket",
        hash_expression(&table.relation.columns, hash),
        rows(&table.relation, filter.as_deref()),
    );
    buckets(session.text_rows(&sql)?)
}

/// The buckets in a server's answer: number, rows, sum.
pub(super) fn buckets(rows: Vec<Vec<Option<String>>>) -> anyhow::Result<Buckets> {
    rows.into_iter()
        .map(|row| match row.as_slice() {
            [Some(bucket), Some(rows), Some(sum)] => {
                Ok((bucket.parse()?, (rows.parse()?, sum.clone())))
            }
            _ => Err(garbled()),
        })
        .collect()
}

/// Buckets that differ, as many at a time as can be looked into with little memory. Each time
/// is one more reading of the table.
pub(super) fn differing(source: &Buckets, target: &Buckets) -> Vec<Vec<i64>> {
    let mut batches: Vec<Vec<i64>> = Vec::new();
    let mut rows = MOST_ROWS;
    let mut numbers: Vec<&i64> = source.keys().chain(target.keys()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        let (there, here) = (source.get(number), target.get(number));
        if there == here {
            continue;
        }
        let count = |side: Option<&(i64, String)>| side.map_or(0, |(rows, _)| *rows);
        let own = count(there) + count(here);
        rows += own;
        match batches.last_mut() {
            Some(batch) if rows <= MOST_ROWS => batch.push(*number),
            _ => {
                batches.push(vec![*number]);
                rows = own;
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_differ_in_rows_or_sum_or_by_being_there() {
        let of = |list: &[(i64, i64, &str)]| -> Buckets {
            list.iter()
                .map(|(bucket, rows, sum)| (*bucket, (*rows, (*sum).to_owned())))
                .collect()
        };
        let source = of(&[(1, 2, "9"), (2, 1, "5"), (3, 1, "5"), (4, 1, "0")]);
        let target = of(&[(1, 2, "9"), (2, 2, "5"), (3, 1, "6"), (5, 1, "0")]);
        assert_eq!(differing(&source, &target), [vec![2, 3, 4, 5]]);
        assert!(differing(&source, &source).is_empty());
        let large = of(&[(1, MOST_ROWS, "1"), (2, 1, "1"), (3, 1, "2")]);
        assert_eq!(differing(&large, &Buckets::new()), [vec![1], vec![2, 3]]);
    }
}
