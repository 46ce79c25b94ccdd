//! Tables that belong together: partitions and their parents, inheritance. A statement on one
//! may lock the others, so they are locked as one.

use std::collections::{BTreeMap, BTreeSet};

use pg_pipe::record::Object;
use pg_session::RelationName;

use crate::apply::plan::Plan;

/// Tables that are locked as one.
pub(crate) type Family = usize;

/// Tables and the families that they belong to.
pub(crate) struct Families {
    names: BTreeMap<i64, RelationName>,
    family: BTreeMap<i64, Family>,
    members: BTreeMap<Family, Vec<i64>>,
    bytes: BTreeMap<RelationName, i64>,
    partitioned: BTreeSet<i64>,
}

impl Families {
    /// The tables of a plan.
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut families = Self {
            names: BTreeMap::new(),
            family: BTreeMap::new(),
            members: BTreeMap::new(),
            bytes: plan.tables.clone(),
            partitioned: plan
                .objects
                .iter()
                .filter(|object| is_partitioned(object))
                .map(|object| object.id)
                .collect(),
        };
        let is_table = |object: &&Object| {
            matches!(
                object.kind.as_str(),
                "TABLE" | "MATERIALIZED VIEW" | "FOREIGN TABLE"
            )
        };
        for (number, object) in plan.objects.iter().filter(is_table).enumerate() {
            let schema = object.schema.clone().unwrap_or_default();
            let name = RelationName::new(schema, object.name.clone());
            families.names.insert(object.id, name);
            families.family.insert(object.id, number);
            families.members.insert(number, vec![object.id]);
        }
        for object in &plan.objects {
            match object.kind.as_str() {
                "TABLE" => families.join(object.id, &object.depends_on),
                "TABLE ATTACH" => {
                    let parent = object.depends_on.first().copied().unwrap_or_default();
                    families.join(parent, &object.depends_on);
                }
                _ => {}
            }
        }
        families
    }

    /// Makes one family of a table and others.
    fn join(&mut self, table: i64, others: &[i64]) {
        for other in others {
            let pair = (
                self.family.get(&table).copied(),
                self.family.get(other).copied(),
            );
            let (Some(into), Some(from)) = pair else {
                continue;
            };
            if into == from {
                continue;
            }
            let moved = self.members.remove(&from).unwrap_or_default();
            for member in &moved {
                self.family.insert(*member, into);
            }
            self.members.entry(into).or_default().extend(moved);
        }
    }

    /// Families of the tables that an object depends on, also through another object, as an
    /// attached index does.
    pub(crate) fn of_object(
        &self,
        object: &Object,
        of_others: &BTreeMap<i64, BTreeSet<Family>>,
    ) -> BTreeSet<Family> {
        object
            .depends_on
            .iter()
            .flat_map(|id| {
                let direct = self.family.get(id).copied();
                let through = of_others.get(id).into_iter().flatten().copied();
                direct.into_iter().chain(through)
            })
            .collect()
    }

    /// The family of the table that an object is on, where its tag begins with it, and the
    /// table.
    pub(crate) fn tagged(&self, object: &Object) -> Option<(Family, &RelationName)> {
        let schema = object.schema.as_deref().unwrap_or_default();
        object.depends_on.iter().find_map(|id| {
            let name = self.names.get(id)?;
            let after = object.name.strip_prefix(name.name.as_str())?;
            let is_it = name.schema == schema && after.starts_with(' ');
            is_it.then_some((self.family.get(id).copied()?, name))
        })
    }

    /// Whether an object refers to a partitioned table that it is not on.
    pub(crate) fn refers_to_partitioned(&self, object: &Object) -> bool {
        let own = self.tagged(object).map(|(_, name)| name);
        object
            .depends_on
            .iter()
            .filter(|id| self.partitioned.contains(id))
            .any(|id| self.names.get(id) != own)
    }

    /// The tables with rows that an object names itself.
    pub(crate) fn own(&self, object: &Object) -> BTreeSet<RelationName> {
        object
            .depends_on
            .iter()
            .filter_map(|id| self.with_rows(*id))
            .cloned()
            .collect()
    }

    /// The tables with rows of whole families.
    pub(crate) fn with_rows_of(&self, families: &BTreeSet<Family>) -> BTreeSet<RelationName> {
        families
            .iter()
            .flat_map(|family| self.members.get(family).into_iter().flatten())
            .filter_map(|id| self.with_rows(*id))
            .cloned()
            .collect()
    }

    /// Bytes of a table on the source, 0 where it has no rows of its own.
    pub(crate) fn bytes(&self, table: &RelationName) -> i64 {
        self.bytes.get(table).copied().unwrap_or_default()
    }

    fn with_rows(&self, id: i64) -> Option<&RelationName> {
        self.names
            .get(&id)
            .filter(|name| self.bytes.contains_key(*name))
    }
}

fn is_partitioned(object: &Object) -> bool {
    object.kind == "TABLE" && object.sql.contains("\nPARTITION BY ")
}
