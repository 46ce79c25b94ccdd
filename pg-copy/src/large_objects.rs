//! Large objects, with their OIDs. A batch is made anew in one transaction, so a run that was
//! killed leaves whole large objects only, and the next one starts over with them.

use pg_pipe::Context;
use pg_pipe::record::{LargeObjects, Record};
use pg_session::ledger::{self, AppliedKey};
use pg_session::{Error, Session, checksum};

/// Large objects to a transaction: each is a lock on the target.
const BATCH: usize = 500;
/// Bytes that are held at a time.
const PIECE: i64 = 1 << 20;

/// Copies all large objects. `source` must be in the transaction that has the snapshot.
///
/// # Errors
/// What the servers say.
pub(crate) fn copy(
    source: &mut Session,
    target: &mut Session,
    context: &Context,
) -> anyhow::Result<()> {
    let sum = checksum::sum_large_objects(source)?;
    let key = AppliedKey::new("LARGE OBJECTS", None, "contents", &sum.checksum);
    if !ledger::is_applied(target, &key)? {
        let oids: Vec<u32> = source
            .query("select oid from pg_largeobject_metadata order by oid", &[])?
            .iter()
            .map(|row| row.get(0))
            .collect();
        for batch in oids.chunks(BATCH) {
            context.check_stop()?;
            target.in_transaction("begin", |target| copy_batch(source, target, batch))?;
        }
        ledger::mark_applied(target, &key, 0)?;
    }
    context.write(Record::LargeObjects(LargeObjects {
        count: sum.count,
        bytes: Some(sum.bytes),
        checksum: Some(sum.checksum),
    }));
    Ok(())
}

fn copy_batch(source: &mut Session, target: &mut Session, oids: &[u32]) -> Result<(), Error> {
    target.execute(
        "select lo_unlink(oid) from pg_largeobject_metadata where oid = any ($1)",
        &[&oids],
    )?;
    target.execute(
        "select lo_create(oid) from unnest($1::oid[]) as oid",
        &[&oids],
    )?;
    for oid in oids {
        copy_one(source, target, *oid)?;
    }
    Ok(())
}

fn copy_one(source: &mut Session, target: &mut Session, oid: u32) -> Result<(), Error> {
    let mut offset: i64 = 0;
    loop {
        let row = source.query_one(
            "select lo_get($1, $2, $3)",
            &[&oid, &offset, &i32::try_from(PIECE).unwrap_or(i32::MAX)],
        )?;
        let piece: Vec<u8> = row.get(0);
        if piece.is_empty() {
            return Ok(());
        }
        target.execute("select lo_put($1, $2, $3)", &[&oid, &offset, &piece])?;
        let length = i64::try_from(piece.len()).unwrap_or(PIECE);
        if length < PIECE {
            return Ok(());
        }
        offset += length;
    }
}
