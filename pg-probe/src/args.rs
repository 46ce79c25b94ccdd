//! What is typed on the command line of `pg-probe`.

use pg_pipe::{Standing, StreamOperand};
use pg_session::args::{SourceArgs, TargetArgs};

/// Test the way to both servers and report what they are
///
/// Resolves, connects, authenticates and looks around, on each side that is given, and says
/// for each step how long it took and what to change when it fails.
#[derive(Clone, Debug, clap::Parser)]
pub struct Args {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) standing: Standing,
    #[command(flatten)]
    pub(crate) operand: StreamOperand,
}
