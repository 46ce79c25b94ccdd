//! Large objects: which there are, and how large they are.

use crate::error::{Class, Error};
use crate::session::Session;

const LIST: &str = include_str!("sql/large_object_list.sql");

/// A large object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LargeObjectSize {
    /// OID.
    pub oid: u32,
    /// Bytes up to its end, holes and all.
    pub size: i64,
}

/// The first `limit` large objects after one, by OID. The session must be in a transaction.
///
/// # Errors
/// What the server says, such as that one of them may not be read.
pub fn list_large_objects(
    session: &mut Session,
    after: u32,
    limit: i64,
) -> Result<Vec<LargeObjectSize>, Error> {
    let rows = session.query(LIST, &[&after, &limit]).map_err(|error| {
        let is_refused = error.class() == Class::Privilege;
        let error = error.while_doing("cannot read the large objects");
        if is_refused {
            error.with_hint("GRANT SELECT ON LARGE OBJECT oid TO role, or read as a superuser.")
        } else {
            error
        }
    })?;
    Ok(rows
        .iter()
        .map(|row| LargeObjectSize {
            oid: row.get("oid"),
            size: row.get("size"),
        })
        .collect())
}

/// The first of some OIDs that a large object has, if any.
///
/// # Errors
/// What the server says.
pub fn first_large_object(session: &mut Session, of: &[u32]) -> Result<Option<u32>, Error> {
    let row = session.query_one(
        "select min(oid::bigint)::oid from pg_largeobject_metadata where oid = any ($1)",
        &[&of],
    )?;
    Ok(row.get(0))
}
