//! The ledger: schema `pgmig` on the target. What it says was committed in the same
//! transaction as what it tells of, so after any crash it is right.

mod applied;
mod before;
mod chunk;
mod large_object;
mod range;
mod run;
mod unlogged;

use crate::error::{Class, Error};
use crate::session::Session;

pub use applied::{AppliedKey, forget_early_refreshes, list_applied, mark_applied};
pub use before::{remember_before, seal};
pub use chunk::{
    Done, Emptying, Format, LedgerChunk, PlannedChunk, TakenChunk, are_done, begin_attempts,
    forget_plan, forget_tables, go_on_with, list_chunks, mark_done, note_attempt_error, plan, take,
};
pub use large_object::{
    BegunLargeObjects, LargeObjectChunk, PlannedLargeObjects, are_large_objects_done,
    count_large_objects_left, forget_large_object_plan, forget_large_objects,
    go_on_with_large_objects, has_large_objects, list_begun_large_objects,
    list_foreign_large_objects, list_large_object_sums, mark_large_objects_done,
    plan_large_objects, take_large_objects, unlink_large_objects,
};
pub use range::Range;
pub use run::{
    Holding, Run, begin_run, count_left, end_run, evict_earlier, is_running, latest_run,
    list_holding, lock_runs, make_durable, mark_planned, moments,
};
pub use unlogged::list_emptied;

const CREATE: &str = include_str!("sql/create.sql");

const DROP: &str = "
    drop table if exists pgmig.attempt, pgmig.chunk, pgmig.large_object, pgmig.run, pgmig.applied, pgmig.before;
    drop schema if exists pgmig";

/// Attempts at one chunk before its table is given up.
pub const MOST_ATTEMPTS: i64 = 10;

/// Whether the database has a ledger.
///
/// # Errors
/// What the server says.
pub fn exists(session: &mut Session) -> Result<bool, Error> {
    let row = session.query_one(
        "select to_regclass('pgmig.chunk') is not null and to_regclass('pgmig.applied') is not null",
        &[],
    )?;
    Ok(row.get(0))
}

/// Creates what is missing of the ledger: all of it, or what an earlier version did not have.
///
/// # Errors
/// What the server says.
pub fn ensure(session: &mut Session) -> Result<(), Error> {
    if exists(session)? && large_object::has_table(session)? {
        return Ok(());
    }
    session
        .in_transaction("begin", |session| session.batch(CREATE))
        .map_err(|error| error.while_doing("cannot create the ledger (schema pgmig)"))
}

/// Drops the ledger, when all that it tells of is complete. The user's own event triggers are
/// there by then and are kept from noticing, where the server lets us: it is not their
/// schema. What somebody else has there, or has made on our tables, does not go with it.
///
/// # Errors
/// What the server says.
pub fn drop_ledger(session: &mut Session) -> Result<(), Error> {
    session.in_transaction("begin", |session| {
        session.batch("savepoint quiet")?;
        match session.batch("set local session_replication_role = replica") {
            Err(error) if error.class() == Class::Privilege => {
                session.batch("rollback to savepoint quiet")?;
            }
            other => other?,
        }
        drop_tables(session)
    })
}

/// Drops the ledger in the open transaction, as it is.
///
/// # Errors
/// What the server says.
pub fn drop_tables(session: &mut Session) -> Result<(), Error> {
    session
        .batch(DROP)
        .map_err(|error| error.while_doing("cannot drop the ledger (schema pgmig)"))
}
