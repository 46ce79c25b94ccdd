//! Giving an object to an owner who may not create its like: PostgreSQL wants a new owner to
//! have CREATE on the schema, or on the database for what has none, unless a superuser gives it
//! (manual, ALTER TABLE, «Notes» on OWNER). The owner gets it for the moment of one transaction.

use pg_pipe::record::{AppliedStatus, Object};
use pg_session::{Class, Error, Session, quote};

use crate::apply::ledgered::Ledgered;

/// Tries an `OWNER` object again that was refused for want of a privilege.
///
/// # Errors
/// The first one, when that was not the reason.
pub(crate) fn again(
    session: &mut Session,
    ledgered: &Ledgered,
    object: &Object,
    error: Error,
) -> Result<(AppliedStatus, u64), Error> {
    let Some(owner) = object.owner.as_deref() else {
        return Err(error);
    };
    if object.kind != "OWNER" || error.class() != Class::Privilege {
        return Err(error);
    }
    let place = if let Some(schema) = &object.schema {
        format!("SCHEMA {}", quote::identifier(schema))
    } else {
        let row = session.query_one("select current_database()::text", &[])?;
        format!("DATABASE {}", quote::identifier(row.get(0)))
    };
    let owner = quote::identifier(owner);
    let sql = format!(
        "GRANT CREATE ON {place} TO {owner};\n{}REVOKE CREATE ON {place} FROM {owner};\n",
        object.sql
    );
    let again = ledgered.make(session, object, &sql, "");
    match again {
        Err(again) if again.is_connection() => Err(again),
        Err(_) => Err(error),
        Ok(made) => Ok(made),
    }
}
