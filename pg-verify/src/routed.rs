//! Partitions of which each server may have other rows than the other: what they have together
//! is compared, under the name of the partitioned table.

use std::collections::BTreeMap;

use pg_pipe::record::VerifiedKind;
use pg_session::RelationName;
use pg_session::checksum::{self, Sum};

use crate::plan::{Comparison, Course};
use crate::reading::Reading;
use crate::tally::Readings;

/// Partitioned tables of which some leaves are read, and what has been.
#[derive(Default)]
pub(crate) struct Routed {
    roots: BTreeMap<RelationName, RelationName>,
    awaited: BTreeMap<RelationName, usize>,
    /// Leaves that the catalog has decided on, so that their rows are in no reading.
    lacks: BTreeMap<RelationName, String>,
    read: BTreeMap<RelationName, Vec<Readings>>,
}

impl Routed {
    /// For a plan; `roots` has the partitioned table above each such leaf.
    pub(crate) fn new(roots: BTreeMap<RelationName, RelationName>, plan: &[Comparison]) -> Self {
        let mut routed = Self {
            roots,
            ..Self::default()
        };
        for comparison in plan {
            let Some(root) = routed.root(comparison) else {
                continue;
            };
            match &comparison.course {
                Course::Compare { .. } => *routed.awaited.entry(root).or_default() += 1,
                Course::Settled(..) | Course::Told => {
                    routed.lacks.insert(root, comparison.shown());
                }
            }
        }
        routed
    }

    fn root(&self, comparison: &Comparison) -> Option<RelationName> {
        let is_table = comparison.kind == VerifiedKind::Table;
        self.roots
            .get(&comparison.name)
            .filter(|_| is_table)
            .cloned()
    }

    /// Takes what was read of a leaf; gives what was read of its root with the last of them.
    /// What is no such leaf comes back as it is.
    pub(crate) fn take(
        &mut self,
        comparison: &Comparison,
        readings: Readings,
    ) -> Option<(Comparison, Readings)> {
        let Some(root) = self.root(comparison) else {
            return Some((comparison.clone(), readings));
        };
        self.read.entry(root.clone()).or_default().push(readings);
        let awaited = self.awaited.entry(root.clone()).or_default();
        *awaited = awaited.saturating_sub(1);
        if *awaited > 0 {
            return None;
        }
        let mut together = together(self.read.remove(&root).unwrap_or_default());
        if let Some(leaf) = self.lacks.get(&root) {
            together.failure = Some(format!("its partition {leaf} is not compared"));
        }
        let of_root = Comparison {
            name: root,
            ..comparison.clone()
        };
        Some((of_root, together))
    }
}

fn together(leaves: Vec<Readings>) -> Readings {
    let side = |of: fn(&Readings) -> Option<&Reading>| {
        let sums = leaves.iter().map(|leaf| {
            let reading = of(leaf)?;
            Some(Sum {
                rows: reading.count,
                checksum: reading.checksum.clone()?,
            })
        });
        let sum = checksum::merge(&sums.collect::<Option<Vec<Sum>>>()?)?;
        Some(Reading::rows(sum.rows, sum.checksum))
    };
    Readings {
        source: side(|leaf| leaf.source.as_ref()),
        target: side(|leaf| leaf.target.as_ref()),
        took: leaves.iter().map(|leaf| leaf.took).sum(),
        bytes: leaves.iter().map(|leaf| leaf.bytes).sum(),
        failure: leaves.iter().find_map(|leaf| leaf.failure.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Half;
    use pg_pipe::record::Verdict;

    fn leaf(name: &str) -> Comparison {
        let known = || Half::Known(Reading::rows(0, String::new()));
        Comparison {
            kind: VerifiedKind::Table,
            name: RelationName::new("s", name),
            course: Course::Compare {
                source: known(),
                target: known(),
            },
            ranges: Vec::new(),
            copied_where: None,
        }
    }

    fn roots() -> BTreeMap<RelationName, RelationName> {
        let name = |name| RelationName::new("s", name);
        BTreeMap::from(["a", "b"].map(|leaf| (name(leaf), name("r"))))
    }

    fn readings(source: i64, target: i64) -> Readings {
        let reading = |n: i64| Some(Reading::rows(n, format!("b64s/1:0:{n}")));
        Readings {
            source: reading(source),
            target: reading(target),
            ..Readings::default()
        }
    }

    #[test]
    fn leaves_are_summed_up_with_the_last_of_them() {
        let plan = ["a", "t", "b"].map(leaf);
        let mut routed = Routed::new(roots(), &plan);
        assert!(routed.take(&plan[0], readings(3, 1)).is_none());
        let (plain, _) = routed.take(&plan[1], readings(1, 1)).unwrap();
        assert_eq!(plain.name.name, "t");
        let (root, sums) = routed.take(&plan[2], readings(2, 4)).unwrap();
        assert_eq!(root.name.name, "r");
        assert_eq!(sums.source, sums.target);
        assert_eq!(sums.source, Some(Reading::rows(5, "b64s/1:0:5".to_owned())));
    }

    #[test]
    fn a_leaf_that_is_missing_leaves_the_root_unverified() {
        let missing = Course::Settled(Verdict::Missing, "only on the source".to_owned());
        let plan = [
            leaf("a"),
            Comparison {
                course: missing,
                ..leaf("b")
            },
        ];
        let mut routed = Routed::new(roots(), &plan);
        let (_, sums) = routed.take(&plan[0], readings(1, 1)).unwrap();
        assert!(sums.failure.unwrap().contains("s.b"));
    }
}
