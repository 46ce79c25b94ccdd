//! What is typed on the command line of `pg-verify`.

use std::io::{self, IsTerminal};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use pg_pipe::report::Format;
use pg_pipe::{Standing, StreamOperand};
use pg_session::args::{JobsArgs, Size, SourceArgs, TargetArgs};

/// Compare the rows of two databases, and find the very rows that differ
///
/// Every table is read once on each side, in one snapshot a side; then sequences, then large
/// objects. In a pipeline the source's side comes from the records of pg-copy, and only the
/// target is read. Where a table differs its rows are looked for. Changes nothing.
#[derive(Clone, Debug, clap::Parser)]
pub struct Args {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) jobs: JobsArgs,
    #[command(flatten)]
    pub(crate) standing: Standing,
    #[command(flatten)]
    pub(crate) operand: StreamOperand,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    #[command(flatten)]
    pub(crate) beyond: BeyondArgs,
    #[command(flatten)]
    pub(crate) rows: RowArgs,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// What is compared.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "What is compared")]
pub(crate) struct ScopeArgs {
    /// Compare the schemas that match only (repeatable)
    ///
    /// Patterns are those of psql and pg_dump: * and ? are wild, quotes keep upper case. One
    /// that matches nothing is an error. Large objects are compared without a choice only.
    #[arg(short = 'n', long, value_name = "PATTERN")]
    pub(crate) schema: Vec<String>,

    /// Do not compare the schemas that match (repeatable)
    #[arg(short = 'N', long, value_name = "PATTERN")]
    pub(crate) exclude_schema: Vec<String>,

    /// Compare the tables and sequences that match only (repeatable)
    #[arg(short = 't', long, value_name = "PATTERN")]
    pub(crate) table: Vec<String>,

    /// Do not compare the tables and sequences that match (repeatable)
    #[arg(short = 'T', long, value_name = "PATTERN")]
    pub(crate) exclude_table: Vec<String>,

    /// Compare these columns of a table only: SCHEMA.TABLE=COLUMN,… (repeatable)
    #[arg(long, value_name = "TABLE=COLUMNS")]
    pub(crate) columns: Vec<String>,

    /// Compare the rows of a table that a condition holds for: SCHEMA.TABLE=CONDITION (repeatable)
    ///
    /// The condition is SQL and is the same on both sides. Only pg_catalog is on the search
    /// path: write functions and types of your own with their schema.
    #[arg(long = "where", value_name = "TABLE=CONDITION")]
    pub(crate) conditions: Vec<String>,

    /// Read both sides in a pipeline, too, whatever pg-copy has read
    #[arg(long)]
    pub(crate) full: bool,

    /// Count rows, compare nothing else; never called equal
    #[arg(long, conflicts_with_all = ["sample", "repair_sql"])]
    pub(crate) quick: bool,

    /// Compare a sample of each large table, such as 1%; never called equal
    ///
    /// Pages of the source are chosen at random, other ones each time, and their rows are
    /// looked up on the target by their key. Rows that only the target has are not seen. Tables
    /// that are small or have no key are compared whole.
    #[arg(long, value_name = "PERCENT")]
    pub(crate) sample: Option<Percent>,

    /// End with 0 although something was skipped, sampled, counted only or unreadable
    #[arg(long)]
    pub(crate) allow_skipped: bool,
}

/// How rows are read.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "How rows are read")]
pub(crate) struct ReadingArgs {
    /// Who hashes rows: the servers, or we, to whom they are sent
    ///
    /// The checksums are the same. Over a WAN let the servers do it: next to nothing is sent. On
    /// one machine or a LAN that takes 250 MB/s a job, stream is as fast, and costs the servers
    /// less for large values. Servers before 11 have no such hash, so that auto streams there,
    /// and has all others hash.
    #[arg(long, value_enum, value_name = "METHOD", default_value_t = Way::Auto)]
    pub(crate) method: Way,
}

/// Who hashes rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Way {
    /// Each server that can, we for the others.
    Auto,
    /// The servers.
    Server,
    /// We, to whom rows are sent.
    Stream,
}

/// What is compared beside rows.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Beyond rows")]
pub(crate) struct BeyondArgs {
    /// Compare objects of every kind, too: definition, owner, grants; roles with their settings
    ///
    /// Runs pg-schema-dump, and with it pg_dump, on both sides. Versions write some definitions
    /// in words of their own: what differs between servers of two versions is unverified.
    #[arg(long)]
    pub(crate) objects: bool,

    /// List server parameters that the source has set and the target has not, with SQL and
    /// commands for Azure
    #[arg(long)]
    pub(crate) parameters: bool,
}

/// What is told of rows that differ.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Rows that differ")]
pub(crate) struct RowArgs {
    /// Rows shown for each table that differs; 0 looks for none
    #[arg(long, value_name = "N", default_value = "100")]
    pub(crate) max_differences: usize,

    /// Show keys and names of columns, but no values
    #[arg(long)]
    pub(crate) no_values: bool,

