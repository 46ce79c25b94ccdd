//! What is typed on the command line of `pg-schema-apply`.

use pg_pipe::{Standing, StreamOperand};
use pg_session::args::{JobsArgs, TargetArgs};

/// Apply a dumped schema to the target
///
/// Reads `object` records. Every statement and the mark that it is done commit together, so
/// the same command again goes on where it stopped.
#[derive(Clone, Debug, clap::Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// Which part of the schema to apply
    #[arg(long, value_name = "SECTION", value_enum)]
    pub(crate) section: Part,

    #[command(flatten)]
    pub(crate) jobs: JobsArgs,

    #[command(flatten)]
    pub(crate) standing: Standing,
    #[command(flatten)]
    pub(crate) operand: StreamOperand,
}

/// Which part of the schema.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Part {
    /// What rows need: roles, the staging database, types, tables, functions
    PreData,
    /// The rest: indexes, constraints, triggers, owners, grants, refreshes, ANALYZE
    PostData,
}
