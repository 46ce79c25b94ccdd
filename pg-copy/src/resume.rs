//! Making the plan agree with the ledger: what an earlier run copied is kept where the source
//! still has the same rows, and copied anew where it has not.

use std::collections::BTreeMap;

use pg_pipe::record::{Copied, Record};
use pg_pipe::{Context, Failure};
use pg_session::ledger::{self, Done, LedgerChunk, PlannedTable};
use pg_session::{Error, RelationName, Session, checksum};

use crate::holder::Holder;

/// Plans what is not copied yet. Gives how many tables are left.
///
/// # Errors
/// A conflict (exit 7) when a target table has rows that the ledger does not know, otherwise
/// what the servers say.
pub(crate) fn plan(
    target: &mut Session,
    holder: &mut Holder,
    context: &Context,
) -> anyhow::Result<usize> {
    let mut done = BTreeMap::new();
    for chunk in ledger::list_chunks(target)? {
        match chunk.done {
            Some(sum) if holder.relations.contains_key(&chunk.name) => {
                done.insert(chunk.name, sum);
            }
            // Rows of tables that this stream leaves out stay as they are.
            Some(_) => {}
            None => forget_plan(target, &chunk)?,
        }
    }
    if !done.is_empty() {
        context.notice().note(&format!(
            "{} tables were copied by an earlier run: comparing them with the source",
            done.len()
        ));
    }
    for (name, sum) in &done {
        keep_or_forget(target, holder, (name, sum), context)?;
    }
    plan_new(target, holder)
}

/// Chunks that were planned and not copied are planned again, inside the new snapshot.
fn forget_plan(target: &mut Session, chunk: &LedgerChunk) -> Result<(), Error> {
    target.execute(
        "delete from pgmig.chunk where id = $1 and done_at is null",
        &[&chunk.id],
    )?;
    Ok(())
}

fn keep_or_forget(
    target: &mut Session,
    holder: &mut Holder,
    (name, done): (&RelationName, &Done),
    context: &Context,
) -> anyhow::Result<()> {
    let Some(relation) = holder.relations.get(name) else {
        return Ok(());
    };
    let now = checksum::sum_relation(&mut holder.session, relation)?;
    if now.checksum == done.checksum && now.rows == done.rows {
        context.write(Record::Copied(Copied {
            schema: name.schema.clone(),
            table: name.name.clone(),
            rows: done.rows,
            bytes: done.bytes,
            checksum: done.checksum.clone(),
            milliseconds: done.milliseconds,
            earlier: true,
        }));
        return Ok(());
    }
    context.notice().warn(&format!(
        "table {name} has changed on the source since: it is copied again"
    ));
    target.in_transaction("begin", |target| ledger::forget_table(target, name))?;
    Ok(())
}

/// Adds the tables that have no chunk, all at once; each must be empty on the target.
fn plan_new(target: &mut Session, holder: &Holder) -> anyhow::Result<usize> {
    let known: Vec<RelationName> = ledger::list_chunks(target)?
        .into_iter()
        .map(|chunk| chunk.name)
        .collect();
    let mut tables = Vec::new();
    for relation in holder
        .relations
        .values()
        .filter(|r| !known.contains(&r.name))
    {
        require_empty(target, &relation.name)?;
        tables.push(PlannedTable {
            name: relation.name.clone(),
            columns: relation.columns.iter().map(|c| c.name.clone()).collect(),
            condition: relation.condition.clone(),
            bytes: relation.bytes,
            filenode: relation.filenode,
        });
    }
    ledger::plan(target, &tables)?;
    Ok(tables.len())
}

/// Checks a target that has no ledger yet.
///
/// # Errors
/// A conflict (exit 7) that names the first table that has rows, or what the server says of
/// one that is not there.
pub(crate) fn require_all_empty(target: &mut Session, holder: &Holder) -> anyhow::Result<()> {
    holder
        .relations
        .keys()
        .try_for_each(|name| require_empty(target, name))
}

fn require_empty(target: &mut Session, name: &RelationName) -> anyhow::Result<()> {
    let sql = format!("select exists (select from only {})", name.sql());
    let has_rows: bool = target
        .query_one(&sql, &[])
        .map_err(|error| {
            error
                .while_doing(format!("cannot read table {name} of the target"))
                .with_hint("Make the tables first: pg-schema-apply --section pre-data.")
        })?
        .get(0);
    if has_rows {
        return Err(Failure::conflict(format!(
            "table {name} of the target has rows that the ledger does not know"
        ))
        .hint("Empty it, or leave it out of the stream with jq.")
        .object(name.to_string())
        .into());
    }
    Ok(())
}
