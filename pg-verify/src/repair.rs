//! SQL that would make the target equal, for a person to read and to run: one transaction.
//! We never run it.
//!
//! Rows that are extra go first, children before their parents; then, parents first, rows are
//! changed and added. Where a row that others refer to is extra under a key that can be written
//! in two ways, it goes last, so that it can become the one that is missing. Foreign keys that are checked at once are deferred for the transaction,
//! which their owner may do without being a superuser, so that cycles and rows that refer to
//! each other are no obstacle; triggers of users do not fire.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use anyhow::Context as _;
use pg_pipe::Failure;
use pg_pipe::record::VerifiedKind;
use pg_session::checksum::{by_name, bytes_expression};
use pg_session::relation::ColumnFacts;
use pg_session::{RelationName, Session, quote};

use crate::drill::{Fault, Found, Suspect, Value, has_operators};
use crate::fresh::Fresh;
use crate::plan::Comparison;
use crate::ranges::{literals, row};
use crate::reading::TableJob;
use crate::scope::Scope;
use crate::tally::Readings;

const FACTS: &str = include_str!("sql/repair_facts.sql");

/// Settings under which values were printed; they are read under the same.
const SETTINGS: &str = "\\set ON_ERROR_STOP on
BEGIN;
SET LOCAL client_encoding TO 'UTF8';
SET LOCAL standard_conforming_strings TO on;
SET LOCAL search_path TO pg_catalog;
SET LOCAL \"DateStyle\" TO 'ISO, YMD';
SET LOCAL \"IntervalStyle\" TO 'postgres';
SET LOCAL \"TimeZone\" TO 'UTC';
SET LOCAL lc_monetary TO 'C';
SET LOCAL xmloption TO content;
SET LOCAL row_security TO off;
SET LOCAL statement_timeout TO 0;
SET LOCAL array_nulls TO on;
";

/// A repair that is being put together.
pub(crate) struct Repair {
    file: Fresh,
    tables: Vec<Table>,
    /// Statements that belong to no table.
    others: Vec<String>,
    /// What it does not make equal.
    left: Vec<String>,
}

/// The statements of one table.
struct Table {
    oid: u32,
    name: RelationName,
    deletes: File,
    changes: File,
    /// Rows that are extra under a key that may equal one that is missing, such as 1.00 and 1.0.
    late_deletes: File,
    facts: Facts,
}

/// What decides how a row is changed.
#[derive(Default)]
struct Facts {
    /// Columns that an UPDATE must not touch: values of unique keys may be in the way of each
    /// other, and an identity takes none. Such rows are deleted and added.
    replaced: BTreeSet<String>,
    /// Identity columns that take no values.
    identities: BTreeSet<String>,
    /// Whether a foreign key does something when a row is deleted, at once: its rows can only be
    /// updated, in the hope that no value of a unique key is in the way.
    is_held: bool,
}

impl Repair {
    /// Makes sure that the file can be written, and begins.
    ///
    /// # Errors
    /// A [`Failure`] (exit 2) when it cannot.
    pub(crate) fn begin(path: &Path) -> Result<Self, Failure> {
        Ok(Self {
            // It holds data: readable by its owner only.
            file: Fresh::begin("--repair-sql", path, 0o600)?,
            tables: Vec::new(),
            others: Vec::new(),
            left: Vec::new(),
        })
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.others.is_empty() && self.left.is_empty()
    }

