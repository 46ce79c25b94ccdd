//! One view of the rows for many sessions: a holder exports its snapshot, workers adopt it.

use crate::error::Error;
use crate::quote;
use crate::session::Session;
use crate::wire::Wire;

/// Begins a transaction whose view of the rows never changes.
pub const BEGIN: &str = "begin isolation level repeatable read read only";

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
