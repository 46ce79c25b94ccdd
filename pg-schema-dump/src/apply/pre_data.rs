//! Pre-data: everything that rows need, in the order of the dump. Nothing is changed before
//! the whole stream has been read and found sound.

use std::collections::BTreeSet;

use pg_pipe::record::{Applied, AppliedStatus, Object, Record, Section};
use pg_pipe::{Context, Exit, Failure, Input, Line};
use pg_session::{Session, catalog, ledger};

use crate::apply::args::Args;
use crate::apply::ledgered::{self, Ledgered};
use crate::apply::plan::Plan;
use crate::apply::{Target, maintenance, rename, roles};

/// Reads the plan, then applies pre-data.
///
/// # Errors
/// What ends the tool: a stream that is not sound, a target that is not ours or empty, a
/// server that is lost.
pub(crate) fn run(args: &Args, input: Input, context: &Context) -> anyhow::Result<Exit> {
    let mut plan = Plan::default();
    for line in input {
        if let Line::Known(record) = line? {
            plan.note(*record);
        }
    }
    if plan.head.validates_only() {
        return Ok(Exit::Fine);
    }
    if plan.objects.is_empty() {
        context
            .notice()
            .note("the stream has no object records: nothing to apply");
        return Ok(Exit::Fine);
    }
    let target = Target::resolve(args, &plan.head, context.tool())?;
    if let Some(migration) = &plan.head.migration {
        maintenance::ensure_staging(&target, &plan, migration, context)?;
    }
    let mut session = target.connect()?;
    let cancel = session.cancel();
    let _registered = context.stop().on_request(move || cancel.fire());
    require_empty_or_ours(&mut session, &target.database)?;
    ledger::ensure(&mut session)?;
    let roles_well = roles::ensure(&mut session, &plan.roles, context)?;
    let objects_well = apply(&mut session, &plan, &target.database, context)?;
    Ok(if roles_well && objects_well {
        Exit::Fine
    } else {
        Exit::Partial
    })
}

/// A database with a ledger is ours; any other must hold nothing.
fn require_empty_or_ours(session: &mut Session, database: &str) -> anyhow::Result<()> {
    if ledger::exists(session)? {
        return Ok(());
    }
    let contents = catalog::list_contents(session)?;
    let Some(first) = contents.first() else {
        return Ok(());
    };
    Err(Failure::conflict(format!(
        "database {database} on the target is not empty: it holds {first} and {} more",
        contents.len() - 1
    ))
    .hint("Give an empty database: createdb NAME, or drop what it holds.")
    .into())
}

fn apply(
    session: &mut Session,
    plan: &Plan,
    database: &str,
    context: &Context,
) -> anyhow::Result<bool> {
    let ledgered = Ledgered::open(session)?;
    let objects: Vec<&Object> = plan.section(Section::PreData).collect();
    let meter = context.meter("pre-data", objects.len(), None);
    let counters = meter.counters();
    let mut failed: BTreeSet<i64> = BTreeSet::new();
    for object in objects {
        context.check_stop()?;
        let Some(object) = adapted(object, plan, database) else {
            continue;
        };
        let record = apply_one(session, &ledgered, &object, &failed, context)?;
        if matches!(
            record.status,
            AppliedStatus::Failed | AppliedStatus::Skipped
        ) {
            failed.insert(object.id);
        }
        context.write(Record::Applied(record));
        counters.add_item();
    }
    Ok(failed.is_empty())
}

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
