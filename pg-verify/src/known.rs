//! What the stream says of the source: which tables there are, and what pg-copy read of them
//! inside its own snapshot.

use std::collections::{BTreeMap, BTreeSet};

use pg_pipe::record::{ErrorRecord, LargeObjects, Record, Scope as Reach};
use pg_pipe::{Failure, Head, Line};
use pg_session::RelationName;

use crate::plan::Columns;
use crate::reading::Reading;
use crate::scope::Scope;

/// What large objects are called in records and messages.
pub(crate) const LARGE_OBJECTS: &str = "large objects";

/// What the stream says, read to its end.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) head: Head,
    /// Tables in scope.
    pub(crate) tables: BTreeMap<RelationName, Columns>,
    /// What pg-copy read of the source.
    pub(crate) copied: BTreeMap<RelationName, Reading>,
    /// The conditions of tables of which pg-copy has copied some rows only.
    conditions: BTreeMap<RelationName, String>,
    /// Sequences in scope, with where the source stands if pg-copy has been there.
    pub(crate) sequences: BTreeMap<RelationName, Option<Reading>>,
    /// Large objects of the source.
    pub(crate) large_objects: Option<LargeObjects>,
    /// Whether it names tables at all.
    names_tables: bool,
    /// Objects that failed further up, with the tool that says so.
    failed: BTreeMap<String, String>,
}

impl Known {
    /// Reads all of the stream.
    ///
    /// # Errors
    /// When it is cut, garbled, or was stopped further up.
    pub(crate) fn read(
        input: impl IntoIterator<Item = Result<Line, Failure>>,
    ) -> Result<Self, Failure> {
        let mut known = Self::default();
        for line in input {
            if let Line::Known(record) = line? {
                known.note(&record);
            }
        }
        known.names_tables = !known.tables.is_empty();
        Ok(known)
    }

    fn note(&mut self, record: &Record) {
        self.head.note(record);
        match record {
            Record::Table(table) => {
                let columns = table
                    .columns
                    .iter()
                    .map(|column| (column.name.clone(), column.data_type.clone()))
                    .collect();
                self.tables
                    .insert(RelationName::new(&table.schema, &table.name), columns);
            }
            Record::Copied(copied) => {
                let name = RelationName::new(&copied.schema, &copied.table);
                let reading = Reading::rows(copied.rows, copied.checksum.clone());
                self.note_condition(&name, copied.condition.clone());
                self.copied.insert(name, reading);
            }
            Record::Sequence(sequence) => {
                let name = RelationName::new(&sequence.schema, &sequence.name);
                let position = sequence.last_value.zip(sequence.is_called);
                let reading = position.map(|(last, called)| Reading::position(last, called));
                self.sequences.insert(name, reading);
            }
            Record::LargeObjects(objects) => self.large_objects = Some(objects.clone()),
            Record::Error(error) if error.scope == Reach::Item => self.note_failure(error),
            _ => {}
        }
    }

    fn note_condition(&mut self, name: &RelationName, condition: Option<String>) {
        self.conditions.remove(name);
        self.conditions
            .extend(condition.map(|condition| (name.clone(), condition)));
    }

    /// The condition of the rows that pg-copy has copied of a table, where what it read is
    /// compared.
    pub(crate) fn condition(&self, name: &RelationName) -> Option<&String> {
        let is_compared = self.copied.contains_key(name);
        self.conditions.get(name).filter(|_| is_compared)
    }

    fn note_failure(&mut self, error: &ErrorRecord) {
        if let Some(object) = &error.object {
            self.failed.insert(object.clone(), error.tool.clone());
        }
    }

    /// The tool that failed on an object, if one did. Objects are named as people write them.
    pub(crate) fn failed_in(&self, name: &RelationName) -> Option<&str> {
        let plain = format!("{}.{}", name.schema, name.name);
        let named = self.failed.get(&name.to_string());
        named
            .or_else(|| self.failed.get(&plain))
            .map(String::as_str)
    }

