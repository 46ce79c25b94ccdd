//! What a journal tells over time: all runs of all databases, in the order of its lines.

use jiff::Timestamp;
use pg_pipe::record::{Record, Verification};
use pg_session::quote;

use crate::journal::Entry;

/// Something that took time.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) database: String,
    pub(super) name: String,
    pub(super) kind: String,
    /// Milliseconds since the epoch.
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) bytes: i64,
    pub(super) rows: i64,
}

/// How fast rows came at a moment, in bytes a second; `None` when no copy ran.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) database: String,
    pub(super) at: i64,
    pub(super) rate: Option<u64>,
}

/// A stretch of one substate.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    pub(super) database: String,
    pub(super) word: String,
    pub(super) at: Timestamp,
}

/// The whole of it.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) spans: Vec<Span>,
    pub(super) points: Vec<Point>,
    pub(super) phases: Vec<Phase>,
    pub(super) verifications: Vec<(String, Verification)>,
}

impl Story {
    /// Folds the entries of a journal.
    pub(super) fn of(entries: Vec<Entry>) -> Self {
        let mut story = Self::default();
        for entry in entries {
            story.note(entry);
        }
        story
    }

    fn note(&mut self, entry: Entry) {
        let (database, at) = (entry.database, entry.at);
        let now = at.as_millisecond();
        match entry.record {
            Record::Copied(copied) if !copied.earlier => self.spans.push(Span {
                name: named(Some(&copied.schema), &copied.table),
                kind: "TABLE".to_owned(),
                from: now - copied.milliseconds,
                to: now,
                bytes: copied.bytes,
                rows: copied.rows,
                database,
            }),
            Record::Applied(applied) => self.spans.push(Span {
                name: named(applied.schema.as_deref(), &applied.name),
                kind: applied.kind,
                from: now - i64::try_from(applied.milliseconds).unwrap_or(0),
                to: now,
                bytes: 0,
                rows: 0,
                database,
            }),
            Record::Verification(verification) => {
                self.verifications.retain(|(known, _)| *known != database);
                self.verifications.push((database, verification));
            }
            Record::State(state) => {
                let word = format!("{}, {}", state.state.as_str(), state.substate.as_str());
                let last = self
                    .phases
                    .iter()
                    .rev()
                    .find(|one| one.database == database);
                if last.is_none_or(|last| last.word != word) {
                    let database = database.clone();
                    self.phases.push(Phase { database, word, at });
                }
                self.points.push(Point {
                    database,
                    at: now,
                    rate: state.bytes_per_second,
                });
            }
            _ => {}
        }
    }
}

fn named(schema: Option<&str>, name: &str) -> String {
    let name = quote::shown(name);
    schema.map_or_else(
        || name.clone(),
        |schema| format!("{}.{name}", quote::shown(schema)),
    )
}
