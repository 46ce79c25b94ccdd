//! Leaf partitions whose rows the target may put into other leaves than the source has them in:
//! they go through the partitioned table, are emptied together, and are told together.

use std::collections::{BTreeMap, BTreeSet};

use pg_pipe::record::Copied;
use pg_session::{Error, Relation, RelationName, Session, catalog};

/// The partitioned table above each such leaf of the source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes(BTreeMap<RelationName, RelationName>);

impl Routes {
    /// Looks at the source.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn read(source: &mut Session) -> Result<Self, Error> {
        catalog::list_routed(source).map(Self)
    }

    /// The table that the rows of a leaf go through; `None` for one that takes its own.
    pub(crate) fn root(&self, name: &RelationName) -> Option<&RelationName> {
        self.0.get(name)
    }

    /// What is copied again together with a table: it alone, or all that its root has.
    pub(crate) fn unit<'a>(&'a self, name: &'a RelationName) -> &'a RelationName {
        self.root(name).unwrap_or(name)
    }
}

/// Leaves that are in and not told yet. When one is told its triggers are made, which must not
/// see the rows of another, and its rows are compared with those that it should have.
#[derive(Debug, Default)]
pub(crate) struct Together {
    routes: Routes,
    /// The leaves of each root that are not in.
    missing: BTreeMap<RelationName, BTreeSet<RelationName>>,
    untold: BTreeMap<RelationName, BTreeMap<RelationName, Copied>>,
}

impl Together {
    /// For the tables of a run, none of which is in.
    pub(crate) fn new(routes: &Routes, tables: &BTreeMap<RelationName, Relation>) -> Self {
        let mut missing: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for name in tables.keys() {
            if let Some(root) = routes.root(name) {
                missing
                    .entry(root.clone())
                    .or_default()
                    .insert(name.clone());
            }
        }
        Self {
            routes: routes.clone(),
            missing,
            untold: BTreeMap::new(),
        }
    }

    /// Notes a table that is in, or is in again because the target had lost it; gives what can
    /// be told.
    pub(crate) fn add(&mut self, name: &RelationName, copied: Copied) -> Vec<Copied> {
        let Some(root) = self.routes.root(name) else {
            return vec![copied];
        };
        let untold = self.untold.entry(root.clone()).or_default();
        untold.insert(name.clone(), copied);
        let missing = self.missing.entry(root.clone()).or_default();
        missing.remove(name);
        if !missing.is_empty() {
            return Vec::new();
        }
        self.untold
            .remove(root)
            .unwrap_or_default()
            .into_values()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resume::copied;
    use crate::sample::relation;
    use pg_session::ledger::Done;

    #[test]
    fn leaves_of_a_root_are_told_with_the_last_of_them() {
        let name = |name: &str| RelationName::new("s", name);
        let leaves = ["a", "b"].map(name);
        let routes = Routes(
            leaves
                .iter()
                .map(|leaf| (leaf.clone(), name("r")))
                .collect(),
        );
        assert_eq!(routes.unit(&name("a")), &name("r"));
        assert_eq!(routes.unit(&name("t")), &name("t"));
        let done = Done {
            rows: 1,
            bytes: 1,
            checksum: String::new(),
            milliseconds: 1,
        };
        let tables = ["a", "b", "t"].map(|table| (name(table), relation(&["k"])));
        let tables = BTreeMap::from(tables);
        let mut together = Together::new(&routes, &tables);
        let mut add = |table: &str| together.add(&name(table), copied(&name(table), &done, None));
        assert_eq!(add("a"), []);
        assert_eq!(add("a"), [], "again, and told once all the same");
        assert_eq!(add("t").len(), 1);
        let told: Vec<String> = add("b").into_iter().map(|copied| copied.table).collect();
        assert_eq!(told, ["a", "b"]);
    }
}
