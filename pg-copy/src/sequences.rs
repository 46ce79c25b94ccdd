//! Sequences: not MVCC, so read last, outside of the snapshot, and set on the target.

use pg_pipe::Context;
use pg_pipe::record::{Record, Sequence};
use pg_session::{Error, RelationName, Session, catalog};

use crate::plan::Plan;

/// The sequences to set: those that a filter took out of the schema are told.
///
/// # Errors
/// What the target says.
pub(crate) fn left<'p>(
    plan: &'p Plan,
    target: &mut Session,
    context: &Context,
) -> Result<Vec<&'p RelationName>, Error> {
    let mut left = Vec::new();
    for name in &plan.sequences {
        if plan.lacks(name, target)? {
            context.notice().warn(&format!(
                "sequence {name} is left out: the target lacks it, and the stream does not make it"
            ));
        } else {
            left.push(name);
        }
    }
    Ok(left)
}

/// Sets the sequences of the target to where those of the source stand. Gives whether all
/// could be set; one that could not is an item.
///
/// # Errors
/// When a server is lost or the tool is to stop.
pub(crate) fn copy(
    source: &mut Session,
    target: &mut Session,
    names: &[&RelationName],
    context: &Context,
) -> anyhow::Result<bool> {
    let mut all_well = true;
    for name in names {
        context.check_stop()?;
        match copy_one(source, target, name) {
            Ok(record) => context.write(Record::Sequence(record)),
            Err(error) if error.class().is_connection() => return Err(error.into()),
            Err(error) => {
                all_well = false;
                let error = error
                    .while_doing(format!("cannot set sequence {name}"))
                    .into();
                context.item_failed(&name.to_string(), &error);
            }
        }
    }
    Ok(all_well)
}

fn copy_one(
    source: &mut Session,
    target: &mut Session,
    name: &RelationName,
) -> Result<Sequence, Error> {
    let position = catalog::read_sequence(source, name)?;
    target.execute(
        "select setval($1::text::regclass, $2, $3)",
        &[&name.sql(), &position.last_value, &position.is_called],
    )?;
    Ok(Sequence {
        schema: name.schema.clone(),
        name: name.name.clone(),
        last_value: Some(position.last_value),
        is_called: Some(position.is_called),
    })
}
