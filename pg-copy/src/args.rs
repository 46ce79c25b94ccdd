//! What is typed on the command line of `pg-copy`.

use std::num::NonZeroUsize;

use pg_pipe::{Standing, StreamOperand};
use pg_session::args::{SourceArgs, TargetArgs};

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

    /// Tables that are copied at the same time
    #[arg(long, value_name = "N", default_value = "2", env = "PGMIG_JOBS")]
    pub(crate) jobs: NonZeroUsize,

    #[command(flatten)]
    pub(crate) standing: Standing,
    #[command(flatten)]
    pub(crate) operand: StreamOperand,
}
