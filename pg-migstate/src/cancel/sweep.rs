//! Ending what runs: databases that let nobody in any more, sessions that are terminated until
//! there is none.

use std::thread;
use std::time::{Duration, Instant};

use pg_pipe::Failure;
use pg_session::mark::{self, Mark, MarkState};
use pg_session::settings::application_name;
use pg_session::{Session, quote};

use crate::history::History;

const END: &str = include_str!("sql/session_end.sql");

/// How long a session that was told to end may take.
const ENDING: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// The sessions of a migration on both servers.
pub(super) struct Sweep {
    /// On the maintenance database of the target.
    pub(super) target: Session,
    source: Option<Session>,
    hash: String,
    own_name: String,
    /// Names that the migration's databases have on the target until they are swapped in. In
    /// one that is loaded in place others may be at work.
    stagings: Vec<String>,
}

impl Sweep {
    /// A sweep of the target.
    pub(super) fn new(history: &History, tool: &str, target: Session) -> Self {
        let hash = history.migration.hash.clone();
        let runs = history.databases().filter_map(|(_, run)| run);
        let runs = runs.filter(|run| !run.migration.in_place);
        Self {
            target,
            source: None,
            own_name: application_name(Some(&hash), tool),
            stagings: runs.map(|run| run.migration.staging.clone()).collect(),
            hash,
        }
    }

    /// Goes on on the source, too.
    pub(super) fn also_on(&mut self, source: Session) {
        self.source = Some(source);
    }

    /// Marks the migration's databases as canceled, which each tool takes as final when it
    /// connects, and lets nobody in any more, unless it is the user's own.
    ///
    /// # Errors
    /// What the server says.
    pub(super) fn mark_canceled(&mut self) -> anyhow::Result<()> {
        for (database, mark) in mark::list(&mut self.target)? {
            if mark.hash != self.hash || mark.state == MarkState::Aside {
                continue;
            }
            let canceled = Mark {
                state: MarkState::Canceled,
                ..mark
            };
            let statement = mark::statement(&database, &canceled);
            if canceled.in_place {
                self.target.batch(&statement)?;
                continue;
            }
            // One message is one transaction.
            let name = quote::identifier(&database);
            self.target.batch(&format!(
                "{statement}; alter database {name} allow_connections false"
            ))?;
            if !self.stagings.contains(&database) {
                self.stagings.push(database);
            }
        }
        Ok(())
    }

    /// Terminates the migration's sessions until there is none. Gives whether there were any.
    ///
    /// # Errors
    /// A conflict when one does not end; otherwise what the server says.
    pub(super) fn end_sessions(&mut self) -> anyhow::Result<bool> {
        let pattern = format!("pgmig/{}/%", self.hash);
        let mut any = false;
        for session in [Some(&mut self.target), self.source.as_mut()] {
            let Some(session) = session else { continue };
            let begun = Instant::now();
            loop {
                let rows = session.query(END, &[&pattern, &self.own_name, &self.stagings])?;
                let Some(first) = rows.first() else { break };
                any = true;
                if begun.elapsed() > ENDING {
                    let who: String = first.get("who");
                    return Err(Failure::conflict(format!(
                        "a session of the migration does not end: {who}"
                    ))
                    .hint("Look at it in pg_stat_activity, and run the same command again.")
                    .into());
                }
                thread::sleep(PAUSE);
            }
        }
        Ok(any)
    }
}
