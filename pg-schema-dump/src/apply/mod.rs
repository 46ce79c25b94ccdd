//! `pg-schema-apply`: makes the dumped schema on the target. Pre-data before the rows;
//! post-data as soon as the rows of its tables are in, then owners and grants, then what may
//! read everything.

mod args;
mod broken_key;
mod budget;
mod crew;
mod dry_run;
mod families;
mod grantor;
mod graph;
mod in_order;
mod ledgered;
mod left_out;
mod maintenance;
mod memberships;
mod monitor;
mod one;
mod ownership;
mod passwords;
mod plan;
mod pool;
mod post_data;
mod pre_data;
mod refresh;
mod rename;
mod roles;
mod statistics;
mod step;
mod tail;

use std::path::PathBuf;

use pg_pipe::record::Side;
use pg_pipe::report::{Column, Format, Table};
use pg_pipe::{Context, Exit, Head, Input, Standing, Tool};
use pg_session::journey::Journey;
use pg_session::settings::application_name;
use pg_session::{Endpoint, Error as SessionError, Purpose, Role, Session};

use args::{Args, Part};

/// The applying tool.
pub(crate) struct PgSchemaApply;

impl Tool for PgSchemaApply {
    type Args = Args;

    const NAME: &'static str = "pg-schema-apply";

    const EXAMPLES: &'static str = "  \
  pg-schema-dump --source \"$SRC\" | pg-schema-apply --section pre-data --target \"$DST\" -
  pg-schema-apply --section post-data --dry-run plan.ndjson > script.sql
  pg-copy plan.ndjson | pg-schema-apply --section post-data --jobs 4 - | pg-verify -
";

    const REPORT: &'static [Table] = &[Table {
        kind: "applied",
        columns: &[
            Column::new("section", "Section"),
            Column::new("kind", "Kind"),
            Column::new("schema", "Schema"),
            Column::new("name", "Name"),
            Column::new("status", "Status"),
            Column::new("milliseconds", "ms"),
            Column::new("message", "Message"),
        ],
    }];

    fn standing(args: &Args) -> (Standing, Option<PathBuf>) {
        let mut standing = args.standing.clone();
        if args.dry_run {
            // A script is no stream: records go to a report, which has none of it.
            standing.format = Some(Format::Table);
        }
        (standing, args.operand.stream.clone())
    }

    pg_pipe::diagnose_with!(pg_session::Error);

    fn run(args: Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit> {
        let input = input.ok_or_else(|| {
            pg_pipe::Failure::usage("pg-schema-apply needs a stream of objects")
                .hint("Pipe pg-schema-dump into it and end the command with -, or name a file.")
        })?;
        args.leave_out.check()?;
        if args.dry_run {
            return dry_run::run(&args, input, context);
        }
        match args.section {
            Part::PreData => pre_data::run(&args, input, context),
            Part::PostData => post_data::run(&args, input, context),
        }
    }
}

/// The target as the stream's head and the flags give it.
#[derive(Clone)]
struct Target {
    /// The endpoint's own database: maintenance database of a migration.
    endpoint: Endpoint,
    /// The database that is loaded.
    database: String,
    application_name: String,
}

impl Target {
    fn resolve(args: &Args, head: &Head, context: &Context) -> Result<Self, SessionError> {
        let given = head.conninfo(Side::Target, args.target.target.as_deref());
        let endpoint = pg_session::resolve(Role::Target, given.as_deref())?
            .password_left_behind(head.password_from(Side::Target, args.target.target.as_deref()))
            .telling(context.teller());
        let database = head.staging().unwrap_or(endpoint.database()).to_owned();
        Ok(Self {
            endpoint,
            database,
            application_name: application_name(head.hash(), context.tool()),
        })
    }

    /// A session in the database that is loaded.
    fn connect(&self) -> Result<Session, SessionError> {
        self.endpoint
            .with_database(&self.database)
            .connect(Purpose::Load, &self.application_name)
    }

    /// A session that only reads, there at once or not at all.
    fn connect_once(&self) -> Result<Session, SessionError> {
        self.endpoint.with_database(&self.database).probe(
            Purpose::Read,
            &self.application_name,
            &mut Journey::default(),
        )
    }

    /// A session in the endpoint's own database.
    fn connect_for_maintenance(&self) -> Result<Session, SessionError> {
        self.endpoint.connect(Purpose::Load, &self.application_name)
    }
}
