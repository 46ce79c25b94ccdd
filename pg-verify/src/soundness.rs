//! What is wrong with the target by itself, however equal it is: sequences behind the largest
//! value of their column, collations of another version than their indexes were built with.

use std::collections::BTreeMap;

use anyhow::Context as _;
use pg_pipe::Context;
use pg_session::catalog::read_sequence;
use pg_session::{RelationName, Session, quote};

use crate::server::undisturbed;

const OWNERS: &str = include_str!("sql/sequence_owners.sql");
const COLLATIONS: &str = include_str!("sql/collation_drift.sql");
const DATABASE_COLLATION: &str = include_str!("sql/database_collation.sql");

/// Sequences whose next value is in their column already, each with a sentence about it.
///
/// # Errors
/// What the server says of its catalog. A sequence or column that may not be read is left out.
pub(crate) fn sequences_behind(
    session: &mut Session,
    context: &Context,
) -> anyhow::Result<BTreeMap<RelationName, String>> {
    let rows = session
        .query(OWNERS, &[])
        .context("cannot tell which columns sequences fill")?;
    let mut behind = BTreeMap::new();
    for row in rows {
        let text = |column: &str| row.get::<_, String>(column);
        let name = RelationName::new(text("schema"), text("name"));
        let table = RelationName::new(text("table_schema"), text("table_name"));
        let column = text("column_name");
        let found = undisturbed(session, |session| {
            is_behind(session, &name, (&table, &column), row.get("rises"))
        });
        match found {
            Ok(Some(sentence)) => {
                behind.insert(name, sentence);
            }
            Ok(None) => {}
            Err(error) => context.notice().detail(&format!(
                "{name} is not compared with its column: {error:#}"
            )),
        }
    }
    Ok(behind)
}

fn is_behind(
    session: &mut Session,
    name: &RelationName,
    (table, column): (&RelationName, &str),
    rises: bool,
) -> anyhow::Result<Option<String>> {
    let last = if rises { "max" } else { "min" };
    let sql = format!(
        "select {last}({})::bigint from {}",
        quote::identifier(column),
        table.sql()
    );
    let Some(furthest) = session.query_one(&sql, &[])?.get::<_, Option<i64>>(0) else {
        return Ok(None);
    };
    let place = read_sequence(session, name)?;
    let is_past = match (rises, place.is_called) {
        (true, true) => furthest > place.last_value,
        (true, false) => furthest >= place.last_value,
        (false, true) => furthest < place.last_value,
        (false, false) => furthest <= place.last_value,
    };
    Ok(is_past.then(|| {
        format!(
            "on the target it stands at {}, and column {} of {table} has {furthest} already",
            place.last_value,
            quote::shown(column)
        )
    }))
}

/// Warns of collations whose version has changed under their indexes; tells whether it did.
///
/// # Errors
/// What the server says.
pub(crate) fn warn_of_collations(session: &mut Session, context: &Context) -> anyhow::Result<bool> {
    let mut rows = session
        .query(COLLATIONS, &[])
        .context("cannot read the collations of the target")?
        .iter()
        .map(|row| (row.get("name"), row.get("built"), row.get("now")))
        .collect::<Vec<(String, Option<String>, Option<String>)>>();
    if session.version().has_locale_provider() {
        let own = session.query_opt(DATABASE_COLLATION, &[])?;
        rows.extend(own.map(|row| {
            (
                "of the database".to_owned(),
                row.get("built"),
                row.get("now"),
            )
        }));
    }
    rows.retain(|(_, built, now)| built != now);
    for (name, built, now) in &rows {
        let version = |version: &Option<String>| version.clone().unwrap_or_default();
        context.notice().warn(&format!(
            "collation {name} of the target was version {} when it was made and is {} now: \
             indexes on text may be in the wrong order; REINDEX them",
            version(built),
            version(now)
        ));
    }
    Ok(!rows.is_empty())
}
