//! One statement and its mark in the ledger, in one transaction.

use std::collections::BTreeSet;
use std::time::Instant;

use pg_pipe::record::{Applied, AppliedStatus, Object};
use pg_session::ledger::{self, AppliedKey};
use pg_session::{Error, Session, quote};

/// Makes objects on one session, leaving out what the ledger says is done.
pub(crate) struct Ledgered {
    done: BTreeSet<AppliedKey>,
}

impl Ledgered {
    /// Reads what is done.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn open(session: &mut Session) -> Result<Self, Error> {
        Ok(Self {
            done: ledger::list_applied(session)?,
        })
    }

    /// Makes an object, unless it is made already.
    ///
    /// # Errors
    /// What the server says; nothing of the object is left then.
    pub(crate) fn make(
        &self,
        session: &mut Session,
        object: &Object,
    ) -> Result<(AppliedStatus, u64), Error> {
        let key = AppliedKey::new(
            &object.kind,
            object.schema.as_deref(),
            &object.name,
            &object.sql,
        );
        if self.done.contains(&key) {
            return Ok((AppliedStatus::Present, 0));
        }
        let begun = Instant::now();
        session.in_transaction("begin", |session| {
            set_storage(session, object)?;
            session.batch(&object.sql)?;
            let milliseconds = i64::try_from(elapsed(begun)).unwrap_or(i64::MAX);
            ledger::mark_applied(session, &key, milliseconds)
        })?;
        Ok((AppliedStatus::Applied, elapsed(begun)))
    }
}

/// pg_dump leaves tablespace and access method to settings, which last for the transaction.
fn set_storage(session: &mut Session, object: &Object) -> Result<(), Error> {
    let settings = [
        ("default_tablespace", &object.tablespace),
        ("default_table_access_method", &object.access_method),
    ];
    for (name, value) in settings {
        if let Some(value) = value {
            session.batch(&format!("set local {name} = {}", quote::identifier(value)))?;
        }
    }
    Ok(())
}

pub(crate) fn elapsed(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The record of what became of an object.
pub(crate) fn applied(object: &Object, status: AppliedStatus, milliseconds: u64) -> Applied {
    Applied {
        id: Some(object.id),
        kind: object.kind.clone(),
        schema: object.schema.clone(),
        name: object.name.clone(),
        section: object.section,
        status,
        sqlstate: None,
        message: None,
        milliseconds,
    }
}

/// The object as messages name it: `TABLE sales.orders`.
pub(crate) fn shown(object: &Object) -> String {
    let name = quote::shown_tag(object.schema.as_deref(), &object.name);
    format!("{} {name}", object.kind)
}
