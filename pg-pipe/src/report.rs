//! Results for people and for spreadsheets: the tool's own records as tables, CSV or JSON.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table as Grid, presets};
use serde_json::Value;

use crate::record::Record;

/// Items of a list that a table shows.
const MOST_ITEMS: usize = 3;

/// Characters of a cell that a table shows.
const MOST_CHARACTERS: usize = 90;

/// How a tool writes its result.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// The stream: one record a line.
    Ndjson,
    /// Tables for people.
    Table,
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON array.
    Json,
}

/// One column of a report: a field of the record.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Field of the record.
    pub field: &'static str,
    /// Heading.
    pub title: &'static str,
}

impl Column {
    /// A column with a heading of its own.
    pub const fn new(field: &'static str, title: &'static str) -> Self {
        Self { field, title }
    }
}

/// A table of a report: all records of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Kind of the records, as in `type`.
    pub kind: &'static str,
    /// Columns from left to right.
    pub columns: &'static [Column],
}

/// Writes the report. CSV has the first table that has rows, JSON all records of all tables.
pub(crate) fn write(
    target: &mut impl Write,
    format: Format,
    tables: &[Table],
    records: &[Record],
) -> io::Result<()> {
    let values: Vec<Value> = records
        .iter()
        .filter_map(|record| serde_json::to_value(record).ok())
        .collect();
    match format {
        Format::Ndjson => Ok(()),
        Format::Json => write_json(target, tables, &values),
        Format::Csv => write_csv(target, tables, &values),
        Format::Table => write_tables(target, tables, &values),
    }
}

fn rows<'v>(table: &Table, values: &'v [Value]) -> Vec<&'v Value> {
    values
        .iter()
        .filter(|value| value.get("type").and_then(Value::as_str) == Some(table.kind))
        .collect()
}

fn write_json(target: &mut impl Write, tables: &[Table], values: &[Value]) -> io::Result<()> {
    let listed: Vec<&Value> = values
        .iter()
        .filter(|value| {
            let kind = value.get("type").and_then(Value::as_str);
            tables.iter().any(|table| Some(table.kind) == kind)
        })
        .collect();
    serde_json::to_writer_pretty(&mut *target, &listed).map_err(io::Error::from)?;
    target.write_all(b"\n")
}

fn write_csv(target: &mut impl Write, tables: &[Table], values: &[Value]) -> io::Result<()> {
    let chosen = tables
        .iter()
        .find(|table| !rows(table, values).is_empty())
        .or(tables.first());
    let Some(table) = chosen else { return Ok(()) };
    let mut csv = csv::Writer::from_writer(target);
    csv.write_record(table.columns.iter().map(|column| column.field))?;
    for row in rows(table, values) {
        csv.write_record(table.columns.iter().map(|column| cell(row, column.field)))?;
    }
    csv.flush()
}

fn write_tables(target: &mut impl Write, tables: &[Table], values: &[Value]) -> io::Result<()> {
    let mut first = true;
    for table in tables {
        let rows = rows(table, values);
        if rows.is_empty() {
            continue;
        }
        if !first {
            writeln!(target)?;
        }
        first = false;
        writeln!(target, "{}", grid(table, &rows).trim_fmt())?;
    }
    Ok(())
}

fn grid(table: &Table, rows: &[&Value]) -> Grid {
    let mut grid = Grid::new();
    grid.load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(table.columns.iter().map(|column| column.title));
    for row in rows {
        grid.add_row(
            table
                .columns
                .iter()
                .map(|column| shown(&short_cell(row, column.field))),
        );
    }
    for (index, column) in table.columns.iter().enumerate() {
        let numeric = rows
            .iter()
            .all(|row| row.get(column.field).is_none_or(Value::is_number));
        if let (true, Some(shape)) = (numeric, grid.column_mut(index)) {
            shape.set_cell_alignment(CellAlignment::Right);
        }
    }
    grid
}

/// A cell that people can read: long lists and long texts are cut and say so. The other
/// formats have all of it.
fn short_cell(row: &Value, field: &str) -> String {
    let text = match row.get(field) {
        Some(Value::Array(items)) if items.len() > MOST_ITEMS => {
            let first = Value::from(items.get(..MOST_ITEMS).unwrap_or_default());
            let rest = items.len() - MOST_ITEMS;
            format!("{} and {rest} more", text_of(&first))
        }
        Some(value) => text_of(value),
        None => String::new(),
    };
    if text.chars().count() <= MOST_CHARACTERS {
        return text;
    }
    text.chars()
        .take(MOST_CHARACTERS - 1)
        .chain(['…'])
        .collect()
}

/// A cell for a terminal: text from a server may hold escapes and newlines.
fn shown(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            if c.is_control() {
                c.escape_default().collect::<Vec<_>>()
            } else {
                vec![c]
            }
        })
        .collect()
}

fn cell(row: &Value, field: &str) -> String {
    row.get(field).map_or_else(String::new, text_of)
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .map(|item| {
                item.as_str()
                    .map_or_else(|| item.to_string(), str::to_owned)
            })
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Verdict, Verified, VerifiedKind};

    const TABLES: &[Table] = &[Table {
        kind: "verified",
        columns: &[
            Column::new("schema", "Schema"),
            Column::new("name", "Name"),
            Column::new("source_rows", "Rows"),
        ],
    }];

    fn verified(name: &str) -> Record {
        Record::Verified(Verified {
            kind: VerifiedKind::Table,
            schema: "sales".to_owned(),
            name: name.to_owned(),
            verdict: Verdict::Match,
            source_rows: Some(7),
            target_rows: None,
            source_checksum: None,
            target_checksum: None,
            message: None,
            milliseconds: 1,
        })
    }

    fn written(format: Format, name: &str) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes, format, TABLES, &[verified(name)]).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        assert_eq!(
            written(Format::Csv, "a,\"b\""),
            "schema,name,source_rows\nsales,\"a,\"\"b\"\"\",7\n"
        );
    }

    #[test]
    fn a_table_shows_escapes_instead_of_obeying_them() {
        let text = written(Format::Table, "a\u{1b}[31m\nb");
        assert!(text.contains("a\\u{1b}[31m\\nb"), "{text}");
        assert!(text.contains("Schema"), "{text}");
    }

    #[test]
    fn a_table_cuts_long_lists_and_says_so() {
        let row =
            serde_json::json!({"objects": ["a", "b", "c", "d", "e"], "text": "x".repeat(200)});
        assert_eq!(short_cell(&row, "objects"), "a, b, c and 2 more");
        assert_eq!(cell(&row, "objects"), "a, b, c, d, e");
        assert_eq!(short_cell(&row, "text").chars().count(), MOST_CHARACTERS);
    }

    #[test]
    fn json_is_one_array_of_records() {
        let value: Value = serde_json::from_str(&written(Format::Json, "t")).unwrap();
        assert_eq!(value[0]["name"], "t");
    }
}
