//! Which post-data step may run now. Pure: knows no server and no thread.
//!
//! Steps wait for the objects that they depend on, and for the rows of their tables. Steps that
//! run at the same time never wait for each other's locks, so they cannot deadlock: a step
//! claims the families of its tables (tables that belong together: partitions, inheritance),
//! and starts only when each claim goes with those of all that run.
//!
//! | step | PostgreSQL's lock | claim |
//! |---|---|---|
//! | CREATE INDEX | SHARE on the table | `Build` |
//! | VALIDATE CONSTRAINT | SHARE UPDATE EXCLUSIVE on the referencing table | `Validate` |
//! | VALIDATE CONSTRAINT | ROW SHARE on the referenced table | `Read` |
//! | ADD CONSTRAINT … USING INDEX, CLUSTER ON, RULE, POLICY | ACCESS EXCLUSIVE | `Alone` |
//! | ADD FOREIGN KEY … NOT VALID, CREATE TRIGGER | SHARE ROW EXCLUSIVE on both tables | `Alone` |
//! | COMMENT, CREATE STATISTICS, ATTACH, anything else | up to ACCESS EXCLUSIVE | `Alone` |
//!
//! SHARE goes with itself and with ROW SHARE, ROW SHARE with SHARE UPDATE EXCLUSIVE; SHARE
//! UPDATE EXCLUSIVE goes neither with SHARE nor with itself. Nothing else is locked: rows of
//! the ledger are inserted, each with a key of its own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use pg_pipe::record::{AppliedStatus, Object, Section};
use pg_session::RelationName;

use crate::apply::families::{Families, Family};
use crate::apply::left_out::Absent;
use crate::apply::plan::Plan;
use crate::apply::step::{Part, Step, Work, steps};

/// How a step holds a family of tables.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Claim {
    /// Next to other builds, and readers.
    Build,
    /// Next to readers.
    Validate,
    /// Next to all but `Alone`.
    Read,
    /// Alone.
    Alone,
}

impl Claim {
    /// Whether both may be held at the same time.
    fn goes_with(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Build, Self::Build)
                | (Self::Read, Self::Build | Self::Validate | Self::Read)
                | (Self::Build | Self::Validate, Self::Read)
        )
    }
}

/// A step by the id of its object.
pub(crate) type Key = (i64, Part);

/// A step that may run now.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// The object that it belongs to.
    pub(crate) object: Object,
    /// The step.
    pub(crate) step: Step,
    /// Bytes of the tables that it reads.
    pub(crate) bytes: i64,
}

impl Task {
    /// What the graph knows it by.
    pub(crate) fn key(&self) -> Key {
        (self.object.id, self.step.part)
    }

    /// Whether it takes so little time that a transaction of its own costs more than its work.
    pub(crate) fn is_small(&self) -> bool {
        // Nothing is known of the size where the stream has none.
        let is_known = self.bytes > 0 || !self.step.work.reads_tables();
        is_known && self.bytes <= SMALL && self.step.instead.is_none()
    }
}

/// Bytes of a table that is read in less than a millisecond.
pub(crate) const SMALL: i64 = 128 * 1024;

/// What is urgent comes first, then the longest; builds, which share a table, before what they
/// would have to wait for.
type Order = (Reverse<(bool, i64, bool)>, Key);

struct Node {
    task: Task,
    waits_for: BTreeSet<i64>,
    needs_rows_of: BTreeSet<RelationName>,
    claims: BTreeMap<Family, Claim>,
}

impl Node {
    fn order(&self) -> Order {
        let work = self.task.step.work;
        let (is_urgent, is_shared) = (work == Work::Quick, work == Work::Build);
        (
            Reverse((is_urgent, self.task.bytes, is_shared)),
            self.task.key(),
        )
    }

    fn is_ready(&self) -> bool {
        self.waits_for.is_empty() && self.needs_rows_of.is_empty()
    }
}

/// The steps that are not done yet.
#[derive(Default)]
pub(crate) struct Graph {
    waiting: BTreeMap<Key, Node>,
    ready: BTreeSet<Order>,
    running: BTreeMap<Key, BTreeMap<Family, Claim>>,
    /// Steps by an object that they depend on, by a table whose rows they need.
    dependents: BTreeMap<i64, Vec<Key>>,
    readers: BTreeMap<RelationName, Vec<Key>>,
    absent: Absent,
    /// Those of them whose dependents have not been looked for.
    fresh: Vec<i64>,
    builds: BTreeSet<Key>,
    bytes: i64,
}

