//! REFRESH of a materialized view whose functions find their tables by `search_path`: it works
//! with the one that the database has, as it did on the source.

use pg_pipe::record::{AppliedStatus, Object};
use pg_session::{Class, Error, Session, quote};

use crate::apply::ledgered::Ledgered;

const PATH: &str = include_str!("sql/configured_search_path.sql");

/// Tries a refresh again that failed with the pinned `search_path`. When that fails, too, the
/// first error is the one to tell. Everything else stays failed as it is.
///
/// # Errors
/// The first error, or that of a server that is lost.
pub(crate) fn again(
    session: &mut Session,
    ledgered: &Ledgered,
    object: &Object,
    error: Error,
) -> Result<(AppliedStatus, u64), Error> {
    if object.kind != "REFRESH" || error.class() != Class::Statement {
        return Err(error);
    }
    let owner = object.owner.as_deref().unwrap_or_default();
    let path: String = session.query_one(PATH, &[&owner])?.get("search_path");
    let settings = format!(
        "select set_config('search_path', {}, true);",
        quote::literal(&path)
    );
    match ledgered.make(session, object, &object.sql, &settings) {
        Err(second) if !second.class().is_connection() => Err(error),
        other => other,
    }
}
