//! DDL that is done. Keyed by what it makes and the hash of its text, never by the ids of a
//! dump, which the next dump gives to other objects.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::quote;
use crate::session::Session;
use crate::staging;

/// What a statement is known by.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct AppliedKey {
    /// Kind of the object.
    pub kind: String,
    /// Schema, empty where there is none.
    pub schema: String,
    /// Name of the object.
    pub name: String,
    /// SHA-256 of the statement, hex.
    pub sql_sha256: String,
}

impl AppliedKey {
    /// The key of a statement.
    pub fn new(kind: &str, schema: Option<&str>, name: &str, sql: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            schema: schema.unwrap_or_default().to_owned(),
            name: name.to_owned(),
            sql_sha256: staging::hex(&[sql], 64),
        }
    }
}

/// All statements that are done.
///
/// # Errors
/// What the server says.
pub fn list_applied(session: &mut Session) -> Result<BTreeSet<AppliedKey>, Error> {
    let rows = session.query(
        "select kind, schema_name, name, sql_sha256 from pgmig.applied",
        &[],
    )?;
    Ok(rows
        .iter()
        .map(|row| AppliedKey {
            kind: row.get(0),
            schema: row.get(1),
            name: row.get(2),
            sql_sha256: row.get(3),
        })
        .collect())
}

/// The statement that marks others as done, of which there is at least one; belongs at the end of
/// their transaction. The server counts the milliseconds from its beginning, an equal share for
/// each.
pub fn mark_applied(keys: &[AppliedKey]) -> String {
    let rows: Vec<String> = keys
        .iter()
        .map(|key| {
            let values = [&key.kind, &key.schema, &key.name, &key.sql_sha256];
            let values = values.map(|value| quote::literal(value)).join(", ");
            format!("({values})")
        })
        .collect();
    format!(
        "insert into pgmig.applied (kind, schema_name, name, sql_sha256, milliseconds) \
         select *, extract(epoch from clock_timestamp() - now()) * 1000 / {} \
         from (values {}) as made",
        keys.len(),
        rows.join(",\n")
    )
}

/// Forgets that materialized views were refreshed before the last rows came in: they hold what
/// there was then.
///
/// # Errors
/// What the server says.
pub fn forget_early_refreshes(session: &mut Session) -> Result<(), Error> {
    session.batch(
        "delete from pgmig.applied where kind = 'REFRESH' and applied_at < greatest( \
         (select max(done_at) from pgmig.chunk), (select max(done_at) from pgmig.large_object))",
    )
}