impl Graph {
    /// The post-data objects of a plan. `can_leave_open` as [`steps`] has it.
    pub(crate) fn new(plan: &Plan, can_leave_open: bool) -> Self {
        let tables = Families::of(plan);
        let mut graph = Self {
            fresh: plan.absent.ids().collect(),
            absent: plan.absent.clone(),
            ..Self::default()
        };
        let late: BTreeSet<i64> = plan.section(Section::PostData).map(|o| o.id).collect();
        let mut families_of: BTreeMap<i64, BTreeSet<Family>> = BTreeMap::new();
        for object in plan.section(Section::PostData) {
            let families = tables.of_object(object, &families_of);
            // VALIDATE does not reach the entries that such a key has for each partition.
            let is_one = tables.refers_to_partitioned(object);
            let steps = if is_one && object.kind == "FK CONSTRAINT" {
                vec![Step::whole_key(object, can_leave_open)]
            } else {
                steps(object, can_leave_open)
            };
            for step in steps {
                let mut node = node(object, step, &families, &tables);
                node.waits_for.retain(|id| late.contains(id));
                node.needs_rows_of
                    .retain(|table| !plan.copied.contains(table));
                graph.add(node);
            }
            families_of.insert(object.id, families);
        }
        graph
    }

    fn add(&mut self, node: Node) {
        let key = node.task.key();
        let before = node.task.object.depends_on.iter().copied();
        let itself = (key.1 == Part::Rest).then_some(key.0);
        for id in before.chain(itself) {
            self.dependents.entry(id).or_default().push(key);
        }
        for table in &node.needs_rows_of {
            self.readers.entry(table.clone()).or_default().push(key);
        }
        if node.task.step.work.reads_tables() {
            self.bytes += node.task.bytes;
            self.builds.insert(key);
        }
        if node.is_ready() {
            self.ready.insert(node.order());
        }
        self.waiting.insert(key, node);
    }