    /// Read tables above this size in parts of a fifth of it
    ///
    /// Parts are ranges of the key, for tables whose rows lie in its order. One that differs is
    /// looked into without reading the rest again.
    #[arg(long, value_name = "SIZE", default_value = "64MB")]
    pub(crate) split_size: Size,

    /// Write SQL that makes the target's rows and sequences equal, for you to read and run
    ///
    /// One transaction, for psql. It holds values of your data. It is not written where nothing
    /// differs.
    #[arg(long, value_name = "FILE")]
    pub(crate) repair_sql: Option<PathBuf>,
}

/// Servers that are in use.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Servers in use")]
pub(crate) struct LiveArgs {
    /// Wait so long, then look again at what differed, such as 5s
    ///
    /// For a target that follows a source which is written to. What is equal at a later look
    /// is equal; a row that the source changes at every look is unverified.
    #[arg(long, value_name = "DURATION")]
    pub(crate) recheck: Option<Span>,

    /// How often it is looked again
    #[arg(long, value_name = "N", default_value = "3", requires = "recheck")]
    pub(crate) recheck_times: NonZeroU32,

    /// Read no more than this a second, on each side, such as 50MB
    ///
    /// Tables that --split-size takes apart are slowed down from part to part, others are read in
    /// one piece, with a pause after it.
    #[arg(long, value_name = "SIZE")]
    pub(crate) rate_limit: Option<Size>,

    /// Read no table by a statement that the planner thinks dearer than this, such as 100000
    ///
    /// The cost is that of EXPLAIN. A table that costs more is read in ranges of its key, each
    /// within it. One that cannot be, such as one without a key, is not read, and is unverified.
    #[arg(long, value_name = "COST", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) statement_cost: Option<u32>,
}

/// Files that a run leaves behind.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Files")]
pub(crate) struct FileArgs {
    /// Append a line of CSV for each table to a file
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,

    /// Write the result as OpenMetrics, for the textfile collector of node_exporter
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,

    /// Note in a file what was found equal, and go on from there after an interruption
    ///
    /// It is about tables: one that was made anew, truncated or rewritten since is compared again,
    /// and what was updated since is not seen. The file is removed when a run comes to its end.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "sample"])]
    pub(crate) resume: Option<PathBuf>,
}

/// A share of a whole, above 0 and not above 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Percent(pub(crate) f64);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.trim().trim_end_matches('%');
        match number.parse() {
            Ok(share) if share > 0.0 && share <= 100.0 => Ok(Self(share)),
            _ => Err("not a percentage such as 1% or 0.1%".to_owned()),
        }
    }
}

/// A span of time as PostgreSQL's settings have it: `5s`, `500ms`, `2min`, `1h`; seconds
/// without a unit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Span(pub(crate) Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "not a time such as 5s or 2min".to_owned();
        let text = text.trim();
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
        let number: u64 = number.parse().ok().ok_or_else(wrong)?;
        let milliseconds = match unit.trim() {
            "ms" => 1,
            "" | "s" => 1_000,
            "min" | "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong()),
        };
        let span = number.checked_mul(milliseconds).ok_or_else(wrong)?;
        Ok(Self(Duration::from_millis(span)))
    }
}

/// Who reads the result.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Audience {
    /// A stream: every record, as soon as it is known.
    Stream,
    /// A report: every record, sorted by name.
    Report,
    /// A table for people who want to hear of differences only.
    Differences,
}

impl Args {
    /// Who reads the result.
    pub(crate) fn audience(&self) -> Audience {
        let standing = self.standing();
        let shows_table = self.operand.stream.is_none() && io::stdout().is_terminal();
        match standing.format {
            None if !shows_table => Audience::Stream,
            Some(Format::Ndjson) => Audience::Stream,
            None | Some(Format::Table) if standing.quiet => Audience::Differences,
            _ => Audience::Report,
        }
    }

    /// The shared flags. Cron wants silence: --quiet alone means a table of what differs, and
    /// none when nothing does.
    pub(crate) fn standing(&self) -> Standing {
        let mut standing = self.standing.clone();
        if standing.quiet && self.operand.stream.is_none() {
            standing.format.get_or_insert(Format::Table);
        }
        standing
    }

    /// How many tables are read at a time, on each side.
    pub(crate) fn jobs(&self) -> NonZeroUsize {
        self.jobs.jobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_percentages_are_read_as_people_write_them() {
        let span = |text: &str| text.parse::<Span>().map(|span| span.0.as_millis());
        assert_eq!(span("5s"), Ok(5_000));
        assert_eq!(span("500ms"), Ok(500));
        assert_eq!(span("2 min"), Ok(120_000));
        assert_eq!(span("3"), Ok(3_000));
        for wrong in ["", "s", "-1s", "5d", "99999999999999999h"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
        assert_eq!("1%".parse(), Ok(Percent(1.0)));
        assert_eq!("0.5".parse(), Ok(Percent(0.5)));
        for wrong in ["", "0%", "101%", "NaN", "-1%", "one"] {
            assert!(wrong.parse::<Percent>().is_err(), "{wrong}");
        }
    }
}
