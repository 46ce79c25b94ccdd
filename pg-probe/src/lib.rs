//! `pg-probe`: can we reach, log in, and what are these two servers?
//!
//! Emits a `probe` record a step, `endpoint` records with facts, a `database` record for each
//! user database of the source, and `throughput` records where that is asked for.

mod args;
mod distance;
mod facts;
mod privileges;
mod probe;
mod records;
mod report;
mod sides;
mod steps;
mod throughput;
mod verdict;

use std::path::PathBuf;
use std::process::ExitCode;

use pg_pipe::report::Table;
use pg_pipe::{Context, Exit, Input, Standing, Tool};

use crate::args::Args;

/// The tool.
pub struct PgProbe;

/// The whole of `main`.
pub fn main() -> ExitCode {
    pg_pipe::tool::main::<PgProbe>()
}

impl Tool for PgProbe {
    type Args = Args;

    const NAME: &'static str = "pg-probe";

    const EXAMPLES: &'static str = "  \
  pg-probe --source \"$SRC\" --target \"$DST\"
  pg-probe --target \"$DST\" --verbose                         # one side alone, step by step
  pg-probe --source \"$SRC\" --target \"$DST\" --throughput 10   # how long will it take?
  pg-probe --source \"$SRC\" --all                             # the provider's databases, too
  pg-probe --source \"$SRC\" | jq -r 'select(.type==\"database\") | [.bytes, .name] | @tsv'
  pg-migstate begin migration.json | pg-probe - | jq 'select(.type==\"endpoint\")'
";

    const REPORT: &'static [Table] = report::TABLES;

    fn standing(args: &Args) -> (Standing, Option<PathBuf>) {
        (args.standing.clone(), args.operand.stream.clone())
    }

    pg_pipe::diagnose_with!(pg_session::Error);

    fn run(args: Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit> {
        probe::run(&args, input, context)
    }
}
