//! What is typed on the command line of `pg-verify`.

use std::io::{self, IsTerminal};

use pg_pipe::report::Format;
use pg_pipe::{Standing, StreamOperand};
use pg_session::args::{JobsArgs, SourceArgs, TargetArgs};

/// Count and checksum the rows of two databases, and compare
///
/// Every table is read once on each side, in one snapshot a side; then sequences, then large
/// objects. In a pipeline the source's side comes from the records of pg-copy, and only the
/// target is read. Changes nothing.
#[derive(Clone, Debug, clap::Parser)]
pub struct Args {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) jobs: JobsArgs,
    #[command(flatten)]
    pub(crate) standing: Standing,
    #[command(flatten)]
    pub(crate) operand: StreamOperand,
}

/// Who reads the result.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Audience {
    /// A stream: every record, as soon as it is known.
    Stream,
    /// A report: every record, sorted by name.
    Report,
    /// A table for people who want to hear of differences only.
    Differences,
}

impl Args {
    pub(crate) fn audience(&self) -> Audience {
        let shows_table = self.operand.stream.is_none() && io::stdout().is_terminal();
        match self.standing.format {
            None if !shows_table => Audience::Stream,
            Some(Format::Ndjson) => Audience::Stream,
            None | Some(Format::Table) if self.standing.quiet => Audience::Differences,
            _ => Audience::Report,
        }
    }
}
