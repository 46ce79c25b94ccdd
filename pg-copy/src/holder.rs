//! The holder of the snapshot: exports it, keeps the tables from being changed under it, and
//! proves that they are still what was dumped.

use std::collections::BTreeMap;

use pg_pipe::record::Table;
use pg_pipe::{Exit, Failure};
use pg_session::snapshot::{self, SnapshotId};
use pg_session::{
    Endpoint, Error, Purpose, Relation, RelationName, Session, Wire, catalog, checksum, hint,
};

use crate::routes::Routes;

/// Tables named in one LOCK statement.
const LOCKED_AT_ONCE: usize = 500;

/// The session that holds the snapshot and the locks, until it is dropped.
pub(crate) struct Holder {
    pub(crate) session: Session,
    pub(crate) snapshot: SnapshotId,
    /// What the source is a state of, see [`snapshot::Moment`].
    pub(crate) lineage: Option<String>,
    /// The tables in scope, as they are inside the snapshot.
    pub(crate) relations: BTreeMap<RelationName, Relation>,
    /// Leaf partitions whose rows go through a partitioned table above them, with that.
    pub(crate) routes: Routes,
    /// On the same snapshot: for a source that has no hash, and sends what is hashed.
    pub(crate) streamer: Option<Wire>,
}

impl Holder {
    /// Opens the snapshot over the tables of a plan.
    ///
    /// # Errors
    /// What the server says; a conflict (exit 7) that names the first table that is not what
    /// was dumped.
    pub(crate) fn open(
        endpoint: &Endpoint,
        application_name: &str,
        tables: &[&Table],
    ) -> anyhow::Result<Self> {
        let mut session = endpoint.connect(Purpose::Read, application_name)?;
        let is_hashed = checksum::is_hashed_by(&mut session)?;
        let lineage = snapshot::lineage(&mut session);
        let snapshot = snapshot::export(&mut session)?;
        let streamer = if is_hashed {
            None
        } else {
            let mut wire = endpoint.wire(session.way(), Purpose::Read, application_name)?;
            snapshot::adopt_on_wire(&mut wire, &snapshot)?;
            Some(wire)
        };
        lock(&mut session, tables)?;
        let mut found: BTreeMap<RelationName, Relation> =
            catalog::list_relations(&mut session, &[])?
                .into_iter()
                .map(|relation| (relation.name.clone(), relation))
                .collect();
        let mut relations = BTreeMap::new();
        for table in tables {
            let name = RelationName::new(table.schema.clone(), table.name.clone());
            let relation = found
                .remove(&name)
                .ok_or_else(|| changed(&name, "it is gone"))?;
            if let Some(what) = difference(table, &relation) {
                return Err(changed(&name, what).into());
            }
            relations.insert(name, relation);
        }
        let routes = Routes::read(&mut session)?;
        Ok(Self {
            session,
            snapshot,
            lineage,
            relations,
            routes,
            streamer,
        })
    }
}

/// ACCESS SHARE keeps TRUNCATE and ALTER out, which do not heed snapshots.
fn lock(session: &mut Session, tables: &[&Table]) -> Result<(), Error> {
    for group in tables.chunks(LOCKED_AT_ONCE) {
        let names: Vec<String> = group
            .iter()
            .map(|table| {
                let name = RelationName::new(table.schema.clone(), table.name.clone());
                format!("only {}", name.sql())
            })
            .collect();
        let statement = format!("lock table {} in access share mode", names.join(", "));
        session.batch(&statement).map_err(not_locked)?;
    }
    Ok(())
}

fn not_locked(error: Error) -> Error {
    let has_no_room = error.sqlstate() == Some("53200");
    let error = error.while_doing("cannot lock the tables of the source");
    if has_no_room {
        return error.with_hint(hint::FEW_LOCKS);
    }
    error
}

fn difference(table: &Table, relation: &Relation) -> Option<&'static str> {
    let dumped = table.columns.iter().map(|c| (&c.name, &c.data_type));
    let found = relation.columns.iter().map(|c| (&c.name, &c.data_type));
    if !dumped.eq(found) {
        Some("its columns are not those that were dumped")
    } else if table.filenode.is_some() && table.filenode != relation.filenode {
        Some("it was truncated or rewritten")
    } else {
        None
    }
}

fn changed(name: &RelationName, what: &str) -> Failure {
    Failure::new(
        Exit::Conflict,
        "changed",
        format!("table {name} has changed on the source since the dump: {what}"),
    )
    .hint("Dump the schema again and start over; do not change it while migrating.")
    .object(name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use pg_pipe::record::Column;

    fn table(data_type: &str, filenode: Option<i64>) -> Table {
        Table {
            schema: "s".to_owned(),
            name: "t".to_owned(),
            columns: vec![Column {
                name: "a".to_owned(),
                data_type: data_type.to_owned(),
            }],
            key: Vec::new(),
            bytes: 0,
            rows_estimate: None,
            unlogged: false,
            parent: None,
            condition: None,
            filenode,
        }
    }

    fn relation() -> Relation {
        Relation {
            filenode: Some(7),
            ..sample::relation(&["a"])
        }
    }

    #[test]
    fn a_table_that_is_not_what_was_dumped_is_noticed() {
        assert_eq!(difference(&table("integer", Some(7)), &relation()), None);
        assert_eq!(difference(&table("integer", None), &relation()), None);
        assert!(difference(&table("bigint", Some(7)), &relation()).is_some());
        assert!(difference(&table("integer", Some(8)), &relation()).is_some());
    }
}
