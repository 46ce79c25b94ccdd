//! One view of the rows for many sessions: a holder exports its snapshot, workers adopt it.

use crate::error::{Class, Error};
use crate::quote;
use crate::session::Session;
use crate::wire::Wire;

/// Begins a transaction whose view of the rows never changes.
pub const BEGIN: &str = "begin isolation level repeatable read read only";

const LINEAGE: &str = include_str!("catalog/sql/lineage.sql");

/// The id of an exported snapshot; valid while the transaction of its holder is open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SnapshotId(pub String);

/// Begins a transaction and exports its snapshot.
///
/// # Errors
/// What the server says.
pub fn export(session: &mut Session) -> Result<SnapshotId, Error> {
    session.batch(BEGIN)?;
    let row = session.query_one("select pg_export_snapshot()", &[])?;
    Ok(SnapshotId(row.get(0)))
}

/// A moment in the life of a database, of which two can be compared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Moment {
    /// What the database is a state of: server, timeline, database, and since when the server
    /// has been up without a crash. Absent where that cannot be known.
    pub lineage: Option<String>,
    /// `txid_current_snapshot()`.
    pub snapshot: String,
}

impl Moment {
    /// Whether nothing can have been committed between two moments: whatever writes has a
    /// transaction id, of which none that a snapshot knows was given out or in progress.
    pub fn is_same(&self, other: &Self) -> bool {
        // xmin:xmax:list of those in progress between them (manual, «System Information
        // Functions»).
        let mut parts = self.snapshot.split(':');
        let is_quiet = match (parts.next(), parts.next(), parts.next()) {
            (Some(xmin), Some(xmax), Some("")) => xmin == xmax,
            _ => false,
        };
        is_quiet && self.lineage.is_some() && self == other
    }
}

/// What the session's database is a state of; asked outside of a transaction, since it may
/// fail, on servers that do not let everybody see it.
pub fn lineage(session: &mut Session) -> Option<String> {
    let row = session.query_opt(LINEAGE, &[]).ok().flatten();
    row.and_then(|row| row.get(0))
}

/// The moment of the session's snapshot.
///
/// # Errors
/// What the server says.
pub fn moment(session: &mut Session, lineage: Option<String>) -> Result<Moment, Error> {
    let row = session.query_one("select txid_current_snapshot()::text", &[])?;
    Ok(Moment {
        lineage,
        snapshot: row.get(0),
    })
}

/// Whether a snapshot could not be adopted because its holder is gone: the file of it is, which
/// servers up to 16 call an invalid parameter, later ones an undefined object.
pub fn is_gone(error: &Error) -> bool {
    matches!(error.sqlstate(), Some("22023" | "42704"))
}

/// What is said when a snapshot could not be adopted.
pub fn not_adopted(error: Error) -> Error {
    if is_gone(&error) {
        return Error::new(
            Class::Lost,
            "the snapshot of this run is gone, with the session that held it",
        )
        .with_hint("Run the same command again: it goes on with a new snapshot.")
        .with_source(error);
    }
    error.while_doing("cannot adopt the snapshot of this run")
}

/// Begins a transaction that sees what the holder of the snapshot sees.
///
/// # Errors
/// What the server says, such as when the holder is gone.
pub fn adopt(session: &mut Session, id: &SnapshotId) -> Result<(), Error> {
    session.batch(&adoption(id))
}

/// The same on a wire.
///
/// # Errors
/// As [`adopt`].
pub fn adopt_on_wire(wire: &mut Wire, id: &SnapshotId) -> Result<(), Error> {
    wire.batch(&adoption(id))
}

fn adoption(id: &SnapshotId) -> String {
    format!(
        "{BEGIN}; set transaction snapshot {}",
        quote::literal(&id.0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(lineage: Option<&str>, snapshot: &str) -> Moment {
        Moment {
            lineage: lineage.map(str::to_owned),
            snapshot: snapshot.to_owned(),
        }
    }

    #[test]
    fn moments_are_the_same_when_nothing_can_have_been_written() {
        let quiet = moment(Some("a"), "7:7:");
        assert!(quiet.is_same(&quiet.clone()));
        assert!(!quiet.is_same(&moment(Some("a"), "8:8:")));
        assert!(!quiet.is_same(&moment(Some("b"), "7:7:")));
        for busy in [
            moment(Some("a"), "7:9:7,8"),
            moment(Some("a"), "7:8:"),
            moment(None, "7:7:"),
            moment(Some("a"), ""),
        ] {
            assert!(!busy.is_same(&busy.clone()), "{busy:?}");
        }
    }
}
