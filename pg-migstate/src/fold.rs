//! Folds the stream of one database into its state: counts while it runs, the outcome at
//! its end. Pure: knows neither journal nor clock.

use std::collections::{BTreeMap, BTreeSet};

use pg_pipe::Exit;
use pg_pipe::record::{
    ErrorRecord, MigrationOption, Record, Scope, Substate, TableCounts, Validation,
    ValidationStatus, Verdict, VerificationStatus, VerifiedKind,
};
use pg_session::quote;

/// Rows and bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Amount {
    rows: u64,
    bytes: u64,
}

/// What a stream has said so far.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    pub(crate) option: MigrationOption,
    substate: Option<Substate>,
    planned: BTreeSet<String>,
    arriving: BTreeMap<String, Amount>,
    copied: BTreeMap<String, Amount>,
    matched: BTreeSet<String>,
    failed: BTreeSet<String>,
    /// The first thing that does not match.
    pub(crate) difference: Option<String>,
    pub(crate) item_error: Option<ErrorRecord>,
    pub(crate) stream_error: Option<ErrorRecord>,
    pub(crate) validation: Option<Validation>,
    pub(crate) verification: Option<VerificationStatus>,
    /// A tool ended with items that failed.
    pub(crate) partial: bool,
}

impl Fold {
    /// Takes in a record.
    pub(crate) fn note(&mut self, record: &Record) {
        match record {
            Record::Migration(migration) => self.option = migration.option,
            Record::Check(_) => self.reach(Substate::ValidationInProgress),
            Record::Validation(validation) => {
                self.reach(Substate::ValidationInProgress);
                self.validation = Some(validation.clone());
            }
            Record::Object(_) => self.note_plan(),
            Record::Table(table) => {
                self.note_plan();
                let name = quote::shown_qualified(&table.schema, &table.name);
                self.planned.insert(name);
            }
            Record::Error(error) => self.note_error(error),
            Record::End(end) => self.partial |= end.exit == Exit::Partial.code(),
            other => self.note_work(other),
        }
    }

    /// The dump may run ahead of the checks: what it says does not end the validation.
    fn note_plan(&mut self) {
        if self.option == MigrationOption::Migrate || self.validation.is_some() {
            self.reach(Substate::MigratingData);
        }
    }

    fn note_work(&mut self, record: &Record) {
        match record {
            Record::Applied(_) => self.reach(Substate::MigratingData),
            Record::Chunk(chunk) => {
                self.reach(Substate::MigratingData);
                let name = quote::shown_qualified(&chunk.schema, &chunk.table);
                let amount = self.arriving.entry(name).or_default();
                amount.rows += unsigned(chunk.rows);
                amount.bytes += unsigned(chunk.bytes);
            }
            Record::Copied(copied) => {
                self.reach(Substate::MigratingData);
                let name = quote::shown_qualified(&copied.schema, &copied.table);
                self.arriving.remove(&name);
                let amount = Amount {
                    rows: unsigned(copied.rows),
                    bytes: unsigned(copied.bytes),
                };
                self.copied.insert(name, amount);
            }
            Record::Verified(verified) => {
                let name = quote::shown_qualified(&verified.schema, &verified.name);
                if verified.verdict != Verdict::Match {
                    self.difference.get_or_insert_with(|| name.clone());
                    self.failed.insert(name);
                } else if verified.kind == VerifiedKind::Table {
                    self.matched.insert(name);
                }
            }
            Record::Verification(verification) => self.verification = Some(verification.status),
            _ => {}
        }
    }

    fn note_error(&mut self, error: &ErrorRecord) {
        match error.scope {
            Scope::Item => {
                let object = error.object.clone();
                self.failed
                    .insert(object.unwrap_or_else(|| error.message.clone()));
                self.item_error.get_or_insert_with(|| error.clone());
            }
            Scope::Stream => {
                self.stream_error.get_or_insert_with(|| error.clone());
            }
        }
    }

    /// Substates follow one another in one direction only.
    fn reach(&mut self, substate: Substate) {
        if self.substate != Some(Substate::MigratingData) {
            self.substate = Some(substate);
        }
    }

    /// The substate that the stream has reached.
    pub(crate) fn substate(&self) -> Substate {
        self.substate
            .unwrap_or(Substate::PerformingPreRequisiteSteps)
    }

    /// How many tables are where.
    pub(crate) fn tables(&self) -> TableCounts {
        let queued = self
            .planned
            .iter()
            .filter(|name| !self.copied.contains_key(*name) && !self.failed.contains(*name));
        TableCounts {
            queued: count(queued.count()),
            copied: count(self.copied.len()),
            verified: count(self.matched.len()),
            errors: count(self.failed.len()),
        }
    }

