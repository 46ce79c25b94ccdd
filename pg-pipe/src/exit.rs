//! Exit statuses: one enum for all tools. `--help`, the README and this table agree by test.

use std::process::ExitCode;

/// How a tool ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Exit {
    /// All is well.
    Fine,
    /// The answer is no: validation failed, data differ, probe failed.
    No,
    /// Usage or configuration.
    Usage,
    /// Unreadable or truncated input.
    Input,
    /// Could not connect, or lost the server for good.
    Connection,
    /// The server refused a statement.
    Refused,
    /// Some items failed, the rest is done.
    Partial,
    /// State in conflict: locked, canceled, exists already.
    Conflict,
    /// A bug in the tool.
    Bug,
    /// SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// Nobody reads our output.
    ReaderGone,
}

impl Exit {
    /// Every status with its meaning, in numeric order.
    pub const TABLE: &'static [(Self, &'static str)] = &[
        (Self::Fine, "fine"),
        (
            Self::No,
            "the answer is no (validation failed, data differ, probe failed)",
        ),
        (Self::Usage, "usage or configuration"),
        (Self::Input, "unreadable or truncated input"),
        (
            Self::Connection,
            "could not connect, or lost the server for good",
        ),
        (Self::Refused, "the server refused a statement"),
        (Self::Partial, "some items failed, the rest is done"),
        (
            Self::Conflict,
            "state in conflict (locked, canceled, exists already)",
        ),
        (Self::Bug, "a bug in the tool"),
        (Self::Interrupted, "interrupted by SIGINT"),
        (Self::ReaderGone, "nobody reads our output"),
        (Self::Terminated, "interrupted by SIGTERM"),
    ];

    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::No => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::Connection => 4,
            Self::Refused => 5,
            Self::Partial => 6,
            Self::Conflict => 7,
            Self::Bug => 70,
            Self::Interrupted => 130,
            Self::ReaderGone => 141,
            Self::Terminated => 143,
        }
    }

    /// The status for a number out of an `end` or `error` record; an unknown one is a bug.
    pub fn from_code(code: u8) -> Self {
        Self::TABLE
            .iter()
            .map(|(exit, _)| *exit)
            .find(|exit| exit.code() == code)
            .unwrap_or(Self::Bug)
    }

    /// Whether a tool that ended so has stopped the stream: nothing downstream may change
    /// the target. Single items that failed do not.
    pub fn stops_stream(self) -> bool {
        !matches!(self, Self::Fine | Self::Partial)
    }

    /// The section «Exit status» of every `--help`.
    pub fn help() -> String {
        let mut text = String::from("Exit status:\n");
        for (exit, meaning) in Self::TABLE {
            text.push_str(&format!("  {:>3}  {meaning}\n", exit.code()));
        }
        text
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_comes_back_from_its_number() {
        for (exit, _) in Exit::TABLE {
            assert_eq!(Exit::from_code(exit.code()), *exit);
        }
        assert_eq!(Exit::from_code(99), Exit::Bug);
    }

    #[test]
    fn only_fine_and_partial_let_the_stream_go_on() {
        let on: Vec<u8> = Exit::TABLE
            .iter()
            .filter(|(exit, _)| !exit.stops_stream())
            .map(|(exit, _)| exit.code())
            .collect();
        assert_eq!(on, [0, 6]);
    }

    #[test]
    fn the_readme_has_the_same_table() {
        let readme = std::fs::read_to_string(
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md"),
        )
        .unwrap();
        for (exit, meaning) in Exit::TABLE {
            let row = format!("| {} | {meaning} |", exit.code());
            assert!(readme.contains(&row), "README.md lacks: {row}");
        }
    }
}
