//! The user databases of a server.

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
    /// Comment.
    pub comment: Option<String>,
}

/// Lists the databases that can be connected to, templates left out.
///
/// # Errors
/// What the server says.
pub fn list_databases(session: &mut Session) -> Result<Vec<DatabaseFacts>, Error> {
    let rows = session.query(DATABASES, &[])?;
    Ok(rows
        .iter()
        .map(|row| DatabaseFacts {
            name: row.get("name"),
            bytes: row.get("bytes"),
            encoding: row.get("encoding"),
            collate: row.get("collate"),
            ctype: row.get("ctype"),
            locale_provider: row.get("locale_provider"),
            locale: row.get("locale"),
            icu_rules: row.get("icu_rules"),
            owner: row.get("owner"),
            comment: row.get("comment"),
        })
        .collect())
}
