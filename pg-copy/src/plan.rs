//! What the stream asks for.

use std::collections::BTreeSet;

use pg_pipe::record::{Record, Table};
use pg_pipe::{Head, Input, Line};
use pg_session::RelationName;

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
            Record::Applied(applied) if applied.kind == "TABLE" && !applied.status.is_there() => {
                let schema = applied.schema.unwrap_or_default();
                self.not_created
                    .insert(RelationName::new(schema, applied.name));
            }
            _ => {}
        }
    }

    /// Whether there is anything to copy.
    pub(crate) fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.sequences.is_empty() && !self.large_objects
    }
}
