//! What is typed on the command line of `pg-copy`.

use pg_pipe::{Standing, StreamOperand};
use pg_session::args::{JobsArgs, Size, SourceArgs, TargetArgs};

/// Copy rows between servers
///
/// All rows are those of one moment: one snapshot of the source. The same command again goes
/// on where a run was interrupted; what has been copied is never copied twice.
#[derive(Clone, Debug, clap::Parser)]
pub struct Args {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    #[command(flatten)]
    pub(crate) jobs: JobsArgs,

    /// Format of COPY in which rows go over
    ///
    /// (--format is that of the report.) auto is binary where every column of a table means the same on these two servers, and
    /// text elsewhere; binary is about a third cheaper. A table that cannot go in binary goes as
    /// text whatever is asked for.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = FormatChoice::Auto)]
    pub(crate) copy_format: FormatChoice,

    /// Copy larger tables in parts of about this size, side by side
    ///
    /// Such as 1GB. Without it a table is split when all others would be done before it. Parts
    /// are ranges of blocks, on sources from 14 on.
    #[arg(long, value_name = "SIZE")]
    pub(crate) split_size: Option<Size>,

    /// How the target compresses wide values
    ///
    /// auto is lz4 where the target has it, which costs it a third of pglz; columns that say
    /// otherwise keep their own. server is what the target has set.
    #[arg(long, value_name = "METHOD", value_enum, default_value_t = Toast::Auto)]
    pub(crate) toast_compression: Toast,

    #[command(flatten)]
    pub(crate) standing: Standing,
    #[command(flatten)]
    pub(crate) operand: StreamOperand,
}

/// What was said of COPY's format.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum FormatChoice {
    /// Binary where it is safe
    Auto,
    /// Binary where it is safe, and a word about each table where it is not
    Binary,
    /// Text for all tables
    Text,
}

/// What was said of compression.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Toast {
    /// lz4 where the target has it
    Auto,
    /// lz4, or an error
    Lz4,
    /// PostgreSQL's own
    Pglz,
    /// What the target has set
    Server,
}
