//! Runs of pg-copy: one at a time over a ledger, which workers elsewhere may join.

use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Class, Error};
use crate::session::Session;
use crate::snapshot::{Moment, SnapshotId};

/// How long sessions that were told to end may take.
const EVICTION: Duration = Duration::from_secs(30);
const EVICTION_POLL: Duration = Duration::from_millis(20);

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

/// Notes a run with its snapshot. From now on no session of an earlier one takes chunks: those
/// that connect see it, and those that are there are to be ended with [`evict`].
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

/// Ends all other sessions in this database that bear one of these names, and waits until they
/// are gone: what they had in hand is committed or rolled back then.
///
/// # Errors
/// [`Class::Ledger`] when one does not end, otherwise what the server says.
pub fn evict(session: &mut Session, application_names: &[&str]) -> Result<(), Error> {
    let begun = Instant::now();
    loop {
        let row = session.query_one(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity \
             where datname = current_database() and pid <> pg_backend_pid() \
               and application_name = any ($1)",
            &[&application_names],
        )?;
        if row.get::<_, i64>(0) == 0 {
            return Ok(());
        }
        if begun.elapsed() > EVICTION {
            return Err(Error::new(
                Class::Ledger,
                "a session of an earlier pg-copy does not end on the target",
            )
            .with_hint(format!(
                "Look for application_name {} in pg_stat_activity there, end it, and run the same again.",
                application_names.join(" or ")
            )));
        }
        thread::sleep(EVICTION_POLL);
    }
}

/// Whether sessions of that name have a transaction open in this database.
///
/// # Errors
/// What the server says.
pub fn is_busy(session: &mut Session, application_name: &str) -> Result<bool, Error> {
    let row = session.query_one(
        "select exists ( \
             select from pg_stat_activity \
             where datname = current_database() and application_name = $1 \
               and xact_start is not null)",
        &[&application_name],
    )?;
    Ok(row.get(0))
}
