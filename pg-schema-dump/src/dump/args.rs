//! What is typed on the command line of `pg-schema-dump`.

use std::path::PathBuf;

use pg_pipe::{Standing, StreamOperand};
use pg_session::args::SourceArgs;

use crate::dump::filter::Filter;
use crate::leave_out::LeaveOut;

/// Dump a schema as records: one an object, one a table
///
/// Runs pg_dump for the SQL and reads its archive; adds roles, tables with their sizes and
/// keys, sequences and large objects. Reads the source only.
#[derive(Clone, Debug, clap::Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) source: SourceArgs,

    /// The pg_dump to run
    ///
    /// Without it: of those on the PATH and in the usual places, the one of the target's major
    /// version if the stream names it and the source is not newer, otherwise the newest.
    #[arg(long, value_name = "PATH")]
    pub(crate) pg_dump: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) filter: Filter,

    /// Leave out the planner's statistics
    ///
    /// They are dumped where the stream names a target that can restore them (18 and up) and
    /// pg_dump can write them; a target that gets none computes its own.
    #[arg(long, help_heading = "What is left out")]
    pub(crate) no_statistics: bool,

    #[command(flatten)]
    pub(crate) leave_out: LeaveOut,

    #[command(flatten)]
    pub(crate) standing: Standing,
    #[command(flatten)]
    pub(crate) operand: StreamOperand,
}