    /// Rows that are in.
    pub(crate) fn rows(&self) -> u64 {
        self.amounts().map(|amount| amount.rows).sum()
    }

    /// Bytes that are in.
    pub(crate) fn bytes(&self) -> u64 {
        self.amounts().map(|amount| amount.bytes).sum()
    }

    fn amounts(&self) -> impl Iterator<Item = &Amount> {
        self.copied.values().chain(self.arriving.values())
    }

    /// Whether a check failed.
    pub(crate) fn validation_failed(&self) -> bool {
        self.validation
            .as_ref()
            .is_some_and(|validation| validation.status == ValidationStatus::Failed)
    }

    /// Whether some item failed, all else being done.
    pub(crate) fn has_failed_items(&self) -> bool {
        self.partial || self.item_error.is_some()
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(option: &str, lines: &[&str]) -> Fold {
        let mut fold = Fold::default();
        let head = format!(
            r#"{{"type":"migration","name":"m1","hash":"h","option":"{option}","mode":"Offline","source_type":"OnPremises","databases":["d"],"database":"d","staging":"s","overwrite":false}}"#
        );
        for line in [head.as_str()].iter().chain(lines) {
            fold.note(&serde_json::from_str(line).unwrap());
        }
        fold
    }

    const CHECK: &str =
        r#"{"type":"check","id":"x","level":"instance","status":"Succeeded","message":"m"}"#;
    const VALIDATION: &str = r#"{"type":"validation","status":"Warning","succeeded":1,"warning":1,"failed":0,"skipped":0}"#;
    const OBJECT: &str = r#"{"type":"object","id":1,"kind":"SCHEMA","name":"s","section":"pre-data","sql":"create schema s"}"#;
    const TABLE: &str = r#"{"type":"table","schema":"s","name":"T","columns":[],"bytes":1}"#;
    const OTHER: &str = r#"{"type":"table","schema":"s","name":"o","columns":[],"bytes":1}"#;
    const CHUNK: &str = r#"{"type":"chunk","schema":"s","table":"T","part":1,"parts":2,"rows":3,"bytes":30,"milliseconds":1}"#;
    const COPIED: &str = r#"{"type":"copied","schema":"s","table":"T","rows":7,"bytes":70,"checksum":"c","milliseconds":1}"#;

    #[test]
    fn substates_follow_the_stream_and_a_dump_that_runs_ahead_does_not_end_the_validation() {
        let substate = |lines: &[&str]| folded("ValidateAndMigrate", lines).substate();
        assert_eq!(substate(&[]), Substate::PerformingPreRequisiteSteps);
        assert_eq!(substate(&[CHECK]), Substate::ValidationInProgress);
        assert_eq!(substate(&[CHECK, OBJECT]), Substate::ValidationInProgress);
        let whole = [CHECK, VALIDATION, OBJECT, CHECK];
        assert_eq!(substate(&whole), Substate::MigratingData);
        let migrate = folded("Migrate", &[OBJECT]).substate();
        assert_eq!(migrate, Substate::MigratingData);
    }

    #[test]
    fn chunks_count_until_their_table_is_in() {
        let fold = folded("Migrate", &[TABLE, OTHER, CHUNK, CHUNK]);
        assert_eq!((fold.rows(), fold.bytes()), (6, 60));
        assert_eq!(fold.tables().queued, 2);
        let fold = folded("Migrate", &[TABLE, OTHER, CHUNK, CHUNK, COPIED]);
        assert_eq!((fold.rows(), fold.bytes()), (7, 70));
        let tables = fold.tables();
        assert_eq!((tables.queued, tables.copied), (1, 1));
    }

    #[test]
    fn an_object_that_fails_and_then_differs_is_one_error() {
        let error = r#"{"type":"error","tool":"pg-copy","scope":"item","class":"statement","message":"m","exit":5,"object":"s.\"T\""}"#;
        let differs = r#"{"type":"verified","kind":"table","schema":"s","name":"T","verdict":"missing","milliseconds":1}"#;
        let equal = r#"{"type":"verified","kind":"table","schema":"s","name":"o","verdict":"match","milliseconds":1}"#;
        let fold = folded("Migrate", &[TABLE, OTHER, error, differs, equal]);
        let tables = fold.tables();
        assert_eq!((tables.errors, tables.verified, tables.queued), (1, 1, 1));
        assert!(fold.has_failed_items());
    }
}
