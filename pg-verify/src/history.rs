//! The history of runs: one line of CSV for each thing that was compared, appended.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pg_pipe::record::{Verdict, Verified, VerifiedKind};
use pg_pipe::report::data;
use pg_pipe::{Failure, owned};

use crate::fresh::unwritten;

/// What the columns are called, in the first line of a new file.
const HEADING: [&str; 18] = [
    "time",
    "source",
    "target",
    "kind",
    "schema",
    "name",
    "verdict",
    "source_rows",
    "target_rows",
    "source_checksum",
    "target_checksum",
    "missing",
    "extra",
    "changed",
    "condition",
    "milliseconds",
    "bytes_per_second",
    "message",
];

/// The file that a run is appended to.
pub(crate) struct History {
    path: PathBuf,
    file: File,
}

impl History {
    /// Opens the file, so that a run does not end in vain. Conditions have values: it is for its
    /// owner only.
    ///
    /// # Errors
    /// A [`Failure`] (exit 2) when it cannot be written.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let opened = owned::file().append(true).open(path);
        let file = opened.map_err(|error| {
            Failure::usage(format!("cannot write {}: {error}", path.display()))
                .hint("Give --history a file that you can write to.")
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Appends a run, in one write, so that two runs at a time do not mix their lines.
    ///
    /// # Errors
    /// When the file cannot be written (exit 3).
    pub(crate) fn append(mut self, places: (&str, &str), all: &[Verified]) -> anyhow::Result<()> {
        let is_new = self.file.metadata().is_ok_and(|file| file.len() == 0);
        let lines = lines(places, all, is_new).context("cannot write the history")?;
        self.file
            .write_all(&lines)
            .and_then(|()| sync(&self.file))
            .map_err(|error| unwritten(&self.path, &error).into())
    }
}

/// A device or a pipe has nothing to be synchronized with.
fn sync(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

/// The lines of a run.
fn lines(
    (source, target): (&str, &str),
    all: &[Verified],
    with_heading: bool,
) -> anyhow::Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    if with_heading {
        csv.write_record(HEADING)?;
    }
    let time = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    for one in all {
        csv.write_record(fields(one, [&time, source, target]).into_iter().map(data))?;
    }
    Ok(csv.into_inner()?)
}

fn fields(one: &Verified, run: [&str; 3]) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or_else(String::new, |n| n.to_string());
    let rows = |rows: Option<i64>| rows.map_or_else(String::new, |n| n.to_string());
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut fields: Vec<String> = run.iter().map(|text| (*text).to_owned()).collect();
    fields.extend([
        kind(one.kind).to_owned(),
        one.schema.clone(),
        one.name.clone(),
        verdict(one.verdict).to_owned(),
        rows(one.source_rows),
        rows(one.target_rows),
        text(&one.source_checksum),
        text(&one.target_checksum),
        number(one.missing),
        number(one.extra),
        number(one.changed),
        text(&one.condition),
        one.milliseconds.to_string(),
        number(one.bytes_per_second),
        text(&one.message),
    ]);
    fields
}

/// The kind in the words of the record.
pub(crate) fn kind(kind: VerifiedKind) -> &'static str {
    match kind {
        VerifiedKind::Table => "table",
        VerifiedKind::Sequence => "sequence",
        VerifiedKind::LargeObjects => "large_objects",
        VerifiedKind::Object => "object",
    }
}

/// The verdict in the words of the record.
pub(crate) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Match => "match",
        Verdict::Mismatch => "mismatch",
        Verdict::Missing => "missing",
        Verdict::Extra => "extra",
        Verdict::Unverified => "unverified",
    }
}
