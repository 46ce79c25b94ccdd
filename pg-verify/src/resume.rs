//! What an interrupted run has found equal already: a file with a line for what was compared,
//! and one for each thing that matched.
//!
//! Only tables that matched are believed, and only while they are the same on both sides: one that
//! was made anew, truncated or rewritten since is compared again. Matches are as of the run that
//! found them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pg_pipe::record::{Record, Verdict, Verified, VerifiedKind};
use pg_pipe::{Context, Exit, Failure, owned};
use pg_session::{RelationName, staging};

use crate::plan::{Comparison, Course, Half};
use crate::reading::Job;

/// A file that says how far a run came.
pub(crate) struct Resume {
    path: PathBuf,
    file: File,
    matched: BTreeMap<RelationName, Verified>,
    /// What each table is on both sides, now.
    marks: BTreeMap<RelationName, String>,
}

impl Resume {
    /// Opens the file and reads what an earlier run of the same comparison has found. `what`
    /// names servers and options: a file of another comparison is begun anew.
    ///
    /// # Errors
    /// When it cannot be read or written, or is no file of ours (exit 2), or when another run
    /// has it (exit 7).
    pub(crate) fn open(
        path: &Path,
        what: &[&str],
        plan: &[Comparison],
        context: &Context,
    ) -> anyhow::Result<Self> {
        let mut file = owned::file()
            .append(true)
            .read(true)
            .open(path)
            .map_err(|error| {
                Failure::usage(format!("cannot write {}: {error}", path.display()))
                    .hint("Give --resume a file that you can write to.")
            })?;
        if file.try_lock().is_err() {
            return Err(Failure::new(
                Exit::Conflict,
                "locked",
                format!("another run of pg-verify writes {}", path.display()),
            )
            .hint("Wait for its end, or give --resume another file.")
            .into());
        }
        let heading = format!("pg-verify resume 2 {}", staging::hex(what, 32));
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut lines = text.lines();
        let first = lines.next();
        check_ours(path, first)?;
        let mut matched = BTreeMap::new();
        let marked = plan.iter().filter_map(marked);
        let marks: BTreeMap<RelationName, String> = marked.collect();
        if first == Some(&heading) {
            matched = lines.filter_map(|line| read(line, &marks)).collect();
            context.notice().note(&format!(
                "{} of them were found equal by an earlier run",
                matched.len()
            ));
            // The last line may be cut.
            if !text.ends_with('\n') {
                file.write_all(b"\n")?;
            }
        } else {
            file.set_len(0)?;
            writeln!(file, "{heading}")?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            matched,
            marks,
        })
    }

    /// What an earlier run says of something.
    pub(crate) fn take(&mut self, kind: VerifiedKind, name: &RelationName) -> Option<Verified> {
        let is_table = kind == VerifiedKind::Table;
        is_table.then(|| self.matched.remove(name)).flatten()
    }

    /// Notes what is equal.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn note(&mut self, verified: &Verified) -> anyhow::Result<()> {
        let name = RelationName::new(&verified.schema, &verified.name);
        let is_table = verified.kind == VerifiedKind::Table;
        let Some(mark) = self.marks.get(&name).filter(|_| is_table) else {
            return Ok(());
        };
        if verified.verdict != Verdict::Match {
            return Ok(());
        }
        let record = serde_json::to_string(&Record::Verified(verified.clone()))?;
        let line = format!("{mark} {record}\n");
        self.file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_data())
            .with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Removes the file: the run came to its end.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(crate) fn end(self) -> anyhow::Result<()> {
        fs::remove_file(&self.path)
            .with_context(|| format!("cannot remove {}", self.path.display()))
    }
}

/// A file that is somebody else's is left alone.
fn check_ours(path: &Path, first: Option<&str>) -> Result<(), Failure> {
    match first {
        Some(line) if !line.starts_with("pg-verify resume ") => Err(Failure::usage(format!(
            "{} is not a file of pg-verify --resume",
            path.display()
        ))
        .hint("Give a new file: this one would be overwritten.")),
        _ => Ok(()),
    }
}

/// A table with what it is on both sides: OID and file, or what the stream says of it.
fn marked(comparison: &Comparison) -> Option<(RelationName, String)> {
    let Course::Compare { source, target } = &comparison.course else {
        return None;
    };
    if comparison.kind != VerifiedKind::Table {
        return None;
    }
    let parts = [source, target].map(|half| match half {
        Half::Read(Job::Table(table)) => {
            format!("{} {:?}", table.relation.oid, table.relation.filenode)
        }
        other => format!("{other:?}"),
    });
    let [there, here] = &parts;
    Some((comparison.name.clone(), staging::hex(&[there, here], 16)))
}

fn read(line: &str, marks: &BTreeMap<RelationName, String>) -> Option<(RelationName, Verified)> {
    let (mark, record) = line.split_once(' ')?;
    let Ok(Record::Verified(mut verified)) = serde_json::from_str(record) else {
        return None;
    };
    let name = RelationName::new(&verified.schema, &verified.name);
    let is_same = marks.get(&name).is_some_and(|now| now == mark);
    verified.message = Some("found equal by an earlier run".to_owned());
    let is_match = verified.verdict == Verdict::Match && verified.kind == VerifiedKind::Table;
    (is_match && is_same).then_some((name, verified))
}
