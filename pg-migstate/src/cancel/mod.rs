//! `cancel`: undoes on the target what a migration has done there, and ends its sessions on
//! both servers, wherever its tools run. It needs no process ids and no shared disk: the marks
//! on databases and roles, and the names of sessions, say what belongs to the migration.

mod in_place;
mod sweep;
mod undo;

use std::thread;
use std::time::{Duration, Instant};

use pg_pipe::record::{MigrationState, Record, Side, Substate};
use pg_pipe::{Context, Exit, Failure};
use pg_session::settings::application_name;
use pg_session::{Endpoint, Purpose, Role, Session, resolve};

use crate::args::ChosenArgs;
use crate::cancel::sweep::Sweep;
use crate::chosen::Chosen;
use crate::history::{CANCELING, History, Run};
use crate::journal::{Durability, Journal};
use crate::store::{Place, StateDir};

/// How long what runs on this machine may take to end after its sessions have.
const PIPELINES: Duration = Duration::from_secs(10);

/// A process that has lost its session may be about to open another: what comes within this
/// time is ended, too.
const QUIET: Duration = Duration::from_millis(600);

const PAUSE: Duration = Duration::from_millis(50);

/// `cancel NAME`.
///
/// # Errors
/// When the migration is past canceling, or the target cannot be reached. What was begun is
/// gone on with by the next `cancel`.
pub(crate) fn run(args: &ChosenArgs, state: &StateDir, context: &Context) -> anyhow::Result<Exit> {
    let chosen = Chosen::find(args, state)?;
    check(&chosen.history)?;
    let way = Way::of(&chosen.history, Side::Target, context)?;
    let mut target = way.open(Purpose::Load)?;
    // What is said to be undone must be on disk.
    target.batch("set synchronous_commit to on")?;
    undo::check_not_swapped(&mut target, &chosen.history)?;
    let mut journal = Journal::open(&chosen.place)?;
    let history = note(&mut journal, CANCELING)?;
    let mut sweep = Sweep::new(&history, context.tool(), target);
    sweep.mark_canceled()?;
    sweep.end_sessions()?;
    // Rows are only read there: a source that cannot be reached keeps nothing from being undone.
    match Way::of(&history, Side::Source, context).and_then(|way| way.open(Purpose::Read)) {
        Ok(source) => sweep.also_on(source),
        Err(error) => context
            .notice()
            .warn(&format!("sessions on the source are not ended: {error:#}")),
    }
    until_quiet(&mut sweep, &chosen.place, &history)?;
    undo::unmarked(&mut sweep.target, &history, |name| way.open_on(name))?;
    let told = undo::all(&mut sweep.target, &history.migration.hash, |name| {
        way.open_to_undo(name)
    })?;
    for text in told {
        context.notice().warn(&text);
    }
    let history = note(&mut journal, "canceled, the target is as it was")?;
    chosen.place.remove_passfiles()?;
    for (_, run) in history.databases() {
        if let Some(state) = run.and_then(|run| run.state.clone()) {
            context.write(Record::State(state));
        }
    }
    let name = &history.migration.name;
    context
        .notice()
        .note(&format!("{name}: Canceled, the target is as it was"));
    Ok(Exit::Fine)
}

/// What can be resumed can be canceled, and so can what is being canceled.
fn check(history: &History) -> Result<(), Failure> {
    let name = &history.migration.name;
    if history.is_completing() {
        return Err(
            Failure::conflict(format!("the swap of {name} has begun")).hint(format!(
                "Only finishing leads on: pg-migstate finish {name}"
            )),
        );
    }
    if history.every(Run::is_succeeded) {
        return Err(Failure::conflict(format!("{name} has succeeded"))
            .hint("There is nothing to cancel. To forget it: pg-migstate delete NAME"));
    }
    Ok(())
}

/// The way to one of the servers.
struct Way {
    endpoint: Endpoint,
    application: String,
}

impl Way {
    fn of(history: &History, side: Side, context: &Context) -> anyhow::Result<Self> {
        let role = match side {
            Side::Source => Role::Source,
            Side::Target => Role::Target,
        };
        let record = history.endpoint(side).ok_or_else(|| {
            let role = role.as_str();
            Failure::conflict(format!("the journal does not say where the {role} is"))
                .hint("Nothing was begun that would have to be undone.")
        })?;
        let endpoint = resolve(role, Some(&record.conninfo))?
            .password_left_behind(record.password_from.as_deref())
            .telling(context.teller());
        Ok(Self {
            endpoint,
            application: application_name(Some(&history.migration.hash), context.tool()),
        })
    }

    fn open(&self, purpose: Purpose) -> anyhow::Result<Session> {
        Ok(self.endpoint.connect(purpose, &self.application)?)
    }

    /// On a database that was loaded in place.
    fn open_to_undo(&self, database: &str) -> Result<Session, pg_session::Error> {
        let endpoint = self.endpoint.with_database(database);
        endpoint.connect(Purpose::Load, &self.application)
    }

    /// On another database of the server.
    fn open_on(&self, database: &str) -> Result<Session, pg_session::Error> {
        let endpoint = self.endpoint.with_database(database);
        endpoint.connect(Purpose::Read, &self.application)
    }
}

/// Gives every database that was begun the state Canceled. From here on no recorder, `begin`
/// or `finish` goes on with it: they look at the journal under its lock.
fn note(journal: &mut Journal, message: &str) -> anyhow::Result<History> {
    let mut locked = journal.lock()?;
    let history = History::of(locked.read()?).ok_or_else(|| {
        Failure::conflict("the journal is gone").hint("Look with: pg-migstate list")
    })?;
    check(&history)?;
    let (state, substate) = (MigrationState::Canceled, Substate::Completed);
    let entries = history.states(state, substate, Some(message))?;
    locked.append(&entries, Durability::Synced)?;
    History::of(locked.read()?)
        .ok_or_else(|| Failure::bug("the journal has lost its migration").into())
}

/// Ends sessions until none has come for a while and no pipeline on this machine is left.
fn until_quiet(sweep: &mut Sweep, place: &Place, history: &History) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut quiet_since = Instant::now();
    loop {
        if sweep.end_sessions()? {
            quiet_since = Instant::now();
        }
        sweep.mark_canceled()?;
        let runs = history.databases().any(|(name, _)| place.is_held(name));
        let waited_enough = !runs || begun.elapsed() > PIPELINES;
        if waited_enough && quiet_since.elapsed() > QUIET {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::samples::history;
    use MigrationState::{
        Canceled, Failed, InProgress, Succeeded, ValidationFailed, WaitingForUserAction,
    };

    #[test]
    fn what_can_be_resumed_can_be_canceled() {
        for (state, substate, may) in [
            (InProgress, Substate::PerformingPreRequisiteSteps, true),
            (InProgress, Substate::ValidationInProgress, true),
            (InProgress, Substate::MigratingData, true),
            (WaitingForUserAction, Substate::MigratingData, true),
            (Failed, Substate::Failed, true),
            (ValidationFailed, Substate::Failed, true),
            (Canceled, Substate::Completed, true),
            (InProgress, Substate::CompletingMigration, false),
            (Succeeded, Substate::Completed, false),
        ] {
            let checked = check(&history(&[("a", state, substate, false)]));
            assert_eq!(checked.is_ok(), may, "{state:?} {substate:?}");
            let status = checked.err().map(|failure| failure.diagnosis().exit);
            assert!(status.is_none_or(|exit| exit == Exit::Conflict));
        }
    }
}
