//! `pg-probe`: can we reach, log in, and what are these two servers?
//!
//! Emits a `probe` record a step, `endpoint` records with facts, and a `database` record for
//! each user database of the source.

mod args;
mod facts;
mod platform;
mod probe;
mod sides;
mod steps;

use std::path::PathBuf;
use std::process::ExitCode;

use pg_pipe::report::{Column, Table};
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
  pg-migstate begin migration.json | pg-probe - | jq 'select(.type==\"endpoint\")'
";

    const REPORT: &'static [Table] = &[
        Table {
            kind: "probe",
            columns: &[
                Column::new("role", "Side"),
                Column::new("step", "Step"),
                Column::new("ok", "OK"),
                Column::new("milliseconds", "ms"),
                Column::new("message", "Message"),
            ],
        },
        Table {
            kind: "endpoint",
            columns: &[
                Column::new("role", "Side"),
                Column::new("version", "Version"),
                Column::new("platform", "Platform"),
                Column::new("database", "Database"),
                Column::new("user", "User"),
                Column::new("encoding", "Encoding"),
                Column::new("superuser", "Superuser"),
                Column::new("create_db", "Createdb"),
                Column::new("create_role", "Createrole"),
                Column::new("in_recovery", "Standby"),
                Column::new("read_only", "Read-only"),
                Column::new("tls", "TLS"),
                Column::new("free_connections", "Free connections"),
                Column::new("round_trip_ms", "Round trip ms"),
            ],
        },
        Table {
            kind: "database",
            columns: &[
                Column::new("name", "Database"),
                Column::new("bytes", "Bytes"),
                Column::new("encoding", "Encoding"),
                Column::new("locale_provider", "Provider"),
                Column::new("collate", "Collate"),
                Column::new("ctype", "Ctype"),
                Column::new("owner", "Owner"),
            ],
        },
    ];

    fn standing(args: &Args) -> (Standing, Option<PathBuf>) {
        (args.standing.clone(), args.operand.stream.clone())
    }

    pg_pipe::diagnose_with!(pg_session::Error);

    fn run(args: Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit> {
        probe::run(&args, input, context)
    }
}
