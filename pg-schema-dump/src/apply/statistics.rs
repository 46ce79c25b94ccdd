//! What the planner knows of the tables: the source's statistics where the stream has them,
//! ANALYZE for the rest, the largest table first.

use std::collections::BTreeSet;
use std::slice;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use pg_pipe::Context;
use pg_pipe::progress::Meter;
use pg_pipe::record::{AppliedStatus, Object, Record};
use pg_session::{Error, RelationName, Session};

use crate::apply::Target;
use crate::apply::graph::SMALL;
use crate::apply::ledgered::{applied, elapsed, shown};
use crate::apply::left_out::Absent;
use crate::apply::plan::Plan;
use crate::apply::pool;
use crate::apply::post_data::TOGETHER;

const LIST: &str = include_str!("sql/analyze_list.sql");

/// From here on, in bytes, rows that were not frozen as they came are frozen while the table is
/// read for its statistics anyway: the first VACUUM would else write all of it again.
const WORTH_FREEZING: i64 = 8 << 20;

/// What pg_dump calls statistics of a relation.
const KIND: &str = "STATISTICS DATA";

/// Whether an object is the statistics of a relation, which come after everything else.
pub(crate) fn is_statistics(object: &Object) -> bool {
    object.kind == KIND
}

/// Sets the statistics that the stream has and analyzes all else: tables that have none, and
/// those with extended statistics, which pg_dump does not write. What fails is a warning: the
/// data are there, and autovacuum comes by.
///
/// # Errors
/// When the server is lost or the tool is to stop.
pub(crate) fn run(
    target: &Target,
    plan: &Plan,
    jobs: usize,
    absent: &Absent,
    context: &Context,
) -> anyhow::Result<()> {
    let known = restore(target, plan, jobs, absent, context)?;
    let mut session = target.connect()?;
    let tables = list(&mut session, &known)?;
    drop(session);
    let meter = context.meter("analyze", tables.len(), None);
    let counters = meter.counters();
    pool::each(target, jobs, together(tables), context, |session, group| {
        let is_done = group.len() > 1 && session.batch(&statement(&group)).is_ok();
        for table in group {
            if !is_done {
                let failed = || format!("{} is not analyzed", table.name);
                attempt(
                    session,
                    &statement(slice::from_ref(&table)),
                    context,
                    failed,
                )?;
            }
            counters.add_item();
        }
        Ok(())
    })
}

/// A table with something to be done.
struct Wanted {
    name: RelationName,
    /// ANALYZE or VACUUM, without the table.
    what: &'static str,
    bytes: i64,
}

/// Small ones with the same to be done, next to each other, go into one statement.
fn together(tables: Vec<Wanted>) -> Vec<Vec<Wanted>> {
    let mut groups: Vec<Vec<Wanted>> = Vec::new();
    for table in tables {
        let group = groups.last_mut().filter(|group| {
            let goes_with = |other: &Wanted| other.what == table.what && other.bytes <= SMALL;
            group.len() < TOGETHER && group.first().is_some_and(goes_with)
        });
        match group {
            Some(group) => group.push(table),
            None => groups.push(vec![table]),
        }
    }
    groups
}

fn statement(group: &[Wanted]) -> String {
    let what = group.first().map_or("", |table| table.what);
    let names: Vec<String> = group.iter().map(|table| table.name.sql()).collect();
    format!("{what} {}", names.join(", "))
}

/// The tables with something to be done, the largest first: ANALYZE, or VACUUM for what was copied without being frozen. A server that cannot give VACUUM buffers waits for the
/// disk when it freezes; the visibility map alone it has for some tenth of a second for 100 MB
/// where its pages do not go to the WAL for their hint bits.
fn list(session: &mut Session, known: &BTreeSet<RelationName>) -> Result<Vec<Wanted>, Error> {
    let version = session.version();
    let has_only = version.has_analyze_only();
    let rows = session.query(LIST, &[&has_only, &!known.is_empty(), &WORTH_FREEZING])?;
    let mut tables = Vec::new();
    for row in rows {
        let name = RelationName::new(row.get::<_, String>("schema"), row.get::<_, String>("name"));
        let is_analyzed = row.get("lacks_some") || !known.contains(&name);
        let is_unfrozen: bool = row.get("is_unfrozen");
        let can_freeze = is_unfrozen && version.has_buffer_usage_limit();
        let can_vacuum = is_unfrozen && row.get("writes_no_hints");
        let what = match (can_freeze, can_vacuum, is_analyzed) {
            (true, _, true) => "vacuum (freeze, analyze, buffer_usage_limit 0)",
            (true, _, false) => "vacuum (freeze, buffer_usage_limit 0)",
            (false, true, true) => "vacuum (analyze)",
            (false, true, false) => "vacuum",
            (false, false, true) if row.get("is_partitioned") && has_only => "analyze only",
            (false, false, true) => "analyze",
            (false, false, false) => continue,
        };
        let bytes = row.get::<_, Option<i64>>("bytes").unwrap_or_default();
        tables.push(Wanted { name, what, bytes });
    }
    Ok(tables)
}

/// Sets the statistics of the stream; gives the relations that have them now. What is there of
/// a relation is replaced, so that it does no harm to do it again.
fn restore(
    target: &Target,
    plan: &Plan,
    jobs: usize,
    absent: &Absent,
    context: &Context,
) -> anyhow::Result<BTreeSet<RelationName>> {
    let objects: Vec<&Object> = plan
        .objects
        .iter()
        .filter(|object| is_statistics(object))
        .filter(|object| absent.fate(object).is_none())
        .collect();
    let known = Mutex::new(BTreeSet::new());
    let meter = (!objects.is_empty()).then(|| context.meter("statistics", objects.len(), None));
    let counters = meter.as_ref().map(Meter::counters);
    pool::each(target, jobs, objects, context, |session, object| {
        let begun = Instant::now();
        // In one piece, which is one transaction: the driver sends it as one query.
        let is_set = attempt(session, &object.sql, context, || {
            format!("{} is not set, the table is analyzed", shown(object))
        })?;
        let mut status = AppliedStatus::Refused;
        if is_set {
            status = AppliedStatus::Applied;
            let schema = object.schema.clone().unwrap_or_default();
            let name = RelationName::new(schema, object.name.clone());
            known
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(name);
        }
        context.write(Record::Applied(applied(object, status, elapsed(begun))));
        if let Some(counters) = &counters {
            counters.add_item();
        }
        Ok(())
    })?;
    Ok(known.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Runs a statement whose failure is only told; says whether it succeeded.
fn attempt(
    session: &mut Session,
    sql: &str,
    context: &Context,
    failed: impl FnOnce() -> String,
) -> anyhow::Result<bool> {
    let Err(error) = session.batch(sql) else {
        return Ok(true);
    };
    if error.class().is_connection() || context.stop().requested() {
        return Err(error.into());
    }
    context.notice().warn(&format!("{}: {error}", failed()));
    Ok(false)
}