    /// Begins a table of the target.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn begin_table(
        &mut self,
        session: &mut Session,
        table: &TableJob,
        scope: &Scope,
    ) -> anyhow::Result<()> {
        let name = &table.relation.name;
        if scope.columns.contains_key(name) {
            self.left.push(format!(
                "{name}: --columns compares some of its columns only"
            ));
            return Ok(());
        }
        let mut facts = Facts::default();
        for fact in read_facts(session, &[table.relation.oid])? {
            match fact.kind.as_str() {
                "unique" if fact.relation == table.relation.oid => {
                    facts.replaced.insert(fact.name);
                }
                "identity" if fact.relation == table.relation.oid => {
                    facts.replaced.insert(fact.name.clone());
                    facts.identities.insert(fact.name);
                }
                "foreign key" if fact.referenced == Some(table.relation.oid) => {
                    facts.is_held |= fact.detail == "true";
                }
                _ => {}
            }
        }
        self.tables.push(Table {
            oid: table.relation.oid,
            name: name.clone(),
            deletes: tempfile::tempfile().context("cannot make a temporary file")?,
            changes: tempfile::tempfile().context("cannot make a temporary file")?,
            late_deletes: tempfile::tempfile().context("cannot make a temporary file")?,
            facts,
        });
        Ok(())
    }

    /// Adds a row of the table that was begun last.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn add(&mut self, table: &TableJob, found: &Found) -> anyhow::Result<()> {
        let last = self.tables.last_mut();
        let Some(own) = last.filter(|own| own.name == table.relation.name) else {
            return Ok(());
        };
        own.add(table, found)
            .with_context(|| format!("cannot write the repair of {}", table.relation.name))
    }

    /// Notes that not all rows of a table were found.
    pub(crate) fn not_all_of(&mut self, name: &RelationName) {
        self.left.push(format!(
            "{name}: not all rows that differ were found; run this, then pg-verify again"
        ));
    }

    /// Adds what is no table, or one whose rows could not be looked for.
    pub(crate) fn add_other(&mut self, comparison: &Comparison, readings: &Readings) {
        let position = readings
            .source
            .as_ref()
            .and_then(|reading| Some((reading.count, reading.is_called?)));
        match position {
            Some((last, called)) if comparison.kind == VerifiedKind::Sequence => {
                let name = quote::literal(&comparison.name.sql());
                self.others
                    .push(format!("SELECT setval({name}, {last}, {called});"));
            }
            _ => self
                .left
                .push(format!("{}: its contents differ", comparison.shown())),
        }
    }

    /// Writes the file, if there is anything in it.
    ///
    /// # Errors
    /// When it cannot be written, and what the target says.
    pub(crate) fn write(self, session: &mut Session) -> anyhow::Result<()> {
        let oids: Vec<u32> = self.tables.iter().map(|table| table.oid).collect();
        let facts = read_facts(session, &oids)?;
        let encoding = session.facts().encoding.clone();
        let Self {
            file,
            mut tables,
            others,
            left,
        } = self;
        file.put(|out| write_all(out, &mut tables, (&others, &left), (&facts, &encoding)))?;
        Ok(())
    }
}

fn write_all(
    out: &mut dyn Write,
    tables: &mut [Table],
    (others, left): (&[String], &[String]),
    (facts, encoding): (&[Fact], &str),
) -> io::Result<()> {
    let order = in_order(tables, facts);
    writeln!(
        out,
        "-- Makes rows of the target equal to those of the source; written by pg-verify, never run by it.\n\
         -- Read it, then: psql -X -f FILE, as the owner of the tables. Then run pg-verify again.\n\
         -- It is one transaction: where the server refuses a statement nothing has changed."
    )?;
    for left in left {
        writeln!(
            out,
            "-- Not made equal: {}",
            left.replace(['\n', '\r'], " ")
        )?;
    }
    let encoding = if encoding == "SQL_ASCII" {
        "SQL_ASCII"
    } else {
        "UTF8"
    };
    out.write_all(
        SETTINGS
            .replace("'UTF8'", &quote::literal(encoding))
            .as_bytes(),
    )?;
    let switches = switches(facts);
    for (off, _) in &switches {
        writeln!(out, "{off}")?;
    }
    for at in order.iter().rev() {
        if let Some(table) = tables.get_mut(*at) {
            append(&mut table.deletes, out)?;
        }
    }
    for at in &order {
        if let Some(table) = tables.get_mut(*at) {
            append(&mut table.changes, out)?;
        }
    }
    for at in order.iter().rev() {
        if let Some(table) = tables.get_mut(*at) {
            append(&mut table.late_deletes, out)?;
        }
    }
    for other in others {
        writeln!(out, "{other}")?;
    }
    if !switches.is_empty() {
        writeln!(out, "SET CONSTRAINTS ALL IMMEDIATE;")?;
    }
    for (_, on) in switches.iter().rev() {
        writeln!(out, "{on}")?;
    }
    writeln!(out, "COMMIT;")?;
    out.flush()
}

impl Table {
    fn add(&mut self, table: &TableJob, found: &Found) -> io::Result<()> {
        let may_be_one = self.facts.is_held && !has_one_form(&table.key);
        match (found.fault, &found.source, &found.target) {
            (Fault::Missing, Some(source), _) if may_be_one => {
                self.change_or_insert(table, found, &source.values)
            }
            (Fault::Extra, ..) if may_be_one => self.delete_late(table, found),
            (Fault::Missing, Some(source), _) => {
                for _ in 0..found.times {
                    self.insert(table, &source.values)?;
                }
                Ok(())
            }
            (Fault::Extra, _, Some(target)) => self.delete(table, found, &target.bytes),
            (Fault::Changed, Some(source), Some(target)) => {
                let columns = by_name(&table.relation.columns);
                let names = found.columns.iter().filter_map(|at| columns.get(*at));
                let is_replaced = names
                    .into_iter()
                    .any(|column| self.facts.replaced.contains(&column.name));
                if is_replaced && !self.facts.is_held {
                    self.delete(table, found, &target.bytes)?;
                    self.insert(table, &source.values)
                } else {
                    self.update(table, found, &source.values)
                }
            }
            _ => Ok(()),
        }
    }

