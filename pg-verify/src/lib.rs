//! `pg-verify`: do two databases hold the same rows?
//!
//! Emits a `verified` record for each table, each sequence and the large objects, a `difference`
//! record for each row that differs, and one `verification` record, their sum. Exit 0 means that
//! everything in scope was read on both sides and is equal; 1 that something differs; 6 that
//! nothing differs so far, but something could not be compared, or was not to be compared
//! wholly; 4 and 5 that the comparison could not be completed.
//!
//! `pg-schema-dump --source "$SRC" | pg-copy --target "$DST" - | pg-verify -`

mod args;
mod compare;
mod dearness;
mod desk;
mod details;
mod drill;
mod fresh;
mod history;
mod judge;
mod known;
mod metrics;
mod objects;
mod parameters;
mod plan;
mod pool;
mod pursue;
mod ranges;
mod reading;
mod repair;
mod resume;
mod routed;
mod sample;
mod scope;
mod server;
mod sides;
mod soundness;
mod tally;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use pg_pipe::report::{Column, Table};
use pg_pipe::{Context, Exit, Input, Standing, Tool};

pub use crate::args::Args;

/// The tool.
pub struct PgVerify;

/// The whole of `main`.
pub fn main() -> ExitCode {
    pg_pipe::tool::main::<PgVerify>()
}

impl Tool for PgVerify {
    type Args = Args;

    const NAME: &'static str = "pg-verify";

    const EXAMPLES: &'static str = "  \
  pg-verify --source \"$SRC\" --target \"$DST\"
  pg-verify --source \"$SRC\" --target \"$DST\" --quiet       # cron: silent when equal
  pg-verify --source \"$SRC\" --target \"$DST\" -t 'sales.*' --repair-sql repair.sql
  pg-copy - < plan.ndjson | pg-verify - | jq 'select(.type==\"verified\" and .verdict!=\"match\")'
";

    const REPORT: &'static [Table] = &[
        Table {
            kind: "verified",
            columns: &[
                Column::new("kind", "Kind"),
                Column::new("schema", "Schema"),
                Column::new("name", "Name"),
                Column::new("verdict", "Verdict"),
                Column::new("source_rows", "Source rows"),
                Column::new("target_rows", "Target rows"),
                Column::new("milliseconds", "ms"),
                Column::new("message", "Message"),
            ],
        },
        Table {
            kind: "difference",
            columns: &[
                Column::new("schema", "Schema"),
                Column::new("name", "Name"),
                Column::new("fault", "Row"),
                Column::new("key", "Key"),
                Column::new("columns", "Columns"),
                Column::new("source", "Source"),
                Column::new("target", "Target"),
                Column::new("times", "Times").if_any(),
            ],
        },
        Table {
            kind: "parameter",
            columns: &[
                Column::new("name", "Parameter"),
                Column::new("source", "Source"),
                Column::new("target", "Target").or("unknown"),
                Column::new("statement", "Statement"),
            ],
        },
        Table {
            kind: "verification",
            columns: &[
                Column::new("status", "Result"),
                Column::new("matched", "Tables equal"),
                Column::new("mismatched", "Differ"),
                Column::new("unverified", "Unverified"),
                Column::new("rows", "Rows"),
            ],
        },
    ];

    fn standing(args: &Args) -> (Standing, Option<PathBuf>) {
        (args.standing(), args.operand.stream.clone())
    }

    pg_pipe::diagnose_with!(pg_session::Error);

    fn run(args: Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit> {
        compare::run(&args, input, context)
    }
}
