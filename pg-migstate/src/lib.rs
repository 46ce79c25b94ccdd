//! `pg-migstate`: the life of a migration. `begin` opens the stream of a database, `record`
//! closes it and keeps the journal, `finish` swaps the databases in, `list` and `show` tell.
//!
//! The journal is a cache of what the target says (comments, then the ledger): `finish` asks
//! the target. `begin`, `record`, `list` and `show` touch no server. `cancel` undoes on the target
//! what a migration has done there.

mod address;
mod args;
mod azure;
mod begin;
mod book;
mod cancel;
mod chosen;
mod clock;
mod delete;
mod file;
mod finish;
mod fold;
#[cfg(any(test, fuzzing))]
pub mod fuzzed;
mod guarded;
mod history;
mod journal;
mod list;
mod membership;
mod outcome;
mod plan;
mod pulse;
mod record;
mod report;
mod resolved;
mod status;
mod store;
mod transition;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use pg_pipe::report::{Column, Format, Table};
use pg_pipe::{Context, Exit, Failure, Input, Standing, Tool};

use crate::args::{Action, Args};
use crate::store::StateDir;

/// The tool.
pub struct PgMigstate;

/// The whole of `main`.
pub fn main() -> ExitCode {
    pg_pipe::tool::main::<PgMigstate>()
}

impl Tool for PgMigstate {
    type Args = Args;

    const NAME: &'static str = "pg-migstate";

    const EXAMPLES: &'static str = "  \
  pg-migstate databases migration.json
  pg-migstate begin --dry-run migration.json | pg-probe - | pg-schema-dump - | pg-migstate plan -
  pg-migstate begin migration.json | pg-probe - | pg-validate - | pg-migstate record -
  pg-migstate list --filter active
  pg-migstate show shop-2026
  pg-migstate watch shop-2026
  pg-migstate report shop-2026 --html shop-2026.html
  pg-migstate finish shop-2026
  pg-migstate cancel shop-2026
  pg-migstate delete shop-2026
";

    const REPORT: &'static [Table] = REPORT;

    // The recorder hears upstream out for 5 s and then still writes the final state.
    const GRACE: Duration = Duration::from_secs(8);

    fn standing(args: &Args) -> (Standing, Option<PathBuf>) {
        let mut standing = args.standing.clone();
        match &args.action {
            Action::Record(record) => return (standing, Some(record.stream.clone())),
            Action::Plan(plan) => {
                standing.format.get_or_insert(Format::Ndjson);
                return (standing, Some(plan.stream.clone()));
            }
            // The head of a stream is a stream, on a terminal too.
            Action::Begin(_) | Action::Databases(_) => {
                standing.format.get_or_insert(Format::Ndjson);
            }
            Action::Cancel(_)
            | Action::Delete(_)
            | Action::Finish(_)
            | Action::List(_)
            | Action::Report(_)
            | Action::Show(_)
            | Action::Watch(_) => {}
        }
        (standing, None)
    }

    pg_pipe::diagnose_with!(pg_session::Error);

    fn run(args: Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit> {
        let state = StateDir::resolve(
            args.state.state_dir.as_deref(),
            &pg_session::endpoint::environment,
        )?;
        match (args.action, input) {
            (Action::Begin(begin), _) => begin::run(&begin, &state, context),
            (Action::Databases(args), _) => begin::databases(&args, &state, context),
            (Action::Record(args), Some(input)) => record::run(&args, &input, &state, context),
            (Action::Plan(_), Some(input)) => plan::run(input, &state, context),
            (Action::Record(_) | Action::Plan(_), None) => {
                Err(Failure::bug("there is no stream").into())
            }
            (Action::Cancel(chosen), _) => cancel::run(&chosen, &state, context),
            (Action::Delete(chosen), _) => delete::run(&chosen, &state, context),
            (Action::Report(args), _) => report::run(&args, &state, context),
            (Action::Watch(chosen), _) => watch::run(&chosen, &state, context),
            (Action::Finish(chosen), _) => finish::run(&chosen, &state, context),
            (Action::List(args), _) => list::list(&args, &state, context),
            (Action::Show(chosen), _) => list::show(&chosen, &state, context),
        }
    }
}

const REPORT: &[Table] = &[
    Table {
        kind: "summary",
        columns: &[
            Column::new("name", "Name"),
            Column::new("status", "Status"),
            Column::new("mode", "Migration mode"),
            Column::new("option", "Migration type"),
            Column::new("source_server", "Source server"),
            Column::new("source_type", "Source server type"),
            Column::new("databases", "Databases"),
            Column::new("duration", "Duration"),
            Column::new("start_time", "Start time"),
        ],
    },
    Table {
        kind: "plan",
        columns: &[
            Column::new("database", "Database"),
            Column::new("bytes", "Bytes"),
            Column::new("objects", "Objects"),
            Column::new("tables", "Tables"),
            Column::new("rows_estimate", "Rows, about"),
            Column::new("largest", "Largest"),
            Column::new("roles", "Roles"),
            Column::new("staging", "Created as"),
            Column::new("bytes_per_second", "Bytes/s"),
            Column::new("eta_seconds", "Seconds"),
        ],
    },
    Table {
        kind: "migration",
        columns: &[
            Column::new("name", "Name"),
            Column::new("database", "Database"),
            Column::new("staging", "Staging database"),
        ],
    },
    Table {
        kind: "state",
        columns: &[
            Column::new("database", "Database"),
            Column::new("state", "State"),
            Column::new("substate", "Substate"),
            Column::new("rows", "Rows"),
            Column::new("bytes", "Bytes"),
            Column::new("message", "Message"),
        ],
    },
    Table {
        kind: "check",
        columns: &[
            Column::new("id", "Check"),
            Column::new("level", "Level"),
            Column::new("database", "Database"),
            Column::new("status", "Status"),
            Column::new("message", "Message"),
            Column::new("fix", "Fix"),
        ],
    },
    Table {
        kind: "verified",
        columns: &[
            Column::new("schema", "Schema"),
            Column::new("name", "Name"),
            Column::new("verdict", "Verdict"),
            Column::new("source_rows", "Source rows"),
            Column::new("target_rows", "Target rows"),
            Column::new("message", "Message"),
        ],
    },
    Table {
        kind: "error",
        columns: &[
            Column::new("tool", "Tool"),
            Column::new("object", "Object"),
            Column::new("message", "Error"),
            Column::new("hint", "Hint"),
        ],
    },
];
