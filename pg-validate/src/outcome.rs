//! What a check finds, and the sum of all findings.

use std::str::FromStr;

use pg_pipe::record::{CheckStatus, Side, Validation, ValidationStatus};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Severity {
    /// Good to know; the check has succeeded.
    Info,
    /// It works, but somebody should know.
    Warning,
    /// It would fail or be wrong.
    Failed,
}

impl Severity {
    /// The word in files and on the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }

    /// In Azure's words.
    pub(crate) fn status(self) -> CheckStatus {
        match self {
            Self::Info => CheckStatus::Succeeded,
            Self::Warning => CheckStatus::Warning,
            Self::Failed => CheckStatus::Failed,
        }
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Info, Self::Warning, Self::Failed]
            .into_iter()
            .find(|severity| severity.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not info, warning or failed"))
    }
}

/// How the message of a check begins that was not asked for.
pub(crate) const LEFT_OUT: &str = "left out: ";

/// SQL that mends something.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fix {
    /// Where it is to be run.
    pub(crate) side: Side,
    /// Statements.
    pub(crate) sql: String,
}

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
    pub(crate) fixes: Vec<Fix>,
    /// Whether it was to be answered and could not be.
    pub(crate) unanswered: bool,
}

impl Outcome {
    /// An outcome without objects.
    pub(crate) fn new(status: CheckStatus, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            objects: Vec::new(),
            fixes: Vec::new(),
            unanswered: false,
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

    /// It was not asked for.
    pub(crate) fn left_out(why: impl Into<String>) -> Self {
        Self::new(CheckStatus::Skipped, format!("{LEFT_OUT}{}", why.into()))
    }

    /// It could not be answered.
    pub(crate) fn unanswered(why: impl Into<String>) -> Self {
        Self {
            unanswered: true,
            ..Self::new(
                CheckStatus::Skipped,
                format!("could not be answered: {}", why.into()),
            )
        }
    }

    /// Names the objects.
    pub(crate) fn objects(mut self, objects: Vec<String>) -> Self {
        self.objects = objects;
        self
    }

    /// Adds SQL that mends it, or a comment that says how.
    pub(crate) fn fix_on(mut self, side: Side, sql: impl Into<String>) -> Self {
        let mut sql = sql.into();
        if sql.starts_with("--") {
            // What a name has after a line break would be run.
            sql = sql.replace(['\n', '\r'], " ");
        }
        let fix = Fix { side, sql };
        if !self.fixes.contains(&fix) {
            self.fixes.push(fix);
        }
        self
    }

    /// Whether it is something that a person should see.
    pub(crate) fn is_finding(&self) -> bool {
        matches!(self.status, CheckStatus::Failed | CheckStatus::Warning)
    }

    /// All statements that mend it.
    pub(crate) fn fix(&self) -> Option<String> {
        let statements: Vec<&str> = self.fixes.iter().map(|fix| fix.sql.as_str()).collect();
        (!statements.is_empty()).then(|| statements.join("\n"))
    }
}

/// `1 table`, `2 tables`: a count with its noun, whose plural ends in s.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Adds an outcome to the sum. What could not be answered is nobody's success: it counts as a
/// warning for the whole. What was not asked for does not count.
pub(crate) fn add(sum: &mut Validation, outcome: &Outcome) {
    let status = match outcome.status {
        CheckStatus::Succeeded => {
            sum.succeeded += 1;
            ValidationStatus::Succeeded
        }
        CheckStatus::Warning => {
            sum.warning += 1;
            ValidationStatus::Warning
        }
        CheckStatus::Failed => {
            sum.failed += 1;
            ValidationStatus::Failed
        }
        CheckStatus::Skipped => {
            sum.skipped += 1;
            if outcome.unanswered {
                ValidationStatus::Warning
            } else {
                ValidationStatus::Succeeded
            }
        }
    };
    sum.status = worse(sum.status, status);
}

fn worse(one: ValidationStatus, other: ValidationStatus) -> ValidationStatus {
    use ValidationStatus::{Failed, Succeeded, Warning};
    match (one, other) {
        (Failed, _) | (_, Failed) => Failed,
        (Warning, _) | (_, Warning) => Warning,
        (Succeeded, Succeeded) => Succeeded,
    }
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
    fn the_worst_status_decides_and_what_was_not_answered_is_a_warning() {
        let mut sum = empty_sum();
        add(&mut sum, &Outcome::left_out("--skip"));
        add(&mut sum, &Outcome::fine("f"));
        assert_eq!(sum.status, ValidationStatus::Succeeded);
        add(&mut sum, &Outcome::unanswered("u"));
        assert_eq!(sum.status, ValidationStatus::Warning);
        add(&mut sum, &Outcome::failed("f"));
        add(&mut sum, &Outcome::warning("w"));
        assert_eq!(sum.status, ValidationStatus::Failed);
        assert_eq!(
            (sum.succeeded, sum.warning, sum.failed, sum.skipped),
            (1, 1, 1, 2)
        );
    }

    #[test]
    fn one_has_no_plural() {
        assert_eq!(counted(1, "role"), "1 role");
        assert_eq!(counted(0, "role"), "0 roles");
    }

    #[test]
    fn the_same_statement_is_told_once() {
        let outcome = Outcome::failed("f")
            .fix_on(Side::Source, "a;")
            .fix_on(Side::Source, "a;")
            .fix_on(Side::Target, "b;");
        assert_eq!(outcome.fix().as_deref(), Some("a;\nb;"));
    }
}
