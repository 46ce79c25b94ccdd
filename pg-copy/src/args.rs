//! What is typed on the command line of `pg-copy`.

use pg_pipe::{Standing, StreamOperand};
use pg_session::args::{JobsArgs, SourceArgs, TargetArgs};

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

    #[command(flatten)]
    pub(crate) standing: Standing,
    #[command(flatten)]
    pub(crate) operand: StreamOperand,
}
