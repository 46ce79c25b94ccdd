//! One object on the target: made, found there, refused, or left out.

use pg_pipe::Context;
use pg_pipe::record::{Applied, AppliedStatus, Object, Section};
use pg_session::{Class, Error, Session};

use crate::apply::grantor;
use crate::apply::ledgered::{self, Ledgered};
use crate::apply::left_out;
use crate::apply::plan::Plan;
use crate::apply::{ownership, refresh, rename};
use crate::quoted;

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

/// Applies one object.
///
/// # Errors
/// Only when the server is lost or the tool is to stop.
pub(crate) fn apply_one(
    session: &mut Session,
    ledgered: &Ledgered,
    object: &Object,
    context: &Context,
) -> anyhow::Result<Applied> {
    let parts = parts(object);
    if parts.len() > 1 {
        // There may be many thousands of them: together, unless one of them is refused.
        let together = (object.kind == "LARGE OBJECTS")
            .then(|| ledgered.make(session, object, &object.sql, "").ok())
            .flatten();
        return match together {
            Some((status, milliseconds)) => Ok(ledgered::applied(object, status, milliseconds)),
            None => apply_parts(session, ledgered, object, &parts, context),
        };
    }
    drop(session.take_warnings());
    let made = ledgered
        .make(session, object, &object.sql, "")
        .or_else(|error| refresh::again(session, ledgered, object, error))
        .or_else(|error| grantor::again(session, ledgered, object, error))
        .or_else(|error| ownership::again(session, ledgered, object, error));
    match made {
        Ok((status, milliseconds)) => {
            let record = ledgered::applied(object, status, milliseconds);
            Ok(withheld(session, object, context).unwrap_or(record))
        }
        Err(error) => not_made(object, error, ledgered, context),
    }
}

/// The record of a grant or revocation that the server took without doing all of it, which it
/// tells by a warning only: 01007 (privilege not granted), 01006 (not revoked).
fn withheld(session: &mut Session, object: &Object, context: &Context) -> Option<Applied> {
    let said = session.take_warnings().into_iter();
    let warning = said
        .filter(|_| object.kind == "ACL")
        .find(|warning| matches!(warning.sqlstate.as_str(), "01006" | "01007"))?;
    Some(forgiven(
        object,
        &warning.message,
        Some(&warning.sqlstate),
        context,
    ))
}

/// The statements of an object that go by themselves: of grants, owners and settings that stand
/// in one entry, one that is refused must not take the others with it.
fn parts(object: &Object) -> Vec<&str> {
    let whole = object.section != Section::Acl || object.sql.contains("SESSION AUTHORIZATION");
    if whole {
        Vec::new()
    } else {
        quoted::statements(&object.sql)
    }
}

/// Applies an object part by part; it has failed when one of them has.
fn apply_parts(
    session: &mut Session,
    ledgered: &Ledgered,
    object: &Object,
    parts: &[&str],
    context: &Context,
) -> anyhow::Result<Applied> {
    let mut record = ledgered::applied(object, AppliedStatus::Present, 0);
    for sql in parts {
        drop(session.take_warnings());
        match ledgered.make(session, object, sql, "") {
            Ok((status, milliseconds)) => {
                let milliseconds = record.milliseconds + milliseconds;
                let part = Object {
                    sql: (*sql).to_owned(),
                    ..object.clone()
                };
                let kept = withheld(session, &part, context);
                if let Some(kept) = kept.filter(|_| record.status != AppliedStatus::Failed) {
                    record = kept;
                }
                record.milliseconds = milliseconds;
                if record.status == AppliedStatus::Present {
                    record.status = status;
                }
            }
            Err(error) => {
                let part = Object {
                    sql: (*sql).to_owned(),
                    ..object.clone()
                };
                let milliseconds = record.milliseconds;
                let missed = not_made(&part, error, ledgered, context)?;
                if record.status != AppliedStatus::Failed {
                    record = missed;
                }
                record.milliseconds = milliseconds;
            }
        }
    }
    Ok(record)
}

/// The record of an object that the server did not make.
///
/// # Errors
/// The error itself, when the server is lost or the tool is to stop.
pub(crate) fn not_made(
    object: &Object,
    error: Error,
    ledgered: &Ledgered,
    context: &Context,
) -> anyhow::Result<Applied> {
    if is_forgivable(object, &error, ledgered) {
        return Ok(forgiven(
            object,
            &error.to_string(),
            error.sqlstate(),
            context,
        ));
    }
    if ledgered.gaps().explain(object, &error) {
        return Ok(left_out::record(object, &error, context));
    }
    refused(object, error, "create", context)
}

/// Whether a refusal is the server's way of keeping its own: extensions and what they bring
/// belong to a managed server's superuser, who has given them comments and grants himself. So
/// does schema public of every database made before 15; since then it is the database owner's.
fn is_forgivable(object: &Object, error: &Error, ledgered: &Ledgered) -> bool {
    if error.class() != Class::Privilege {
        return false;
    }
    match object.kind.as_str() {
        "COMMENT" => object.schema.is_none() && object.name.starts_with("EXTENSION "),
        "ACL" => ledgered.is_about_foreign(object),
        "SECURITY LABEL" => true,
        "OWNER" => object.name == "SCHEMA public" && ledgered.is_of_superuser(object),
        _ => false,
    }
}

/// The record of a statement that the server does not want, with a warning that has it.
fn forgiven(object: &Object, said: &str, sqlstate: Option<&str>, context: &Context) -> Applied {
    let shown = ledgered::shown(object);
    let sql = object.sql.trim();
    context.notice().warn(&format!(
        "{shown} is not for us to set here: {said}; it was: {sql}"
    ));
    Applied {
        sqlstate: sqlstate.map(str::to_owned),
        message: Some(said.to_owned()),
        ..ledgered::applied(object, AppliedStatus::Refused, 0)
    }
}

/// The record of an object that the server refused to `create` or to `validate`.
///
/// # Errors
/// The error itself, when the server is lost or the tool is to stop.
pub(crate) fn refused(
    object: &Object,
    error: Error,
    doing: &str,
    context: &Context,
) -> anyhow::Result<Applied> {
    let shown = ledgered::shown(object);
    let stop = error.class().is_connection() || context.stop().requested();
    let error = anyhow::Error::new(error).context(format!("cannot {doing} {shown}"));
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
