//! Results for people and for spreadsheets: the tool's own records as tables, CSV or JSON.

mod form;

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table as Grid, presets};
use serde_json::Value;

use crate::record::Record;
use crate::shown;

pub use form::{Form, clock, size, wrap};

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
    form: Form,
    below: &'static [(&'static str, &'static str)],
    absent: &'static str,
    if_any: bool,
}

impl Column {
    /// A column with a heading of its own.
    pub const fn new(field: &'static str, title: &'static str) -> Self {
        Self {
            field,
            title,
            form: Form::Plain,
            below: &[],
            absent: "",
            if_any: false,
        }
    }

    /// Lines for people in place of the table that it is the first column of; the other formats
    /// leave them out.
    pub const fn lines(make: fn(&[Record]) -> Vec<String>) -> Self {
        Self::new("", "").shown_as(Form::Lines(make))
    }

    /// The same column, which looks otherwise in a table.
    #[must_use]
    pub const fn shown_as(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// The same column, with further fields below it in a table, where a record has them; each
    /// with the label that says what it is. CSV has them as columns of their own.
    #[must_use]
    pub const fn with_below(self, below: &'static [(&'static str, &'static str)]) -> Self {
        Self { below, ..self }
    }

    /// The same column, with what a table shows where a record does not have the field.
    #[must_use]
    pub const fn or(self, absent: &'static str) -> Self {
        Self { absent, ..self }
    }

    /// The same column, which a table leaves out when no record has the field.
    #[must_use]
    pub const fn if_any(self) -> Self {
        Self {
            if_any: true,
            ..self
        }
    }

    fn is_shown(&self, rows: &[&Value]) -> bool {
        !self.if_any || rows.iter().any(|row| row.get(self.field).is_some())
    }

    /// Its own field, unless it is lines, and those below it.
    fn fields(&self) -> impl Iterator<Item = &'static str> {
        let own = Some(self.field).filter(|field| !field.is_empty());
        own.into_iter()
            .chain(self.below.iter().map(|(_, field)| *field))
    }

    /// The cell of a record in a table.
    fn cell(&self, row: &Value) -> String {
        let mut lines = row.get(self.field).map_or_else(
            || vec![self.absent.to_owned()],
            |value| self.form.lines(value),
        );
        for (label, field) in self.below {
            if let Some(value) = row.get(field) {
                let labelled = Value::from(format!("{label}{}", text_of(value)));
                lines.extend(self.form.lines(&labelled));
            }
        }
        lines.join("\n")
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
        Format::Table => write_tables(target, tables, (records, &values)),
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
    let fields: Vec<&str> = table.columns.iter().flat_map(Column::fields).collect();
    csv.write_record(&fields)?;
    for row in rows(table, values) {
        csv.write_record(fields.iter().map(|field| data(cell(row, field))))?;
    }
    csv.flush()
}

/// A cell of CSV that no spreadsheet takes for a formula: an apostrophe stands before what
/// begins like one and is no number (OWASP, «CSV Injection»).
pub fn data(cell: String) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula && cell.parse::<f64>().is_err() {
        format!("'{cell}")
    } else {
        cell
    }
}

/// Writes tables and lines, an empty line between two.
fn write_tables(
    target: &mut impl Write,
    tables: &[Table],
    (records, values): (&[Record], &[Value]),
) -> io::Result<()> {
    let parts = tables
        .iter()
        .filter_map(|table| part(table, records, values));
    for (index, part) in parts.enumerate() {
        if index > 0 {
            writeln!(target)?;
        }
        writeln!(target, "{part}")?;
    }
    Ok(())
}

/// A table as text; nothing when there is nothing to show.
fn part(table: &Table, records: &[Record], values: &[Value]) -> Option<String> {
    if let Some(Form::Lines(make)) = table.columns.first().map(|column| column.form) {
        let lines: Vec<String> = make(records)
            .iter()
            .map(|line| format!(" {}", shown::line(line)))
            .collect();
        return (!lines.is_empty()).then(|| lines.join("\n"));
    }
    let rows = rows(table, values);
    if rows.is_empty() {
        return None;
    }
    let shown = table.columns.iter().filter(|column| column.is_shown(&rows));
    let columns: Vec<&Column> = shown.collect();
    let across = columns
        .iter()
        .find(|column| matches!(column.form, Form::Across));
    let grid = match across {
        Some(heads) => turned(heads, &columns, &rows),
        None => upright(&columns, &rows),
    };
    Some(grid.trim_fmt())
}

fn new_grid() -> Grid {
    let mut grid = Grid::new();
    grid.load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    grid
}

