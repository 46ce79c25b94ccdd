//! What a journal tells: the run of each database of a migration, folded from its entries.

use std::collections::BTreeMap;

use jiff::Timestamp;
use pg_pipe::Failure;
use pg_pipe::record::{
    Check, Endpoint, ErrorRecord, Migration, MigrationState, Parameter, Record, Side, State,
    Substate, Validation, Verified,
};

use crate::begin;
use crate::journal::Entry;
use crate::transition;

/// What the states of a migration say while it is being canceled.
pub(crate) const CANCELING: &str = "canceling";

/// A migration, by its journal.
#[derive(Clone, Debug)]
pub(crate) struct History {
    /// The latest `migration` record.
    pub(crate) migration: Migration,
    /// When the migration was begun for the first time.
    pub(crate) began: Timestamp,
    /// When the journal was last written.
    pub(crate) changed: Timestamp,
    runs: BTreeMap<String, Run>,
}

/// The latest run of one database.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) migration: Migration,
    pub(crate) source: Option<Endpoint>,
    pub(crate) target: Option<Endpoint>,
    pub(crate) state: Option<State>,
    /// It is loaded and verified and waits for `finish`.
    pub(crate) ready: bool,
    /// Owner of the database on the source.
    pub(crate) owner: Option<String>,
    pub(crate) validation: Option<Validation>,
    pub(crate) checks: Vec<Check>,
    pub(crate) errors: Vec<ErrorRecord>,
    /// Server parameters that differ.
    pub(crate) parameters: Vec<Parameter>,
    /// What does not match.
    pub(crate) differences: Vec<Verified>,
}

impl History {
    /// Folds the entries of a journal; `None` when nothing was begun.
    pub(crate) fn of(entries: Vec<Entry>) -> Option<Self> {
        let mut history: Option<Self> = None;
        for entry in entries {
            if let Record::Migration(migration) = entry.record {
                let story = history.get_or_insert_with(|| Self {
                    migration: migration.clone(),
                    began: entry.at,
                    changed: entry.at,
                    runs: BTreeMap::new(),
                });
                story.migration = migration.clone();
                story.changed = entry.at;
                let mut run = Run::new(migration);
                // Who was stopped right here has not said where the servers are.
                if let Some(before) = story.runs.remove(&entry.database) {
                    (run.source, run.target) = (before.source, before.target);
                }
                story.runs.insert(entry.database, run);
            } else if let Some(story) = &mut history {
                story.changed = entry.at;
                if let Some(run) = story.runs.get_mut(&entry.database) {
                    run.note(entry.record, entry.ready);
                }
            }
        }
        history
    }

    /// The run of a database, if it was begun.
    pub(crate) fn run(&self, database: &str) -> Option<&Run> {
        self.runs.get(database)
    }

    /// All databases of the migration in the order of its file, with their runs.
    pub(crate) fn databases(&self) -> impl Iterator<Item = (&str, Option<&Run>)> {
        let names = self.migration.databases.iter();
        names.map(|name| (name.as_str(), self.runs.get(name)))
    }

    /// Whether something holds for the run of every database.
    pub(crate) fn every(&self, holds: impl Fn(&Run) -> bool) -> bool {
        self.databases().all(|(_, run)| run.is_some_and(&holds))
    }

    /// Whether the swap has begun: from there on only `finish` leads on.
    pub(crate) fn is_completing(&self) -> bool {
        self.databases()
            .any(|(_, run)| run.is_some_and(Run::is_completing))
    }

    /// Whether it was canceled: from there on nothing leads on.
    pub(crate) fn is_canceled(&self) -> bool {
        self.runs
            .values()
            .any(|run| run.state() == MigrationState::Canceled)
    }

    /// Whether the target is not yet as it was before.
    pub(crate) fn is_being_canceled(&self) -> bool {
        let states = self.runs.values().filter_map(|run| run.state.as_ref());
        self.is_canceled()
            && states
                .filter_map(|state| state.message.as_deref())
                .any(|message| message == CANCELING)
    }

    /// A new state for every database that was begun, to be written to the journal; counts
    /// stay as they are.
    ///
    /// # Errors
    /// A conflict when it may not follow.
    pub(crate) fn states(
        &self,
        state: MigrationState,
        substate: Substate,
        message: Option<&str>,
    ) -> Result<Vec<Entry>, Failure> {
        let runs = self.databases().filter_map(|(_, run)| run);
        runs.map(|run| {
            let before = run.state.clone();
            let before = before.unwrap_or_else(|| begin::first_state(&run.migration));
            let now = State {
                state,
                substate,
                message: message.map(str::to_owned),
                ..before.clone().at_rest()
            };
            // One database may have been told before the others were.
            if (now.state, now.substate) != (before.state, before.substate) {
                transition::check(&before, &now)?;
            }
            Ok(Entry::of_state(&now, false))
        })
        .collect()
    }

    /// Connection string of a side, from any of the runs.
    pub(crate) fn endpoint(&self, side: Side) -> Option<&Endpoint> {
        let latest = self.run(&self.migration.database).into_iter();
        latest
            .chain(self.runs.values())
            .find_map(|run| run.endpoint(side))
    }
}

impl Run {
    fn new(migration: Migration) -> Self {
        Self {
            migration,
            source: None,
            target: None,
            state: None,
            ready: false,
            owner: None,
            validation: None,
            checks: Vec::new(),
            errors: Vec::new(),
            parameters: Vec::new(),
            differences: Vec::new(),
        }
    }

