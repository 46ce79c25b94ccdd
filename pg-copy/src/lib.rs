//! `pg-copy`: moves the rows. Reads `table`, `sequence` and `large_objects` records, plans the
//! copy in the ledger on the target, copies inside one snapshot of the source, and commits a
//! chunk's rows together with the mark that it is done.
//!
//! ```text
//! pg-schema-dump --source "$SRC" | pg-schema-apply --section pre-data --target "$DST" - | pg-copy --source "$SRC" -
//! ```

mod args;
mod copy;
mod crew;
mod cuts;
mod ends;
mod filter;
mod fit;
mod guards;
mod holder;
mod join;
mod large_objects;
mod parts;
mod plan;
mod resume;
mod routes;
#[cfg(test)]
mod sample;
mod sequences;
mod shared;
mod split;
mod transfer;
mod watch;
mod widest;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use pg_pipe::report::{Column, Table};
use pg_pipe::{Context, Exit, Failure, Input, Standing, Tool};

use crate::args::{Action, Args};

/// The tool.
pub struct PgCopy;

/// The whole of `main`.
pub fn main() -> ExitCode {
    pg_pipe::tool::main::<PgCopy>()
}

impl Tool for PgCopy {
    type Args = Args;

    const NAME: &'static str = "pg-copy";

    const EXAMPLES: &'static str = "  \
  pg-schema-dump --source \"$SRC\" | pg-copy --source \"$SRC\" --target \"$DST\" -
  pg-copy --source \"$SRC\" --target \"$DST\" --jobs 4 plan.ndjson
  pg-copy worker --migration shop --source \"$SRC\" --target \"$DST\"    # on another machine
";

    const REPORT: &'static [Table] = &[Table {
        kind: "copied",
        columns: &[
            Column::new("schema", "Schema"),
            Column::new("table", "Table"),
            Column::new("rows", "Rows"),
            Column::new("bytes", "Bytes"),
            Column::new("milliseconds", "ms"),
            Column::new("checksum", "Checksum"),
        ],
    }];

    fn standing(args: &Args) -> (Standing, Option<PathBuf>) {
        (args.standing.clone(), args.operand.stream.clone())
    }

    pg_pipe::diagnose_with!(pg_session::Error);

    fn run(args: Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit> {
        if let Some(Action::Worker(worker)) = &args.action {
            return join::run(worker, context);
        }
        let input = input.ok_or_else(|| {
            Failure::usage("pg-copy needs a stream of table records")
                .hint("Pipe pg-schema-dump into it and end the command with -, or name a file.")
        })?;
        copy::run(&args, input, context)
    }
}