/// A line a record, a column a field.
fn upright(columns: &[&Column], rows: &[&Value]) -> Grid {
    let mut grid = new_grid();
    grid.set_header(columns.iter().map(|column| column.title));
    for row in rows {
        grid.add_row(columns.iter().map(|column| column.cell(row)));
    }
    for (index, column) in columns.iter().enumerate() {
        let numeric = rows
            .iter()
            .all(|row| row.get(column.field).is_none_or(Value::is_number));
        if let (true, Some(shape)) = (numeric, grid.column_mut(index)) {
            shape.set_cell_alignment(CellAlignment::Right);
        }
    }
    grid
}

/// A line a field, a column a record.
fn turned(heads: &Column, columns: &[&Column], rows: &[&Value]) -> Grid {
    let mut grid = new_grid();
    let names = rows.iter().map(|row| heads.cell(row));
    grid.set_header([heads.title.to_owned()].into_iter().chain(names));
    let rest = columns.iter().filter(|column| column.field != heads.field);
    for column in rest {
        let cells = rows.iter().map(|row| column.cell(row));
        grid.add_row([column.title.to_owned()].into_iter().chain(cells));
    }
    grid
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
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match value {
                Value::Null => format!("{name}=NULL"),
                value => format!("{name}={}", text_of(value)),
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

    #[test]
    fn a_name_is_no_formula_and_a_number_stays_one() {
        let cells = [
            "=cmd()", "@a", "-x", "+1+1", "\t=1", "-1.5e3", "+7", "a=b", "",
        ];
        let safe = cells.map(|cell| data(cell.to_owned()));
        assert_eq!(
            safe,
            [
                "'=cmd()", "'@a", "'-x", "'+1+1", "'\t=1", "-1.5e3", "+7", "a=b", ""
            ]
        );
    }

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
            source_method: None,
            target_method: None,
            message: None,
            missing: None,
            extra: None,
            changed: None,
            more: false,
            keys: Vec::new(),
            condition: None,
            milliseconds: 1,
            bytes_per_second: None,
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

    fn table_of(columns: &'static [Column], names: &[&str]) -> String {
        let tables = [Table {
            kind: "verified",
            columns,
        }];
        let records: Vec<Record> = names.iter().map(|name| verified(name)).collect();
        let mut bytes = Vec::new();
        write(&mut bytes, Format::Table, &tables, &records).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        lines.join("\n")
    }

    #[test]
    fn a_turned_table_has_a_line_a_field_and_a_column_a_record() {
        const COLUMNS: &[Column] = &[
            Column::new("name", "Fact").shown_as(Form::Across),
            Column::new("schema", "Schema"),
            Column::new("message", "Message").if_any(),
            Column::new("target_rows", "Target").or("none"),
            Column::new("source_rows", "Rows").shown_as(Form::Decimals(1)),
        ];
        assert_eq!(
            table_of(COLUMNS, &["one", "two"]),
            " Fact    one    two\n Schema  sales  sales\n Target  none   none\n Rows    7.0    7.0"
        );
    }

    #[test]
    fn a_second_field_stands_below_where_there_is_one() {
        const COLUMNS: &[Column] = &[
            Column::new("name", "Name")
                .shown_as(Form::Wrapped(12))
                .with_below(&[("in: ", "schema"), ("and: ", "target_rows")]),
            Column::new("verdict", "Verdict").with_below(&[("hint: ", "message")]),
            Column::new("source_rows", "Rows"),
        ];
        assert_eq!(
            table_of(COLUMNS, &["a long name that goes on"]),
            " Name          Verdict  Rows\n a long name   match       7\n that goes on\n in: sales"
        );
        let tables = [Table {
            kind: "verified",
            columns: COLUMNS,
        }];
        let mut bytes = Vec::new();
        write(&mut bytes, Format::Csv, &tables, &[verified("t")]).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            text,
            "name,schema,target_rows,verdict,message,source_rows\nt,sales,,match,,7\n"
        );
    }

    #[test]
    fn lines_are_made_of_all_records_and_stand_in_tables_only() {
        const LINES: &[Column] = &[Column::lines(|records| {
            vec![format!("{} records\u{1b}", records.len())]
        })];
        assert_eq!(table_of(LINES, &["a", "b"]), " 2 records\\u{1b}");
        let tables = [
            TABLES[0],
            Table {
                kind: "verified",
                columns: LINES,
            },
        ];
        let mut bytes = Vec::new();
        write(&mut bytes, Format::Csv, &tables, &[verified("t")]).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text, "schema,name,source_rows\nsales,t,7\n");
    }

    #[test]
    fn json_is_one_array_of_records() {
        let value: Value = serde_json::from_str(&written(Format::Json, "t")).unwrap();
        assert_eq!(value[0]["name"], "t");
    }
}
