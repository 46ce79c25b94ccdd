//! Sums of row hashes: of a whole table, or of parts that are added up.

use super::digest;
use crate::relation::Relation;

/// Name of the definition, in front of every checksum.
pub(super) const DEFINITION: &str = "b64s/1";

/// Rows of a table and their checksum.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sum {
    /// Rows.
    pub rows: i64,
    /// `b64s/1:DIGEST:SUM`. DIGEST is over column names and the way each is compared, so
    /// that sums of different expressions are never taken for equal.
    pub checksum: String,
}

impl Sum {
    /// A checksum out of what it is made of.
    pub(super) fn new(rows: i64, digest: &str, sum: impl std::fmt::Display) -> Self {
        Self {
            rows,
            checksum: format!("{DEFINITION}:{digest}:{sum}"),
        }
    }

    /// Digest and sum; `None` when the checksum is of another definition.
    pub fn parts(&self) -> Option<(&str, i128)> {
        let rest = self.checksum.strip_prefix(DEFINITION)?.strip_prefix(':')?;
        let (digest, sum) = rest.split_once(':')?;
        Some((digest, sum.parse().ok()?))
    }
}

/// The sum of the whole out of the sums of its parts, each row in one of them. `None` when
/// there is no part, or when they are not sums of the same expressions.
pub fn merge(parts: &[Sum]) -> Option<Sum> {
    let (digest, _) = parts.first()?.parts()?;
    let mut total = Total::default();
    for part in parts {
        let (own, sum) = part.parts()?;
        if own != digest {
            return None;
        }
        total = Total {
            rows: total.rows.checked_add(part.rows)?,
            sum: total.sum.checked_add(sum)?,
        };
    }
    Some(Sum::new(total.rows, digest, total.sum))
}

/// Rows and the sum of their hashes, while they are read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Total {
    /// Rows.
    pub rows: i64,
    /// Their hashes as the server sums them: signed, and wide enough for any table.
    pub sum: i128,
}

impl Total {
    /// Counts a row.
    pub fn add(&mut self, hash: u64) {
        self.rows += 1;
        self.sum += i128::from(hash.cast_signed());
    }

    /// Counts the rows of another part.
    pub fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.sum += other.sum;
    }

    /// The checksum, the same text as [`super::sum_relation`] gives.
    pub fn checksum(self, relation: &Relation) -> Sum {
        Sum::new(self.rows, &digest(relation), self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_same_digest_add_up_beyond_64_bits() {
        let part = |rows, sum: i128| Sum::new(rows, "0a1b2c3d", sum);
        let far = i128::from(i64::MAX) * 3;
        assert_eq!(
            merge(&[part(2, far), part(0, 0), part(1, -5)]),
            Some(part(3, far - 5))
        );
        assert_eq!(merge(&[]), None);
        assert_eq!(merge(&[part(1, 1), Sum::new(1, "00000000", 1)]), None);
        let other = Sum {
            rows: 1,
            checksum: "b64s/2:0a1b2c3d:1".to_owned(),
        };
        assert_eq!(merge(&[other]), None);
        assert_eq!(merge(&[Sum::new(1, "0a1b2c3d", "1.5")]), None);
    }

    #[test]
    fn hashes_are_summed_with_their_sign() {
        let mut total = Total::default();
        total.add(u64::MAX);
        total.add(3);
        let mut whole = Total { rows: 1, sum: 40 };
        whole.merge(total);
        assert_eq!(whole, Total { rows: 3, sum: 42 });
    }

    use proptest::prelude::*;

    /// The sum of some hashes in one go.
    fn sum(hashes: &[u64]) -> Sum {
        let mut total = Total::default();
        for hash in hashes {
            total.add(*hash);
        }
        Sum::new(total.rows, "0a1b2c3d", total.sum)
    }

    proptest! {
        /// However rows are split among workers, and in whatever order they come and parts are
        /// merged, in one step or in many: the sum is that of all.
        #[test]
        fn order_split_points_and_workers_never_matter(
            hashes in proptest::collection::vec(any::<u64>(), 0..200),
            workers in proptest::collection::vec(0_usize..7, 200),
            order in Just((0..7_usize).collect::<Vec<_>>()).prop_shuffle(),
            turned in any::<bool>(),
        ) {
            let mut parts = vec![Vec::new(); 7];
            for (hash, worker) in hashes.iter().zip(&workers) {
                parts[*worker].push(*hash);
            }
            if turned {
                for part in &mut parts {
                    part.reverse();
                }
            }
            let parts: Vec<Sum> = order.iter().map(|worker| sum(&parts[*worker])).collect();
            let whole = Some(sum(&hashes));
            prop_assert_eq!(merge(&parts), whole.clone());
            let one_by_one = parts
                .into_iter()
                .try_fold(sum(&[]), |so_far, part| merge(&[so_far, part]));
            prop_assert_eq!(one_by_one, whole);
        }

        /// A row more, a row less and a row twice never make the same.
        #[test]
        fn a_row_more_or_less_is_seen(
            hashes in proptest::collection::vec(any::<u64>(), 1..50),
            at in any::<proptest::sample::Index>(),
        ) {
            let at = at.index(hashes.len());
            let mut less = hashes.clone();
            let hash = less.remove(at);
            let mut twice = hashes.clone();
            twice.push(hash);
            prop_assert_ne!(sum(&hashes), sum(&less));
            prop_assert_ne!(sum(&hashes), sum(&twice));
        }
    }
}
