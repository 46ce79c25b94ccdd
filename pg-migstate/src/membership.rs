//! Memberships that `pg-schema-apply` granted to the migrating role for the time of a
//! migration: taken back by `finish` and by `cancel`.

use pg_session::{Error, Session, quote};

/// Takes back a membership that was granted for the time of the migration. It is the last
/// thing: giving a database to its owner needs it. A refusal undoes nothing else in the open
/// transaction: gives what to tell.
///
/// # Errors
/// When the server is lost.
pub(crate) fn take_back(session: &mut Session, role: &str) -> Result<Option<String>, Error> {
    let statement = format!("revoke {} from current_user", quote::identifier(role));
    session.batch("savepoint membership")?;
    match session.batch(&statement) {
        Ok(()) => Ok(None),
        Err(error) if error.class().is_connection() => Err(error),
        Err(error) => {
            session.batch("rollback to savepoint membership")?;
            Ok(Some(format!(
                "we stay a member of {} ({error}); run: {statement}",
                quote::shown(role)
            )))
        }
    }
}
