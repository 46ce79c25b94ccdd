//! `pg-validate`: will it work? Stops the pipeline if not.
//!
//! Runs the checks of `checks::CHECKS` on both servers, read-only, in one snapshot each,
//! and emits a `check` record for each and a `validation` record for all.

mod args;
mod checks;
mod connect;
mod options;
mod outcome;
mod subject;
mod validate;

use std::path::PathBuf;
use std::process::ExitCode;

use pg_pipe::report::{Column, Table};
use pg_pipe::{Context, Exit, Input, Standing, Tool};

use crate::args::Args;

/// The tool.
pub struct PgValidate;

/// The whole of `main`.
pub fn main() -> ExitCode {
    pg_pipe::tool::main::<PgValidate>()
}

impl Tool for PgValidate {
    type Args = Args;

    const NAME: &'static str = "pg-validate";

    const EXAMPLES: &'static str = "  \
  pg-validate --source \"$SRC\" --target \"$DST\" --format table
  pg-validate --source \"$SRC\" --target \"$DST\" --only ext.missing,role.missing
  pg-migstate begin migration.json | pg-probe - | pg-validate - | jq 'select(.status==\"Failed\")'
";

    const REPORT: &'static [Table] = &[
        Table {
            kind: "check",
            columns: &[
                Column::new("id", "Check"),
                Column::new("status", "Status"),
                Column::new("message", "Finding"),
                Column::new("objects", "Objects"),
                Column::new("fix", "Fix"),
            ],
        },
        Table {
            kind: "validation",
            columns: &[
                Column::new("status", "Validation"),
                Column::new("succeeded", "Succeeded"),
                Column::new("warning", "Warning"),
                Column::new("failed", "Failed"),
                Column::new("skipped", "Skipped"),
            ],
        },
    ];

    fn standing(args: &Args) -> (Standing, Option<PathBuf>) {
        (args.standing.clone(), args.operand.stream.clone())
    }

    pg_pipe::diagnose_with!(pg_session::Error);

    fn run(args: Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit> {
        validate::run(&args, input, context)
    }
}