    fn insert(&mut self, table: &TableJob, values: &[Value]) -> io::Result<()> {
        let columns = by_name(&table.relation.columns);
        let name = table.relation.name.sql();
        if columns.is_empty() {
            return writeln!(self.changes, "INSERT INTO {name} DEFAULT VALUES;");
        }
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let values: Vec<String> = values.iter().map(literal).collect();
        writeln!(
            self.changes,
            "INSERT INTO {name} ({}) OVERRIDING SYSTEM VALUE VALUES ({});",
            quote::list(&names),
            values.join(", ")
        )
    }

    /// Changes the row whose key is equal, if there is one, or adds it: to delete that one would
    /// do something to the rows that refer to it.
    fn change_or_insert(
        &mut self,
        table: &TableJob,
        found: &Found,
        values: &[Value],
    ) -> io::Result<()> {
        let columns = by_name(&table.relation.columns);
        let name = table.relation.name.sql();
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let cells: Vec<String> = values.iter().map(literal).collect();
        let pairs = columns.iter().zip(&cells);
        // Text in a SELECT would be of type text.
        let typed: Vec<String> = pairs
            .clone()
            .map(|(column, cell)| format!("{cell}::{}", column.data_type))
            .collect();
        let set: Vec<String> = pairs
            .filter(|(column, _)| !self.facts.identities.contains(&column.name))
            .map(|(column, cell)| format!("{} = {cell}", quote::identifier(&column.name)))
            .collect();
        let Some(suspect) = &found.suspect else {
            return Ok(());
        };
        let is_row = is_row(&table.key, suspect);
        writeln!(
            self.changes,
            "UPDATE ONLY {name} SET {} WHERE {is_row};\n\
             INSERT INTO {name} ({}) OVERRIDING SYSTEM VALUE SELECT {} \
             WHERE NOT EXISTS (SELECT FROM ONLY {name} WHERE {is_row});",
            set.join(", "),
            quote::list(&names),
            typed.join(", ")
        )
    }

    /// Deletes a row after all changes, if none of them has made it another one.
    fn delete_late(&mut self, table: &TableJob, found: &Found) -> io::Result<()> {
        let Some(suspect) = &found.suspect else {
            return Ok(());
        };
        writeln!(
            self.late_deletes,
            "DELETE FROM ONLY {} WHERE {} AND {};",
            table.relation.name.sql(),
            is_row(&table.key, suspect),
            has_bytes(&table.key, suspect)
        )
    }

    fn update(&mut self, table: &TableJob, found: &Found, values: &[Value]) -> io::Result<()> {
        let columns = by_name(&table.relation.columns);
        let set: Vec<String> = found
            .columns
            .iter()
            .filter_map(|at| Some((columns.get(*at)?, values.get(*at)?)))
            .map(|(column, value)| {
                format!("{} = {}", quote::identifier(&column.name), literal(value))
            })
            .collect();
        let Some(suspect) = &found.suspect else {
            return Ok(());
        };
        writeln!(
            self.changes,
            "UPDATE ONLY {} SET {} WHERE {};",
            table.relation.name.sql(),
            set.join(", "),
            is_row(&table.key, suspect)
        )
    }

    /// Deletes by key, or as many rows of the same bytes as are too many.
    fn delete(&mut self, table: &TableJob, found: &Found, bytes: &str) -> io::Result<()> {
        let name = table.relation.name.sql();
        match &found.suspect {
            Some(suspect) => writeln!(
                self.deletes,
                "DELETE FROM ONLY {name} WHERE {};",
                is_row(&table.key, suspect)
            ),
            None => writeln!(
                self.deletes,
                "DELETE FROM ONLY {name} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ONLY {name} \
                 WHERE {} = decode('{bytes}', 'hex') LIMIT {}));",
                bytes_expression(&table.relation.columns),
                found.times
            ),
        }
    }
}

/// The condition of the one row with a key.
fn is_row(key: &[ColumnFacts], suspect: &Suspect) -> String {
    if has_operators(key) {
        let columns = key.iter().map(|column| quote::identifier(&column.name));
        format!(
            "{} = {}",
            row(columns.collect()),
            literals(key, &suspect.key)
        )
    } else {
        has_bytes(key, suspect)
    }
}

fn has_bytes(key: &[ColumnFacts], suspect: &Suspect) -> String {
    format!(
        "{} = decode('{}', 'hex')",
        bytes_expression(key),
        suspect.id
    )
}