    /// The tool that failed on large objects, if one did.
    pub(crate) fn large_objects_failed_in(&self) -> Option<&str> {
        self.failed.get(LARGE_OBJECTS).map(String::as_str)
    }

    /// Whether the stream gives a scope. Without one, both databases are compared whole.
    pub(crate) fn has_scope(&self) -> bool {
        self.names_tables
    }

    /// Whether something in scope was not read by pg-copy, or not as it is to be compared.
    pub(crate) fn needs_source(&self, scope: &Scope) -> bool {
        let objects = self.large_objects.as_ref();
        self.tables
            .keys()
            .any(|name| !self.copied.contains_key(name) || !scope.takes_copied(name))
            || self.sequences.values().any(Option::is_none)
            || objects.is_some_and(|objects| objects.checksum.is_none() && objects.count > 0)
    }

    /// Leaves out what is not in scope.
    pub(crate) fn keep(&mut self, chosen: &BTreeSet<RelationName>, scope: &Scope) {
        self.tables.retain(|name, _| chosen.contains(name));
        self.sequences.retain(|name, _| chosen.contains(name));
        self.copied.retain(|name, _| scope.takes_copied(name));
        if scope.is_chosen() {
            self.large_objects = None;
        }
        if scope.full {
            self.sequences.values_mut().for_each(|place| *place = None);
            if let Some(objects) = &mut self.large_objects {
                objects.checksum = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(records: &[&str]) -> Known {
        let lines = records.iter().map(|text| {
            let record: Record = serde_json::from_str(text).unwrap();
            Ok(Line::Known(Box::new(record)))
        });
        Known::read(lines).unwrap()
    }

    const TABLE: &str = r#"{"type":"table","schema":"s","name":"T","columns":[{"name":"a","data_type":"integer"}],"bytes":1}"#;
    const COPIED: &str = r#"{"type":"copied","schema":"s","table":"T","rows":3,"bytes":9,"checksum":"b64s/1:x:1","milliseconds":1}"#;

    #[test]
    fn a_copied_record_stands_in_for_the_source() {
        assert!(known(&[TABLE]).needs_source(&Scope::default()));
        let known = known(&[TABLE, COPIED]);
        assert!(known.has_scope() && !known.needs_source(&Scope::default()));
        let name = RelationName::new("s", "T");
        assert_eq!(
            known.copied[&name],
            Reading::rows(3, "b64s/1:x:1".to_owned())
        );
    }

    #[test]
    fn the_latest_sequence_record_holds() {
        let early = r#"{"type":"sequence","schema":"s","name":"q"}"#;
        let late = r#"{"type":"sequence","schema":"s","name":"q","last_value":7,"is_called":true}"#;
        assert!(known(&[TABLE, COPIED, early]).needs_source(&Scope::default()));
        let known = known(&[TABLE, COPIED, early, late]);
        assert!(!known.needs_source(&Scope::default()));
        let name = RelationName::new("s", "q");
        assert_eq!(known.sequences[&name], Some(Reading::position(7, true)));
    }

    #[test]
    fn an_item_error_names_its_table_quoted_or_not() {
        for object in ["s.\\\"T\\\"", "s.T"] {
            let error = format!(
                r#"{{"type":"error","tool":"pg-copy","scope":"item","class":"c","message":"m","exit":5,"object":"{object}"}}"#
            );
            let known = known(&[&error]);
            assert_eq!(
                known.failed_in(&RelationName::new("s", "T")),
                Some("pg-copy")
            );
            assert_eq!(known.failed_in(&RelationName::new("s", "u")), None);
        }
    }

    #[test]
    fn a_stream_that_ends_in_a_failure_gives_nothing() {
        let lines = [Err(Failure::upstream("pg-copy", pg_pipe::Exit::Refused))];
        assert!(Known::read(lines).is_err());
    }
}
