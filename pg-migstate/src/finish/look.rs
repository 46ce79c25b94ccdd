//! Looks before the leap: what is on the target now, and whether it may be swapped.

use std::thread;
use std::time::Duration;

use pg_pipe::Failure;
use pg_session::mark::{self, Mark, MarkState};
use pg_session::{Purpose, catalog, ledger, quote};

use crate::finish::Finish;

const DATABASE_EXISTS: &str = include_str!("sql/database_exists.sql");
const END: &str = include_str!("sql/session_end.sql");
const SESSIONS: &str = include_str!("sql/session_list.sql");

/// Sessions of our own tools that have ended are gone a moment later.
const SESSION_ATTEMPTS: u32 = 10;
const SESSION_PAUSE: Duration = Duration::from_millis(200);

/// One database and what is to be done with it.
#[derive(Clone, Debug)]
pub(super) struct Swap {
    /// Its final name.
    pub(super) database: String,
    /// Where it was loaded.
    pub(super) staging: String,
    /// Whether that is the database itself, so that nothing is renamed or dropped.
    pub(super) in_place: bool,
    /// What the old database is called between the swap and its end.
    pub(super) aside: String,
    /// The mark of the staging database; without one the swap has been done.
    pub(super) mark: Option<Mark>,
    /// Whether a database of the final name exists.
    pub(super) has_old: bool,
    /// Owner on the source.
    pub(super) owner: Option<String>,
}

impl Swap {
    /// Whether it is still to be done.
    pub(super) fn is_due(&self) -> bool {
        self.mark.is_some()
    }
}

/// What is known of one database before it is judged.
#[expect(
    clippy::struct_excessive_bools,
    reason = "one fact of the catalog, the migration or the journal each"
)]
struct Found<'a> {
    /// The mark of the staging database, where that exists and bears one.
    mark: Option<Mark>,
    staging_exists: bool,
    final_exists: bool,
    /// Loaded in place, it bears no mark any more once it is finished.
    in_place: bool,
    /// The journal says that the swap had begun.
    completing: bool,
    hash: &'a str,
}

impl Finish {
    /// Reads whose the staging databases are. Those that are gone must have been swapped.
    pub(super) fn read_marks(&mut self) -> anyhow::Result<()> {
        let mut swaps = Vec::new();
        for (database, run) in self.history.databases() {
            let Some(run) = run else { continue };
            let staging = run.migration.staging.clone();
            let final_row = self.session.query_opt(DATABASE_EXISTS, &[&database])?;
            let staging_row = self.session.query_opt(DATABASE_EXISTS, &[&staging])?;
            let found = Found {
                mark: mark::read(&mut self.session, &staging)?,
                staging_exists: staging_row.is_some(),
                final_exists: final_row.is_some(),
                in_place: run.migration.in_place,
                completing: run.is_completing() || run.is_succeeded(),
                hash: &self.history.migration.hash,
            };
            swaps.push(Swap {
                database: database.to_owned(),
                // A staging name has 56 bytes at the most, the limit is 63.
                aside: format!("{staging}_old"),
                has_old: found.final_exists && !found.in_place,
                in_place: found.in_place,
                mark: found.judge(database, &staging)?,
                staging,
                owner: run.owner.clone(),
            });
        }
        self.swaps = swaps;
        Ok(())
    }

    /// An old database goes away only with the user's word, or when there is nothing in it.
    pub(super) fn look_at_old(&mut self) -> anyhow::Result<()> {
        if self.history.migration.overwrite {
            return Ok(());
        }
        for swap in self
            .swaps
            .iter()
            .filter(|swap| swap.is_due() && swap.has_old)
        {
            let shown = quote::shown(&swap.database);
            let mut session = self.session_on(&swap.database, Purpose::Read)?;
            let objects = catalog::list_contents(&mut session)?.len();
            if objects > 0 {
                return Err(Failure::conflict(format!(
                    "the target has a database {shown} already, with {objects} objects in it"
                ))
                .object(shown)
                .hint(
                    "Rename or drop it, or set \"overwrite\": true in the migration file and run: \
                     pg-migstate finish --file FILE",
                )
                .into());
            }
        }
        Ok(())
    }

    /// A database that somebody is connected to cannot be renamed.
    pub(super) fn look_for_sessions(&mut self) -> anyhow::Result<()> {
        let mut sessions = self.other_sessions()?;
        if self.terminates && !sessions.is_empty() {
            let who = sessions.join("; ");
            self.context.notice().note(&format!("ending {who}"));
            self.end_other_sessions()?;
            sessions = self.other_sessions()?;
        }
        for _ in 1..SESSION_ATTEMPTS {
            if sessions.is_empty() || self.context.stop().requested() {
                break;
            }
            thread::sleep(SESSION_PAUSE);
            sessions = self.other_sessions()?;
        }
        if sessions.is_empty() {
            return Ok(());
        }
        Err(in_use(&sessions).into())
    }

    /// A target that has crashed since has emptied its unlogged tables; what was verified is no
    /// longer so. Once the ledger is dropped nobody knows, as after any other crash.
    pub(super) fn look_for_emptied(&mut self) -> anyhow::Result<()> {
        for swap in self.swaps.iter().filter(|swap| swap.is_due()) {
            let mut session = self.session_on(&swap.staging, Purpose::Read)?;
            if !ledger::exists(&mut session)? {
                continue;
            }
            if let Some(name) = ledger::list_emptied(&mut session)?.first() {
                let shown = quote::shown(&swap.database);
                return Err(Failure::conflict(format!(
                    "the target has crashed since {shown} was verified, and has emptied the unlogged table {name}"
                ))
                .object(name.to_string())
                .hint(format!(
                    "Copy it again with: ./migrate --resume {}",
                    self.history.migration.name
                ))
                .into());
            }
        }
        Ok(())
    }

