//! Which post-data object may run now. Pure: knows no server and no thread.
//!
//! Objects wait for the objects that they depend on, and for the rows of their tables. What
//! runs at the same time never waits for each other's locks: tables that belong together
//! (partitions, inheritance) form a family, an index build claims its families shared,
//! anything else claims them for itself.

use std::collections::{BTreeMap, BTreeSet};

use pg_pipe::record::{Object, Section};
use pg_session::RelationName;

use crate::apply::plan::Plan;

type Family = usize;

/// How a statement holds the families of its tables.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Hold {
    /// Next to other index builds.
    Shared,
    /// Alone.
    Exclusive,
}

struct Node {
    object: Object,
    waits_for: BTreeSet<i64>,
    needs_rows_of: BTreeSet<RelationName>,
    families: BTreeSet<Family>,
    hold: Hold,
    bytes: i64,
}

/// The objects that are not done yet.
#[derive(Default)]
pub(crate) struct Graph {
    waiting: BTreeMap<i64, Node>,
    running: BTreeMap<i64, (BTreeSet<Family>, Hold)>,
    failed: BTreeSet<i64>,
}

impl Graph {
    /// The post-data objects of a plan.
    pub(crate) fn new(plan: &Plan) -> Self {
        let tables = Tables::new(plan);
        let mut graph = Self {
            failed: plan.failed.clone(),
            ..Self::default()
        };
        let mut families_of: BTreeMap<i64, BTreeSet<Family>> = BTreeMap::new();
        for object in plan.section(Section::PostData) {
            let families = tables.families(object, &families_of);
            families_of.insert(object.id, families.clone());
            let node = node(object, families, &tables, plan);
            graph.waiting.insert(object.id, node);
        }
        let known: BTreeSet<i64> = graph.waiting.keys().copied().collect();
        for node in graph.waiting.values_mut() {
            node.waits_for.retain(|id| known.contains(id));
            for table in &plan.copied {
                node.needs_rows_of.remove(table);
            }
        }
        graph
    }

    /// How many objects are left, running ones included.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.running.len()
    }

    /// Ids of objects that failed or were skipped, pre-data's included.
    pub(crate) fn failed(&self) -> &BTreeSet<i64> {
        &self.failed
    }

    /// The rows of a table are in.
    pub(crate) fn table_is_in(&mut self, table: &RelationName) {
        for node in self.waiting.values_mut() {
            node.needs_rows_of.remove(table);
        }
    }

    /// No more tables will come in: what still waits for one in `lost` is skipped, the rest
    /// need not wait. Gives what is skipped.
    pub(crate) fn no_more_tables(&mut self, lost: &BTreeSet<RelationName>) -> Vec<Object> {
        let mut skipped = Vec::new();
        for node in self.waiting.values_mut() {
            if node.needs_rows_of.intersection(lost).next().is_some() {
                self.failed.insert(node.object.id);
                skipped.push(node.object.clone());
            }
            node.needs_rows_of.clear();
        }
        for object in &skipped {
            self.waiting.remove(&object.id);
        }
        skipped
    }

    /// Takes objects out that depend on something that failed; gives them.
    pub(crate) fn take_doomed(&mut self) -> Vec<Object> {
        let mut doomed = Vec::new();
        loop {
            let next = self.waiting.values().find_map(|node| {
                let dead = node
                    .object
                    .depends_on
                    .iter()
                    .any(|id| self.failed.contains(id));
                dead.then_some(node.object.id)
            });
            let Some(node) = next.and_then(|id| self.waiting.remove(&id)) else {
                return doomed;
            };
            self.failed.insert(node.object.id);
            doomed.push(node.object);
        }
    }

    /// The longest object that may run now, which then counts as running.
    pub(crate) fn start_next(&mut self) -> Option<Object> {
        let id = self
            .waiting
            .values()
            .filter(|node| node.needs_rows_of.is_empty())
            .filter(|node| !node.waits_for.iter().any(|id| self.is_open(*id)))
            .filter(|node| self.is_free(node))
            .max_by_key(|node| (node.bytes, std::cmp::Reverse(node.object.id)))
            .map(|node| node.object.id)?;
        let node = self.waiting.remove(&id)?;
        self.running.insert(id, (node.families, node.hold));
        Some(node.object)
    }

    /// An object has ended.
    pub(crate) fn ended(&mut self, id: i64, is_made: bool) {
        self.running.remove(&id);
        if !is_made {
            self.failed.insert(id);
        }
    }

    fn is_open(&self, id: i64) -> bool {
        self.waiting.contains_key(&id) || self.running.contains_key(&id)
    }

    fn is_free(&self, node: &Node) -> bool {
        self.running.values().all(|(families, hold)| {
            let both_shared = *hold == Hold::Shared && node.hold == Hold::Shared;
            both_shared || families.is_disjoint(&node.families)
        })
    }
}

fn node(object: &Object, families: BTreeSet<Family>, tables: &Tables, plan: &Plan) -> Node {
    // An index whose entry goes on with ALTER TABLE … CLUSTER ON or REPLICA IDENTITY wants a
    // stronger lock half way.
    let hold = if object.kind == "INDEX" && !object.sql.contains("ALTER ") {
        Hold::Shared
    } else {
        Hold::Exclusive
    };
    let needs_rows_of = if hold == Hold::Shared {
        tables.own(object)
    } else {
        tables.members(&families)
    };
    let bytes = tables
        .own(object)
        .iter()
        .filter_map(|table| plan.tables.get(table))
        .sum();
    Node {
        object: object.clone(),
        waits_for: object.depends_on.iter().copied().collect(),
        needs_rows_of,
        families,
        hold,
        bytes,
    }
}

