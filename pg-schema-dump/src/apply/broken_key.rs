//! A foreign key that the data themselves break: it stays on the target, NOT VALID, and is
//! reported with some of the keys that have no match.
//!
//! One that refers to a partitioned table has an entry for each partition, which VALIDATE does
//! not reach. It is added as a whole, NOT VALID only when that fails; and taken away and added
//! again, with its comment, when the rows have been mended.

use pg_pipe::record::{AppliedStatus, Object};
use pg_session::{Error, Session};

use crate::apply::ledgered::Ledgered;
use crate::apply::step::{Instead, Step};

const SAMPLE: &str = include_str!("sql/foreign_key_sample.sql");
const COMMENT: &str = include_str!("sql/key_comment.sql");

/// SQLSTATE of a foreign key violation.
const VIOLATION: &str = "23503";

/// Runs a step; one that adds a key as a whole also where the key stands NOT VALID.
///
/// # Errors
/// What the server says; nothing of the statement is left then.
pub(crate) fn make(
    session: &mut Session,
    ledgered: &Ledgered,
    object: &Object,
    step: &Step,
    settings: &str,
) -> Result<(AppliedStatus, u64), Error> {
    let (sql, instead) = (step.sql.as_str(), step.instead.as_ref());
    let open = instead
        .filter(|open| ledgered.is_done(object, &open.add) && !ledgered.is_done(object, sql));
    let Some(open) = open else {
        return ledgered.make(session, object, sql, settings);
    };
    let comment = comment(session, object)?;
    let by = format!("{}{sql}{comment}", open.drop);
    ledgered.make_by(session, object, (sql, &by), settings)
}

/// The statement that comments on the key as it is commented on; empty without a comment.
fn comment(session: &mut Session, object: &Object) -> Result<String, Error> {
    let schema = object.schema.as_deref().unwrap_or_default();
    let row = session.query_opt(COMMENT, &[&schema, &object.name])?;
    Ok(row.map_or_else(String::new, |row| row.get("sql")))
}

/// Adds a key NOT VALID that could not be added as a whole. Says whether it stands now.
///
/// # Errors
/// When the server is lost.
pub(crate) fn leave_open(
    session: &mut Session,
    ledgered: &Ledgered,
    object: &Object,
    instead: Option<&Instead>,
    error: &Error,
) -> Result<bool, Error> {
    let Some(open) = instead.filter(|_| error.sqlstate() == Some(VIOLATION)) else {
        return Ok(false);
    };
    match ledgered.make(session, object, &open.add, "") {
        Ok(_) => Ok(true),
        Err(error) if error.class().is_connection() => Err(error),
        Err(_) => Ok(false),
    }
}

/// The error of a validation, in words that name the keys. Any other error is as it was.
pub(crate) fn explained(session: &mut Session, object: &Object, error: Error) -> Error {
    if error.sqlstate() != Some(VIOLATION) {
        return error;
    }
    // What cannot be found out is not told; the server's own words have one of the keys.
    let keys = sample(session, object).unwrap_or_default();
    let shown = if keys.is_empty() {
        "the rows break it".to_owned()
    } else {
        format!("the rows break it: no match for {}", keys.join(", "))
    };
    error.while_doing(shown).with_hint(
        "The key is there as NOT VALID, as new rows are checked. Mend the rows and run the same again, or ALTER TABLE … VALIDATE CONSTRAINT …",
    )
}

fn sample(session: &mut Session, object: &Object) -> Result<Vec<String>, Error> {
    let schema = object.schema.as_deref().unwrap_or_default();
    let Some(found) = session.query_opt(SAMPLE, &[&schema, &object.name])? else {
        return Ok(Vec::new());
    };
    let sql: String = found.get("sql");
    let rows = session.query(&sql, &[])?;
    Ok(rows.iter().map(|row| row.get("key")).collect())
}
