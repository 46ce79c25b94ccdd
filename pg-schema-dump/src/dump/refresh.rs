//! REFRESH of the materialized views that are populated on the source: a schema-only archive
//! creates all of them WITH NO DATA.

use std::collections::BTreeSet;

use pg_pipe::record::{Object, Section};
use pg_session::{Error, Session, quote};

const POPULATED: &str = include_str!("sql/matview_list.sql");

/// Appends a `REFRESH` for each populated materialized view, in the order in which the views
/// are created, so that one that reads another comes later.
///
/// # Errors
/// What the server says.
pub(crate) fn add(session: &mut Session, objects: &mut Vec<Object>) -> Result<(), Error> {
    let populated: BTreeSet<(String, String)> = session
        .query(POPULATED, &[])?
        .iter()
        .map(|row| (row.get("schema"), row.get("name")))
        .collect();
    let mut next_id = objects.iter().map(|object| object.id).max().unwrap_or(0);
    let mut refreshes = Vec::new();
    for view in objects
        .iter()
        .filter(|object| object.kind == "MATERIALIZED VIEW")
    {
        let schema = view.schema.clone().unwrap_or_default();
        if !populated.contains(&(schema.clone(), view.name.clone())) {
            continue;
        }
        next_id += 1;
        refreshes.push(Object {
            id: next_id,
            kind: "REFRESH".to_owned(),
            section: Section::Final,
            access_method: None,
            tablespace: None,
            version: None,
            sql: format!(
                "REFRESH MATERIALIZED VIEW {0};\nANALYZE {0};\n",
                quote::qualified(&schema, &view.name)
            ),
            depends_on: vec![view.id],
            ..view.clone()
        });
    }
    // Before the event triggers, which would fire on them.
    let at = objects
        .iter()
        .position(|object| object.section == Section::Final)
        .unwrap_or(objects.len());
    objects.splice(at..at, refreshes);
    Ok(())
}
