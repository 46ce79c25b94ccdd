//! Ranges of a key: the parts in which a large table is read, so that one that differs is
//! found again without reading the rest a second time.
//!
//! Ranges are half open, and the first and the last have no end, so that every row that may
//! be on either side is in one of them. Both sides must sort the key alike.

use std::collections::BTreeMap;

use anyhow::Context as _;
use pg_session::catalog::list_blocks;
use pg_session::relation::{Canonical, ColumnFacts};
use pg_session::{Session, quote};

use crate::plan::{Comparison, Course, Half};
use crate::reading::{Job, TableJob};
use crate::server::{Server, undisturbed};

const ORDER: &str = include_str!("sql/key_order.sql");

/// The most ranges of a table. Each is a query on each side.
pub(crate) const MOST_RANGES: i64 = 4_096;

/// How many ranges there are of the size from which on a table is split. Each costs
/// a query on each side; one that differs is read again.
const RANGES_OF_A_SPLIT: i64 = 5;

/// Rows of a page that are looked at for one that is there.
const TRIES: usize = 8;

/// A key, and the page that it lies on.
pub(crate) type Placed = (i64, Vec<String>);

/// Keys from one value up to, but not including, another.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Range {
    /// The first key; none for the beginning.
    pub(crate) from: Option<Vec<String>>,
    /// The first key behind it; none for the end.
    pub(crate) to: Option<Vec<String>>,
}

impl Range {
    /// Takes a range apart at bounds, which must be in order and inside of it.
    pub(crate) fn split(&self, bounds: &[Vec<String>]) -> Vec<Self> {
        let mut from = self.from.clone();
        let mut parts = Vec::new();
        for bound in bounds {
            parts.push(Self {
                from: from.replace(bound.clone()),
                to: Some(bound.clone()),
            });
        }
        parts.push(Self {
            from,
            to: self.to.clone(),
        });
        parts
    }

    /// The condition of its rows.
    pub(crate) fn condition(&self, key: &[ColumnFacts]) -> String {
        let columns = row(key
            .iter()
            .map(|column| quote::identifier(&column.name))
            .collect());
        let ends = [(">=", &self.from), ("<", &self.to)];
        let conditions: Vec<String> = ends
            .into_iter()
            .filter_map(|(operator, end)| {
                let values = literals(key, end.as_ref()?);
                Some(format!("{columns} {operator} {values}"))
            })
            .collect();
        if conditions.is_empty() {
            "true".to_owned()
        } else {
            conditions.join(" and ")
        }
    }
}

/// A key's values as a row of literals.
pub(crate) fn literals(key: &[ColumnFacts], values: &[String]) -> String {
    row(key
        .iter()
        .zip(values)
        .map(|(column, value)| format!("{}::{}", quote::literal(value), type_of(column)))
        .collect())
}

/// The type in which a key's value is given. Of a domain it is the base type: on its way into the
/// domain a value would run what the domain's owner has written.
fn type_of(column: &ColumnFacts) -> &str {
    match &column.canonical {
        // With a schema before it, it is none of the system's own.
        _ if !column.data_type.contains('.') => &column.data_type,
        Canonical::Base(base) | Canonical::Float(base) => base,
        Canonical::Text => "text",
        _ => &column.data_type,
    }
}

/// Expressions as one row; a single one as it is, which indexes like better.
pub(crate) fn row(parts: Vec<String>) -> String {
    match parts.as_slice() {
        [only] => only.clone(),
        _ => format!("({})", parts.join(", ")),
    }
}

/// Splits the large tables of a plan, of those that are read on both sides.
///
/// # Errors
/// What a server says.
pub(crate) fn split(
    plan: &mut [Comparison],
    source: &mut Server,
    target: &mut Server,
    split_bytes: i64,
) -> anyhow::Result<()> {
    for comparison in plan {
        let Course::Compare {
            source: Half::Read(Job::Table(there)),
            target: Half::Read(Job::Table(here)),
        } = &comparison.course
        else {
            continue;
        };
        if there.counts || there.bytes < split_bytes {
            continue;
        }
        let parts = there.bytes * RANGES_OF_A_SPLIT / split_bytes.max(1);
        let sides = (source.session(), target.session());
        comparison.ranges = find(sides, there, here, parts.min(MOST_RANGES))
            .with_context(|| format!("cannot split table {}", comparison.name))?;
    }
    Ok(())
}

