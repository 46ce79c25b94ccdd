//! How far the work on whole tables is: bytes of the tables whose indexes are built and whose
//! keys are validated, by what the server says of its running builds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use pg_pipe::Context;
use pg_pipe::progress::Counters;
use pg_session::{Error, Session};

use crate::apply::Target;

const PROGRESS: &str = include_str!("sql/build_progress.sql");

/// How often the server is asked.
const EVERY: Duration = Duration::from_secs(1);

/// How often a build that goes on and on is told of.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// A build that runs.
struct Build {
    shown: String,
    bytes: u64,
    counted: u64,
    begun: Instant,
    told: Instant,
}

/// What runs, by the server process that runs it; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Board {
    builds: Arc<Mutex<BTreeMap<i32, Build>>>,
}

impl Board {
    /// A process begins to work on a table of so many bytes.
    pub(crate) fn begin(&self, process: i32, shown: String, bytes: i64) {
        let now = Instant::now();
        let build = Build {
            shown,
            bytes: u64::try_from(bytes).unwrap_or_default(),
            counted: 0,
            begun: now,
            told: now,
        };
        self.with(|builds| builds.insert(process, build));
    }

    /// It has ended: what has not been counted of its bytes is.
    pub(crate) fn end(&self, process: i32, counters: &Counters) {
        if let Some(build) = self.with(|builds| builds.remove(&process)) {
            counters.add_bytes(build.bytes.saturating_sub(build.counted));
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<i32, Build>) -> T) -> T {
        work(&mut self.builds.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts what a build has done of its bytes, and says what to tell of it now and then.
    fn advance(&self, process: i32, phase: &str, part: f64, counters: &Counters) -> Option<String> {
        self.with(|builds| {
            let build = builds.get_mut(&process)?;
            let done = part_of(build.bytes, part);
            counters.add_bytes(done.saturating_sub(build.counted));
            build.counted = build.counted.max(done);
            if build.told.elapsed() < TOLD_EVERY {
                return None;
            }
            build.told = Instant::now();
            let seconds = build.begun.elapsed().as_secs();
            let percent = part_of(100, part);
            Some(format!(
                "{}: {phase}, {percent} %, {seconds} s",
                build.shown
            ))
        })
    }
}

/// That part of a whole, from 0 to 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an estimate, kept between 0 and the whole"
)]
fn part_of(whole: u64, part: f64) -> u64 {
    (whole as f64 * part.clamp(0.0, 1.0)) as u64
}

/// Asks the server until `end` is dropped. What cannot be found out is not shown, that is all:
/// a session that cannot be had or is lost ends it.
pub(crate) fn watch(
    target: &Target,
    board: &Board,
    counters: &Counters,
    context: &Context,
    end: &Receiver<()>,
) {
    let mut session: Option<Session> = None;
    while end.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let processes: Vec<i32> = board.with(|builds| builds.keys().copied().collect());
        if processes.is_empty() {
            continue;
        }
        let asked = match &mut session {
            Some(session) => ask(session, &processes),
            None => target
                .connect_once()
                .and_then(|opened| ask(session.insert(opened), &processes)),
        };
        let Ok(rows) = asked else {
            return;
        };
        for (process, phase, part) in rows {
            if let Some(text) = board.advance(process, &phase, part, counters) {
                context.notice().note(&text);
            }
        }
    }
}

fn ask(session: &mut Session, processes: &[i32]) -> Result<Vec<(i32, String, f64)>, Error> {
    let rows = session.query(PROGRESS, &[&processes])?;
    Ok(rows
        .iter()
        .map(|row| (row.get("pid"), row.get("phase"), row.get("part_done")))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_counts_its_bytes_once() {
        let (board, counters) = (Board::default(), Counters::default());
        let counted = || board.with(|builds| builds.get(&7).map(|build| build.counted));
        board.begin(7, "INDEX i".to_owned(), 1_000);
        assert_eq!(board.advance(7, "sorting", 0.5, &counters), None);
        assert_eq!(board.advance(7, "waiting", 0.0, &counters), None);
        assert_eq!(counted(), Some(500));
        board.end(7, &counters);
        assert_eq!(counted(), None);
    }

    #[test]
    fn parts_stay_within_the_whole() {
        assert_eq!(part_of(100, 0.456), 45);
        assert_eq!(part_of(100, 7.0), 100);
        assert_eq!(part_of(100, f64::NAN), 0);
    }
}
