//! DDL that is done. Keyed by what it makes and the hash of its text, never by the ids of a
//! dump, which the next dump gives to other objects.

use std::collections::BTreeSet;

use crate::error::Error;
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

/// Marks a statement as done; belongs into its transaction.
///
/// # Errors
/// What the server says.
pub fn mark_applied(
    session: &mut Session,
    key: &AppliedKey,
    milliseconds: i64,
) -> Result<(), Error> {
    session.execute(
        "insert into pgmig.applied (kind, schema_name, name, sql_sha256, milliseconds) \
         values ($1, $2, $3, $4, $5)",
        &[
            &key.kind,
            &key.schema,
            &key.name,
            &key.sql_sha256,
            &milliseconds,
        ],
    )?;
    Ok(())
}
