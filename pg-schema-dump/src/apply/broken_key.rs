//! A foreign key that the data themselves break: it stays on the target, NOT VALID, and is
//! reported with some of the keys that have no match.

use pg_pipe::record::Object;
use pg_session::{Error, Session};

const SAMPLE: &str = include_str!("sql/foreign_key_sample.sql");

/// SQLSTATE of a foreign key violation.
const VIOLATION: &str = "23503";

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
        "The key is there as NOT VALID, as new rows are checked. Mend the rows, then ALTER TABLE … VALIDATE CONSTRAINT …",
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
