//! The journal of one database as its recorder has it: open, and held so that no other
//! recorder, `begin` or `finish` works on the same.

use pg_pipe::Failure;
use pg_pipe::record::{Endpoint, Migration, MigrationState, Record, Side, State, Substate};
use pg_session::{Role, quote};

use crate::address;
use crate::begin;
use crate::history::{History, Run};
use crate::journal::{self, Durability, Entry, Journal};
use crate::store::{Held, Place, StateDir};
use crate::transition;

/// The journal of one database, open.
pub(crate) struct Book {
    pub(crate) migration: Migration,
    place: Place,
    pub(crate) journal: Journal,
    /// The state that was written last.
    pub(crate) last: State,
    /// Somebody has canceled the migration.
    pub(crate) is_canceled: bool,
    _held: Held,
}

impl Book {
    /// Opens the journal that the head of a stream names, making it where it is missing.
    ///
    /// # Errors
    /// When somebody else works on the database, or it is past recording.
    pub(crate) fn open(
        state: &StateDir,
        migration: &Migration,
        target: &str,
    ) -> anyhow::Result<Self> {
        let place = state.place(
            &address::of_conninfo(Role::Target, target)?,
            &migration.name,
        )?;
        let database = &migration.database;
        let shown = quote::shown(database);
        let held = place.hold(database)?.ok_or_else(|| {
            Failure::conflict(format!("{shown} of {} is being recorded", migration.name))
                .hint("Wait until the other pipeline has ended, or stop it.")
        })?;
        let mut journal = Journal::open(&place)?;
        let mut locked = journal.lock()?;
        let history = History::of(locked.read()?);
        let run = history.as_ref().and_then(|history| history.run(database));
        if history.as_ref().is_some_and(History::is_canceled) {
            return Err(canceled(&migration.name).into());
        }
        if let Some(run) = run
            && (run.is_completing() || run.is_succeeded())
        {
            let word = run.substate().as_str();
            return Err(Failure::conflict(format!(
                "{shown} of {} is {word} already",
                migration.name
            ))
            .hint("The journal is left as it is: pg-migstate show tells more.")
            .into());
        }
        let begun = run.is_some_and(|run| {
            run.state() == MigrationState::InProgress
                && run.substate() == Substate::PerformingPreRequisiteSteps
        });
        let last = begin::first_state(migration);
        if !begun {
            // The stream was kept and is played again, or was begun on another machine.
            let migration = Entry::new(database, Record::Migration(migration.clone()));
            let state = Entry::of_state(&last, false);
            locked.append(&[migration, state], Durability::Synced)?;
        }
        drop(locked);
        Ok(Self {
            migration: migration.clone(),
            place,
            journal,
            last,
            is_canceled: false,
            _held: held,
        })
    }

    /// Writes a state, unless the migration has been canceled meanwhile: gives what is the
    /// state then.
    ///
    /// # Errors
    /// When the journal cannot be read or written.
    pub(crate) fn write(
        &mut self,
        state: State,
        ready: bool,
        durability: Durability,
    ) -> Result<State, Failure> {
        let mut locked = self.journal.lock()?;
        let is_canceled = |entry: &Entry| matches!(&entry.record, Record::State(state) if state.state == MigrationState::Canceled);
        self.is_canceled = self.is_canceled || locked.news()?.iter().any(is_canceled);
        if self.is_canceled {
            return Ok(State {
                state: MigrationState::Canceled,
                substate: Substate::Completed,
                message: None,
                ..state
            });
        }
        transition::check(&self.last, &state)?;
        locked.append(&[Entry::of_state(&state, ready)], durability)?;
        Ok(state)
    }

    /// A name stands for one migration of a server, whatever address leads there.
    ///
    /// # Errors
    /// A conflict when another migration of this name is on the same server.
    pub(crate) fn check_unique(&self, state: &StateDir, target: &Endpoint) -> Result<(), Failure> {
        let Some(identifier) = &target.system_identifier else {
            return Ok(());
        };
        for place in state.places()? {
            if place.name() != self.place.name() || place.is(&self.place) {
                continue;
            }
            let history = History::of(journal::read(&place)?);
            let other = history
                .as_ref()
                .and_then(|told| told.endpoint(Side::Target));
            let Some(other) = other else { continue };
            if other.system_identifier.as_ref() == Some(identifier) {
                let address = address::of_conninfo(Role::Target, &other.conninfo);
                return Err(Failure::conflict(format!(
                    "the target has a migration {} already, by its address {}",
                    place.name(),
                    address.unwrap_or_default()
                ))
                .hint("Choose another name, or go on with that one."));
            }
        }
        Ok(())
    }

    /// Removes password files once a validation has succeeded for every database: nothing
    /// will ask for them. Those of a migration are needed until `finish`.
    ///
    /// # Errors
    /// When the journal cannot be read or a file stays.
    pub(crate) fn forget_passwords(&mut self) -> Result<(), Failure> {
        let history = History::of(self.journal.lock()?.read()?);
        if history.is_some_and(|history| history.every(Run::is_succeeded)) {
            self.place.remove_passfiles()?;
        }
        Ok(())
    }
}

/// What is said to whoever goes on with a canceled migration.
pub(crate) fn canceled(name: &str) -> Failure {
    Failure::conflict(format!("{name} was canceled")).hint("Begin it again under another name.")
}
