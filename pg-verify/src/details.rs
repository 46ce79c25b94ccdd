//! What was found of the rows of a table, as records have it.

use std::collections::BTreeSet;

use pg_pipe::record::{Difference, RowFault, Values};
use pg_session::RelationName;
use pg_session::checksum::by_name;

use crate::drill::{Extent, Fault, Found, Row, Suspect, Value};
use crate::reading::TableJob;

/// Characters of a value in a record.
const MOST_CHARACTERS: usize = 1_000;

/// Rows of a table that differ.
#[derive(Debug, Default)]
pub(crate) struct Details {
    /// How many only the source has.
    pub(crate) missing: u64,
    /// How many only the target has.
    pub(crate) extra: u64,
    /// How many both have, with other values.
    pub(crate) changed: u64,
    /// Whether there may be more.
    pub(crate) more: bool,
    /// Keys of those that are shown.
    pub(crate) keys: Vec<String>,
    /// Those that are shown.
    pub(crate) rows: Vec<Difference>,
    /// Columns that differ in any row.
    columns: BTreeSet<String>,
}

impl Details {
    /// Counts a row, and keeps it when fewer than `most` are kept.
    pub(crate) fn add(&mut self, table: &TableJob, found: &Found, most: usize) {
        let count = match found.fault {
            Fault::Missing => &mut self.missing,
            Fault::Extra => &mut self.extra,
            Fault::Changed => &mut self.changed,
        };
        *count = count.saturating_add(found.times.unsigned_abs());
        let names = changed_columns(table, found);
        self.columns.extend(names.iter().cloned());
        if self.rows.len() < most {
            self.keys.extend(
                found
                    .suspect
                    .as_ref()
                    .map(|suspect| shown_key(table, suspect)),
            );
            self.rows.push(difference(table, found, names));
        }
    }

    /// Notes whether all were found.
    pub(crate) fn end(&mut self, extent: Extent) {
        self.more = extent == Extent::Some;
    }

    /// Whether none was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.missing + self.extra + self.changed == 0
    }

    /// What was found, in a few words, such as `2 rows missing, 1 changed (amount)`.
    pub(crate) fn sentence(&self) -> String {
        let counts = [
            (self.missing, "missing"),
            (self.extra, "extra"),
            (self.changed, "changed"),
        ];
        let parts: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let columns = if columns.is_empty() {
            String::new()
        } else {
            format!(" (in {})", columns.join(", "))
        };
        let at_least = if self.more { "at least " } else { "" };
        format!("{at_least}{}{columns}", parts.join(", "))
    }
}

fn changed_columns(table: &TableJob, found: &Found) -> Vec<String> {
    let columns = by_name(&table.relation.columns);
    found
        .columns
        .iter()
        .filter_map(|place| Some(columns.get(*place)?.name.clone()))
        .collect()
}

/// A key as people read it: `id=5`, `region=eu, number=7`.
fn shown_key(table: &TableJob, suspect: &Suspect) -> String {
    let parts: Vec<String> = table
        .key
        .iter()
        .zip(&suspect.key)
        .map(|(column, value)| format!("{}={}", column.name, cut(value)))
        .collect();
    parts.join(", ")
}

fn difference(table: &TableJob, found: &Found, columns: Vec<String>) -> Difference {
    let RelationName { schema, name } = table.relation.name.clone();
    let names = |column: &String| columns.contains(column) || found.suspect.is_none();
    let values = |row: &Option<Row>| -> Values {
        let row = row.as_ref().map_or(&[][..], |row| row.values.as_slice());
        by_name(&table.relation.columns)
            .into_iter()
            .zip(row)
            .filter(|(column, _)| names(&column.name))
            .map(|(column, value)| (column.name.clone(), shown_value(value)))
            .collect()
    };
    let key = found.suspect.as_ref().map(|suspect| {
        let cells = table.key.iter().zip(&suspect.key);
        cells
            .map(|(column, value)| (column.name.clone(), Some(cut(value))))
            .collect()
    });
    Difference {
        schema,
        name,
        fault: match found.fault {
            Fault::Missing => RowFault::Missing,
            Fault::Extra => RowFault::Extra,
            Fault::Changed => RowFault::Changed,
        },
        key: key.unwrap_or_default(),
        source: values(&found.source),
        target: values(&found.target),
        columns,
        times: found.suspect.is_none().then_some(found.times),
    }
}

fn shown_value(value: &Value) -> Value {
    value.as_deref().map(cut)
}

fn cut(value: &str) -> String {
    match value.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => {
            let start = value.get(..end).unwrap_or_default();
            format!("{start}… ({} bytes)", value.len())
        }
        None => value.to_owned(),
    }
}
