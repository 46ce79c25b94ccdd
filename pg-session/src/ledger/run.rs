//! Runs of pg-copy: one at a time over a ledger, which workers elsewhere may join.

use std::collections::BTreeSet;
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Class, Error};
use crate::session::Session;
use crate::snapshot::{Moment, SnapshotId};

/// How long sessions that were told to end may take.
const EVICTION: Duration = Duration::from_secs(90);
const EVICTION_POLL: Duration = Duration::from_millis(50);

/// What holds a run until the end of a transaction. Whoever begins another waits for those that
/// do, by what they hold and not by name. `$1`: its number.
pub(super) const HOLD: &str =
    "select pg_advisory_xact_lock_shared(hashtext('pgmig run'), $1::integer)";

const HOLDING: &str = include_str!("sql/run_holding.sql");

/// A run that workers can join.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Run {
    /// Its number.
    pub id: i64,
    /// The snapshot that workers adopt.
    pub snapshot: SnapshotId,
    /// Whether all that it copies stands in the plan.
    pub is_planned: bool,
}

/// Makes this session's run the only one over the ledger, until the session ends; `false` when
/// there is another.
///
/// # Errors
/// What the server says.
pub fn lock_runs(session: &mut Session) -> Result<bool, Error> {
    let row = session.query_one(
        "select pg_try_advisory_lock(hashtext('pgmig'), hashtext('copy'))",
        &[],
    )?;
    Ok(row.get(0))
}

/// Whether some session has the ledger's runs locked.
///
/// # Errors
/// What the server says.
pub fn is_running(session: &mut Session) -> Result<bool, Error> {
    // How pg_locks shows a lock of two keys: manual, pg_locks.
    let row = session.query_one(
        "select exists ( \
             select from pg_locks \
             where locktype = 'advisory' and granted and objsubid = 2 \
               and database = (select oid from pg_database where datname = current_database()) \
               and classid = (hashtext('pgmig')::bigint & 4294967295)::oid \
               and objid = (hashtext('copy')::bigint & 4294967295)::oid)",
        &[],
    )?;
    Ok(row.get(0))
}

/// Notes a run with its snapshot. Its chunks are those that are planned, or gone on with, in it;
/// what earlier ones still have in hand is to be ended with [`evict_earlier`] first.
///
/// # Errors
/// What the server says.
pub fn begin_run(
    session: &mut Session,
    migration: &str,
    snapshot: &SnapshotId,
    moment: &Moment,
) -> Result<i64, Error> {
    let row = session.query_one(
        "insert into pgmig.run (migration, snapshot, lineage, source_snapshot) \
         values ($1, $2, $3, $4) returning id",
        &[&migration, &snapshot.0, &moment.lineage, &moment.snapshot],
    )?;
    Ok(row.get(0))
}

/// Says that all that a run copies stands in the plan, and whether whatever was done before is
/// so in its snapshot, too. From then on the plan outlives a target that dies: what is not in
/// it would not be missed.
///
/// # Errors
/// What the server says.
pub fn mark_planned(session: &mut Session, run: i64, covers_all: bool) -> Result<(), Error> {
    session.execute(
        "update pgmig.run set planned_at = clock_timestamp(), covers_all = $2 where id = $1",
        &[&run, &covers_all],
    )?;
    make_durable(session)
}

/// The latest run, if there has been one.
///
/// # Errors
/// What the server says.
pub fn latest_run(session: &mut Session) -> Result<Option<Run>, Error> {
    let row = session.query_opt(
        "select id, snapshot, planned_at is not null as is_planned \
         from pgmig.run order by id desc limit 1",
        &[],
    )?;
    Ok(row.map(|row| Run {
        id: row.get("id"),
        snapshot: SnapshotId(row.get("snapshot")),
        is_planned: row.get("is_planned"),
    }))
}

/// The moments of the source in which what is done was read, or proven to be the same.
///
/// # Errors
/// What the server says.
pub fn moments(session: &mut Session) -> Result<Vec<Moment>, Error> {
    let rows = session.query(
        "select lineage, source_snapshot from pgmig.run \
         where id >= coalesce((select max(id) from pgmig.run where covers_all), 0)",
        &[],
    )?;
    let moment = |row: &postgres::Row| Moment {
        lineage: row.get("lineage"),
        snapshot: row.get("source_snapshot"),
    };
    Ok(rows.iter().map(moment).collect())
}

