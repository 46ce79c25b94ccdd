//! One statement and its mark in the ledger, in one transaction.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Instant;

use pg_pipe::record::{Applied, AppliedStatus, Object};
use pg_session::ledger::{self, AppliedKey};
use pg_session::{Error, ServerVersion, Session, quote};

use crate::apply::left_out::Gaps;
use crate::apply::plan::Plan;

/// Makes objects on one session, leaving out what the ledger says is done.
pub(crate) struct Ledgered {
    done: BTreeSet<AppliedKey>,
    /// Ids of the plan's own objects.
    own: BTreeSet<i64>,
    gaps: Gaps,
}

impl Ledgered {
    /// Reads what is done.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn open(session: &mut Session, plan: &Plan) -> Result<Self, Error> {
        Ok(Self {
            done: ledger::list_applied(session)?,
            own: plan.objects.iter().map(|object| object.id).collect(),
            gaps: Gaps::of(plan),
        })
    }

    /// What the stream lacks.
    pub(crate) fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// Whether an object is about something that is not of the plan, such as a member of an
    /// extension.
    pub(crate) fn is_about_foreign(&self, object: &Object) -> bool {
        object.depends_on.iter().all(|id| !self.own.contains(id))
    }

    /// Whether a statement of an object is done, by itself or as a part of the whole.
    pub(crate) fn is_done(&self, object: &Object, sql: &str) -> bool {
        self.has(&key(object, sql), object, sql)
    }

    fn has(&self, part: &AppliedKey, object: &Object, sql: &str) -> bool {
        let is_part = sql != object.sql;
        self.done.contains(part) || is_part && self.done.contains(&key(object, &object.sql))
    }

    /// Makes an object, or a part of it, unless that is made already. `settings` last for its
    /// transaction.
    ///
    /// # Errors
    /// What the server says; nothing of the statement is left then.
    pub(crate) fn make(
        &self,
        session: &mut Session,
        object: &Object,
        sql: &str,
        settings: &str,
    ) -> Result<(AppliedStatus, u64), Error> {
        self.make_by(session, object, (sql, sql), settings)
    }

    /// Makes an object by other SQL than what it is known by.
    ///
    /// # Errors
    /// What the server says; nothing of the statement is left then.
    pub(crate) fn make_by(
        &self,
        session: &mut Session,
        object: &Object,
        (sql, by): (&str, &str),
        settings: &str,
    ) -> Result<(AppliedStatus, u64), Error> {
        let key = key(object, sql);
        if self.has(&key, object, sql) {
            return Ok((AppliedStatus::Present, 0));
        }
        let begun = Instant::now();
        session.in_transaction(&format!("begin; {settings}"), |session| {
            set_storage(session, object)?;
            session.batch(&for_version(object, by, session.version()))?;
            let milliseconds = i64::try_from(elapsed(begun)).unwrap_or(i64::MAX);
            ledger::mark_applied(session, &key, milliseconds)
        })?;
        Ok((AppliedStatus::Applied, elapsed(begun)))
    }
}

/// A statement in words that a server of this version knows. pg_dump 16 and up writes how a
/// subscription of an older server works, which had no other way.
fn for_version<'a>(object: &Object, sql: &'a str, version: ServerVersion) -> Cow<'a, str> {
    if object.kind != "SUBSCRIPTION" || version.has_subscription_owner_option() {
        return Cow::Borrowed(sql);
    }
    // Not in a name or a connection string that reads so.
    let (statement, options) = sql.split_at(sql.rfind(" WITH (").unwrap_or(sql.len()));
    Cow::Owned(format!(
        "{statement}{}",
        options.replace(", run_as_owner = true", "")
    ))
}

fn key(object: &Object, sql: &str) -> AppliedKey {
    AppliedKey::new(&object.kind, object.schema.as_deref(), &object.name, sql)
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