    fn note(&mut self, record: Record, ready: bool) {
        match record {
            Record::Endpoint(endpoint) if endpoint.role == Side::Source => {
                self.source = Some(endpoint);
            }
            Record::Endpoint(endpoint) => self.target = Some(endpoint),
            Record::State(state) => {
                self.state = Some(state);
                self.ready = ready;
            }
            Record::Database(facts) => self.owner = Some(facts.owner),
            Record::Object(object) => self.owner = self.owner.take().or(object.owner),
            Record::Validation(validation) => self.validation = Some(validation),
            Record::Check(check) => self.checks.push(check),
            Record::Parameter(parameter) => self.parameters.push(parameter),
            Record::Error(error) => self.errors.push(error),
            Record::Verified(verified) => self.differences.push(verified),
            _ => {}
        }
    }

    /// What the run says of a side.
    pub(crate) fn endpoint(&self, side: Side) -> Option<&Endpoint> {
        match side {
            Side::Source => self.source.as_ref(),
            Side::Target => self.target.as_ref(),
        }
    }

    /// The state; a run that has none yet is in progress.
    pub(crate) fn state(&self) -> MigrationState {
        self.state
            .as_ref()
            .map_or(MigrationState::InProgress, |state| state.state)
    }

    /// The substate.
    pub(crate) fn substate(&self) -> Substate {
        self.state
            .as_ref()
            .map_or(Substate::PerformingPreRequisiteSteps, |state| {
                state.substate
            })
    }

    /// Whether the swap has begun and is not done.
    pub(crate) fn is_completing(&self) -> bool {
        self.substate() == Substate::CompletingMigration
    }

    /// Whether it is done.
    pub(crate) fn is_succeeded(&self) -> bool {
        self.state() == MigrationState::Succeeded
    }
}

/// Histories for tests of other modules.
#[cfg(test)]
pub(crate) mod samples {
    use super::*;
    use crate::journal::Entry;
    use pg_pipe::record::{MigrationOption, Mode, TableCounts};

    pub(crate) fn migration(name: &str, databases: &[&str], database: &str) -> Migration {
        Migration {
            name: name.to_owned(),
            hash: "0123456789ab".to_owned(),
            option: MigrationOption::ValidateAndMigrate,
            mode: Mode::Offline,
            source_type: "OnPremises".to_owned(),
            databases: databases.iter().map(|name| (*name).to_owned()).collect(),
            database: database.to_owned(),
            staging: format!("{database}__pgmig_01234567"),
            overwrite: false,
            in_place: false,
        }
    }

    pub(crate) fn state(database: &str, state: MigrationState, substate: Substate) -> State {
        State {
            migration: "m1".to_owned(),
            database: database.to_owned(),
            state,
            substate,
            tables: TableCounts::default(),
            rows: 0,
            bytes: 0,
            bytes_per_second: None,
            rows_per_second: None,
            eta_seconds: None,
            message: None,
        }
    }

    /// A history of databases, each with its state, substate and whether it is ready.
    pub(crate) fn history(runs: &[(&str, MigrationState, Substate, bool)]) -> History {
        let names: Vec<&str> = runs.iter().map(|run| run.0).collect();
        let mut entries = Vec::new();
        for (name, state_word, substate, ready) in runs {
            let begun = migration("m1", &names, name);
            entries.push(Entry::new(name, Record::Migration(begun)));
            let state = state(name, *state_word, *substate);
            entries.push(Entry::of_state(&state, *ready));
        }
        History::of(entries).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{history, migration, state};
    use super::*;

    const RUNS: MigrationState = MigrationState::InProgress;

    #[test]
    fn a_journal_without_a_migration_tells_nothing() {
        assert!(History::of(Vec::new()).is_none());
        let stray = state("a", RUNS, Substate::MigratingData);
        assert!(History::of(vec![Entry::of_state(&stray, false)]).is_none());
    }

    #[test]
    fn a_new_run_forgets_what_the_one_before_it_found() {
        let begun = |name: &str| {
            let begun = migration("m1", &["a", "b"], name);
            Entry::new(name, Record::Migration(begun))
        };
        let failed = state("a", MigrationState::Failed, Substate::Failed);
        let entries = vec![
            begun("a"),
            Entry::of_state(&failed, false),
            begun("b"),
            begun("a"),
        ];
        let history = History::of(entries).unwrap();
        assert_eq!(history.run("a").unwrap().state(), RUNS);
        assert_eq!(history.databases().count(), 2);
    }

    #[test]
    fn a_run_that_was_cut_off_at_its_beginning_has_the_servers_of_the_one_before_it() {
        let begun = Entry::new("a", Record::Migration(migration("m1", &["a"], "a")));
        let side = |role, conninfo: &str| {
            let endpoint = Endpoint {
                role,
                conninfo: conninfo.to_owned(),
                ..Endpoint::default()
            };
            Entry::new("a", Record::Endpoint(endpoint))
        };
        let first = [begun.clone(), side(Side::Source, "host=s"), begun.clone()];
        let of = |entries: Vec<Entry>, side| {
            let history = History::of(entries).unwrap();
            history.endpoint(side).map(|found| found.conninfo.clone())
        };
        let host = |name: &str| Some(format!("host={name}"));
        assert_eq!(of(first.to_vec(), Side::Source), host("s"));
        assert_eq!(of(first.to_vec(), Side::Target), None);
        let moved = [first.as_slice(), &[side(Side::Source, "host=other")]].concat();
        assert_eq!(of(moved, Side::Source), host("other"));
    }

    #[test]
    fn ready_is_a_matter_of_the_last_state() {
        let history = history(&[
            ("a", RUNS, Substate::MigratingData, true),
            ("b", RUNS, Substate::CompletingMigration, false),
        ]);
        assert!(history.run("a").unwrap().ready);
        assert!(!history.run("b").unwrap().ready);
        assert!(history.is_completing());
        assert!(history.every(|run| run.state() == RUNS));
        assert!(!history.every(|run| run.ready));
    }
}
