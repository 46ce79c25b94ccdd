//! A look at rows by their keys: what both sides have there, byte by byte.

use std::collections::BTreeMap;

use pg_session::Session;
use pg_session::checksum::{by_name, bytes_expression, rows};
use pg_session::quote;
use pg_session::relation::ColumnFacts;

use super::suspects::{Suspect, id};
use super::{Fault, Found, Row, Value, garbled};
use crate::ranges::{literals, row};
use crate::reading::TableJob;

/// The rows of some keys, by the key's bytes. A key has more than one where an index is damaged.
pub(super) type Look = BTreeMap<String, Vec<Row>>;

/// Reads the rows of some keys, whatever condition the table has: a row that it holds for on
/// one side only has changed, and is not missing.
pub(super) fn look_at(
    session: &mut Session,
    table: &TableJob,
    suspects: &[Suspect],
    values: bool,
) -> anyhow::Result<Look> {
    let columns = if values { shown(table) } else { String::new() };
    let sql = format!(
        "select {}, encode({}, 'hex'){columns} from {}",
        id(table),
        bytes_expression(&table.relation.columns),
        rows(&table.relation, Some(&among(table, suspects))),
    );
    let mut look = Look::new();
    for row in session.text_rows(&sql)? {
        let mut cells = row.into_iter();
        let id = cells.next().flatten().ok_or_else(garbled)?;
        look.entry(id).or_default().push(row_of(&mut cells)?);
    }
    Ok(look)
}

/// The columns as the server prints them, each with a comma before it.
pub(super) fn shown(table: &TableJob) -> String {
    let columns = by_name(&table.relation.columns);
    let names: Vec<String> = columns
        .iter()
        .map(|column| quote::identifier(&column.name))
        .collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(", {}", names.join(", "))
    }
}

/// The row out of cells: bytes, then values.
pub(super) fn row_of(cells: &mut impl Iterator<Item = Value>) -> anyhow::Result<Row> {
    Ok(Row {
        bytes: cells.next().flatten().ok_or_else(garbled)?,
        values: cells.collect(),
    })
}

/// The condition of some keys.
pub(super) fn among(table: &TableJob, suspects: &[Suspect]) -> String {
    if has_operators(&table.key) {
        let keys: Vec<String> = suspects
            .iter()
            .map(|suspect| literals(&table.key, &suspect.key))
            .collect();
        let columns = table
            .key
            .iter()
            .map(|column| quote::identifier(&column.name));
        format!("{} in ({})", row(columns.collect()), keys.join(", "))
    } else {
        let ids: Vec<String> = suspects
            .iter()
            .map(|suspect| quote::literal(&suspect.id))
            .collect();
        format!("{} in ({})", id(table), ids.join(", "))
    }
}

/// Whether the key's types are the system's own, so that their operators are found on the
/// pinned search path, on which nothing else is.
pub(crate) fn has_operators(key: &[ColumnFacts]) -> bool {
    key.iter().all(|column| !column.data_type.contains('.'))
}

/// Compares what is there. Rows that are equal on both sides are none.
pub(super) fn found(suspects: &[Suspect], mut there: Look, mut here: Look) -> Vec<Found> {
    let mut all = Vec::new();
    for suspect in suspects {
        let mut source = there.remove(&suspect.id).unwrap_or_default();
        let mut target = here.remove(&suspect.id).unwrap_or_default();
        source.retain(|row| {
            let equal = target.iter().position(|other| other.bytes == row.bytes);
            equal.is_none_or(|at| {
                target.remove(at);
                false
            })
        });
        let (mut source, mut target) = (source.into_iter(), target.into_iter());
        loop {
            let (row, other) = (source.next(), target.next());
            let fault = match (&row, &other) {
                (Some(_), Some(_)) => Fault::Changed,
                (Some(_), None) => Fault::Missing,
                (None, Some(_)) => Fault::Extra,
                (None, None) => break,
            };
            let columns = match (&row, &other) {
                (Some(row), Some(other)) => unequal(&row.bytes, &other.bytes),
                _ => Vec::new(),
            };
            all.push(Found {
                fault,
                suspect: Some(suspect.clone()),
                source: row,
                target: other,
                columns,
                times: 1,
            });
        }
    }
    all
}

/// The places of the columns whose bytes differ.
fn unequal(source: &str, target: &str) -> Vec<usize> {
    let (source, target) = (fields(source), fields(target));
    let all = source.len().max(target.len());
    (0..all)
        .filter(|place| source.get(*place) != target.get(*place))
        .collect()
}

/// The fields of what `record_send` makes, in hexadecimal digits: a count, then for each field
/// the OID of its type, its length, and its bytes.
fn fields(bytes: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((head, after)) = rest.split_at_checked(16) {
        let length = head
            .get(8..)
            .and_then(|text| u32::from_str_radix(text, 16).ok());
        let digits = match length {
            // -1 is NULL.
            Some(u32::MAX) => 0,
            Some(length) => usize::try_from(length)
                .unwrap_or(usize::MAX)
                .saturating_mul(2),
            None => break,
        };
        let Some((_, behind)) = after.split_at_checked(digits) else {
            break;
        };
        fields.push(rest.get(..16 + digits).unwrap_or_default());
        rest = behind;
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_apart_by_their_bytes() {
        // select encode(record_send(row(1, null::int, 'ab'::text)), 'hex')
        let one = "000000030000001700000004000000010000\
                   0017ffffffff00000019000000026162";
        let fields = fields(one);
        assert_eq!(
            fields,
            [
                "000000170000000400000001",
                "00000017ffffffff",
                "00000019000000026162"
            ]
        );
        let two = one.replace("6162", "6163");
        assert_eq!(unequal(one, &two), [2]);
        // '' is not NULL.
        let three = one.replace("ffffffff", "00000000");
        assert_eq!(unequal(one, &three), [1]);
    }
}
