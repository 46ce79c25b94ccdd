//! What a database that is loaded in place was like before, which cannot be dropped but has to
//! be put back when its migration is canceled.

use super::CREATE;
use crate::error::Error;
use crate::session::Session;

const REMEMBER: &str = include_str!("sql/before_create.sql");

/// A constraint that no row can fulfil is not looked at for the rows that are there.
const SEAL: &str = "alter table pgmig.applied drop constraint if exists sealed; \
     alter table pgmig.applied add constraint sealed check (false) not valid; \
     alter table pgmig.chunk drop constraint if exists sealed; \
     alter table pgmig.chunk add constraint sealed check (false) not valid; \
     alter table pgmig.large_object drop constraint if exists sealed; \
     alter table pgmig.large_object add constraint sealed check (false) not valid";

/// Creates the ledger of a database that is loaded in place, and notes what can be altered there
/// and not dropped. Belongs into the transaction that marks the database.
///
/// # Errors
/// What the server says.
pub fn remember_before(session: &mut Session) -> Result<(), Error> {
    session
        .batch(CREATE)
        .and_then(|()| session.batch(REMEMBER))
        .map_err(|error| error.while_doing("cannot create the ledger (schema pgmig)"))
}

/// Closes a ledger for good: whatever commits together with its mark can no longer commit, on
/// whatever machine it is. Waits for transactions that are open.
///
/// # Errors
/// What the server says.
pub fn seal(session: &mut Session) -> Result<(), Error> {
    session.batch(SEAL)
}
