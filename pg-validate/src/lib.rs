//! `pg-validate`: will it work? Stops the pipeline if not.
//!
//! Runs the checks of `checks/` on both servers, read-only, in one snapshot each,
//! and emits a `check` record for each and a `validation` record for all.

mod args;
mod ask;
mod checks;
mod code;
mod connect;
mod deep;
mod fixes;
mod options;
mod outcome;
mod rehearse;
mod report;
mod run;
mod subject;
mod validate;

use std::path::PathBuf;
use std::process::ExitCode;

use pg_pipe::report::{Column, Format, Table};
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
  pg-validate --source \"$SRC\" --target \"$DST\" --rehearse --deep --fix-sql fix.sql
  pg-validate --source \"$SRC\" --target \"$DST\" --only ext.missing,role.missing
  pg-validate --explain op.postfix
  pg-migstate begin migration.json | pg-probe - | pg-validate - | jq 'select(.status==\"Failed\")'
";

    const REPORT: &'static [Table] = &[
        Table {
            kind: "check",
            columns: &[
                Column::lines(report::lines),
                Column::new("id", "Check"),
                Column::new("database", "Database"),
                Column::new("status", "Status"),
                Column::new("message", "Finding"),
                Column::new("objects", "Objects"),
                Column::new("fix", "Fix"),
                Column::new("azure", "Azure"),
            ],
        },
        // For JSON; people have it in the lines above.
        Table {
            kind: "validation",
            columns: &[Column::lines(|_| Vec::new())],
        },
    ];

    fn standing(args: &Args) -> (Standing, Option<PathBuf>) {
        let mut standing = args.standing.clone();
        if args.explain.is_some() {
            // A text is no stream: records go to a report, which has none of it.
            standing.format = Some(Format::Table);
        }
        (standing, args.operand.stream.clone())
    }

    pg_pipe::diagnose_with!(pg_session::Error);

    fn run(args: Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit> {
        validate::run(&args, input, context)
    }
}
