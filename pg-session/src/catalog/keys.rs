//! Keys that tables can be cut by, and where.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::quote;
use crate::relation::RelationName;
use crate::session::Session;

const KEYS: &str = include_str!("sql/key_list.sql");

/// Blocks that are looked at, at the least: some ten thousand rows of an ordinary table.
const LEAST_BLOCKS: i64 = 400;
/// Blocks that are looked at for each part: about as many rows as ANALYZE takes for each bar of
/// its histogram.
const BLOCKS_A_PART: i64 = 8;

/// A column that a table can be cut by: the first of a unique index. It may have NULLs, and
/// values that are there more than once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SplitKey {
    /// Its name.
    pub column: String,
    /// Blocks of the table.
    pub blocks: i64,
}

/// The keys of those of some relations, by OID, that have one.
///
/// # Errors
/// What the server says.
pub fn list_split_keys(
    session: &mut Session,
    oids: &[u32],
) -> Result<BTreeMap<u32, SplitKey>, Error> {
    let key = |row: &postgres::Row| SplitKey {
        column: row.get("name"),
        blocks: row.get("blocks"),
    };
    let rows = session.query(KEYS, &[&oids])?;
    Ok(rows.iter().map(|row| (row.get("oid"), key(row))).collect())
}

/// Values of a key, ascending, that cut a table in about equal parts: of a sample of its blocks,
/// so that one value far off or many the same do no harm, and no statistics are needed. Fewer
/// than were asked for, down to none, where there are not as many different values.
///
/// # Errors
/// What the server says.
pub fn sample_bounds(
    session: &mut Session,
    name: &RelationName,
    key: &SplitKey,
    parts: i64,
) -> Result<Vec<String>, Error> {
    let column = quote::identifier(&key.column);
    let wanted = parts.saturating_mul(BLOCKS_A_PART).max(LEAST_BLOCKS);
    // A percentage with two digits, never none at all.
    let hundredths = (i128::from(wanted) * 10_000 / i128::from(key.blocks.max(1))).clamp(1, 10_000);
    let sql = format!(
        "select bound::text from (\
             select percentile_disc(array(\
                 select n::float8 / $1::bigint from generate_series(1, $1::bigint - 1) n\
             )) within group (order by {column}) as bounds \
             from only {} tablesample system ({}.{:02}) repeatable (0)\
         ) as sample, unnest(bounds) with ordinality as b (bound, number) \
         where bound is not null order by number",
        name.sql(),
        hundredths / 100,
        hundredths % 100,
    );
    let rows = session
        .query(&sql, &[&parts])
        .map_err(|error| error.while_doing(format!("cannot look at a sample of {name}")))?;
    let mut bounds: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    bounds.dedup();
    Ok(bounds)
}
