//! Which state may follow which: Azure's, and the ways back that resuming has with us.

use pg_pipe::Failure;
use pg_pipe::record::{
    MigrationState::{
        self, Canceled, Failed, InProgress, Succeeded, ValidationFailed, WaitingForUserAction,
    },
    State,
    Substate::{
        self, Completed, CompletingMigration, MigratingData, PerformingPreRequisiteSteps,
        ValidationInProgress,
    },
};

/// A state with its substate.
type Stage = (MigrationState, Substate);

/// Each stage with those that may follow it. A stage that is not here does not exist. Azure
/// cancels what is InProgress only, because nothing goes on from Failed there; with us that can
/// be resumed, so it can be canceled, too.
const NEXT: &[(Stage, &[Stage])] = &[
    (
        PREPARING,
        &[PREPARING, VALIDATING, MIGRATING, FAILED, CANCELED],
    ),
    (
        VALIDATING,
        &[
            PREPARING, VALIDATING, MIGRATING, FAILED, INVALID, SUCCEEDED, CANCELED,
        ],
    ),
    (
        MIGRATING,
        &[PREPARING, MIGRATING, WAITING, COMPLETING, FAILED, CANCELED],
    ),
    (WAITING, &[PREPARING, COMPLETING, CANCELED]),
    // The swap has begun: there is no way back.
    (COMPLETING, &[COMPLETING, SUCCEEDED]),
    (FAILED, &[PREPARING, CANCELED]),
    (INVALID, &[PREPARING, CANCELED]),
    (CANCELED, &[CANCELED]),
    (SUCCEEDED, &[]),
];

const PREPARING: Stage = (InProgress, PerformingPreRequisiteSteps);
const VALIDATING: Stage = (InProgress, ValidationInProgress);
const MIGRATING: Stage = (InProgress, MigratingData);
const WAITING: Stage = (WaitingForUserAction, MigratingData);
const COMPLETING: Stage = (InProgress, CompletingMigration);
const FAILED: Stage = (Failed, Substate::Failed);
const INVALID: Stage = (ValidationFailed, Substate::Failed);
const CANCELED: Stage = (Canceled, Completed);
const SUCCEEDED: Stage = (Succeeded, Completed);

/// Whether one stage may follow another.
pub(crate) fn may_follow(from: Stage, to: Stage) -> bool {
    NEXT.iter()
        .any(|(stage, next)| *stage == from && next.contains(&to))
}

/// Refuses a state that may not follow.
///
/// # Errors
/// A conflict that names both.
pub(crate) fn check(from: &State, to: &State) -> Result<(), Failure> {
    if may_follow((from.state, from.substate), (to.state, to.substate)) {
        return Ok(());
    }
    let shown = |state: &State| format!("{} ({})", state.state.as_str(), state.substate.as_str());
    Err(Failure::conflict(format!(
        "{} is {}, which {} cannot follow",
        to.migration,
        shown(from),
        shown(to)
    ))
    .hint(format!("See: pg-migstate show {}", to.migration)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: from; columns: to, in the same order. `x`: may follow.
    const PAIRS: &[(&str, Stage, &str)] = &[
        ("preparing", PREPARING, "xxx--x--x"),
        ("validating", VALIDATING, "xxx--xxxx"),
        ("migrating", MIGRATING, "x-xxxx--x"),
        ("waiting", WAITING, "x---x---x"),
        ("completing", COMPLETING, "----x--x-"),
        ("failed", FAILED, "x-------x"),
        ("invalid", INVALID, "x-------x"),
        ("succeeded", SUCCEEDED, "---------"),
        ("canceled", CANCELED, "--------x"),
    ];

    #[test]
    fn every_pair_of_stages_is_decided() {
        for (from_name, from, row) in PAIRS {
            assert_eq!(row.len(), PAIRS.len());
            for ((to_name, to, _), mark) in PAIRS.iter().zip(row.chars()) {
                assert_eq!(
                    may_follow(*from, *to),
                    mark == 'x',
                    "from {from_name} to {to_name}"
                );
            }
        }
    }

    #[test]
    fn states_and_substates_that_do_not_go_together_follow_nothing() {
        let states = [
            InProgress,
            Canceled,
            Failed,
            ValidationFailed,
            Succeeded,
            WaitingForUserAction,
        ];
        let substates = [
            PerformingPreRequisiteSteps,
            ValidationInProgress,
            MigratingData,
            CompletingMigration,
            Completed,
            Substate::Failed,
        ];
        let all = || {
            states
                .iter()
                .flat_map(|state| substates.map(|substate| (*state, substate)))
        };
        let exists = |stage: &Stage| PAIRS.iter().any(|(_, known, _)| known == stage);
        assert_eq!(all().filter(exists).count(), PAIRS.len());
        for stage in all().filter(|stage| !exists(stage)) {
            for other in all() {
                assert!(!may_follow(stage, other), "{stage:?} {other:?}");
                assert!(!may_follow(other, stage), "{other:?} {stage:?}");
            }
        }
    }

    #[test]
    fn the_refusal_names_both() {
        let state = |state, substate| crate::history::samples::state("a", state, substate);
        let failure = check(
            &state(Canceled, Completed),
            &state(InProgress, MigratingData),
        );
        assert_eq!(
            failure.unwrap_err().to_string(),
            "m1 is Canceled (Completed), which InProgress (MigratingData) cannot follow"
        );
    }
}
