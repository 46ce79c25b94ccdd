//! One object on the target: made, found there, refused, or skipped.

use std::collections::BTreeSet;

use pg_pipe::Context;
use pg_pipe::record::{Applied, AppliedStatus, Object};
use pg_session::Session;

use crate::apply::ledgered::{self, Ledgered};
use crate::apply::plan::Plan;
use crate::apply::rename;

/// The object as this target wants it. The database itself is there already, and its comment
/// on a staging database is our mark until the swap.
pub(crate) fn adapted(object: &Object, plan: &Plan, database: &str) -> Option<Object> {
    let is_staged = plan.head.migration.is_some();
    let about_database = object.schema.is_none() && object.name.starts_with("DATABASE ");
    match object.kind.as_str() {
        "DATABASE" => None,
        "COMMENT" if about_database && is_staged => None,
        "DATABASE PROPERTIES" | "COMMENT" | "ACL" | "SECURITY LABEL"
            if about_database || object.kind == "DATABASE PROPERTIES" =>
        {
            let from = plan.source_database()?;
            Some(Object {
                sql: rename::database(&object.sql, from, database),
                ..object.clone()
            })
        }
        _ => Some(object.clone()),
    }
}

/// Applies one object, or skips it when something that it depends on has failed.
///
/// # Errors
/// Only when the server is lost or the tool is to stop.
pub(crate) fn apply_one(
    session: &mut Session,
    ledgered: &Ledgered,
    object: &Object,
    failed: &BTreeSet<i64>,
    context: &Context,
) -> anyhow::Result<Applied> {
    if object.depends_on.iter().any(|id| failed.contains(id)) {
        return Ok(skipped(object, context));
    }
    match ledgered.make(session, object) {
        Ok((status, milliseconds)) => Ok(ledgered::applied(object, status, milliseconds)),
        Err(error) => refused(object, error, context),
    }
}

/// The record of an object that waits for something that has failed.
pub(crate) fn skipped(object: &Object, context: &Context) -> Applied {
    let shown = ledgered::shown(object);
    context.notice().warn(&format!(
        "{shown} is skipped: something that it depends on failed"
    ));
    Applied {
        message: Some("something that it depends on failed".to_owned()),
        ..ledgered::applied(object, AppliedStatus::Skipped, 0)
    }
}

/// The record of an object that the server refused.
///
/// # Errors
/// The error itself, when the server is lost or the tool is to stop.
pub(crate) fn refused(
    object: &Object,
    error: pg_session::Error,
    context: &Context,
) -> anyhow::Result<Applied> {
    let shown = ledgered::shown(object);
    let stop = error.class().is_connection() || context.stop().requested();
    let error = anyhow::Error::new(error).context(format!("cannot create {shown}"));
    if stop {
        return Err(error);
    }
    let said = context.item_failed(&shown, &error);
    Ok(Applied {
        sqlstate: said.sqlstate,
        message: Some(said.message),
        ..ledgered::applied(object, AppliedStatus::Failed, 0)
    })
}
