//! The mark on a database that is loaded, which is a staging database or, in place, the user's
//! own: a COMMENT ON DATABASE that says whose it is and how far.
//! It is the first word on the state of a migration: comment, then ledger, then journal.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::quote;
use crate::session::Session;

/// How far the database is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MarkState {
    /// It is being loaded.
    Loading,
    /// The migration was canceled; each tool takes that as final.
    Canceled,
    /// It is loaded and verified, ready to be swapped in.
    Verified,
    /// It is the old database, put aside by the swap, to be dropped.
    Aside,
}

/// The mark.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Mark {
    /// Version of the mark, 1.
    pub pgmig: u32,
    /// Hash of the migration.
    pub hash: String,
    /// Name of the migration.
    pub migration: String,
    /// Full name of the database once it is swapped in.
    pub database: String,
    /// How far it is.
    pub state: MarkState,
    /// Roles that were granted to the migrating role for its time, taken back by the swap.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub granted: Vec<String>,
    /// The comment that the database gets when it is finished: the source's, or else, in place,
    /// the one that it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether the database is the user's own, which is neither renamed nor dropped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_place: bool,
    /// The comment that a database in place had before the mark, which a cancel gives back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// The comment on a database in which a schema is tried, to be dropped afterwards.
pub const REHEARSAL: &str = "{\"pgmig\":1,\"rehearsal\":true}";

/// How a staging database stands to a migration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It is the migration's, to go on with.
    Ours,
    /// The migration was canceled, which is final.
    Canceled,
    /// It bears no mark, or that of another migration.
    Foreign,
}

/// How the mark that was found, if any, stands to the migration of a hash.
pub fn standing(found: Option<&Mark>, hash: &str) -> Standing {
    match found {
        Some(mark) if mark.hash != hash => Standing::Foreign,
        Some(mark) if mark.state == MarkState::Canceled => Standing::Canceled,
        Some(_) => Standing::Ours,
        None => Standing::Foreign,
    }
}

/// Reads the comment of a database; a database without a comment has an empty one.
///
/// # Errors
/// What the server says.
pub fn read_comment(session: &mut Session, database: &str) -> Result<Option<String>, Error> {
    let row = session.query_opt(
        "select coalesce(shobj_description(oid, 'pg_database'), '') \
         from pg_database where datname = $1",
        &[&database],
    )?;
    Ok(row.map(|row| row.get(0)))
}

/// Reads the mark of a database; `None` when it does not exist or bears none of ours.
///
/// # Errors
/// What the server says.
pub fn read(session: &mut Session, database: &str) -> Result<Option<Mark>, Error> {
    let comment = read_comment(session, database)?;
    Ok(comment.and_then(|text| serde_json::from_str(&text).ok()))
}

/// The databases of a server that bear a mark of ours, by name.
///
/// # Errors
/// What the server says.
pub fn list(session: &mut Session) -> Result<Vec<(String, Mark)>, Error> {
    let rows = session.query(
        "select datname::text, shobj_description(oid, 'pg_database') \
         from pg_database where shobj_description(oid, 'pg_database') is not null \
         order by datname",
        &[],
    )?;
    let marked = |row: &postgres::Row| {
        let mark = serde_json::from_str(row.get(1)).ok()?;
        Some((row.get(0), mark))
    };
    Ok(rows.iter().filter_map(marked).collect())
}

/// The statements that mark a database, to be sent in one message or in a transaction. The commit
/// waits for the disk: sessions that come after a crash of the server must not go on in a database
/// that has lost its mark.
pub fn statement(database: &str, mark: &Mark) -> String {
    // A mark has string keys only, so it always has a JSON form.
    let json = serde_json::to_string(mark).unwrap_or_default();
    let comment = comment_statement(database, Some(&json));
    format!("set local synchronous_commit to on; {comment}")
}

/// The statement that sets or clears the comment of a database.
pub fn comment_statement(database: &str, comment: Option<&str>) -> String {
    let text = comment.map_or_else(|| "null".to_owned(), quote::literal);
    format!(
        "comment on database {} is {text}",
        quote::identifier(database)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mark_of_the_migration_itself_is_ours_and_canceled_is_final() {
        let mark = |state| Mark {
            pgmig: 1,
            hash: "h".to_owned(),
            migration: "m".to_owned(),
            database: "d".to_owned(),
            state,
            granted: Vec::new(),
            comment: None,
            in_place: false,
            before: None,
        };
        assert_eq!(standing(None, "h"), Standing::Foreign);
        assert_eq!(
            standing(Some(&mark(MarkState::Canceled)), "other"),
            Standing::Foreign
        );
        assert_eq!(
            standing(Some(&mark(MarkState::Canceled)), "h"),
            Standing::Canceled
        );
        assert_eq!(
            standing(Some(&mark(MarkState::Loading)), "h"),
            Standing::Ours
        );
    }
}
