//! Which tables are copied in parts: those that the whole would wait for, and no others, because
//! a table in one piece has its rows frozen as they come. Pure.

use pg_session::ledger::Blocks;

/// A table below this is never split unless that was asked for, in bytes.
const WORTH_SPLITTING: i64 = 128 << 20;
/// A part is not made smaller than this unless that was asked for, in bytes.
const LEAST_PART: i64 = 32 << 20;
/// Parts of a table at the most.
const MOST_PARTS: i64 = 10_000;

/// How tables are split.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Splitter {
    /// What was asked for, in bytes.
    asked: Option<i64>,
    /// What each job would have to copy if all had the same, in bytes.
    share: i64,
}

impl Splitter {
    /// For tables of `total` bytes on some connections; `asked` is the size of a part, in bytes.
    pub(crate) fn new(asked: Option<i64>, total: i64, jobs: usize) -> Self {
        let jobs = i64::try_from(jobs).unwrap_or(i64::MAX).max(1);
        Self {
            asked,
            share: if jobs == 1 { i64::MAX } else { total / jobs },
        }
    }

    /// How many parts a table of that size is copied in.
    pub(crate) fn parts(&self, bytes: i64) -> i64 {
        let size = match self.asked {
            Some(asked) => asked.max(1),
            None if bytes < WORTH_SPLITTING || bytes <= self.share => return 1,
            // Twice as many as would do: not all parts take the same time.
            None => (self.share / 2).max(LEAST_PART),
        };
        let parts = bytes / size + i64::from(bytes % size > 0);
        parts.clamp(1, MOST_PARTS)
    }
}

/// Ranges of blocks, about equal: each row is in one of them, also one in a block that comes
/// later or that there is not.
pub(crate) fn ranges(blocks: i64, parts: i64) -> Vec<Blocks> {
    let parts = parts.min(blocks).max(1);
    let bound = |part: i64| {
        let at = i128::from(blocks) * i128::from(part) / i128::from(parts);
        i64::try_from(at).ok()
    };
    (0..parts)
        .map(|part| Blocks {
            lower: bound(part).filter(|_| part > 0),
            upper: bound(part + 1).filter(|_| part + 1 < parts),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_whole_would_wait_for_is_split() {
        let gb = 1 << 30;
        let many = Splitter::new(None, 10 * gb, 4);
        assert_eq!(many.parts(2 * gb), 1, "no more than a job's share");
        assert_eq!(many.parts(5 * gb), 4);
        let one = Splitter::new(None, gb, 2);
        assert_eq!(one.parts(gb), 4);
        assert_eq!(Splitter::new(None, gb, 1).parts(gb), 1);
        assert_eq!(Splitter::new(None, 1 << 20, 8).parts(1 << 20), 1);
        assert_eq!(
            Splitter::new(None, WORTH_SPLITTING, 64).parts(WORTH_SPLITTING),
            4
        );
    }

    #[test]
    fn what_was_asked_for_is_done() {
        let asked = Splitter::new(Some(1 << 20), i64::MAX, 1);
        assert_eq!(asked.parts(0), 1);
        assert_eq!(asked.parts(1 << 20), 1);
        assert_eq!(asked.parts((1 << 20) + 1), 2);
        assert_eq!(asked.parts(i64::MAX), MOST_PARTS);
    }

    #[test]
    fn every_block_is_in_one_range_and_the_ends_are_open() {
        for blocks in [0, 1, 2, 3, 7, 100, 1 << 32, i64::from(u32::MAX)] {
            for parts in [1, 2, 3, 7, 64, 10_000] {
                let ranges = ranges(blocks, parts);
                assert!(ranges.len() <= usize::try_from(parts).unwrap());
                assert_eq!(ranges[0].lower, None);
                assert_eq!(ranges[ranges.len() - 1].upper, None);
                for pair in ranges.windows(2) {
                    assert_eq!(pair[0].upper, pair[1].lower);
                    assert!(pair[0].upper.is_some());
                    assert!(pair[0].lower < pair[1].lower, "none is empty");
                }
            }
        }
    }
}
