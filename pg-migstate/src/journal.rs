//! The journal of a migration: one line a record, only ever appended to, locked while it is
//! written. What a line means is up to [`crate::history`].

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};

use jiff::Timestamp;
use pg_pipe::record::{AppliedStatus, CheckStatus, Record, Section, State, Verdict};
use pg_pipe::{Exit, Failure, owned};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock;
use crate::store::{Place, unusable};

/// One line of the journal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// When it was written.
    pub(crate) at: Timestamp,
    /// Database of the migration that it is about.
    pub(crate) database: String,
    /// With a `state` record: the database is loaded and verified and waits for `finish`.
    pub(crate) ready: bool,
    /// What was said.
    pub(crate) record: Record,
}

impl Entry {
    /// An entry that is written now.
    pub(crate) fn new(database: &str, record: Record) -> Self {
        Self {
            at: clock::now(),
            database: database.to_owned(),
            ready: false,
            record,
        }
    }

    /// A state that a database has from now on.
    pub(crate) fn of_state(state: &State, ready: bool) -> Self {
        Self {
            ready,
            ..Self::new(&state.database, Record::State(state.clone()))
        }
    }

    /// Whether a journal keeps such a record of a stream. What is left out can be had from
    /// the target, or is told by another record.
    pub(crate) fn keeps(record: &Record, database: &str) -> bool {
        match record {
            Record::Endpoint(_)
            | Record::Validation(_)
            | Record::Error(_)
            | Record::Copied(_)
            | Record::Parameter(_)
            | Record::Verification(_)
            | Record::End(_) => true,
            // For the timeline of the report.
            Record::Applied(applied) => {
                applied.section == Section::PostData && applied.status == AppliedStatus::Applied
            }
            // What a check found that is no fault, such as parameters to carry over, too.
            Record::Check(check) => {
                check.status != CheckStatus::Succeeded || !check.objects.is_empty()
            }
            Record::Verified(verified) => verified.verdict != Verdict::Match,
            Record::Database(facts) => facts.name == database,
            Record::Object(object) => object.kind == "DATABASE",
            _ => false,
        }
    }
}

/// An entry as it is read.
#[derive(Deserialize)]
struct Line {
    at: String,
    database: String,
    #[serde(default)]
    ready: bool,
    record: Value,
}

/// An entry as it is written.
#[derive(Serialize)]
struct Written<'a> {
    at: String,
    database: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ready: bool,
    record: &'a Record,
}

/// An open journal.
pub(crate) struct Journal {
    place: Place,
    file: File,
    /// Up to where we know it, in bytes.
    known: u64,
}

/// A journal that nobody else writes to.
pub(crate) struct Locked<'a>(&'a mut Journal);

/// Whether an append must be on disk before the work goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Durability {
    /// It must: a state has changed.
    Synced,
    /// The next state that changes takes it along.
    Lazy,
}

impl Journal {
    /// Opens a journal, making it where it is missing.
    ///
    /// # Errors
    /// When it cannot be made or opened.
    pub(crate) fn open(place: &Place) -> Result<Self, Failure> {
        place.create()?;
        let path = place.journal();
        let file = owned::file()
            .read(true)
            .open(&path)
            .map_err(|error| unusable("open", &path, &error))?;
        Ok(Self {
            place: place.clone(),
            file,
            known: 0,
        })
    }

    /// Keeps all others from writing until the guard is dropped.
    ///
    /// # Errors
    /// When it cannot be locked.
    pub(crate) fn lock(&mut self) -> Result<Locked<'_>, Failure> {
        self.file
            .lock()
            .map_err(|error| unusable("lock", &self.place.journal(), &error))?;
        Ok(Locked(self))
    }

    /// Locks, appends, unlocks.
    ///
    /// # Errors
    /// When it cannot be written, such as on a full disk.
    pub(crate) fn append(
        &mut self,
        entries: &[Entry],
        durability: Durability,
    ) -> Result<(), Failure> {
        self.lock()?.append(entries, durability)
    }
}