/// Waits until all that was committed before is on the target's disk: sessions that load do not
/// wait for it at each commit, and one that does has all before it there, too.
///
/// # Errors
/// What the server says.
pub fn make_durable(session: &mut Session) -> Result<(), Error> {
    session.in_transaction("begin", |session| {
        session.batch(
            "set local synchronous_commit = on; \
             update pgmig.run set snapshot = snapshot where id = (select max(id) from pgmig.run)",
        )
    })
}

/// A session that has something of a run in hand: chunks, in a transaction that is open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Holding {
    /// Process id on the target.
    pub pid: i32,
    /// Its user.
    pub user: String,
    /// `application_name`.
    pub application: String,
    /// The address of its client; empty for one that came by a socket.
    pub address: String,
    /// Changes when it gets on.
    pub progress: String,
}

/// Other sessions that have something of a run in hand; with `others` of all runs but that.
///
/// # Errors
/// What the server says.
pub fn list_holding(session: &mut Session, run: i64, others: bool) -> Result<Vec<Holding>, Error> {
    // Before 14 a server does not say how far a COPY is; then it counts as getting on.
    let progress = if session.version().shows_copy_progress() {
        "(select bytes_processed from pg_stat_progress_copy p where p.pid = l.pid)"
    } else {
        "clock_timestamp()"
    };
    let rows = session.query(&HOLDING.replace("$progress", progress), &[&run, &others])?;
    let holding = |row: &postgres::Row| Holding {
        pid: row.get("pid"),
        user: row.get("user"),
        application: row.get("application"),
        address: row.get("address"),
        progress: row.get("progress"),
    };
    Ok(rows.iter().map(holding).collect())
}

/// Ends the sessions that have something of earlier runs in hand, whatever they are called, and
/// waits until they are gone: what they had is committed or rolled back then. One that we may
/// not end is told of, and waited for.
///
/// # Errors
/// [`Class::Ledger`] when one does not end, otherwise what the server says.
pub fn evict_earlier(session: &mut Session, run: i64, tell: &dyn Fn(&str)) -> Result<(), Error> {
    let begun = Instant::now();
    let mut told = BTreeSet::new();
    loop {
        let holding = list_holding(session, run, true)?;
        let Some(first) = holding.first() else {
            return Ok(());
        };
        for one in &holding {
            if !terminate(session, one.pid)? && told.insert(one.pid) {
                tell(&format!("waits for {one}, which we may not end"));
            }
        }
        if begun.elapsed() > EVICTION {
            return Err(Error::new(
                Class::Ledger,
                format!("an earlier pg-copy does not end on the target: {first}"),
            )
            .with_hint("End it with pg_terminate_backend there, and run the same again."));
        }
        thread::sleep(EVICTION_POLL);
    }
}

/// Ends other sessions that have something of a run in hand; does not wait for them.
///
/// # Errors
/// What the server says.
pub fn end_run(session: &mut Session, run: i64) -> Result<(), Error> {
    for one in list_holding(session, run, false)? {
        terminate(session, one.pid)?;
    }
    Ok(())
}

/// Asks a session to end; `false` when we may not.
fn terminate(session: &mut Session, pid: i32) -> Result<bool, Error> {
    match session.query("select pg_terminate_backend($1)", &[&pid]) {
        Ok(_) => Ok(true),
        Err(error) if error.class() == Class::Privilege => Ok(false),
        Err(error) => Err(error),
    }
}

impl fmt::Display for Holding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "process {} (user {}, {}",
            self.pid, self.user, self.application
        )?;
        if !self.address.is_empty() {
            write!(formatter, ", from {}", self.address)?;
        }
        formatter.write_str(")")
    }
}

/// How much of a run is not in: chunks of rows and of large objects.
///
/// # Errors
/// What the server says.
pub fn count_left(session: &mut Session, run: i64) -> Result<i64, Error> {
    let row = session.query_one(
        "select (select count(*) from pgmig.chunk where run = $1 and done_at is null) \
              + (select count(*) from pgmig.large_object where run = $1 and done_at is null)",
        &[&run],
    )?;
    Ok(row.get(0))
}
