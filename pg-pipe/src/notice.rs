//! Messages to people, on stderr, by verbosity. Nothing here ever reaches stdout.

use std::io::{self, Write};
use std::sync::Arc;

use indicatif::MultiProgress;

use crate::record::ErrorRecord;
use crate::redact::Redact;
use crate::shown;

/// How much is said.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// Errors only.
    Quiet,
    /// Warnings and what a user must know.
    Normal,
    /// What the tool does, step by step.
    Verbose,
}

/// Says things on stderr, above any progress bar; clones share the bars.
#[derive(Clone)]
pub struct Notice {
    tool: Arc<str>,
    level: Level,
    bars: MultiProgress,
    redact: Redact,
}

impl Notice {
    /// A notice board for a tool.
    pub(crate) fn new(tool: &str, level: Level, redact: Redact) -> Self {
        Self {
            tool: tool.into(),
            level,
            bars: MultiProgress::new(),
            redact,
        }
    }

    /// What is never repeated.
    pub(crate) fn redact(&self) -> &Redact {
        &self.redact
    }

    /// A board that says errors only.
    pub fn quiet(tool: &str) -> Self {
        Self::new(tool, Level::Quiet, Redact::default())
    }

    /// How much is said.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The bars that messages must not tear.
    pub(crate) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Says what a user must know, unless quiet.
    pub fn note(&self, text: &str) {
        if self.level >= Level::Normal {
            self.say(text);
        }
    }

    /// Warns, unless quiet.
    pub fn warn(&self, text: &str) {
        if self.level >= Level::Normal {
            self.say(&format!("warning: {text}"));
        }
    }

    /// Says what the tool does, when verbose.
    pub fn detail(&self, text: &str) {
        if self.level >= Level::Verbose {
            self.say(text);
        }
    }

    /// Prints an error and its hint, always.
    pub(crate) fn error(&self, error: &ErrorRecord) {
        let state = error
            .sqlstate
            .as_ref()
            .map_or_else(String::new, |state| format!(" (SQLSTATE {state})"));
        self.say(&format!("error: {}{state}", error.message));
        if let Some(hint) = &error.hint {
            self.line(&format!("hint: {hint}"));
        }
    }

    fn say(&self, text: &str) {
        self.line(&format!("{}: {text}", self.tool));
    }

    /// Writes a line, or several. Text from servers and files may hold terminal escapes: they
    /// are shown, not obeyed.
    fn line(&self, text: &str) {
        let safe = shown::lines(&self.redact.apply(text));
        self.bars.suspend(|| {
            // There is nowhere left to complain when stderr is closed.
            drop(writeln!(io::stderr(), "{safe}"));
        });
    }
}
