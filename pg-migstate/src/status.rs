//! The status of a migration as a whole: from the runs of its databases, and from whether
//! anybody still works on them.

use jiff::Timestamp;
use pg_pipe::record::{MigrationOption, MigrationState};

use crate::history::{History, Run};
use crate::store::Place;

/// Seconds without a sign of life before a migration that nobody works on counts as
/// interrupted: between two databases, and before a recorder has begun, nobody does.
const GRACE_SECONDS: i64 = 5;

/// The status of a migration or of one of its databases.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Status {
    /// As its journal says.
    Told(MigrationState),
    /// It should be running and nobody works on it.
    Interrupted,
}

/// What the journal does not say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signs {
    /// Somebody works on one of the databases.
    pub(crate) alive: bool,
    /// The journal was written to a moment ago.
    pub(crate) fresh: bool,
}

impl Status {
    /// The word for the list.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Told(state) => state.as_str(),
            Self::Interrupted => "Failed (interrupted)",
        }
    }

    /// Whether it runs or waits.
    pub(crate) fn is_active(self) -> bool {
        matches!(
            self,
            Self::Told(MigrationState::InProgress | MigrationState::WaitingForUserAction)
        )
    }
}

impl Signs {
    /// Looks for signs of life.
    pub(crate) fn of(place: &Place, history: &History, now: Timestamp) -> Self {
        let age = now.as_second().saturating_sub(history.changed.as_second());
        Self {
            alive: history.databases().any(|(name, _)| place.is_held(name)),
            fresh: age.abs() < GRACE_SECONDS,
        }
    }
}

/// Status of the migration: while one database runs it runs, then the worst one counts.
pub(crate) fn overall(history: &History, signs: Signs) -> Status {
    use MigrationState::{
        Canceled, Failed, InProgress, Succeeded, ValidationFailed, WaitingForUserAction,
    };
    // Whoever still works on a canceled one is about to end.
    if history.is_canceled() {
        return Status::Told(Canceled);
    }
    if signs.alive {
        return Status::Told(InProgress);
    }
    let has = |wanted| {
        history
            .databases()
            .any(|(_, run)| run.is_some_and(|run| run.state() == wanted))
    };
    if let Some(bad) = [ValidationFailed, Failed].into_iter().find(|bad| has(*bad)) {
        return Status::Told(bad);
    }
    if history.every(Run::is_succeeded) {
        return Status::Told(Succeeded);
    }
    if history.every(|run| run.ready || run.is_succeeded()) {
        let waits = has(WaitingForUserAction);
        return Status::Told(if waits {
            WaitingForUserAction
        } else {
            InProgress
        });
    }
    if signs.fresh {
        return Status::Told(InProgress);
    }
    Status::Interrupted
}

/// The command to run next, if there is one.
pub(crate) fn next(history: &History, status: Status) -> Option<String> {
    let name = &history.migration.name;
    let finish = format!("pg-migstate finish {name}");
    if history.is_completing() {
        return Some(finish);
    }
    match status {
        Status::Told(MigrationState::Succeeded) => {
            let validated = history.migration.option == MigrationOption::Validate;
            validated.then(|| "./migrate FILE, with another name and option Migrate".to_owned())
        }
        Status::Told(MigrationState::Canceled) => history
            .is_being_canceled()
            .then(|| format!("pg-migstate cancel {name}")),
        Status::Told(MigrationState::InProgress | MigrationState::WaitingForUserAction) => history
            .every(|run| run.ready || run.is_succeeded())
            .then_some(finish),
        _ => Some(format!(
            "./migrate --resume {name}, when the cause is mended; or pg-migstate cancel {name}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::samples::history;
    use MigrationState::{Failed, InProgress, Succeeded, ValidationFailed, WaitingForUserAction};
    use pg_pipe::record::Substate::{self, CompletingMigration, MigratingData};

    const QUIET: Signs = Signs {
        alive: false,
        fresh: false,
    };

    fn status(runs: &[(&str, MigrationState, Substate, bool)], signs: Signs) -> &'static str {
        overall(&history(runs), signs).as_str()
    }

    #[test]
    fn a_migration_that_nobody_works_on_is_interrupted() {
        let runs = [("a", InProgress, MigratingData, false)];
        assert_eq!(status(&runs, QUIET), "Failed (interrupted)");
        let alive = Signs {
            alive: true,
            fresh: false,
        };
        assert_eq!(status(&runs, alive), "InProgress");
        let fresh = Signs {
            alive: false,
            fresh: true,
        };
        assert_eq!(status(&runs, fresh), "InProgress");
    }

    #[test]
    fn one_that_waits_for_finish_is_not_interrupted() {
        let ready = ("a", InProgress, MigratingData, true);
        assert_eq!(status(&[ready], QUIET), "InProgress");
        let held = ("b", WaitingForUserAction, MigratingData, true);
        assert_eq!(status(&[ready, held], QUIET), "WaitingForUserAction");
        assert!(next(&history(&[ready]), Status::Told(InProgress)).is_some());
    }

    #[test]
    fn the_worst_database_counts_once_all_have_ended() {
        let good = ("a", Succeeded, Substate::Completed, false);
        let bad = ("b", Failed, Substate::Failed, false);
        let worse = ("c", ValidationFailed, Substate::Failed, false);
        assert_eq!(status(&[good], QUIET), "Succeeded");
        assert_eq!(status(&[good, bad], QUIET), "Failed");
        assert_eq!(status(&[good, bad, worse], QUIET), "Validation Failed");
    }

    #[test]
    fn a_swap_that_was_cut_is_interrupted_and_finish_leads_on() {
        let runs = [("a", InProgress, CompletingMigration, false)];
        assert_eq!(status(&runs, QUIET), "Failed (interrupted)");
        let hint = next(&history(&runs), Status::Interrupted).unwrap();
        assert_eq!(hint, "pg-migstate finish m1");
    }
}
