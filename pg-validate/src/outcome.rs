//! What a check finds, and the sum of all findings.

use pg_pipe::record::{CheckStatus, Validation, ValidationStatus};

/// What one check found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// Status.
    pub(crate) status: CheckStatus,
    /// The finding.
    pub(crate) message: String,
    /// The objects concerned, all of them.
    pub(crate) objects: Vec<String>,
    /// SQL that mends it.
    pub(crate) fix: Option<String>,
}

impl Outcome {
    fn new(status: CheckStatus, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            objects: Vec::new(),
            fix: None,
        }
    }

    /// Nothing to complain of.
    pub(crate) fn fine(message: impl Into<String>) -> Self {
        Self::new(CheckStatus::Succeeded, message)
    }

    /// It works, but somebody should know.
    pub(crate) fn warning(message: impl Into<String>) -> Self {
        Self::new(CheckStatus::Warning, message)
    }

    /// It would fail or be wrong.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(CheckStatus::Failed, message)
    }

    /// It could not be answered.
    pub(crate) fn skipped(why: impl Into<String>) -> Self {
        Self::new(CheckStatus::Skipped, why)
    }

    /// Names the objects.
    pub(crate) fn objects(mut self, objects: Vec<String>) -> Self {
        self.objects = objects;
        self
    }

    /// Adds the SQL that mends it.
    pub(crate) fn fix(mut self, sql: impl Into<String>) -> Self {
        self.fix = Some(sql.into());
        self
    }
}

/// `1 table`, `2 tables`: a count with its noun, whose plural ends in s.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Adds a status to the sum.
pub(crate) fn add(sum: &mut Validation, status: CheckStatus) {
    match status {
        CheckStatus::Succeeded => sum.succeeded += 1,
        CheckStatus::Warning => sum.warning += 1,
        CheckStatus::Failed => sum.failed += 1,
        CheckStatus::Skipped => sum.skipped += 1,
    }
    sum.status = if sum.failed > 0 {
        ValidationStatus::Failed
    } else if sum.warning > 0 {
        ValidationStatus::Warning
    } else {
        ValidationStatus::Succeeded
    };
}

/// The sum of nothing.
pub(crate) fn empty_sum() -> Validation {
    Validation {
        status: ValidationStatus::Succeeded,
        succeeded: 0,
        warning: 0,
        failed: 0,
        skipped: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_status_decides_and_skipped_checks_do_not() {
        let mut sum = empty_sum();
        add(&mut sum, CheckStatus::Skipped);
        add(&mut sum, CheckStatus::Succeeded);
        assert_eq!(sum.status, ValidationStatus::Succeeded);
        add(&mut sum, CheckStatus::Warning);
        assert_eq!(sum.status, ValidationStatus::Warning);
        add(&mut sum, CheckStatus::Failed);
        add(&mut sum, CheckStatus::Warning);
        assert_eq!(sum.status, ValidationStatus::Failed);
        assert_eq!(
            (sum.succeeded, sum.warning, sum.failed, sum.skipped),
            (1, 2, 1, 1)
        );
    }

    #[test]
    fn one_has_no_plural() {
        assert_eq!(counted(1, "role"), "1 role");
        assert_eq!(counted(0, "role"), "0 roles");
    }
}
