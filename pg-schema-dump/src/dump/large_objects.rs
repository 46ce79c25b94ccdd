//! Large objects: how many there are, and their owners, grants and comments, which a
//! schema-only archive leaves out (pg_dump 15 to 18, with `-b` or without).

use pg_pipe::record::{LargeObjects, Object, Section};
use pg_session::{Error, Session};

const METADATA: &str = include_str!("sql/large_object_metadata.sql");

/// Large objects whose statements go into one object: few transactions, and few locks, which each
/// statement takes one of until its end.
const GROUP: usize = 100;

/// How many large objects there are, if any.
///
/// # Errors
/// What the server says.
pub(crate) fn record(session: &mut Session) -> Result<Option<LargeObjects>, Error> {
    let row = session.query_one("select count(*) from pg_largeobject_metadata", &[])?;
    let count: i64 = row.get(0);
    Ok((count > 0).then_some(LargeObjects {
        count,
        bytes: None,
        checksum: None,
    }))
}

/// Appends owners, grants and comments as `acl` objects, many large objects to one.
///
/// # Errors
/// What the server says.
pub(crate) fn add_metadata(session: &mut Session, objects: &mut Vec<Object>) -> Result<(), Error> {
    let mut next_id = objects.iter().map(|object| object.id).max().unwrap_or(0);
    let rows = session.query(METADATA, &[])?;
    let statements: Vec<(u32, String)> = rows
        .iter()
        .map(|row| (row.get("oid"), row.get("sql")))
        .collect();
    for group in statements.chunks(GROUP) {
        let (Some((first, _)), Some((last, _))) = (group.first(), group.last()) else {
            continue;
        };
        next_id += 1;
        objects.push(Object {
            id: next_id,
            kind: "LARGE OBJECTS".to_owned(),
            schema: None,
            name: format!("{first}..{last}"),
            owner: None,
            section: Section::Acl,
            access_method: None,
            tablespace: None,
            version: None,
            sql: group.iter().map(|(_, sql)| sql.as_str()).collect(),
            depends_on: Vec::new(),
        });
    }
    Ok(())
}
