//! Making the plan agree with the ledger: what an earlier run copied is kept where the source
//! still has the same rows, and copied anew where it has not.

use std::collections::BTreeMap;

use pg_pipe::record::{Copied, Record};
use pg_pipe::{Context, Failure};
use pg_session::ledger::{self, Done, Format, PlannedTable};
use pg_session::{Error, Relation, RelationName, Session, checksum};

use crate::args::FormatChoice;
use crate::fit::Fit;
use crate::holder::Holder;

/// Plans what is not copied yet. Gives how many tables are left. Nothing is changed before
/// every table that is to be copied has been found on the target, and empty.
///
/// # Errors
/// A conflict (exit 7) when a target table has rows that the ledger does not know, otherwise
/// what the servers say.
pub(crate) fn plan(
    target: &mut Session,
    holder: &mut Holder,
    choice: FormatChoice,
    context: &Context,
) -> anyhow::Result<usize> {
    let done = list_done(target)?;
    let (earlier, mut to_copy): (Vec<&Relation>, Vec<&Relation>) = holder
        .relations
        .values()
        .partition(|relation| done.contains_key(&relation.name));
    for relation in &to_copy {
        require_empty(target, &relation.name)?;
    }
    ledger::ensure(target)?;
    // What was planned and not copied is planned again, inside the new snapshot. Rows of
    // tables that this stream leaves out stay as they are.
    target.execute("delete from pgmig.chunk where done_at is null", &[])?;
    if !earlier.is_empty() {
        context.notice().note(&format!(
            "{} tables were copied by an earlier run: comparing them with the source",
            earlier.len()
        ));
    }
    for relation in earlier {
        let Some(done) = done.get(&relation.name) else {
            continue;
        };
        let now = checksum::sum_relation(&mut holder.session, relation)?;
        if now.checksum == done.checksum && now.rows == done.rows {
            context.write(Record::Copied(Copied {
                earlier: true,
                ..copied(&relation.name, done)
            }));
        } else {
            forget(target, &relation.name, context)?;
            to_copy.push(relation);
        }
    }
    let fit = Fit::read(holder.session.version(), target, choice)?;
    let planned: Vec<PlannedTable> = to_copy.iter().map(|table| planned(table, &fit)).collect();
    if choice == FormatChoice::Binary {
        let as_text = planned.iter().filter(|table| table.format == Format::Text);
        for table in as_text {
            let name = &table.name;
            context.notice().note(&format!(
                "table {name} cannot be copied in binary: it goes as text"
            ));
        }
    }
    ledger::plan(target, &planned)?;
    Ok(planned.len())
}

/// The tables that are in by the ledger, if there is one yet.
fn list_done(target: &mut Session) -> Result<BTreeMap<RelationName, Done>, Error> {
    if !ledger::exists(target)? {
        return Ok(BTreeMap::new());
    }
    Ok(ledger::list_chunks(target)?
        .into_iter()
        .filter_map(|chunk| Some((chunk.name, chunk.done?)))
        .collect())
}

fn forget(target: &mut Session, name: &RelationName, context: &Context) -> Result<(), Error> {
    context.notice().warn(&format!(
        "table {name} has changed on the source since: it is copied again"
    ));
    target.in_transaction("begin", |target| ledger::forget_table(target, name))
}

fn planned(relation: &Relation, fit: &Fit) -> PlannedTable {
    PlannedTable {
        format: fit.format(relation),
        frozen: fit.is_frozen(relation),
        name: relation.name.clone(),
        columns: relation.columns.iter().map(|c| c.name.clone()).collect(),
        condition: relation.condition.clone(),
        bytes: relation.bytes,
        filenode: relation.filenode,
    }
}

/// The record of a table that is in.
pub(crate) fn copied(name: &RelationName, done: &Done) -> Copied {
    Copied {
        schema: name.schema.clone(),
        table: name.name.clone(),
        rows: done.rows,
        bytes: done.bytes,
        checksum: done.checksum.clone(),
        milliseconds: done.milliseconds,
        earlier: false,
    }
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