/// Tables and the families that they belong to.
struct Tables {
    names: BTreeMap<i64, RelationName>,
    family: BTreeMap<i64, Family>,
    with_rows: BTreeSet<RelationName>,
}

impl Tables {
    fn new(plan: &Plan) -> Self {
        let mut tables = Self {
            names: BTreeMap::new(),
            family: BTreeMap::new(),
            with_rows: plan.tables.keys().cloned().collect(),
        };
        let is_table = |object: &&Object| {
            matches!(
                object.kind.as_str(),
                "TABLE" | "MATERIALIZED VIEW" | "FOREIGN TABLE"
            )
        };
        for (number, object) in plan.objects.iter().filter(is_table).enumerate() {
            let schema = object.schema.clone().unwrap_or_default();
            tables
                .names
                .insert(object.id, RelationName::new(schema, object.name.clone()));
            tables.family.insert(object.id, number);
        }
        for object in &plan.objects {
            match object.kind.as_str() {
                "TABLE" => tables.join(object.id, &object.depends_on),
                "TABLE ATTACH" => {
                    let parent = object.depends_on.first().copied().unwrap_or_default();
                    tables.join(parent, &object.depends_on);
                }
                _ => {}
            }
        }
        tables
    }

    /// Makes one family of a table and others.
    fn join(&mut self, table: i64, others: &[i64]) {
        for other in others {
            let pair = (
                self.family.get(&table).copied(),
                self.family.get(other).copied(),
            );
            if let (Some(into), Some(from)) = pair {
                for family in self.family.values_mut().filter(|family| **family == from) {
                    *family = into;
                }
            }
        }
    }

    /// Families of the tables that an object depends on, also through another object, as an
    /// attached index does.
    fn families(
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

    /// The tables with rows that an object names itself.
    fn own(&self, object: &Object) -> BTreeSet<RelationName> {
        object
            .depends_on
            .iter()
            .filter_map(|id| self.names.get(id))
            .filter(|name| self.with_rows.contains(*name))
            .cloned()
            .collect()
    }

    /// The tables with rows of whole families.
    fn members(&self, families: &BTreeSet<Family>) -> BTreeSet<RelationName> {
        self.family
            .iter()
            .filter(|(_, family)| families.contains(family))
            .filter_map(|(id, _)| self.names.get(id))
            .filter(|name| self.with_rows.contains(*name))
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(id: i64, kind: &str, name: &str, depends_on: &[i64]) -> Object {
        let section = if id < 100 {
            Section::PreData
        } else {
            Section::PostData
        };
        Object {
            id,
            kind: kind.to_owned(),
            schema: Some("s".to_owned()),
            name: name.to_owned(),
            owner: None,
            section,
            access_method: None,
            tablespace: None,
            sql: String::new(),
            depends_on: depends_on.to_vec(),
        }
    }

    fn table(name: &str) -> RelationName {
        RelationName::new("s", name)
    }

    /// Tables a (large) and b, an index on each, a foreign key over both that needs b's key.
    fn plan() -> Plan {
        Plan {
            objects: vec![
                object(1, "TABLE", "a", &[]),
                object(2, "TABLE", "b", &[]),
                object(101, "INDEX", "a_i", &[1]),
                object(102, "INDEX", "a_j", &[1]),
                object(103, "CONSTRAINT", "b_key", &[2]),
                object(104, "FK CONSTRAINT", "a_b", &[1, 2, 103]),
            ],
            tables: [(table("a"), 1_000), (table("b"), 10)].into(),
            ..Plan::default()
        }
    }

    fn start_all(graph: &mut Graph) -> Vec<i64> {
        std::iter::from_fn(|| graph.start_next().map(|object| object.id)).collect()
    }

    #[test]
    fn an_object_waits_for_the_rows_of_its_tables_and_indexes_run_side_by_side() {
        let mut graph = Graph::new(&plan());
        assert!(start_all(&mut graph).is_empty());
        graph.table_is_in(&table("a"));
        assert_eq!(start_all(&mut graph), [101, 102]);
        graph.table_is_in(&table("b"));
        assert_eq!(start_all(&mut graph), [103]);
        graph.ended(103, true);
        assert!(start_all(&mut graph).is_empty(), "the indexes still hold a");
        graph.ended(101, true);
        graph.ended(102, true);
        assert_eq!(start_all(&mut graph), [104]);
        graph.ended(104, true);
        assert_eq!(graph.len(), 0);
    }

    #[test]
    fn what_depends_on_a_failure_is_doomed() {
        let mut graph = Graph::new(&plan());
        graph.ended(103, false);
        graph.waiting.remove(&103);
        let doomed: Vec<i64> = graph.take_doomed().iter().map(|object| object.id).collect();
        assert_eq!(doomed, [104]);
        assert!(graph.failed().contains(&104));
    }

    #[test]
    fn a_table_that_never_came_takes_its_objects_with_it() {
        let mut graph = Graph::new(&plan());
        let lost = BTreeSet::from([table("b")]);
        let skipped: Vec<i64> = graph
            .no_more_tables(&lost)
            .iter()
            .map(|object| object.id)
            .collect();
        assert_eq!(skipped, [103, 104]);
        assert_eq!(start_all(&mut graph), [101, 102]);
    }

    #[test]
    fn partitions_and_their_parents_are_one_family() {
        let mut plan = plan();
        plan.objects
            .insert(2, object(3, "TABLE ATTACH", "b", &[1, 2]));
        let mut graph = Graph::new(&plan);
        graph.table_is_in(&table("a"));
        graph.table_is_in(&table("b"));
        // The key of b waits for the indexes of a: they share a family now.
        assert_eq!(start_all(&mut graph), [101, 102]);
    }
}