impl Locked<'_> {
    /// Everything that was written so far.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn read(&mut self) -> Result<Vec<Entry>, Failure> {
        self.0.known = 0;
        self.news()
    }

    /// What others have written since we last read or wrote.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn news(&mut self) -> Result<Vec<Entry>, Failure> {
        let mut bytes = Vec::new();
        let read = self
            .0
            .file
            .seek(SeekFrom::Start(self.0.known))
            .and_then(|_| self.0.file.read_to_end(&mut bytes));
        read.map_err(|error| self.unusable("read", &error))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        bytes.truncate(whole.map_or(0, |at| at + 1));
        self.0.known += u64::try_from(bytes.len()).unwrap_or_default();
        entries_of(&self.0.place, &bytes)
    }

    /// Appends all or nothing. What a killed writer left behind of a line is cut off first.
    ///
    /// # Errors
    /// When it cannot be written, such as on a full disk.
    pub(crate) fn append(
        &mut self,
        entries: &[Entry],
        durability: Durability,
    ) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        for entry in entries {
            bytes.extend(line_of(entry));
        }
        self.cut_torn_line()
            .and_then(|end| self.write_at(end, &bytes))
            .and_then(|()| match durability {
                Durability::Synced => self.0.file.sync_data(),
                Durability::Lazy => Ok(()),
            })
            .map_err(|error| self.unusable("write", &error))
    }

    /// Writes to the end, or takes back what the disk had room for.
    fn write_at(&mut self, end: u64, bytes: &[u8]) -> io::Result<()> {
        let file = &mut self.0.file;
        file.write_all(bytes).inspect_err(|_| {
            // What stays is whole lines, and a torn one.
            drop(file.set_len(end));
        })
    }

    /// Leaves the file's position at the end of its last whole line, and tells it.
    fn cut_torn_line(&mut self) -> io::Result<u64> {
        let file = &mut self.0.file;
        let end = file.seek(SeekFrom::End(0))?;
        if end == 0 {
            return Ok(0);
        }
        let mut last = [0];
        file.seek(SeekFrom::Start(end - 1))?;
        file.read_exact(&mut last)?;
        if last == *b"\n" {
            return Ok(end);
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let whole = u64::try_from(whole).map_err(io::Error::other)?;
        file.set_len(whole)?;
        file.seek(SeekFrom::Start(whole))
    }

    fn unusable(&self, what: &str, error: &io::Error) -> Failure {
        unusable(what, &self.0.place.journal(), error)
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // Closing the file unlocks it as well.
        drop(self.0.file.unlock());
    }
}

/// Reads a journal without locking it: a line that is being written counts as torn.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn read(place: &Place) -> Result<Vec<Entry>, Failure> {
    let path = place.journal();
    let bytes = fs::read(&path).map_err(|error| unusable("read", &path, &error))?;
    entries_of(place, &bytes)
}

