//! What is typed on the command line of `pg-copy`.

use std::time::Duration;

use pg_pipe::{Standing, StreamOperand};
use pg_session::RowFilter;
use pg_session::args::{JobsArgs, Rate, Size, SourceArgs, TargetArgs};

/// Copy rows between servers
///
/// All rows are those of one moment: one snapshot of the source. The same command again goes
/// on where a run was interrupted; what has been copied is never copied twice. SIGUSR1 adds a
/// job while it runs, SIGUSR2 takes one away.
#[derive(Clone, Debug, clap::Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) action: Option<Action>,

    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    #[command(flatten)]
    pub(crate) load: LoadArgs,

    /// Format of COPY in which rows go over
    ///
    /// (--format is that of the report.) auto is binary where every column of a table means the same on these two servers, and
    /// text elsewhere; binary is about a third cheaper. A table that cannot go in binary goes as
    /// text whatever is asked for.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = FormatChoice::Auto)]
    pub(crate) copy_format: FormatChoice,

    /// Copy larger tables in parts of about this size, side by side
    ///
    /// Such as 1GB. Without it a table is split when all others would be done before it, or above
    /// 64 GiB. Parts are ranges of blocks; on sources before 14, of the first column of a unique index.
    #[arg(long, value_name = "SIZE")]
    pub(crate) split_size: Option<Size>,

    /// Copy only those rows of a table for which a condition holds: schema.table=condition
    ///
    /// Such as 'sales.orders=placed_at > now() - interval ''1 year'''. May be given several
    /// times, once for each table. The condition is the source's SQL. Foreign keys that lose
    /// their rows by it are reported by pg-schema-apply.
    #[arg(long = "where", value_name = "TABLE=CONDITION")]
    pub(crate) filters: Vec<RowFilter>,

    /// Start over: empty the tables that earlier runs have copied, and copy them anew
    ///
    /// Without it they stay where the source still has the same rows.
    #[arg(long)]
    pub(crate) no_resume: bool,

    #[command(flatten)]
    pub(crate) standing: Standing,
    #[command(flatten)]
    pub(crate) operand: StreamOperand,
}

/// What else pg-copy does.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Action {
    /// Join a copy that runs elsewhere, on any number of machines
    ///
    /// Takes tables, and parts of tables, out of the plan that the running pg-copy has made on
    /// the target, and copies them in the same snapshot. Ends when none is left to take.
    Worker(WorkerArgs),
}

/// What is typed behind `worker`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WorkerArgs {
    /// Name of the migration whose databases are copied
    ///
    /// Without it the copy into the target's own database is joined.
    #[arg(long, value_name = "NAME")]
    pub(crate) migration: Option<String>,

    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    #[command(flatten)]
    pub(crate) load: LoadArgs,

    /// How long to wait for a copy to join, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) wait: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: u32 = text
        .parse()
        .ok()
        .ok_or_else(|| "not a number of seconds".to_owned())?;
    Ok(Duration::from_secs(u64::from(number)))
}

/// How rows are loaded by this process.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LoadArgs {
    #[command(flatten)]
    pub(crate) jobs: JobsArgs,

    /// Copy no faster than so many bytes a second
    ///
    /// Such as 20MB/s, all jobs of this process together.
    #[arg(long, value_name = "RATE")]
    pub(crate) rate_limit: Option<Rate>,

    /// How the target compresses wide values
    ///
    /// auto is lz4 where the target has it, which costs it a third of pglz; columns that say
    /// otherwise keep their own. server is what the target has set.
    #[arg(long, value_name = "METHOD", value_enum, default_value_t = Toast::Auto)]
    pub(crate) toast_compression: Toast,
}

impl LoadArgs {
    /// Bytes a second at the most.
    pub(crate) fn rate(&self) -> Option<u64> {
        self.rate_limit.map(Rate::bytes)
    }

    /// What a session of the target says about compression, if anything.
    pub(crate) fn toast(&self) -> Option<&'static str> {
        match self.toast_compression {
            Toast::Auto => Some(
                "select set_config(name, 'lz4', false) from pg_settings \
                 where name = 'default_toast_compression' and 'lz4' = any (enumvals)",
            ),
            Toast::Lz4 => Some("set default_toast_compression = 'lz4'"),
            Toast::Pglz => Some("set default_toast_compression = 'pglz'"),
            Toast::Server => None,
        }
    }
}

/// What was said of COPY's format.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum FormatChoice {
    /// Binary where it is safe
    Auto,
    /// Binary where it is safe, and a word about each table where it is not
    Binary,
    /// Text for all tables
    Text,
}

/// What was said of compression.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Toast {
    /// lz4 where the target has it
    Auto,
    /// lz4, or an error
    Lz4,
    /// PostgreSQL's own
    Pglz,
    /// What the target has set
    Server,
}
