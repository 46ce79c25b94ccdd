//! Flags for endpoints, spelled alike in all tools.

/// The source.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SourceArgs {
    /// Where the data come from: a connection string as psql takes it
    ///
    /// key=value pairs or a URI; an empty string means PG* variables and defaults. Without
    /// the flag: the stream's endpoint record, then $PGMIG_SOURCE. Keep the password out of
    /// it: use $PGMIG_SOURCE_PASSWORD or ~/.pgpass.
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
    /// it: use $PGMIG_TARGET_PASSWORD or ~/.pgpass.
    #[arg(long, value_name = "CONNINFO")]
    pub target: Option<String>,
}
