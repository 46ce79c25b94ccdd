//! Rows without a key: those of one hash are counted, and what differs is how often they are
//! there.

use std::collections::BTreeMap;

use pg_session::Session;
use pg_session::checksum::{RowHash, bytes_expression, hash_expression, rows};

use super::by_bucket::{bucket, differing, list, mask, sums};
use super::look::{row_of, shown};
use super::{Drill, Extent, Fault, Found, Pair, Row, Take, garbled};
use crate::reading::TableJob;

/// How often the rows of a hash are there.
type Times = BTreeMap<String, i64>;

/// Hashes that are looked up at a time.
const BATCH: usize = 500;

impl Drill<'_> {
    /// Looks for rows that are there more often on one side.
    pub(super) fn find_keyless(
        &mut self,
        pair: Pair<'_>,
        take: &mut Take<'_>,
    ) -> anyhow::Result<Extent> {
        let (mask, hash) = (mask(pair), self.hash);
        let (there, here) = self.both(|session, half| {
            let table = pair.of(half);
            let bucket = bucket(&table.relation.columns, mask, hash);
            sums(session, table, &bucket, hash)
        })?;
        let mut left = self.wanted.rows;
        for buckets in differing(&there, &here) {
            if left == 0 {
                return Ok(Extent::Some);
            }
            let (there, here) = self.both(|session, half| {
                let table = pair.of(half);
                let bucket = bucket(&table.relation.columns, mask, hash);
                let condition = format!("{bucket} in ({})", list(&buckets));
                times(session, table, &condition, hash)
            })?;
            let mut surplus = surplus(&there, &here);
            let is_cut = surplus.len() > left;
            surplus.truncate(left);
            left -= surplus.len();
            for batch in surplus.chunks(BATCH) {
                self.give(pair, batch, take)?;
            }
            if is_cut {
                return Ok(Extent::Some);
            }
        }
        Ok(Extent::All)
    }

    /// Looks the rows of some hashes up, and hands them over.
    fn give(
        &mut self,
        pair: Pair<'_>,
        surplus: &[(String, i64)],
        take: &mut Take<'_>,
    ) -> anyhow::Result<()> {
        let (values, hash) = (self.wanted.values, self.hash);
        let (there, here) = self.both(|session, half| {
            let is_there = half == super::Half::Source;
            let hashes = surplus.iter().filter(|(_, more)| (*more > 0) == is_there);
            let hashes: Vec<&str> = hashes.map(|(hash, _)| hash.as_str()).collect();
            examples(session, pair.of(half), (&hashes, hash), values)
        })?;
        for (hash, more) in surplus {
            let (fault, source, target) = if *more > 0 {
                (Fault::Missing, there.get(hash).cloned(), None)
            } else {
                (Fault::Extra, None, here.get(hash).cloned())
            };
            take(Found {
                fault,
                suspect: None,
                source,
                target,
                columns: Vec::new(),
                times: more.abs(),
            })?;
        }
        Ok(())
    }
}

fn times(
    session: &mut Session,
    table: &TableJob,
    condition: &str,
    hash: RowHash,
) -> anyhow::Result<Times> {
    let sql = format!(
        "select h, count(*) from (select {} as h from {}) as hashed group by h",
        hash_expression(&table.relation.columns, hash),
        rows(
            &table.relation,
            Some(&format!("{}\n", table.and(condition)))
        ),
    );
    session
        .text_rows(&sql)?
        .into_iter()
        .map(|row| match row.as_slice() {
            [Some(hash), Some(times)] => Ok((hash.clone(), times.parse()?)),
            _ => Err(garbled()),
        })
        .collect()
}

/// Hashes that are there more often on the source (above 0) or on the target (below).
fn surplus(source: &Times, target: &Times) -> Vec<(String, i64)> {
    let mut more = source.clone();
    for (hash, times) in target {
        *more.entry(hash.clone()).or_default() -= times;
    }
    more.into_iter().filter(|(_, times)| *times != 0).collect()
}

/// One row of each hash.
fn examples(
    session: &mut Session,
    table: &TableJob,
    (hashes, hash): (&[&str], RowHash),
    values: bool,
) -> anyhow::Result<BTreeMap<String, Row>> {
    if hashes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let columns = if values { shown(table) } else { String::new() };
    let hash = hash_expression(&table.relation.columns, hash);
    let condition = format!("{hash} in ({})", hashes.join(", "));
    let sql = format!(
        "select distinct on (1) {hash}, encode({}, 'hex'){columns} from {}",
        bytes_expression(&table.relation.columns),
        rows(
            &table.relation,
            Some(&format!("{}\n", table.and(&condition)))
        ),
    );
    session
        .text_rows(&sql)?
        .into_iter()
        .map(|row| {
            let mut cells = row.into_iter();
            let hash = cells.next().flatten().ok_or_else(garbled)?;
            Ok((hash, row_of(&mut cells)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_count() {
        let of = |list: &[(&str, i64)]| -> Times {
            list.iter().map(|(h, n)| ((*h).to_owned(), *n)).collect()
        };
        let source = of(&[("a", 2), ("b", 1), ("c", 1)]);
        let target = of(&[("a", 1), ("b", 1), ("d", 3)]);
        let expected = [("a", 1), ("c", 1), ("d", -3)].map(|(h, n)| (h.to_owned(), n));
        assert_eq!(surplus(&source, &target), expected);
    }
}