    /// The databases that are to be renamed.
    fn renamed(&self) -> Vec<String> {
        let due = self.swaps.iter().filter(|swap| swap.is_due());
        due.filter(|swap| !swap.in_place)
            .flat_map(|swap| [swap.database.clone(), swap.staging.clone()])
            .collect()
    }

    /// Tells them to end; the rename waits 5 s for those that do.
    pub(super) fn end_other_sessions(&mut self) -> anyhow::Result<()> {
        let names = self.renamed();
        self.session.query(END, &[&names])?;
        Ok(())
    }

    /// Who is connected to a database that is to be renamed.
    pub(super) fn other_sessions(&mut self) -> anyhow::Result<Vec<String>> {
        let names = self.renamed();
        let rows = self.session.query(SESSIONS, &[&names])?;
        Ok(rows
            .iter()
            .map(|row| {
                let database: String = row.get("database");
                let who: String = row.get("who");
                format!("{}: {who}", quote::shown(&database))
            })
            .collect())
    }
}

/// The failure that names the sessions in the way.
pub(super) fn in_use(sessions: &[String]) -> Failure {
    Failure::conflict(format!(
        "databases that are to be renamed are in use: {}",
        sessions.join("; ")
    ))
    .hint(
        "Stop these clients, or have finish end them with --terminate, and run the same \
         command again.",
    )
}

impl Found<'_> {
    /// The mark, if the staging database is ours and is to be swapped in; nothing if that
    /// has been done.
    fn judge(self, database: &str, staging: &str) -> Result<Option<Mark>, Failure> {
        let shown = quote::shown(staging);
        if !self.staging_exists {
            if self.completing && self.final_exists {
                return Ok(None);
            }
            return Err(Failure::conflict(format!(
                "the target has no staging database {shown}"
            ))
            .hint("Check that this is the right target; load it again with ./migrate --resume FILE."));
        }
        if self.in_place && self.mark.is_none() && self.completing {
            return Ok(None);
        }
        let foreign = || {
            Failure::conflict(format!("{shown} is not loaded by this migration"))
                .hint("Its comment should be the mark of the migration; see \\l+ in psql.")
        };
        let mark = self.mark.ok_or_else(foreign)?;
        if mark.hash != self.hash || mark.database != database {
            return Err(foreign());
        }
        match mark.state {
            MarkState::Loading | MarkState::Verified => Ok(Some(mark)),
            MarkState::Canceled => Err(Failure::conflict(format!(
                "{} was canceled",
                mark.migration
            ))
            .hint("Begin it again under another name.")),
            MarkState::Aside => Err(foreign()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(hash: &str, database: &str, state: MarkState) -> Mark {
        Mark {
            pgmig: 1,
            hash: hash.to_owned(),
            migration: "m1".to_owned(),
            database: database.to_owned(),
            state,
            granted: Vec::new(),
            comment: None,
            in_place: false,
            before: None,
        }
    }

    fn judge(mark: Option<Mark>) -> Result<bool, String> {
        let found = Found {
            mark,
            staging_exists: true,
            final_exists: true,
            in_place: false,
            completing: true,
            hash: "h",
        };
        let judged = found.judge("shop", "shop__pgmig_1");
        judged
            .map(|mark| mark.is_some())
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn only_a_staging_database_with_our_mark_is_swapped() {
        assert_eq!(judge(Some(mark("h", "shop", MarkState::Loading))), Ok(true));
        assert_eq!(
            judge(Some(mark("h", "shop", MarkState::Verified))),
            Ok(true)
        );
        assert!(judge(None).is_err());
        assert!(judge(Some(mark("other", "shop", MarkState::Verified))).is_err());
        assert!(judge(Some(mark("h", "store", MarkState::Verified))).is_err());
        assert!(judge(Some(mark("h", "shop", MarkState::Aside))).is_err());
        let canceled = judge(Some(mark("h", "shop", MarkState::Canceled))).unwrap_err();
        assert!(canceled.contains("canceled"), "{canceled}");
    }

    #[test]
    fn a_staging_database_that_is_gone_was_swapped_only_if_the_swap_had_begun() {
        let gone = |completing, final_exists| {
            let found = Found {
                mark: None,
                staging_exists: false,
                final_exists,
                in_place: false,
                completing,
                hash: "h",
            };
            found.judge("shop", "s").map(|mark| mark.is_none())
        };
        assert!(gone(true, true).unwrap());
        assert!(gone(true, false).is_err());
        assert!(gone(false, true).is_err());
    }

    #[test]
    fn a_database_in_place_without_its_mark_is_done_only_if_finish_had_begun() {
        let unmarked = |completing| {
            let found = Found {
                mark: None,
                staging_exists: true,
                final_exists: true,
                in_place: true,
                completing,
                hash: "h",
            };
            found.judge("shop", "shop").map(|mark| mark.is_none())
        };
        assert!(unmarked(true).unwrap());
        assert!(unmarked(false).is_err());
    }
}
