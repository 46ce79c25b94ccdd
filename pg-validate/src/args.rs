//! What is typed on the command line of `pg-validate`.

use pg_pipe::{Standing, StreamOperand};
use pg_session::args::{SourceArgs, TargetArgs};

/// Check whether a migration will work
///
/// Looks at both servers, changes nothing, and says for each check what it found, which
/// objects are concerned and what mends it. Ends with 1 when a check failed.
#[derive(Clone, Debug, clap::Parser)]
pub struct Args {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// Run these checks only
    ///
    /// May be repeated, or hold several ids with commas between them.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) only: Vec<String>,

    /// Leave these checks out; they are reported as Skipped
    ///
    /// May be repeated, or hold several ids with commas between them.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) skip: Vec<String>,

    /// List the checks and run none
    ///
    /// Each is a record of status Skipped whose message says what it looks at.
    #[arg(long)]
    pub(crate) list: bool,

    #[command(flatten)]
    pub(crate) standing: Standing,
    #[command(flatten)]
    pub(crate) operand: StreamOperand,
}
