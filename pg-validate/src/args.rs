//! What is typed on the command line of `pg-validate`.

use std::path::PathBuf;

use pg_pipe::{Standing, StreamOperand};
use pg_session::args::{JobsArgs, Size, SourceArgs, TargetArgs};

use crate::outcome::Severity;

/// Check whether a migration will work
///
/// Looks at both servers, changes nothing, and says for each check what it found, which
/// objects are concerned and what mends it. Ends with 1 when a check failed. Of the target
/// only --rehearse makes anything: a scratch database, which it drops again.
#[derive(Clone, Debug, clap::Parser)]
pub struct Args {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// Validate this database of the source, for a new one of that name (repeatable)
    ///
    /// Without it, and without a stream: the source's own database, for the target's own.
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Vec<String>,

    /// Run these checks only
    ///
    /// May be repeated, or hold several ids with commas between them.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) only: Vec<String>,

    /// Leave these checks out; they are reported as Skipped
    ///
    /// May be repeated, or hold several ids with commas between them.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) skip: Vec<String>,

    /// Take what a check finds as info, warning or failed (repeatable)
    #[arg(long, value_name = "ID=SEVERITY", value_parser = severity, value_delimiter = ',')]
    pub(crate) severity: Vec<(String, Severity)>,

    /// Make the schema in a scratch database of the target, which is dropped again
    ///
    /// Finds every statement that the target refuses. Roles that are missing there, or that
    /// we may not act for, are replaced by our own; none is created.
    #[arg(long)]
    pub(crate) rehearse: bool,

    /// Run the checks that read rows, too, on --jobs connections to the source
    #[arg(long)]
    pub(crate) deep: bool,

    /// Seconds that reading rows may take in all; what is not reached is told
    #[arg(long, value_name = "SECONDS", default_value = "600")]
    pub(crate) deep_time: u32,

    #[command(flatten)]
    pub(crate) jobs: JobsArgs,

    /// Space that is free on the target, such as 500GB
    #[arg(long, value_name = "SIZE")]
    pub(crate) target_free: Option<Size>,

    /// Write the SQL that mends what was found to a file
    #[arg(long, value_name = "FILE")]
    pub(crate) fix_sql: Option<PathBuf>,

    /// Objects and fixes that a table shows of each finding; 0 for all
    #[arg(long, value_name = "N", default_value = "5")]
    pub(crate) limit: usize,

    /// List the checks and run none
    ///
    /// Each is a record of status Skipped whose message says what it looks at.
    #[arg(long)]
    pub(crate) list: bool,

    /// Say all about one check: why, when, and its SQL
    #[arg(long, value_name = "ID")]
    pub(crate) explain: Option<String>,

    #[command(flatten)]
    pub(crate) standing: Standing,
    #[command(flatten)]
    pub(crate) operand: StreamOperand,
}

fn severity(text: &str) -> Result<(String, Severity), String> {
    let (id, word) = text.split_once('=').ok_or("not of the form ID=SEVERITY")?;
    Ok((id.to_owned(), word.parse()?))
}
