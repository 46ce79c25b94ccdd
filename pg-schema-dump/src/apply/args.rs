//! What is typed on the command line of `pg-schema-apply`.

use pg_pipe::{Standing, StreamOperand};
use pg_session::args::{JobsArgs, Size, SourceArgs, TargetArgs};

use crate::leave_out::LeaveOut;

/// Apply a dumped schema to the target
///
/// Reads `object` records. Every statement and the mark that it is done commit together, so
/// the same command again goes on where it stopped.
#[derive(Clone, Debug, clap::Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) source: SourceArgs,

    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// Which part of the schema to apply
    #[arg(long, value_name = "SECTION", value_enum)]
    pub(crate) section: Part,

    #[command(flatten)]
    pub(crate) jobs: JobsArgs,

    /// Memory for all index builds and validations that run at the same time
    ///
    /// Such as 2GB; shared out over those that run. Without it: the server's
    /// maintenance_work_mem, at least 256MB, of which an ordinary index has 32MB for each process
    /// that sorts: with more it takes longer.
    #[arg(long, value_name = "SIZE")]
    pub(crate) maintenance_work_mem: Option<Size>,

    /// Print the SQL in the order in which it would run, and change nothing
    ///
    /// A script for psql instead of the stream. With --target, what the target's ledger has
    /// is left out; without it nothing is connected to.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Carry over the passwords of roles that are created (pre-data)
    ///
    /// As hashes, from the source's pg_authid, which only a superuser may read; where that is
    /// not allowed there is a warning. They stand in no record, file or message.
    #[arg(long)]
    pub(crate) role_passwords: bool,

    #[command(flatten)]
    pub(crate) leave_out: LeaveOut,

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
