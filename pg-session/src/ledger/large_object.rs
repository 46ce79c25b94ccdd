//! The plan of the large objects and what of it is done: a queue like that of the rows.

use postgres::Row;

use super::run;
use crate::checksum::{LargeObjectSum, Pieces};
use crate::error::{Class, Error};
use crate::quote;
use crate::session::Session;

const PLAN: &str = include_str!("sql/large_object_plan.sql");
const TAKE: &str = include_str!("sql/large_object_take.sql");
const BEGUN: &str = include_str!("sql/large_object_begun.sql");
const FOREIGN: &str = include_str!("sql/large_object_foreign.sql");

const UNLINK: &str = "select lo_unlink(oid) from pg_largeobject_metadata where oid = any ($1)";

/// Large objects that one transaction unlinks: each is a lock, and a server may have room for
/// few hundred in all. Making one takes none.
const UNLINKED_AT_ONCE: usize = 100;

/// Large objects that are copied in one transaction, or some pieces of one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlannedLargeObjects {
    /// Their OIDs.
    pub oids: Vec<u32>,
    /// Their sizes on the source, in bytes.
    pub sizes: Vec<i64>,
    /// The pieces, of a single one that is copied in parts.
    pub pieces: Option<Pieces>,
    /// Bytes in all.
    pub bytes: i64,
}

impl PlannedLargeObjects {
    /// How many begin here: the parts of one count for one.
    pub fn count(&self) -> i64 {
        match self.pieces {
            None => i64::try_from(self.oids.len()).unwrap_or(i64::MAX),
            Some(pieces) => i64::from(pieces.first == 0),
        }
    }
}

/// Some of the plan.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LargeObjectChunk {
    /// Id in the plan.
    pub id: i64,
    /// Which large objects.
    pub what: PlannedLargeObjects,
}

/// What of the plan is on the target.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BegunLargeObjects {
    /// What was planned.
    pub chunk: LargeObjectChunk,
    /// Checksum of what the source had, where it is done.
    pub checksum: Option<String>,
}

/// Whether there is a plan of large objects.
///
/// # Errors
/// What the server says.
pub fn has_large_objects(session: &mut Session) -> Result<bool, Error> {
    if !has_table(session)? {
        return Ok(false);
    }
    let row = session.query_one("select exists (select from pgmig.large_object)", &[])?;
    Ok(row.get(0))
}

/// A ledger of an earlier version has none.
pub(super) fn has_table(session: &mut Session) -> Result<bool, Error> {
    let row = session.query_one("select to_regclass('pgmig.large_object') is not null", &[])?;
    Ok(row.get(0))
}

