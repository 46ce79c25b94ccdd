//! Undoing in a database that was loaded in place: what the ledger lists is dropped, what was
//! altered there is put back, and the database has its own comment again. What somebody else has
//! made there stays, and keeps what it depends on.

use std::collections::BTreeSet;

use pg_pipe::{Exit, Failure};
use pg_session::mark::{self, Mark};
use pg_session::{Error, Session, catalog, ledger, quote};

use crate::membership;

const MADE: &str = include_str!("sql/made_list.sql");
const DEPENDING: &str = include_str!("sql/depending_list.sql");
const OWNERS: &str = include_str!("sql/owner_restore.sql");
const RESTORE: &str = include_str!("sql/restore.sql");

/// `dependent_objects_still_exist`.
const DEPENDED_ON: &str = "2BP01";

/// `lock_not_available`: somebody uses what is to be dropped.
const LOCKED: &str = "55P03";

/// How long a table may be in use before it is told.
const PATIENCE: &str = "set lock_timeout = '5s'; set synchronous_commit to on";

/// Large objects that the ledger has made, some of the plan at a time.
const LARGE_OBJECTS: i64 = 100;

/// Something that stands in the database by itself.
struct Made {
    /// Catalog and OID.
    id: (u32, u32),
    shown: String,
    statement: String,
    is_listed: bool,
    /// A partition goes silently with its table: one of somebody else's has to keep it.
    has_partitions: bool,
}

/// Undoes all of a migration in the database of the session, which bears the migration's mark.
/// Gives what was refused and does not matter. Can be done again after a kill, at any moment.
///
/// # Errors
/// When something has to stay, because something of others depends on it; mark and ledger stay
/// then, too, for the next cancel. Otherwise what the server says.
pub(super) fn undo(
    session: &mut Session,
    database: &str,
    mark: &Mark,
) -> anyhow::Result<Vec<String>> {
    session.batch(PATIENCE)?;
    undo_all(session, database, mark).map_err(|error| {
        let locked = error.downcast_ref::<Error>();
        if locked.is_none_or(|error| error.sqlstate() != Some(LOCKED)) {
            return error;
        }
        error.context(
            Failure::conflict("somebody uses what is to be dropped")
                .hint("End that session, see pg_locks, and run the same command again."),
        )
    })
}

fn undo_all(session: &mut Session, database: &str, mark: &Mark) -> anyhow::Result<Vec<String>> {
    ledger::seal(session)?;
    unlink_large_objects(session)?;
    let kept = drop_made(session)?;
    if !kept.is_empty() {
        let count = kept.len();
        return Err(Failure::new(
            Exit::Partial,
            "dependent",
            format!(
                "{count} of what the migration has made stay, since something of others depends \
                 on them: {}",
                kept.join(", ")
            ),
        )
        .hint("Drop or move what is not of the migration, and run the same command again.")
        .into());
    }
    let stays = catalog::list_contents(session)?;
    let mut told = put_back(session, database, mark)?;
    told.extend(stays.iter().map(|one| {
        let shown = quote::shown(database);
        format!("{shown}: {one} stays, it is not of the migration")
    }));
    Ok(told)
}

/// Those that are on the target by the ledger; each transaction takes its own out of the plan.
fn unlink_large_objects(session: &mut Session) -> Result<(), Error> {
    loop {
        let begun = ledger::list_begun_large_objects(session, 0, LARGE_OBJECTS)?;
        if begun.is_empty() {
            return Ok(());
        }
        for one in begun {
            ledger::unlink_large_objects(session, &one.chunk)?;
        }
    }
}

/// Drops what the ledger lists, the latest first, as long as something goes. Gives what stays.
fn drop_made(session: &mut Session) -> anyhow::Result<Vec<String>> {
    loop {
        let made = list(session)?;
        let mut went = false;
        let mut left = Vec::new();
        for one in made.iter().filter(|one| one.is_listed) {
            // Its partitions came later, so that those that are ours are gone.
            if one.has_partitions && made_partitions_stay(session, one)? {
                left.push(one);
                continue;
            }
            match session.batch(&one.statement) {
                Ok(()) => went = true,
                Err(error) if error.sqlstate() == Some(DEPENDED_ON) => left.push(one),
                Err(error) => return Err(error.into()),
            }
        }
        if left.is_empty() {
            return Ok(Vec::new());
        }
        if !went && !drop_circle(session, &made, &left)? {
            return Ok(left.iter().map(|one| one.shown.clone()).collect());
        }
    }
}

fn made_partitions_stay(session: &mut Session, one: &Made) -> Result<bool, Error> {
    let (_, oid) = one.id;
    let sql = "select exists (select from pg_inherits p join pg_class c on c.oid = p.inhrelid \
               where p.inhparent = $1 and c.relispartition)";
    Ok(session.query_one(sql, &[&oid])?.get(0))
}

/// What depends on each other goes together, if nothing of others is among it. Gives whether
/// something has gone.
fn drop_circle(session: &mut Session, made: &[Made], left: &[&Made]) -> Result<bool, Error> {
    let foreign: BTreeSet<(u32, u32)> = made
        .iter()
        .filter(|one| !one.is_listed)
        .map(|one| one.id)
        .collect();
    for one in left.iter().filter(|one| !one.has_partitions) {
        let (classid, object) = one.id;
        let rows = session.query(DEPENDING, &[&classid, &object])?;
        let mut going = rows.iter().map(|row| (row.get(0), row.get(1)));
        if going.any(|id| foreign.contains(&id)) {
            continue;
        }
        session.batch(&format!("{} cascade", one.statement))?;
        return Ok(true);
    }
    Ok(false)
}

fn list(session: &mut Session) -> Result<Vec<Made>, Error> {
    let rows = session.query(MADE, &[])?;
    Ok(rows
        .iter()
        .map(|row| Made {
            id: (row.get("classid"), row.get("object")),
            shown: row.get("shown"),
            statement: row.get("statement"),
            is_listed: row.get("is_listed"),
            has_partitions: row.get("has_partitions"),
        })
        .collect())
}

/// What was altered, the ledger, the mark: all of it or nothing, so that the mark stays as long
/// as there is something to do.
fn put_back(session: &mut Session, database: &str, mark: &Mark) -> Result<Vec<String>, Error> {
    session.in_transaction("begin", |session| {
        let mut told = Vec::new();
        for list in [OWNERS, RESTORE] {
            for row in session.query(list, &[])? {
                told.extend(attempt(session, row.get("statement"))?);
            }
        }
        for role in &mark.granted {
            told.extend(membership::take_back(session, role)?);
        }
        ledger::drop_tables(session)?;
        let before = mark.before.as_deref();
        session.batch(&mark::comment_statement(database, before))?;
        Ok(told)
    })
}

/// Gives what to tell of a statement that is refused.
fn attempt(session: &mut Session, statement: &str) -> Result<Option<String>, Error> {
    session.batch("savepoint back")?;
    match session.batch(statement) {
        Ok(()) => Ok(None),
        Err(error) if error.class().is_connection() => Err(error),
        Err(error) => {
            session.batch("rollback to savepoint back")?;
            Ok(Some(format!("not put back: {statement} ({error})")))
        }
    }
}
