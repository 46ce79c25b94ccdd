//! Sequences and where they stand. Not MVCC: read last.

use crate::error::Error;
use crate::relation::RelationName;
use crate::session::Session;

const SEQUENCES: &str = include_str!("sql/sequence_list.sql");

/// Where a sequence stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SequencePosition {
    /// `last_value`.
    pub last_value: i64,
    /// Whether `last_value` has been handed out.
    pub is_called: bool,
}

/// Lists the sequences of user schemas except those in `without`.
///
/// # Errors
/// What the server says.
pub fn list_sequences(session: &mut Session, without: &[&str]) -> Result<Vec<RelationName>, Error> {
    let rows = session.query(SEQUENCES, &[&without])?;
    Ok(rows
        .iter()
        .map(|row| RelationName::new(row.get::<_, String>("schema"), row.get::<_, String>("name")))
        .collect())
}

/// Reads where a sequence stands.
///
/// # Errors
/// What the server says.
pub fn read_sequence(
    session: &mut Session,
    name: &RelationName,
) -> Result<SequencePosition, Error> {
    let sql = format!("select last_value, is_called from {}", name.sql());
    let row = session.query_one(&sql, &[])?;
    Ok(SequencePosition {
        last_value: row.get("last_value"),
        is_called: row.get("is_called"),
    })
}
