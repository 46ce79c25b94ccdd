//! Tables and those of their parts that are in: a table is when all of its parts are.

use std::collections::BTreeMap;

use pg_session::RelationName;
use pg_session::checksum::{self, Sum};
use pg_session::ledger::Done;

/// The parts that are in, by table and id in the ledger.
#[derive(Debug, Default)]
pub(crate) struct Parts(BTreeMap<RelationName, BTreeMap<i64, Done>>);

impl Parts {
    /// Notes a part; gives the whole table when that was the last one. A part that comes again,
    /// because the target died and had it no more, takes the place of the one before.
    pub(crate) fn add(
        &mut self,
        name: &RelationName,
        (id, done): (i64, Done),
        of: i32,
    ) -> Option<Done> {
        let parts = self.0.entry(name.clone()).or_default();
        parts.insert(id, done);
        let is_whole = i32::try_from(parts.len()) == Ok(of);
        let all: Vec<&Done> = parts.values().collect();
        is_whole.then(|| whole(&all)).flatten()
    }
}

/// A table out of its parts; `None` when there are none, or when their checksums do not go
/// together.
pub(crate) fn whole(parts: &[&Done]) -> Option<Done> {
    let sums: Vec<Sum> = parts
        .iter()
        .map(|part| Sum {
            rows: part.rows,
            checksum: part.checksum.clone(),
        })
        .collect();
    let sum = checksum::merge(&sums)?;
    Some(Done {
        rows: sum.rows,
        checksum: sum.checksum,
        bytes: parts.iter().map(|part| part.bytes).sum(),
        milliseconds: parts.iter().map(|part| part.milliseconds).sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(rows: i64, checksum: &str) -> Done {
        Done {
            rows,
            bytes: 10,
            checksum: checksum.to_owned(),
            milliseconds: 3,
        }
    }

    #[test]
    fn a_table_is_in_with_its_last_part() {
        let name = RelationName::new("s", "t");
        let mut parts = Parts::default();
        assert_eq!(
            parts.add(&name, (1, done(1, "b64s/1:00000000:-5")), 2),
            None
        );
        let other = RelationName::new("s", "u");
        assert!(
            parts
                .add(&other, (2, done(1, "b64s/1:00000000:1")), 1)
                .is_some()
        );
        let whole = parts
            .add(&name, (3, done(2, "b64s/1:00000000:7")), 2)
            .unwrap();
        assert_eq!((whole.rows, whole.bytes, whole.milliseconds), (3, 20, 6));
        assert_eq!(whole.checksum, "b64s/1:00000000:2");
    }

    #[test]
    fn a_part_that_comes_again_makes_no_table_whole() {
        let name = RelationName::new("s", "t");
        let mut parts = Parts::default();
        for _ in 0..2 {
            let part = (1, done(1, "b64s/1:00000000:1"));
            assert_eq!(parts.add(&name, part, 2), None);
        }
        let part = (2, done(1, "b64s/1:00000000:1"));
        let whole = parts.add(&name, part, 2).unwrap();
        assert_eq!(
            (whole.rows, whole.checksum.as_str()),
            (2, "b64s/1:00000000:2")
        );
    }

    #[test]
    fn sums_of_other_expressions_make_no_whole() {
        let (one, other) = (done(1, "b64s/1:00000000:1"), done(1, "b64s/1:00000001:1"));
        assert_eq!(whole(&[&one, &other]), None);
    }
}