fn line_of(entry: &Entry) -> Vec<u8> {
    let line = Written {
        at: entry.at.to_string(),
        database: &entry.database,
        ready: entry.ready,
        record: &entry.record,
    };
    // Records hold no map with other than string keys, so this cannot fail.
    let mut bytes = serde_json::to_vec(&line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn entries_of(place: &Place, bytes: &[u8]) -> Result<Vec<Entry>, Failure> {
    parse(bytes).map_err(|number| {
        Failure::new(
            Exit::Input,
            "state",
            format!(
                "the journal {} is damaged at line {number}",
                place.journal().display()
            ),
        )
        .hint("Move the file away and begin the migration again, by the same name: what is on the target is known there, \
             so that it goes on, or can be canceled.")
    })
}

/// The entries of a journal, or the number of the first line that is none. A last line that
/// does not end is one that a killed writer left behind: it is ignored. So are records of
/// kinds that a newer version wrote.
fn parse(bytes: &[u8]) -> Result<Vec<Entry>, usize> {
    let mut entries = Vec::new();
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(line) = line.strip_suffix(b"\n") else {
            break;
        };
        let line: Line = serde_json::from_slice(line).ok().ok_or(index + 1)?;
        let at: Timestamp = line.at.parse().ok().ok_or(index + 1)?;
        if let Ok(record) = serde_json::from_value(line.record) {
            entries.push(Entry {
                at,
                database: line.database,
                ready: line.ready,
                record,
            });
        }
    }
    Ok(entries)
}

/// Any bytes as a journal: what is read is the same when it is written and read again.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzzed(data: &[u8]) {
    if let Ok(entries) = parse(data) {
        let written: Vec<u8> = entries.iter().flat_map(line_of).collect();
        assert_eq!(parse(&written), Ok(entries));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StateDir;
    use pg_pipe::record::End;

    fn end(exit: u8) -> Entry {
        let end = End {
            tool: "pg-copy".to_owned(),
            id: "i".to_owned(),
            exit,
        };
        Entry::new("shop", Record::End(end))
    }

    fn place(root: &tempfile::TempDir) -> Place {
        StateDir::resolve(Some(root.path()), &|_| None)
            .unwrap()
            .place("db:1", "m1")
            .unwrap()
    }

    #[test]
    fn what_was_appended_is_read_again() {
        let root = tempfile::tempdir().unwrap();
        let place = place(&root);
        let mut journal = Journal::open(&place).unwrap();
        let all = [0, 1, 2].map(end);
        journal.append(&all[..1], Durability::Lazy).unwrap();
        journal.append(&all[1..], Durability::Synced).unwrap();
        // Its line has milliseconds.
        let shown = |entries: &[Entry]| -> Vec<String> {
            let lines = entries.iter();
            lines
                .map(|e| format!("{:.3} {} {:?}", e.at, e.database, e.record))
                .collect()
        };
        assert_eq!(shown(&read(&place).unwrap()), shown(&all));
    }

    #[test]
    fn a_torn_last_line_is_ignored_and_cut_off_by_the_next_writer() {
        let root = tempfile::tempdir().unwrap();
        let place = place(&root);
        let mut journal = Journal::open(&place).unwrap();
        journal.append(&[end(0)], Durability::Synced).unwrap();
        let whole = fs::read(place.journal()).unwrap();
        let torn = [whole.as_slice(), b"{\"at\":\"2026-"].concat();
        fs::write(place.journal(), &torn).unwrap();
        assert_eq!(read(&place).unwrap().len(), 1);
        journal.append(&[end(6)], Durability::Synced).unwrap();
        let entries = read(&place).unwrap();
        assert_eq!(entries.len(), 2);
        assert!(matches!(&entries[1].record, Record::End(end) if end.exit == 6));
    }

    #[test]
    fn a_file_that_is_nothing_but_a_torn_line_is_an_empty_journal() {
        let root = tempfile::tempdir().unwrap();
        let place = place(&root);
        let mut journal = Journal::open(&place).unwrap();
        fs::write(place.journal(), b"{\"at").unwrap();
        assert!(journal.lock().unwrap().read().unwrap().is_empty());
        journal.append(&[end(0)], Durability::Synced).unwrap();
        assert_eq!(read(&place).unwrap().len(), 1);
    }

    #[test]
    fn damage_in_the_middle_is_named_by_line_and_newer_kinds_are_skipped() {
        let newer = r#"{"at":"2026-11-22T12:00:00Z","database":"d","record":{"type":"mood"}}"#;
        assert_eq!(parse(format!("{newer}\n").as_bytes()), Ok(Vec::new()));
        assert_eq!(parse(format!("{newer}\nx\n{newer}\n").as_bytes()), Err(2));
    }

    #[test]
    fn checks_that_found_something_are_kept_and_those_that_did_not_are_not() {
        let keeps = |more: &str| {
            let check = format!(
                r#"{{"type":"check","id":"guc.not_default","level":"instance","status":"Succeeded","message":"m"{more}}}"#
            );
            Entry::keeps(&serde_json::from_str(&check).unwrap(), "shop")
        };
        assert!(keeps(
            r#","objects":["work_mem (9216 on the source, 4096 here)"]"#
        ));
        assert!(!keeps(""));
    }

    #[test]
    fn lines_bear_time_database_and_record() {
        let line = String::from_utf8(line_of(&end(0))).unwrap();
        assert!(line.starts_with("{\"at\":\"20"), "{line}");
        assert!(
            line.contains("\"database\":\"shop\",\"record\":{\"type\":"),
            "{line}"
        );
    }
}
