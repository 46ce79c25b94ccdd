//! The flags that all tools share, spelled alike.

use std::path::PathBuf;

use crate::notice::Level;
use crate::report::Format;

/// The flags that all tools share.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Standing {
    /// How to write the result
    ///
    /// With a stream operand the default is ndjson, the stream itself; without one it is
    /// table on a terminal and ndjson elsewhere.
    #[arg(long, value_name = "FORMAT", value_enum, global = true)]
    pub format: Option<Format>,

    /// Say nothing but errors, show no progress
    #[arg(long, short, global = true)]
    pub quiet: bool,

    /// Say what is being done, step by step
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    pub verbose: bool,

    /// Treat warnings as failure (exit 1)
    #[arg(long, global = true)]
    pub strict: bool,
}

impl Standing {
    /// How much is said.
    pub fn level(&self) -> Level {
        match (self.quiet, self.verbose) {
            (true, _) => Level::Quiet,
            (false, true) => Level::Verbose,
            (false, false) => Level::Normal,
        }
    }

    /// The format in force.
    pub(crate) fn format_or_default(&self, has_stream: bool, on_terminal: bool) -> Format {
        self.format.unwrap_or(if on_terminal && !has_stream {
            Format::Table
        } else {
            Format::Ndjson
        })
    }
}

/// The stream operand.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct StreamOperand {
    /// Stream to read: - for standard input, or a file
    ///
    /// Without it the tool acts on its flags alone and leaves standard input untouched.
    #[arg(value_name = "STREAM")]
    pub stream: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_answered_with_a_stream_and_a_terminal_with_a_table() {
        let standing = Standing::default();
        assert_eq!(standing.format_or_default(true, true), Format::Ndjson);
        assert_eq!(standing.format_or_default(false, true), Format::Table);
        assert_eq!(standing.format_or_default(false, false), Format::Ndjson);
        let csv = Standing {
            format: Some(Format::Csv),
            ..Standing::default()
        };
        assert_eq!(csv.format_or_default(true, false), Format::Csv);
    }
}