    /// How many steps are left, running ones included.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.running.len()
    }

    /// How many objects are left that nothing has been done for.
    pub(crate) fn objects(&self) -> usize {
        let first = |key: &&Key| key.1 == Part::First;
        self.waiting.keys().filter(first).count()
    }

    /// How many steps are left that read whole tables, running ones included.
    pub(crate) fn builds(&self) -> usize {
        self.builds.len()
    }

    /// Bytes of the tables that all steps read, a table as often as it is read.
    pub(crate) fn bytes(&self) -> u64 {
        u64::try_from(self.bytes).unwrap_or_default()
    }

    /// Objects that are not there, pre-data's included.
    pub(crate) fn absent(&self) -> &Absent {
        &self.absent
    }

    /// The rows of a table are in.
    pub(crate) fn table_is_in(&mut self, table: &RelationName) {
        for key in self.readers.remove(table).unwrap_or_default() {
            self.relieve(key, |node| {
                node.needs_rows_of.remove(table);
            });
        }
    }

    fn relieve(&mut self, key: Key, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.waiting.get_mut(&key) {
            change(node);
            if node.is_ready() {
                self.ready.insert(node.order());
            }
        }
    }

    /// No more tables will come in: what still waits for one in `lost` is skipped, the rest
    /// need not wait. Gives what is skipped.
    pub(crate) fn no_more_tables(&mut self, lost: &BTreeSet<RelationName>) -> Vec<Object> {
        let mut skipped = Vec::new();
        for table in lost {
            for key in self.readers.remove(table).unwrap_or_default() {
                skipped.extend(self.give_up(key));
            }
        }
        let readers = std::mem::take(&mut self.readers);
        let keys: BTreeSet<Key> = readers.into_values().flatten().collect();
        for key in keys {
            self.relieve(key, |node| node.needs_rows_of.clear());
        }
        skipped
    }

    /// Takes a step out that cannot run; its object, if nothing of that has been made.
    fn give_up(&mut self, key: Key) -> Option<Object> {
        let node = self.waiting.remove(&key)?;
        self.ready.remove(&node.order());
        self.builds.remove(&key);
        if key.1 == Part::Rest {
            return None;
        }
        let fate = self.absent.fate(&node.task.object);
        self.note_absent(key.0, fate.unwrap_or(AppliedStatus::Skipped));
        Some(node.task.object)
    }

    /// An object is not there, for the reason that its status says.
    pub(crate) fn note_absent(&mut self, id: i64, status: AppliedStatus) {
        if self.absent.note(id, status) {
            self.fresh.push(id);
        }
    }

    /// Takes objects out that depend on something that is not there; gives them.
    pub(crate) fn take_doomed(&mut self) -> Vec<Object> {
        let mut doomed = Vec::new();
        while let Some(id) = self.fresh.pop() {
            for key in self.dependents.remove(&id).unwrap_or_default() {
                doomed.extend(self.give_up(key));
            }
        }
        doomed
    }

    /// The first step that may run now, which then counts as running.
    pub(crate) fn start_next(&mut self) -> Option<Task> {
        self.start_if(|_| true)
    }

    /// The same, if it is a small one.
    pub(crate) fn start_small(&mut self) -> Option<Task> {
        self.start_if(Task::is_small)
    }

    fn start_if(&mut self, wanted: impl Fn(&Task) -> bool) -> Option<Task> {
        let (order, node) = self
            .ready
            .iter()
            .filter_map(|order| Some((*order, self.waiting.get(&order.1)?)))
            .find(|(_, node)| self.is_free(node))?;
        if !wanted(&node.task) {
            return None;
        }
        self.ready.remove(&order);
        let node = self.waiting.remove(&order.1)?;
        self.running.insert(order.1, node.claims);
        Some(node.task)
    }

    /// A step has ended. Says whether its object is complete now.
    pub(crate) fn ended(&mut self, key: Key, is_made: bool) -> bool {
        self.running.remove(&key);
        self.builds.remove(&key);
        let (id, part) = key;
        if part == Part::Rest {
            return true;
        }
        if !is_made {
            self.note_absent(id, AppliedStatus::Failed);
            // Nobody is told of a rest apart from what it belongs to.
            self.give_up((id, Part::Rest));
            return true;
        }
        for dependent in self.dependents.remove(&id).unwrap_or_default() {
            self.relieve(dependent, |node| {
                node.waits_for.remove(&id);
            });
        }
        !self.waiting.contains_key(&(id, Part::Rest))
    }

    fn is_free(&self, node: &Node) -> bool {
        self.running.values().all(|held| {
            node.claims.iter().all(|(family, claim)| {
                held.get(family)
                    .is_none_or(|running| claim.goes_with(*running))
            })
        })
    }
}