/// Ranges of about the same size, or none where the key's order is not that of the rows on
/// both sides: then an index would be slower than reading all.
fn find(
    (source, target): (&mut Session, &mut Session),
    there: &TableJob,
    here: &TableJob,
    parts: i64,
) -> anyhow::Result<Vec<Range>> {
    if !sorts_alike((source, target), there, here)? {
        return Ok(Vec::new());
    }
    let Some(bounds) = probe(source, there, parts)? else {
        return Ok(Vec::new());
    };
    if probe(target, here, parts)?.is_none() {
        return Ok(Vec::new());
    }
    Ok(Range::default().split(&bounds))
}

/// Whether both sides have the key, and sort it alike.
///
/// # Errors
/// What a server says.
pub(crate) fn sorts_alike(
    (source, target): (&mut Session, &mut Session),
    there: &TableJob,
    here: &TableJob,
) -> anyhow::Result<bool> {
    if there.key.is_empty() || there.relation.key != here.relation.key {
        return Ok(false);
    }
    let (one, other) = (order(source, there)?, order(target, here)?);
    Ok(one == other && one.values().all(Option::is_some))
}

fn order(
    session: &mut Session,
    table: &TableJob,
) -> anyhow::Result<BTreeMap<String, Option<String>>> {
    let rows = session.query(ORDER, &[&table.relation.oid, &table.relation.key])?;
    Ok(rows
        .iter()
        .map(|row| (row.get("name"), row.get("ordering")))
        .collect())
}

/// A key from each of some pages, in order; none where pages and keys are not in one order.
pub(crate) fn probe(
    session: &mut Session,
    table: &TableJob,
    parts: i64,
) -> anyhow::Result<Option<Vec<Vec<String>>>> {
    let found = keys(session, table, parts)?;
    Ok(found.filter(|found| in_one_order(found)).map(one_a_page))
}

/// A few keys from each of some pages, with the page, in the order of the keys; none where rows
/// cannot be had by page.
pub(crate) fn keys(
    session: &mut Session,
    table: &TableJob,
    parts: i64,
) -> anyhow::Result<Option<Vec<Placed>>> {
    let oid = table.relation.oid;
    let has_condition = table
        .relation
        .condition
        .as_ref()
        .is_some_and(|text| !text.is_empty());
    let blocks = list_blocks(session, &[oid])?.get(&oid).copied();
    let Some(blocks) = blocks.filter(|_| !has_condition) else {
        return Ok(None);
    };
    let pages = (1..parts).map(|part| blocks * part / parts);
    let key = key_list(table);
    let sql = format!(
        "select (ctid::text::point)[0]::bigint, {key} from only {} where ctid = any ({}) order by {key}",
        table.relation.name.sql(),
        tids(pages, TRIES),
    );
    let rows = undisturbed(session, |session| Ok(session.text_rows(&sql)?))?;
    Ok(Some(rows.into_iter().filter_map(page_and_key).collect()))
}

fn page_and_key(row: Vec<Option<String>>) -> Option<Placed> {
    let mut values = row.into_iter();
    let page = values.next()??.parse().ok()?;
    let key: Option<Vec<String>> = values.collect();
    Some((page, key?))
}

/// Whether pages rise, or fall, with the keys, but for one step in ten.
fn in_one_order(found: &[Placed]) -> bool {
    let steps = found.windows(2).filter_map(|pair| match pair {
        [(one, _), (two, _)] if one != two => Some(two > one),
        _ => None,
    });
    let (up, down): (Vec<bool>, Vec<bool>) = steps.partition(|up| *up);
    let (most, least) = (up.len().max(down.len()), up.len().min(down.len()));
    most > 0 && least * 9 <= most
}

