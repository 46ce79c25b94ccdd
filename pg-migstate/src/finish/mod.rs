//! `finish`: puts all databases of a migration in place, in a table of steps each of which
//! can be run again: a `finish` that was killed anywhere is finished by the next one.

mod look;
mod swap;

use pg_pipe::record::{MigrationOption, MigrationState, Record, Side, Substate};
use pg_pipe::{Context, Exit, Failure};
use pg_session::settings::application_name;
use pg_session::{Endpoint, Purpose, Role, Session, ledger, quote, resolve};

use crate::args::FinishArgs;
use crate::chosen::Chosen;
use crate::finish::look::Swap;
use crate::history::{History, Run};
use crate::journal::{Durability, Entry, Journal};
use crate::store::{Place, StateDir};

/// A step: does nothing where it has been done.
struct Step {
    /// What it does, for `--verbose` and for errors.
    name: &'static str,
    run: fn(&mut Finish) -> anyhow::Result<()>,
}

/// In this order. Up to «drop the ledgers» everything can still be resumed; the swap itself
/// happens whole or not at all; nothing is lost before it has been committed.
const STEPS: &[Step] = &[
    Step {
        name: "make commits durable",
        run: Finish::make_durable,
    },
    Step {
        name: "read the marks of the staging databases",
        run: Finish::read_marks,
    },
    Step {
        name: "look at the databases that are in the way",
        run: Finish::look_at_old,
    },
    Step {
        name: "look for other sessions",
        run: Finish::look_for_sessions,
    },
    Step {
        name: "look for tables that a crash has emptied",
        run: Finish::look_for_emptied,
    },
    Step {
        name: "mark the staging databases as verified",
        run: Finish::mark_verified,
    },
    Step {
        name: "note in the journal that the swap begins",
        run: Finish::note_completing,
    },
    Step {
        name: "drop the ledgers",
        run: Finish::drop_ledgers,
    },
    Step {
        name: "swap the databases in",
        run: Finish::swap,
    },
    Step {
        name: "drop the old databases",
        run: Finish::drop_old,
    },
    Step {
        name: "note in the journal that all is done",
        run: Finish::note_succeeded,
    },
];

/// `finish NAME`.
///
/// # Errors
/// When a database is not verified, another is in its way, or the server refuses a step.
pub(crate) fn run(args: &FinishArgs, state: &StateDir, context: &Context) -> anyhow::Result<Exit> {
    let mut chosen = Chosen::find(&args.chosen, state)?;
    let _held = chosen.hold_all()?;
    let mut journal = Journal::open(&chosen.place)?;
    // Somebody may have written to it before we held everything.
    if let Some(history) = History::of(journal.lock()?.read()?) {
        chosen.history = history;
    }
    if let Some(overwrite) = chosen.overwrite {
        chosen.history.migration.overwrite = overwrite;
    }
    check_ready(&chosen.history)?;
    let name = chosen.history.migration.name.clone();
    if chosen.history.every(Run::is_succeeded) {
        tell_states(&chosen.history, context);
        chosen.place.remove_passfiles()?;
        context
            .notice()
            .note(&format!("{name} is finished already"));
        return Ok(Exit::Fine);
    }
    let mut finish = Finish::connect(chosen, journal, context)?;
    finish.terminates = args.terminate;
    let cancel = finish.session.cancel();
    let _registered = context.stop().on_request(move || cancel.fire());
    for step in STEPS {
        if context.stop().requested() {
            return Err(Failure::conflict("stopped before the end").into());
        }
        context.notice().detail(step.name);
        (step.run)(&mut finish).map_err(|error| {
            // What we found out by ourselves says what it is about.
            if error.is::<Failure>() {
                error
            } else {
                error.context(format!("cannot {}", step.name))
            }
        })?;
    }
    context
        .notice()
        .note(&format!("{name}: Succeeded, every database is in place"));
    Ok(Exit::Fine)
}

