//! Flags for endpoints and connections, spelled alike in all tools.

use std::num::NonZeroUsize;

/// The source.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SourceArgs {
    /// Where the data come from: a connection string as psql takes it
    ///
    /// key=value pairs or a URI; an empty string means PG* variables and defaults. Without
    /// the flag: the stream's endpoint record, then $PGMIG_SOURCE. Keep the password out of
    /// it: use $PGMIG_SOURCE_PASSWORD, $PGMIG_SOURCE_PASSWORD_COMMAND or ~/.pgpass.
    #[arg(long, value_name = "CONNINFO")]
    pub source: Option<String>,
}

/// The target.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct TargetArgs {
    /// Where the data go: a connection string as psql takes it
    ///
    /// key=value pairs or a URI; an empty string means PG* variables and defaults. Without
    /// the flag: the stream's endpoint record, then $PGMIG_TARGET. Keep the password out of
    /// it: use $PGMIG_TARGET_PASSWORD, $PGMIG_TARGET_PASSWORD_COMMAND or ~/.pgpass.
    #[arg(long, value_name = "CONNINFO")]
    pub target: Option<String>,
}

/// How many connections work at the same time.
#[derive(Clone, Debug, clap::Args)]
pub struct JobsArgs {
    /// Connections that work at the same time, on each side
    ///
    /// As pg_dump's flag of that name. The servers do the work: more than they have
    /// processors gains little.
    #[arg(
        long,
        short,
        value_name = "N",
        default_value = "2",
        env = "PGMIG_JOBS",
        hide_env_values = true
    )]
    pub jobs: NonZeroUsize,
}