/// Whether keys that are equal are the same, too: 1.0 and 1.00, 0 and -0, or a and A under some
/// collations, are not.
fn has_one_form(key: &[ColumnFacts]) -> bool {
    key.iter().all(|column| {
        matches!(
            column.data_type.as_str(),
            "smallint" | "integer" | "bigint" | "oid" | "boolean" | "date" | "uuid" | "bytea"
        )
    })
}

fn literal(value: &Value) -> String {
    match value {
        Some(text) => quote::literal(text),
        None => "NULL".to_owned(),
    }
}

fn append(from: &mut File, to: &mut dyn Write) -> io::Result<()> {
    from.rewind()?;
    let mut reader = io::BufReader::new(from.take(u64::MAX));
    io::copy(&mut reader, to).map(drop)
}

/// Something that stands in the way of changing rows.
struct Fact {
    kind: String,
    relation: u32,
    referenced: Option<u32>,
    table: RelationName,
    name: String,
    detail: String,
    changes: bool,
}

fn read_facts(session: &mut Session, oids: &[u32]) -> anyhow::Result<Vec<Fact>> {
    let rows = session
        .query(FACTS, &[&oids])
        .context("cannot tell how rows of the target can be changed")?;
    Ok(rows
        .iter()
        .map(|row| Fact {
            kind: row.get("fact"),
            relation: row.get("relation"),
            referenced: row.get("referenced"),
            table: RelationName::new(
                row.get::<_, String>("schema"),
                row.get::<_, String>("table"),
            ),
            name: row.get("name"),
            detail: row.get("detail"),
            changes: row.get("changes"),
        })
        .collect())
}

/// Statements that put out of the way what is in it, each with the one that puts it back.
fn switches(facts: &[Fact]) -> Vec<(String, String)> {
    let mut switches = Vec::new();
    for fact in facts.iter().filter(|fact| fact.changes) {
        let (table, name) = (fact.table.sql(), quote::identifier(&fact.name));
        match fact.kind.as_str() {
            "foreign key" => switches.push((
                format!(
                    "ALTER TABLE {table} ALTER CONSTRAINT {name} DEFERRABLE INITIALLY DEFERRED;"
                ),
                format!("ALTER TABLE {table} ALTER CONSTRAINT {name} NOT DEFERRABLE;"),
            )),
            "trigger" => {
                let enable = if fact.detail == "A" {
                    "ENABLE ALWAYS"
                } else {
                    "ENABLE"
                };
                switches.push((
                    format!("ALTER TABLE {table} DISABLE TRIGGER {name};"),
                    format!("ALTER TABLE {table} {enable} TRIGGER {name};"),
                ));
            }
            _ => {}
        }
    }
    switches
}

/// Places of the tables, parents before their children; those in a circle as they come.
fn in_order(tables: &[Table], facts: &[Fact]) -> Vec<usize> {
    let places: BTreeMap<u32, usize> = tables
        .iter()
        .enumerate()
        .map(|(place, table)| (table.oid, place))
        .collect();
    let mut waits: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); tables.len()];
    for fact in facts.iter().filter(|fact| fact.kind == "foreign key") {
        let parent = fact.referenced.and_then(|oid| places.get(&oid));
        let child = places.get(&fact.relation);
        if let (Some(child), Some(parent)) = (child, parent)
            && child != parent
            && let Some(waits) = waits.get_mut(*child)
        {
            waits.insert(*parent);
        }
    }
    let mut order = Vec::new();
    let mut rest: Vec<usize> = (0..tables.len()).collect();
    while !rest.is_empty() {
        let is_free = |place: &usize| {
            waits
                .get(*place)
                .is_none_or(|parents| parents.iter().all(|parent| order.contains(parent)))
        };
        let at = rest.iter().position(is_free).unwrap_or(0);
        order.push(rest.remove(at));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(oid: u32) -> Table {
        Table {
            oid,
            name: RelationName::new("s", oid.to_string()),
            deletes: tempfile::tempfile().unwrap(),
            changes: tempfile::tempfile().unwrap(),
            late_deletes: tempfile::tempfile().unwrap(),
            facts: Facts::default(),
        }
    }

    fn key(child: u32, parent: u32) -> Fact {
        Fact {
            kind: "foreign key".to_owned(),
            relation: child,
            referenced: Some(parent),
            table: RelationName::new("s", "t"),
            name: "k".to_owned(),
            detail: "false".to_owned(),
            changes: true,
        }
    }

    #[test]
    fn parents_come_before_their_children_and_circles_do_not_hang() {
        let tables = [table(1), table(2), table(3)];
        assert_eq!(
            in_order(&tables, &[key(1, 2), key(2, 3), key(3, 3)]),
            [2, 1, 0]
        );
        let order = in_order(&tables, &[key(1, 2), key(2, 1), key(1, 3)]);
        assert_eq!(order.len(), 3);
    }
}
