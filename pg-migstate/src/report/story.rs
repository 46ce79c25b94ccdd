//! What a journal tells over time: all runs of all databases, in the order of its lines.

use jiff::Timestamp;
use pg_pipe::record::{Record, Verification};
use pg_session::quote;

use crate::journal::Entry;

/// So long nothing is told only when nothing runs: states come every second. In milliseconds.
const PAUSE: i64 = 60_000;

/// What is left of a pause, in milliseconds.
const LEFT: i64 = 1_000;

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
    /// Milliseconds between the runs, which are not in spans and points.
    pub(super) paused: i64,
}

impl Story {
    /// Folds the entries of a journal.
    pub(super) fn of(entries: Vec<Entry>) -> Self {
        let mut story = Self::default();
        for entry in entries {
            story.note(entry);
        }
        story.leave_out_pauses();
        story
    }

    /// A migration that is resumed a day later would have bars of no width.
    fn leave_out_pauses(&mut self) {
        let spans = self.spans.iter().map(|span| (span.from, span.to));
        let points = self.points.iter().map(|point| (point.at, point.at));
        let mut busy: Vec<(i64, i64)> = spans.chain(points).collect();
        busy.sort_unstable();
        // When a pause ends, and what goes of it.
        let mut pauses = Vec::new();
        let mut end = i64::MAX;
        for (from, to) in busy {
            if from.saturating_sub(end) > PAUSE {
                pauses.push((from, from - end - LEFT));
            }
            end = if end == i64::MAX { to } else { end.max(to) };
        }
        let earlier = |moment: &mut i64| {
            let before = pauses.iter().filter(|(until, _)| until <= moment);
            *moment -= before.map(|(_, long)| long).sum::<i64>();
        };
        for span in &mut self.spans {
            earlier(&mut span.from);
            earlier(&mut span.to);
        }
        for point in &mut self.points {
            earlier(&mut point.at);
        }
        self.paused = pauses.iter().map(|(_, long)| long).sum();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_night_between_two_runs_is_left_out() {
        let span = |from, to| Span {
            database: "d".to_owned(),
            name: "n".to_owned(),
            kind: "TABLE".to_owned(),
            from,
            to,
            bytes: 1,
            rows: 1,
        };
        let point = |at| Point {
            database: "d".to_owned(),
            at,
            rate: None,
        };
        let day = 86_400_000;
        let mut story = Story {
            spans: vec![span(0, 200_000), span(day + 2_000, day + 5_000)],
            points: vec![point(day + 1_000), point(199_000), point(259_000)],
            ..Story::default()
        };
        story.leave_out_pauses();
        // A table that takes long is no pause, nor is a minute.
        let spans: Vec<(i64, i64)> = story
            .spans
            .iter()
            .map(|span| (span.from, span.to))
            .collect();
        assert_eq!(spans, [(0, 200_000), (261_000, 264_000)]);
        assert_eq!(story.points[0].at, 260_000);
        assert_eq!(story.paused, day + 1_000 - 260_000);
    }
}
