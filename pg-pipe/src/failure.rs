//! What a tool says when it fails: a message, and the facts that choose the exit status.
//!
//! Shared crates have typed errors of their own; a tool turns them into a [`Diagnosis`]
//! through [`crate::Tool::diagnose`]. [`Failure`] is for what a tool finds out by itself.

use std::error::Error;
use std::fmt;

use crate::exit::Exit;
use crate::record::{ErrorRecord, Scope};

/// The facts about an error that do not stand in its message.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// Exit status that goes with the error.
    pub exit: Exit,
    /// Class in one word, such as `authentication`.
    pub class: String,
    /// SQLSTATE, where a server gave one.
    pub sqlstate: Option<String>,
    /// What to do next, a full sentence.
    pub hint: Option<String>,
    /// The object, such as `sales.orders`.
    pub object: Option<String>,
}

impl Diagnosis {
    /// A diagnosis with nothing but status and class.
    pub fn new(exit: Exit, class: &str) -> Self {
        Self {
            exit,
            class: class.to_owned(),
            sqlstate: None,
            hint: None,
            object: None,
        }
    }

    /// The diagnosis of an error of a server: `class` in one word, whether the server could
    /// not be reached, and what it said.
    pub fn of_server(
        class: &str,
        is_connection: bool,
        sqlstate: Option<&str>,
        hint: Option<&str>,
    ) -> Self {
        let exit = match class {
            _ if is_connection => Exit::Connection,
            "conninfo" | "unsupported" => Exit::Usage,
            "ledger" => Exit::Conflict,
            _ => Exit::Refused,
        };
        Self {
            sqlstate: sqlstate.map(str::to_owned),
            hint: hint.map(str::to_owned),
            ..Self::new(exit, class)
        }
    }
}

/// An error that a tool finds out by itself: bad usage, a conflict, a cut stream.
#[derive(Debug)]
pub struct Failure {
    message: String,
    diagnosis: Box<Diagnosis>,
}

impl Failure {
    /// A failure of a class of its own.
    pub fn new(exit: Exit, class: &str, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            diagnosis: Box::new(Diagnosis::new(exit, class)),
        }
    }

    /// Wrong usage or configuration (exit 2).
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// Unreadable or truncated input (exit 3).
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Exit::Input, "input", message)
    }

    /// State in conflict (exit 7).
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Exit::Conflict, "conflict", message)
    }

    /// A bug in the tool (exit 70), such as a worker thread that panicked.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(Exit::Bug, "bug", message)
    }

    /// The stream was stopped further up. The record that says why is in the stream
    /// already, so this failure writes none, and the tool ends with the same status.
    pub fn upstream(tool: &str, exit: Exit) -> Self {
        Self::new(
            exit,
            UPSTREAM,
            format!("nothing done: {tool} ended with status {}", exit.code()),
        )
    }

    /// Adds what to do next, a full sentence.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.diagnosis.hint = Some(hint.into());
        self
    }

    /// Adds the object that it is about.
    #[must_use]
    pub fn object(mut self, object: impl Into<String>) -> Self {
        self.diagnosis.object = Some(object.into());
        self
    }

    /// The facts.
    pub fn diagnosis(&self) -> &Diagnosis {
        &self.diagnosis
    }

    /// Whether the stream was stopped further up, see [`Failure::upstream`].
    pub fn is_upstream(&self) -> bool {
        self.diagnosis.class == UPSTREAM
    }
}

const UPSTREAM: &str = "upstream";

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for Failure {}

/// Writes the `diagnose` function of a [`crate::Tool`] for the error type of the crate that
/// talks to servers, which this crate must not know: it has the methods `class()` (with
/// `as_str()`), `is_connection()`, `sqlstate()` and `hint()`.
#[macro_export]
macro_rules! diagnose_with {
    ($error:ty) => {
        fn diagnose(
            error: &(dyn ::std::error::Error + 'static),
        ) -> ::std::option::Option<$crate::Diagnosis> {
            let error = error.downcast_ref::<$error>()?;
            ::std::option::Option::Some($crate::Diagnosis::of_server(
                error.class().as_str(),
                error.is_connection(),
                error.sqlstate(),
                error.hint(),
            ))
        }
    };
}

/// Turns an error of a shared crate into a [`Diagnosis`]; `None` for errors it does not know.
pub type Diagnose = fn(&(dyn Error + 'static)) -> Option<Diagnosis>;

/// The diagnosis of the first error in the chain that has one; a bug otherwise.
pub fn diagnose(error: &anyhow::Error, foreign: Diagnose) -> Diagnosis {
    error
        .chain()
        .find_map(|cause| {
            cause
                .downcast_ref::<Failure>()
                .map(|failure| failure.diagnosis().clone())
                .or_else(|| foreign(cause))
        })
        .unwrap_or_else(|| Diagnosis::new(Exit::Bug, "bug"))
}

/// The whole chain in one line: `cannot copy sales.orders: deadlock detected`.
pub fn message(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// The `error` record of an error.
pub fn record(tool: &str, scope: Scope, error: &anyhow::Error, foreign: Diagnose) -> ErrorRecord {
    let diagnosis = diagnose(error, foreign);
    ErrorRecord {
        tool: tool.to_owned(),
        scope,
        class: diagnosis.class,
        message: message(error),
        exit: diagnosis.exit.code(),
        sqlstate: diagnosis.sqlstate,
        hint: diagnosis.hint,
        object: diagnosis.object,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_is_one_line_and_the_inner_failure_decides() {
        let error = anyhow::Error::new(Failure::conflict("it is locked").hint("Wait."))
            .context("cannot begin demo");
        assert_eq!(message(&error), "cannot begin demo: it is locked");
        let diagnosis = diagnose(&error, |_| None);
        assert_eq!(diagnosis.exit, Exit::Conflict);
        assert_eq!(diagnosis.hint.as_deref(), Some("Wait."));
    }

    #[test]
    fn an_error_that_nobody_knows_is_a_bug() {
        let error = anyhow::anyhow!("odd");
        assert_eq!(diagnose(&error, |_| None).exit, Exit::Bug);
    }
}
