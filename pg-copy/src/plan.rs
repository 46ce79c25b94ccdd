//! What the stream asks for.

use std::collections::BTreeSet;

use pg_pipe::record::{Applied, AppliedStatus, Record, Table};
use pg_pipe::{Context, Failure, Head, Input, Line};
use pg_session::catalog::LEDGER_SCHEMA;
use pg_session::{Error, RelationName, Session};

/// What has been read of the stream.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Migration and endpoints.
    pub(crate) head: Head,
    /// Tables to copy.
    pub(crate) tables: Vec<Table>,
    /// Sequences to set.
    pub(crate) sequences: Vec<RelationName>,
    /// Whether to copy large objects.
    pub(crate) large_objects: bool,
    /// Tables that could not be created on the target.
    pub(crate) not_created: BTreeSet<RelationName>,
    /// Tables and sequences that a filter left out.
    left_out: BTreeSet<RelationName>,
    /// Tables and sequences that have an object.
    made: BTreeSet<RelationName>,
    /// Foreign tables, whose rows are elsewhere.
    foreign_tables: Vec<RelationName>,
    /// Whether there are objects at all; rows alone are for tables that are there.
    has_objects: bool,
}

impl Plan {
    /// Reads the whole stream.
    ///
    /// # Errors
    /// When the stream is not sound or was stopped further up.
    pub(crate) fn read(input: Input) -> anyhow::Result<Self> {
        let mut plan = Self::default();
        for line in input {
            if let Line::Known(record) = line? {
                plan.note(*record);
            }
        }
        Ok(plan)
    }

    fn note(&mut self, record: Record) {
        self.head.note(&record);
        match record {
            Record::Table(table) => self.tables.push(table),
            Record::Sequence(sequence) => self
                .sequences
                .push(RelationName::new(sequence.schema, sequence.name)),
            Record::LargeObjects(objects) => self.large_objects = objects.count > 0,
            Record::Object(object) => {
                self.has_objects = true;
                let schema = object.schema.unwrap_or_default();
                let name = RelationName::new(schema, object.name);
                match object.kind.as_str() {
                    "TABLE" | "SEQUENCE" => {
                        self.made.insert(name);
                    }
                    "FOREIGN TABLE" => self.foreign_tables.push(name),
                    _ => {}
                }
            }
            Record::Applied(applied) => self.note_applied(applied),
            _ => {}
        }
    }

    fn note_applied(&mut self, applied: Applied) {
        if applied.status.is_there() {
            return;
        }
        let is_left_out = applied.status == AppliedStatus::LeftOut;
        let name = RelationName::new(applied.schema.unwrap_or_default(), applied.name);
        match applied.kind.as_str() {
            "TABLE" | "SEQUENCE" if is_left_out => self.left_out.insert(name),
            "TABLE" => self.not_created.insert(name),
            _ => false,
        };
    }

    /// Whether a filter left a table or sequence out, as the target lacks it: pg-schema-apply
    /// says so, or its object is not in the stream.
    ///
    /// # Errors
    /// What the target says.
    pub(crate) fn lacks(&self, name: &RelationName, target: &mut Session) -> Result<bool, Error> {
        let may_lack =
            self.left_out.contains(name) || self.has_objects && !self.made.contains(name);
        if !may_lack {
            return Ok(false);
        }
        let row = target.query_one(
            "select to_regclass($1::text) is null as is_missing",
            &[&name.sql()],
        )?;
        Ok(row.get("is_missing"))
    }

    /// Whether the rows leave the ledger's schema alone.
    ///
    /// # Errors
    /// A conflict (exit 7) when there is a table or sequence in a schema of its name.
    pub(crate) fn check_names(&self) -> Result<(), Failure> {
        let of_tables = self.tables.iter().map(|table| &table.schema);
        let of_sequences = self.sequences.iter().map(|name| &name.schema);
        if of_tables
            .chain(of_sequences)
            .all(|schema| schema != LEDGER_SCHEMA)
        {
            return Ok(());
        }
        Err(Failure::conflict(format!(
            "the source has a schema {LEDGER_SCHEMA}, whose name the ledger needs on the target"
        ))
        .hint("Rename it on the source, or leave it out: pg-schema-dump -N takes its name."))
    }

    /// Says which tables have rows that stay where they are.
    pub(crate) fn tell_foreign_tables(&self, context: &Context) {
        for name in &self.foreign_tables {
            context.notice().note(&format!(
                "foreign table {name}: its rows are on another server and stay there"
            ));
        }
    }

    /// Whether there is anything to copy.
    pub(crate) fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.sequences.is_empty() && !self.large_objects
    }
}