fn node(object: &Object, step: Step, families: &BTreeSet<Family>, tables: &Families) -> Node {
    let on = tables.tagged(object);
    let claim = |family: &Family| match step.work {
        Work::Build => Claim::Build,
        Work::Validate if on.is_some_and(|(referencing, _)| referencing != *family) => Claim::Read,
        Work::Validate => Claim::Validate,
        Work::Quick | Work::Any => Claim::Alone,
    };
    let own = tables.own(object);
    let bytes = match (step.work, on) {
        (Work::Validate, Some((_, referencing))) => tables.bytes(referencing),
        _ => own.iter().map(|table| tables.bytes(table)).sum(),
    };
    let mut waits_for: BTreeSet<i64> = object.depends_on.iter().copied().collect();
    if step.part == Part::Rest {
        waits_for.insert(object.id);
    }
    Node {
        waits_for,
        needs_rows_of: match step.work {
            Work::Build => own,
            _ => tables.with_rows_of(families),
        },
        claims: families
            .iter()
            .map(|family| (*family, claim(family)))
            .collect(),
        task: Task {
            object: object.clone(),
            step,
            bytes,
        },
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
            version: None,
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
        std::iter::from_fn(|| graph.start_next().map(|task| task.object.id)).collect()
    }

    #[test]
    fn an_object_waits_for_the_rows_of_its_tables_and_indexes_run_side_by_side() {
        let mut graph = Graph::new(&plan(), false);
        assert!(start_all(&mut graph).is_empty());
        graph.table_is_in(&table("a"));
        assert_eq!(start_all(&mut graph), [101, 102]);
        graph.table_is_in(&table("b"));
        assert_eq!(start_all(&mut graph), [103]);
        graph.ended((103, Part::First), true);
        assert!(start_all(&mut graph).is_empty(), "the indexes still hold a");
        graph.ended((101, Part::First), true);
        graph.ended((102, Part::First), true);
        assert_eq!(start_all(&mut graph), [104]);
        graph.ended((104, Part::First), true);
        assert_eq!(graph.len(), 0);
    }

    #[test]
    fn what_depends_on_a_failure_is_doomed() {
        let mut graph = Graph::new(&plan(), false);
        graph.ended((103, Part::First), false);
        graph.waiting.remove(&(103, Part::First));
        let doomed: Vec<i64> = graph.take_doomed().iter().map(|object| object.id).collect();
        assert_eq!(doomed, [104]);
        assert!(graph.absent().has(104));
    }

    #[test]
    fn a_table_that_never_came_takes_its_objects_with_it() {
        let mut graph = Graph::new(&plan(), false);
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
        let mut graph = Graph::new(&plan, false);
        graph.table_is_in(&table("a"));
        graph.table_is_in(&table("b"));
        // The key of b waits for the indexes of a: they share a family now.
        assert_eq!(start_all(&mut graph), [101, 102]);
    }

    /// The same, where the foreign key can be validated later and c refers to b, too.
    fn keyed() -> Plan {
        let mut plan = plan();
        let key = |id, name: &str, on: &str, depends_on: &[i64]| Object {
            sql: format!(
                "ALTER TABLE ONLY s.{on}\n    ADD CONSTRAINT {name} FOREIGN KEY (b) REFERENCES s.b(id);\n"
            ),
            ..object(id, "FK CONSTRAINT", &format!("{on} {name}"), depends_on)
        };
        plan.objects.truncate(5);
        plan.objects.insert(2, object(3, "TABLE", "c", &[]));
        plan.objects.push(key(104, "a_b", "a", &[1, 2, 103]));
        plan.objects.push(key(105, "c_b", "c", &[3, 2, 103]));
        plan.objects
            .push(object(106, "COMMENT", "CONSTRAINT a_b ON a", &[1, 104]));
        plan.objects.push(object(107, "INDEX", "b_i", &[2, 103]));
        plan.tables.insert(table("c"), 100);
        plan.copied = plan.tables.keys().cloned().collect();
        plan
    }

    #[test]
    fn validations_run_side_by_side_and_nothing_waits_for_them() {
        let mut graph = Graph::new(&keyed(), false);
        assert_eq!(start_all(&mut graph), [101, 102, 103]);
        for id in [101, 102, 103] {
            assert!(graph.ended((id, Part::First), true));
        }
        assert_eq!(start_all(&mut graph), [104], "both are on b");
        assert!(
            !graph.ended((104, Part::First), true),
            "it is to be validated"
        );
        assert_eq!(start_all(&mut graph), [105]);
        graph.ended((105, Part::First), true);
        let validating = start_all(&mut graph);
        assert_eq!(
            validating,
            [104, 105, 107],
            "b is only read; an index on it goes on"
        );
        assert!(graph.ended((104, Part::Rest), false));
        assert!(graph.ended((105, Part::Rest), true));
        graph.ended((107, Part::First), true);
        assert!(!graph.absent().has(104), "the key stands");
        assert_eq!(start_all(&mut graph), [106]);
    }

    #[test]
    fn a_key_that_cannot_be_added_is_not_validated() {
        let mut graph = Graph::new(&keyed(), false);
        let all = graph.len();
        graph.ended((103, Part::First), false);
        graph.waiting.remove(&(103, Part::First));
        let doomed: Vec<i64> = graph.take_doomed().iter().map(|object| object.id).collect();
        assert_eq!(doomed, [104, 105, 107, 106]);
        assert_eq!(graph.len(), all - 7);
    }

    #[test]
    fn claims_go_together_as_the_locks_do() {
        let all = [Claim::Build, Claim::Validate, Claim::Read, Claim::Alone];
        let together: Vec<(Claim, Claim)> = all
            .iter()
            .flat_map(|one| all.iter().map(|other| (*one, *other)))
            .filter(|(one, other)| one.goes_with(*other))
            .collect();
        assert!(together.iter().all(|(one, other)| other.goes_with(*one)));
        assert_eq!(
            together,
            [
                (Claim::Build, Claim::Build),
                (Claim::Build, Claim::Read),
                (Claim::Validate, Claim::Read),
                (Claim::Read, Claim::Build),
                (Claim::Read, Claim::Validate),
                (Claim::Read, Claim::Read),
            ]
        );
    }
}
