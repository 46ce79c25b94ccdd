//! What became of a stream: state, substate, message and exit status, decided once when it
//! has ended. Success must be proven; everything else is a failure with a reason.

use pg_pipe::record::{MigrationOption, MigrationState, Substate, VerificationStatus};
use pg_pipe::{Exit, Failure};

use crate::fold::Fold;

/// How the stream of a database ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) state: MigrationState,
    pub(crate) substate: Substate,
    pub(crate) message: Option<String>,
    /// It is loaded and verified and waits for `finish`.
    pub(crate) ready: bool,
    pub(crate) exit: Exit,
}

/// Whether a person is to finish the migration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Finishing {
    /// Whoever runs the pipeline goes on with `finish`.
    Expected,
    /// A person is waited for.
    Held,
}

impl Outcome {
    /// Judges a stream by all that it said and by the error that it ended with.
    pub(crate) fn of(fold: &Fold, failure: Option<&Failure>, finishing: Finishing) -> Self {
        if let Some(validation) = fold
            .validation
            .as_ref()
            .filter(|_| fold.validation_failed())
        {
            return Self {
                state: MigrationState::ValidationFailed,
                ..Self::failed(Exit::No, checks_failed(validation.failed))
            };
        }
        if let Some(failure) = failure {
            return Self::failed(failure.diagnosis().exit, reason(fold, failure));
        }
        if fold.option == MigrationOption::Validate {
            return Self::of_validation(fold);
        }
        if fold.has_failed_items() {
            let message = fold.item_error.as_ref().map(|error| error.message.clone());
            let message = message.unwrap_or_else(|| "some items failed".to_owned());
            return Self::failed(Exit::Partial, message);
        }
        match fold.verification {
            Some(VerificationStatus::Equal) => Self::ready(finishing),
            Some(VerificationStatus::Different) => Self::failed(Exit::No, differs(fold)),
            Some(VerificationStatus::Incomplete) => {
                Self::failed(Exit::No, "not everything could be compared".to_owned())
            }
            None => Self::failed(Exit::No, "nothing was verified".to_owned()),
        }
    }

    fn of_validation(fold: &Fold) -> Self {
        if fold.validation.is_none() {
            return Self::failed(Exit::No, "nothing was validated".to_owned());
        }
        Self {
            state: MigrationState::Succeeded,
            substate: Substate::Completed,
            message: None,
            ready: false,
            exit: Exit::Fine,
        }
    }

    fn ready(finishing: Finishing) -> Self {
        Self {
            state: match finishing {
                Finishing::Expected => MigrationState::InProgress,
                Finishing::Held => MigrationState::WaitingForUserAction,
            },
            substate: Substate::MigratingData,
            message: Some("verified, waiting for finish".to_owned()),
            ready: true,
            exit: Exit::Fine,
        }
    }

    fn failed(exit: Exit, message: String) -> Self {
        Self {
            state: MigrationState::Failed,
            substate: Substate::Failed,
            message: Some(message),
            ready: false,
            exit,
        }
    }
}

/// The first error that a tool told of, else that of the stream itself.
fn reason(fold: &Fold, failure: &Failure) -> String {
    let interrupted = matches!(
        failure.diagnosis().exit,
        Exit::Interrupted | Exit::Terminated
    );
    let told = fold.stream_error.as_ref().or(fold.item_error.as_ref());
    match told {
        Some(error) => error.message.clone(),
        None if interrupted => "interrupted, can be resumed".to_owned(),
        None if fold.verification == Some(VerificationStatus::Different) => differs(fold),
        None => failure.to_string(),
    }
}

fn checks_failed(count: u64) -> String {
    if count == 1 {
        "1 check failed".to_owned()
    } else {
        format!("{count} checks failed")
    }
}

fn differs(fold: &Fold) -> String {
    let what = "the target differs from the source";
    match &fold.difference {
        Some(first) => format!("{what}, first in {first}"),
        None => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MigrationState::{Failed, InProgress, Succeeded, ValidationFailed, WaitingForUserAction};
    use pg_pipe::record::{Record, Validation, ValidationStatus, Verification};

    fn fold(verification: Option<VerificationStatus>) -> Fold {
        let mut fold = Fold::default();
        if let Some(status) = verification {
            fold.note(&Record::Verification(Verification {
                status,
                matched: 1,
                mismatched: 0,
                unverified: 0,
                rows: 1,
                objects: None,
            }));
        }
        fold
    }

    fn validated(status: ValidationStatus, option: MigrationOption) -> Fold {
        let mut fold = fold(None);
        fold.option = option;
        fold.note(&Record::Validation(Validation {
            status,
            succeeded: 1,
            warning: 0,
            failed: 2,
            skipped: 0,
        }));
        fold
    }

    fn ended(fold: &Fold, failure: Option<&Failure>) -> (MigrationState, u8) {
        let outcome = Outcome::of(fold, failure, Finishing::Expected);
        assert!(!outcome.ready || outcome.exit == Exit::Fine);
        (outcome.state, outcome.exit.code())
    }

    #[test]
    fn equal_without_errors_is_ready_and_waits() {
        let equal = fold(Some(VerificationStatus::Equal));
        assert_eq!(ended(&equal, None), (InProgress, 0));
        let held = Outcome::of(&equal, None, Finishing::Held);
        assert_eq!(held.state, WaitingForUserAction);
        assert!(held.ready);
    }

    #[test]
    fn without_a_verification_nothing_succeeds() {
        assert_eq!(ended(&fold(None), None), (Failed, 1));
        for status in [
            VerificationStatus::Different,
            VerificationStatus::Incomplete,
        ] {
            assert_eq!(ended(&fold(Some(status)), None), (Failed, 1));
        }
    }

    #[test]
    fn failed_items_end_with_6_even_when_the_rest_is_equal() {
        let mut partial = fold(Some(VerificationStatus::Equal));
        partial.partial = true;
        assert_eq!(ended(&partial, None), (Failed, 6));
    }

    #[test]
    fn a_failed_validation_is_told_as_such_whatever_else_ended() {
        let failed = validated(ValidationStatus::Failed, MigrationOption::default());
        let upstream = Failure::upstream("pg-validate", Exit::No);
        assert_eq!(ended(&failed, Some(&upstream)), (ValidationFailed, 1));
    }

    #[test]
    fn a_validation_alone_succeeds_with_warnings_and_fails_without_a_result() {
        let warned = validated(ValidationStatus::Warning, MigrationOption::Validate);
        assert_eq!(ended(&warned, None), (Succeeded, 0));
        let mut nothing = fold(Some(VerificationStatus::Equal));
        nothing.option = MigrationOption::Validate;
        assert_eq!(ended(&nothing, None), (Failed, 1));
    }

    #[test]
    fn a_stream_that_was_cut_or_stopped_ends_with_its_status() {
        let equal = fold(Some(VerificationStatus::Equal));
        let cut = Failure::input("standard input is cut");
        assert_eq!(ended(&equal, Some(&cut)), (Failed, 3));
        let lost = Failure::upstream("pg-copy", Exit::Connection);
        assert_eq!(ended(&equal, Some(&lost)), (Failed, 4));
        let stopped = Failure::upstream("pg-copy", Exit::Interrupted);
        let outcome = Outcome::of(&fold(None), Some(&stopped), Finishing::Expected);
        assert_eq!(outcome.exit, Exit::Interrupted);
        assert!(outcome.message.unwrap().contains("resumed"));
    }
}