/// Success must be in the journal for every database before anything is swapped.
fn check_ready(history: &History) -> Result<(), Failure> {
    let name = &history.migration.name;
    if history.migration.option == MigrationOption::Validate {
        return Err(Failure::usage(format!(
            "{name} is a validation: there is nothing to finish"
        ))
        .hint("To migrate, set option to Migrate in the file and choose another name."));
    }
    let missing: Vec<String> = history
        .databases()
        .filter_map(|(database, run)| {
            let word = match run {
                None => "not begun",
                Some(run) if run.ready || run.is_completing() || run.is_succeeded() => return None,
                Some(run) => run.state().as_str(),
            };
            Some(format!("{} ({word})", quote::shown(database)))
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::conflict(format!(
        "cannot finish {name}: not verified: {}",
        missing.join(", ")
    ))
    .hint(format!(
        "All databases are put in place at once. See: pg-migstate show {name}"
    )))
}

fn tell_states(history: &History, context: &Context) {
    for (_, run) in history.databases() {
        if let Some(state) = run.and_then(|run| run.state.clone()) {
            context.write(Record::State(state));
        }
    }
}

/// A swap under way.
struct Finish {
    context: Context,
    history: History,
    place: Place,
    journal: Journal,
    endpoint: Endpoint,
    application: String,
    /// On the maintenance database of the target.
    session: Session,
    swaps: Vec<Swap>,
    /// Whether sessions of others are ended.
    terminates: bool,
}

impl Finish {
    fn connect(chosen: Chosen, journal: Journal, context: &Context) -> anyhow::Result<Self> {
        let Chosen { place, history, .. } = chosen;
        let record = history.endpoint(Side::Target).ok_or_else(|| {
            Failure::conflict("the journal does not say where the target is")
                .hint("Resume the migration: ./migrate --resume FILE")
        })?;
        let endpoint = resolve(Role::Target, Some(&record.conninfo))?
            .password_left_behind(record.password_from.as_deref())
            .telling(context.teller());
        let application = application_name(Some(&history.migration.hash), context.tool());
        let session = endpoint.connect(Purpose::Load, &application)?;
        Ok(Self {
            context: context.clone(),
            history,
            place,
            journal,
            endpoint,
            application,
            session,
            swaps: Vec::new(),
            terminates: false,
        })
    }

    /// Loading does without; from here on a commit must have happened when it is reported.
    fn make_durable(&mut self) -> anyhow::Result<()> {
        Ok(self.session.batch("set synchronous_commit to on")?)
    }

    /// A session of its own on another database of the target.
    fn session_on(&self, database: &str, purpose: Purpose) -> anyhow::Result<Session> {
        let endpoint = self.endpoint.with_database(database);
        Ok(endpoint.connect(purpose, &self.application)?)
    }

    fn drop_ledgers(&mut self) -> anyhow::Result<()> {
        for swap in self.swaps.iter().filter(|swap| swap.is_due()) {
            let mut session = self.session_on(&swap.staging, Purpose::Load)?;
            session.batch("set synchronous_commit to on")?;
            ledger::drop_ledger(&mut session)?;
        }
        Ok(())
    }

    /// From here on cancel is refused; it looks at the journal under the same lock.
    fn note_completing(&mut self) -> anyhow::Result<()> {
        let mut locked = self.journal.lock()?;
        if History::of(locked.read()?).is_some_and(|history| history.is_canceled()) {
            let name = &self.history.migration.name;
            return Err(Failure::conflict(format!("{name} was canceled"))
                .hint("Begin it again under another name.")
                .into());
        }
        let (state, substate) = (MigrationState::InProgress, Substate::CompletingMigration);
        let entries = self.history.states(state, substate, None)?;
        locked.append(&entries, Durability::Synced)?;
        if let Some(history) = History::of(locked.read()?) {
            let overwrite = self.history.migration.overwrite;
            self.history = history;
            self.history.migration.overwrite = overwrite;
        }
        drop(locked);
        self.tell(entries);
        Ok(())
    }

    fn note_succeeded(&mut self) -> anyhow::Result<()> {
        let (state, substate) = (MigrationState::Succeeded, Substate::Completed);
        let entries = self.history.states(state, substate, None)?;
        self.journal.append(&entries, Durability::Synced)?;
        self.tell(entries);
        self.place.remove_passfiles()?;
        Ok(())
    }

    fn tell(&self, entries: Vec<Entry>) {
        for entry in entries {
            self.context.write(entry.record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::samples::history;
    use MigrationState::{Failed, InProgress, Succeeded};

    #[test]
    fn nothing_is_swapped_before_every_database_is_verified() {
        let ready = ("a", InProgress, Substate::MigratingData, true);
        let loading = ("b", InProgress, Substate::MigratingData, false);
        let failed = ("c d", Failed, Substate::Failed, false);
        assert!(check_ready(&history(&[ready])).is_ok());
        let failure = check_ready(&history(&[ready, loading, failed])).unwrap_err();
        assert_eq!(failure.diagnosis().exit, Exit::Conflict);
        assert!(
            failure
                .to_string()
                .ends_with("not verified: b (InProgress), \"c d\" (Failed)"),
            "{failure}"
        );
    }

    #[test]
    fn a_swap_that_was_cut_can_go_on() {
        let done = ("a", Succeeded, Substate::Completed, false);
        let cut = ("b", InProgress, Substate::CompletingMigration, false);
        assert!(check_ready(&history(&[done, cut])).is_ok());
    }

    #[test]
    fn a_validation_has_nothing_to_finish() {
        let mut history = history(&[("a", Succeeded, Substate::Completed, false)]);
        history.migration.option = MigrationOption::Validate;
        let failure = check_ready(&history).unwrap_err();
        assert_eq!(failure.diagnosis().exit, Exit::Usage);
    }
}