/// The first `limit` large objects after one that the ledger has not made.
///
/// # Errors
/// What the server says.
pub fn list_foreign_large_objects(
    session: &mut Session,
    after: u32,
    limit: i64,
) -> Result<Vec<u32>, Error> {
    let sql = if has_table(session)? {
        FOREIGN
    } else {
        "select oid from pg_largeobject_metadata where oid > $1 order by oid limit $2"
    };
    let rows = session.query(sql, &[&after, &limit])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Takes out of the plan what nothing is made of yet. Waits for sessions that are at some of it,
/// whose clients are gone: what they still commit is seen afterwards.
///
/// # Errors
/// What the server says.
pub fn forget_large_object_plan(session: &mut Session) -> Result<(), Error> {
    session.batch(
        "delete from pgmig.large_object where done_at is null and first_piece is null; \
         select from pgmig.large_object where done_at is null for update",
    )
}

/// Adds to the plan, and makes those that are copied in parts, empty, so that the parts can be
/// filled by several sessions: all in the session's transaction.
///
/// # Errors
/// What the server says.
pub fn plan_large_objects(
    session: &mut Session,
    run: i64,
    planned: &[PlannedLargeObjects],
) -> Result<(), Error> {
    for chunk in planned {
        let first = chunk.pieces.map(|pieces| pieces.first);
        let end = chunk.pieces.and_then(|pieces| pieces.end);
        session.execute(
            PLAN,
            &[&chunk.oids, &chunk.sizes, &first, &end, &chunk.bytes, &run],
        )?;
        if first == Some(0) {
            session.execute(
                "select lo_create(oid) from unnest($1::oid[]) as oid",
                &[&chunk.oids],
            )?;
        }
    }
    Ok(())
}

/// What of the plan is on the target, after one of the plan.
///
/// # Errors
/// What the server says.
pub fn list_begun_large_objects(
    session: &mut Session,
    after: i64,
    limit: i64,
) -> Result<Vec<BegunLargeObjects>, Error> {
    let rows = session.query(BEGUN, &[&after, &limit])?;
    Ok(rows
        .iter()
        .map(|row| {
            let is_done: bool = row.get("done");
            let checksum: Option<String> = row.get("checksum");
            BegunLargeObjects {
                chunk: chunk(row),
                checksum: is_done.then(|| checksum.unwrap_or_default()),
            }
        })
        .collect())
}

fn chunk(row: &Row) -> LargeObjectChunk {
    let first: Option<i64> = row.get("first_piece");
    LargeObjectChunk {
        id: row.get("id"),
        what: PlannedLargeObjects {
            oids: row.get("oids"),
            sizes: row.get("sizes"),
            pieces: first.map(|first| Pieces {
                first,
                end: row.get("end_piece"),
            }),
            bytes: row.get("bytes"),
        },
    }
}

/// Begins a transaction that holds the run and takes the largest of its plan that nobody has and
/// that is not among `held`, until its end. `None` when there is none.
///
/// # Errors
/// What the server says.
pub fn take_large_objects(
    session: &mut Session,
    number: i64,
    held: &[i64],
) -> Result<Option<LargeObjectChunk>, Error> {
    session.batch("begin")?;
    session.batch(&quote::bound(run::HOLD, &[&number.to_string()]))?;
    let row = session.query_opt(TAKE, &[&held, &number])?;
    Ok(row.as_ref().map(chunk))
}

/// What is not done is copied in this run.
///
/// # Errors
/// What the server says.
pub fn go_on_with_large_objects(session: &mut Session, run: i64) -> Result<(), Error> {
    session.execute(
        "update pgmig.large_object set run = $1 where done_at is null",
        &[&run],
    )?;
    Ok(())
}

/// Marks large objects as done, in the transaction that fills them.
///
/// # Errors
/// [`Class::Ledger`] when they are done already, otherwise what the server says.
pub fn mark_large_objects_done(
    session: &mut Session,
    chunk: i64,
    checksum: &str,
    milliseconds: i64,
    worker: &str,
) -> Result<(), Error> {
    let marked = session.execute(
        "update pgmig.large_object set done_at = clock_timestamp(), checksum = $2, \
         milliseconds = $3, worker = $4 where id = $1 and done_at is null",
        &[&chunk, &checksum, &milliseconds, &worker],
    )?;
    if marked == 1 {
        Ok(())
    } else {
        Err(Error::new(
            Class::Ledger,
            format!("large objects {chunk} are marked as done already"),
        ))
    }
}

/// How many of the plan are neither done nor among `held`.
///
/// # Errors
/// What the server says.
pub fn count_large_objects_left(session: &mut Session, held: &[i64]) -> Result<i64, Error> {
    let row = session.query_one(
        "select count(*) from pgmig.large_object where done_at is null and id <> all ($1)",
        &[&held],
    )?;
    Ok(row.get(0))
}

/// Whether one of the plan is done.
///
/// # Errors
/// What the server says.
pub fn are_large_objects_done(session: &mut Session, chunk: i64) -> Result<bool, Error> {
    let row = session.query_one(
        "select exists (select from pgmig.large_object where id = $1 and done_at is not null)",
        &[&chunk],
    )?;
    Ok(row.get(0))
}

/// The sums of all that are done.
///
/// # Errors
/// What the server says.
pub fn list_large_object_sums(session: &mut Session) -> Result<Vec<LargeObjectSum>, Error> {
    let rows = session.query(
        "select case when first_piece is null then cardinality(oids)::bigint \
                     when first_piece = 0 then 1::bigint else 0::bigint end as count, \
                bytes, checksum \
         from pgmig.large_object where done_at is not null",
        &[],
    )?;
    Ok(rows
        .iter()
        .map(|row| LargeObjectSum {
            count: row.get("count"),
            bytes: row.get("bytes"),
            checksum: row.get("checksum"),
        })
        .collect())
}

/// Unlinks large objects of a ledger that is sealed, few to a transaction, and takes them out of
/// the plan with the last of them.
///
/// # Errors
/// What the server says.
pub fn unlink_large_objects(session: &mut Session, chunk: &LargeObjectChunk) -> Result<(), Error> {
    for some in chunk.what.oids.chunks(UNLINKED_AT_ONCE) {
        session.execute(UNLINK, &[&some])?;
    }
    session.execute("delete from pgmig.large_object where id = $1", &[&chunk.id])?;
    Ok(())
}

/// Unlinks large objects that are on the target and takes them out of the plan, few to a
/// transaction; what is left of the plan after each is what is left on the target. Owners,
/// grants and comments go with them, so the marks that these are applied do, too.
///
/// # Errors
/// What the server says.
pub fn forget_large_objects(session: &mut Session, chunk: &LargeObjectChunk) -> Result<(), Error> {
    let mut rest = chunk.what.oids.as_slice();
    while !rest.is_empty() {
        let (some, after) = rest.split_at(rest.len().min(UNLINKED_AT_ONCE));
        session.in_transaction("begin", |session| {
            if chunk.what.pieces.is_some() {
                // All parts of it. Waits for a session that fills one: what it has written is
                // seen by the statement that unlinks.
                session.execute(
                    "delete from pgmig.large_object where first_piece is not null and oids = $1",
                    &[&some],
                )?;
            } else if after.is_empty() {
                session.execute("delete from pgmig.large_object where id = $1", &[&chunk.id])?;
            } else {
                session.execute(
                    "update pgmig.large_object set oids = $2, checksum = '' where id = $1",
                    &[&chunk.id, &after],
                )?;
            }
            session.execute(UNLINK, &[&some])?;
            session.execute(
                "delete from pgmig.applied where kind = 'LARGE OBJECTS'",
                &[],
            )
        })?;
        rest = after;
    }
    Ok(())
}
