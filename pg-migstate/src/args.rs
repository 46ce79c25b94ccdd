//! What is typed on the command line of `pg-migstate`.

use std::path::PathBuf;

use clap::{Args as Fragment, Subcommand, ValueEnum};
use pg_pipe::Standing;

/// Keep the journal of migrations and swap databases in
///
/// `begin` opens the stream of one database, `record` closes it and keeps the journal,
/// `finish` puts all databases of a migration in place, `cancel` undoes it, `list` and `show`
/// tell what is.
#[derive(Clone, Debug, clap::Parser)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) action: Action,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) standing: Standing,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Action {
    /// Open the stream of one database of a migration; touches no server
    Begin(BeginArgs),
    /// List the databases of a migration file, one migration record each
    Databases(DatabasesArgs),
    /// Close the stream of a dry run: tell what would be done and how long it takes
    Plan(PlanArgs),
    /// Close the stream of one database: keep the journal, tell the outcome
    Record(RecordArgs),
    /// Stop a migration wherever it runs and undo what it has done on the target
    Cancel(ChosenArgs),
    /// Put all databases of a migration in place
    Finish(FinishArgs),
    /// List migrations, newest first
    List(ListArgs),
    /// Show one migration: databases, findings, errors, what to do next
    Show(ChosenArgs),
    /// Follow one migration until it has ended, with bars on a terminal
    Watch(ChosenArgs),
    /// Write a page about one migration
    Report(ReportArgs),
    /// Forget one migration: its journal; the target stays as it is
    Delete(ChosenArgs),
}

/// Where the journals are.
#[derive(Clone, Debug, Default, Fragment)]
pub(crate) struct StateArgs {
    /// Directory of the journals
    ///
    /// The default is $XDG_STATE_HOME/pgmig, or else ~/.local/state/pgmig.
    #[arg(
        long,
        value_name = "DIR",
        env = "PGMIG_STATE_DIR",
        hide_env_values = true,
        global = true
    )]
    pub(crate) state_dir: Option<PathBuf>,
}

/// A migration file, and what is given beside it.
#[derive(Clone, Debug, Default, Fragment)]
pub(crate) struct FileArgs {
    /// Migration file, JSON: ours, or the body of Azure's command line
    ///
    /// With --resume, the name of a migration will do.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Name of the migration; wins over the file's
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Target server; wins over the file's
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) target_server: Option<String>,

    /// What is done: Validate, Migrate or ValidateAndMigrate; wins over the file's
    #[arg(long, value_name = "OPTION")]
    pub(crate) option: Option<String>,

    /// Databases, separated by commas, in place of the file's
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) databases: Vec<String>,

    /// Load into databases that are there, and empty, in place of new ones
    ///
    /// They keep their names from the start: for a database that cannot be renamed, such as
    /// postgres, for which this is the way by itself, or the one that pg_cron lives in.
    /// Canceling drops there what the migration has made, and nothing else.
    #[arg(long)]
    pub(crate) in_place: bool,
}

impl FileArgs {
    /// A file and nothing beside it.
    pub(crate) fn of(file: PathBuf) -> Self {
        Self {
            file,
            name: None,
            target_server: None,
            option: None,
            databases: Vec::new(),
            in_place: false,
        }
    }
}

/// Operands of `databases`.
#[derive(Clone, Debug, Fragment)]
pub(crate) struct DatabasesArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,

    /// Take the name of a migration that was begun before, too
    #[arg(long)]
    pub(crate) resume: bool,
}

/// Operands of `begin`.
#[derive(Clone, Debug, Fragment)]
pub(crate) struct BeginArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,

    /// Database of the migration that this stream is for
    ///
    /// Not needed when the migration has one database only.
    #[arg(long, value_name = "NAME", conflicts_with = "nth")]
    pub(crate) database: Option<String>,

    /// The same by its place in the file, from 1
    #[arg(long, value_name = "N")]
    pub(crate) nth: Option<usize>,

    /// Go on with a database that was begun before
    #[arg(long)]
    pub(crate) resume: bool,

    /// Note nothing in a journal
    ///
    /// For a stream to pg-probe, pg-validate, pg-schema-dump and pg-migstate plan, which change
    /// nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Operands of `plan`.
#[derive(Clone, Debug, Fragment)]
pub(crate) struct PlanArgs {
    /// Stream to read: - for standard input, or a file
    #[arg(value_name = "STREAM")]
    pub(crate) stream: PathBuf,
}

/// Operands of `finish`.
#[derive(Clone, Debug, Fragment)]
pub(crate) struct FinishArgs {
    #[command(flatten)]
    pub(crate) chosen: ChosenArgs,

    /// End sessions of others that keep the databases from being renamed
    #[arg(long)]
    pub(crate) terminate: bool,
}

/// Operands of `record`.
#[derive(Clone, Debug, Fragment)]
pub(crate) struct RecordArgs {
    /// Stream to read: - for standard input, or a file
    #[arg(value_name = "STREAM")]
    pub(crate) stream: PathBuf,

    /// Say that a person is to finish the migration
    ///
    /// The state is then WaitingForUserAction until `pg-migstate finish` is run.
    #[arg(long)]
    pub(crate) hold: bool,
}

/// Operands of `list`.
#[derive(Clone, Debug, Fragment)]
pub(crate) struct ListArgs {
    /// Which migrations are listed
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = Filter::All)]
    pub(crate) filter: Filter,
}

/// Which migrations are listed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Filter {
    /// Those that run or wait.
    Active,
    /// All.
    All,
}

/// Operands of `report`.
#[derive(Clone, Debug, Fragment)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) chosen: ChosenArgs,

    /// File to write the page to: HTML with all that it needs in it
    #[arg(long, value_name = "FILE")]
    pub(crate) html: PathBuf,
}

/// How a migration is chosen.
#[derive(Clone, Debug, Fragment)]
pub(crate) struct ChosenArgs {
    /// Name of the migration
    #[arg(value_name = "NAME", required_unless_present = "file")]
    pub(crate) name: Option<String>,

    /// Target server, where two have a migration of that name
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) target_server: Option<String>,

    /// The migration that this file describes
    ///
    /// A name and a target server win over the file's.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}
