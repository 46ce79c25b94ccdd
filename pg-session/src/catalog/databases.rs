//! The databases of a server.

use postgres::Row;

use crate::error::Error;
use crate::session::Session;

const DATABASES: &str = include_str!("sql/database_list.sql");

/// A database, with what `CREATE DATABASE` needs to make its like.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseFacts {
    /// Name.
    pub name: String,
    /// Bytes on disk, absent where they may not be read.
    pub bytes: Option<i64>,
    /// Encoding.
    pub encoding: String,
    /// LC_COLLATE.
    pub collate: String,
    /// LC_CTYPE.
    pub ctype: String,
    /// `libc`, `icu` or `builtin`.
    pub locale_provider: String,
    /// Locale of the provider, where it is not libc.
    pub locale: Option<String>,
    /// ICU rules.
    pub icu_rules: Option<String>,
    /// Owner.
    pub owner: String,
    /// Comment, of the current database only.
    pub comment: Option<String>,
    /// Whether it is a template.
    pub is_template: bool,
    /// Whether it can be connected to.
    pub takes_connections: bool,
}

/// How often the list is read when databases go while it is.
const MOST_TRIES: usize = 10;

/// Lists all databases, templates and those that take no connections, too.
///
/// # Errors
/// What the server says.
pub fn list_databases(session: &mut Session) -> Result<Vec<DatabaseFacts>, Error> {
    let mut tries = 0;
    let rows = loop {
        tries += 1;
        match session.query(DATABASES, &[]) {
            // One of them was dropped between being seen and being measured.
            Err(error) if error.sqlstate() == Some("42704") && tries < MOST_TRIES => {}
            other => break other?,
        }
    };
    Ok(rows.iter().filter_map(|row| facts(row).ok()).collect())
}

/// Names are in the encoding of the database that they were created from: one that cannot be
/// read in ours is a database that this session cannot name, and is left out.
fn facts(row: &Row) -> Result<DatabaseFacts, postgres::Error> {
    Ok(DatabaseFacts {
        name: row.try_get("name")?,
        bytes: row.try_get("bytes")?,
        encoding: row.try_get("encoding")?,
        collate: row.try_get("collate")?,
        ctype: row.try_get("ctype")?,
        locale_provider: row.try_get("locale_provider")?,
        locale: row.try_get("locale")?,
        icu_rules: row.try_get("icu_rules")?,
        owner: row.try_get("owner")?,
        comment: row.try_get("comment")?,
        is_template: row.try_get("is_template")?,
        takes_connections: row.try_get("takes_connections")?,
    })
}