fn one_a_page(found: Vec<Placed>) -> Vec<Vec<String>> {
    let mut bounds: Vec<Vec<String>> = Vec::new();
    let mut last = None;
    for (page, key) in found {
        if last.replace(page) != Some(page) && bounds.last() != Some(&key) {
            bounds.push(key);
        }
    }
    bounds
}

/// The first places of some pages, as an array of `tid`: a scan by them reads those only, on
/// every server.
pub(crate) fn tids(pages: impl IntoIterator<Item = i64>, places: usize) -> String {
    let tids: Vec<String> = pages
        .into_iter()
        .flat_map(|page| (1..=places).map(move |place| format!("\"({page},{place})\"")))
        .collect();
    format!("'{{{}}}'::tid[]", tids.join(","))
}

/// The columns of a table's key as a quoted list.
pub(crate) fn key_list(table: &TableJob) -> String {
    let names: Vec<String> = table.key.iter().map(|column| column.name.clone()).collect();
    quote::list(&names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_session::relation::Binary;

    fn key(names: &[&str]) -> Vec<ColumnFacts> {
        names
            .iter()
            .map(|name| ColumnFacts {
                name: (*name).to_owned(),
                data_type: "integer".to_owned(),
                canonical: Canonical::Raw,
                binary: Binary::Safe,
            })
            .collect()
    }

    fn bound(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn parts_have_open_ends_and_meet_without_a_gap() {
        let parts = Range::default().split(&[bound(&["3"]), bound(&["7"])]);
        let conditions: Vec<String> = parts
            .iter()
            .map(|part| part.condition(&key(&["a"])))
            .collect();
        assert_eq!(
            conditions,
            [
                "\"a\" < '3'::integer",
                "\"a\" >= '3'::integer and \"a\" < '7'::integer",
                "\"a\" >= '7'::integer"
            ]
        );
        let inner = parts[1].split(&[bound(&["5"])]);
        assert_eq!(inner.first().unwrap().from, Some(bound(&["3"])));
        assert_eq!(inner.last().unwrap().to, Some(bound(&["7"])));
        assert_eq!(Range::default().condition(&key(&["a"])), "true");
    }

    #[test]
    fn keys_of_several_columns_are_compared_as_rows() {
        let range = Range {
            from: Some(bound(&["1", "it's"])),
            to: None,
        };
        assert_eq!(
            range.condition(&key(&["a", "B"])),
            "(\"a\", \"B\") >= ('1'::integer, 'it''s'::integer)"
        );
    }

    #[test]
    fn values_are_given_in_no_domain() {
        for (data_type, canonical, literal) in [
            ("m.id", Canonical::Base("bigint".to_owned()), "'1'::bigint"),
            ("m.f", Canonical::Float("real".to_owned()), "'1'::real"),
            ("m.\"t.\"", Canonical::Text, "'1'::text"),
            (
                "character varying(9)",
                Canonical::Text,
                "'1'::character varying(9)",
            ),
            ("numeric(9,2)", Canonical::Raw, "'1'::numeric(9,2)"),
        ] {
            let column = ColumnFacts {
                data_type: data_type.to_owned(),
                canonical,
                ..key(&["a"]).remove(0)
            };
            assert_eq!(literals(&[column], &bound(&["1"])), literal);
        }
    }

    #[test]
    fn keys_that_jump_about_are_no_order() {
        let found = |pages: &[i64]| -> Vec<(i64, Vec<String>)> {
            pages.iter().map(|page| (*page, Vec::new())).collect()
        };
        assert!(in_one_order(&found(&[1, 1, 2, 3, 4, 9])));
        assert!(in_one_order(&found(&[9, 4, 3, 2])));
        assert!(!in_one_order(&found(&[5, 1, 7, 2, 9, 3])));
        assert!(!in_one_order(&found(&[1, 1])));
    }
}
