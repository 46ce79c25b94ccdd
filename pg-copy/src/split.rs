//! Which tables are copied in parts: those that the whole would wait for, and no others, because
//! a table in one piece has its rows frozen as they come. Pure.

use pg_session::ledger::Range;

/// A table below this is never split unless that was asked for, in bytes.
const WORTH_SPLITTING: i64 = 128 << 20;
/// A table above this is always split, in bytes: an interruption loses what is in hand, and there
/// may be more workers elsewhere than this process has jobs.
const LARGEST_WHOLE: i64 = 64 << 30;
/// A part is not made smaller than this unless that was asked for, in bytes.
const LEAST_PART: i64 = 32 << 20;
/// Parts of a table at the most.
const MOST_PARTS: i64 = 10_000;

/// How tables are split.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Splitter {
    /// What was asked for, in bytes.
    asked: Option<i64>,
    /// What each job would have to copy if all had the same, in bytes; not more than
    /// [`LARGEST_WHOLE`].
    share: i64,
}

impl Splitter {
    /// For tables of `total` bytes on some connections; `asked` is the size of a part, in bytes.
    pub(crate) fn new(asked: Option<i64>, total: i64, jobs: usize) -> Self {
        let jobs = i64::try_from(jobs).unwrap_or(i64::MAX).max(1);
        let share = if jobs == 1 { i64::MAX } else { total / jobs };
        Self {
            asked,
            share: share.min(LARGEST_WHOLE),
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
pub(crate) fn by_blocks(blocks: i64, parts: i64) -> Vec<Range> {
    let parts = parts.min(blocks).max(1);
    let bound = |part: i64| {
        let at = i128::from(blocks) * i128::from(part) / i128::from(parts);
        i64::try_from(at).ok()
    };
    let bounds: Vec<i64> = (1..parts).filter_map(bound).collect();
    between(&bounds, |lower, upper| Range::Blocks { lower, upper })
}

/// Ranges of a key's values between ascending bounds: each row is in one of them, whatever its
/// key.
pub(crate) fn by_key(column: &str, bounds: &[String]) -> Vec<Range> {
    between(bounds, |lower, upper| Range::Key {
        column: column.to_owned(),
        lower,
        upper,
    })
}

/// One range more than there are bounds, the first and the last open at their outer ends.
fn between<T: Clone>(bounds: &[T], range: impl Fn(Option<T>, Option<T>) -> Range) -> Vec<Range> {
    if bounds.is_empty() {
        return vec![Range::Whole];
    }
    let lower = std::iter::once(None).chain(bounds.iter().cloned().map(Some));
    let upper = bounds.iter().cloned().map(Some).chain([None]);
    lower
        .zip(upper)
        .map(|(lower, upper)| range(lower, upper))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
    fn no_chunk_takes_hours_however_few_jobs_there_are() {
        let tb = 1 << 40;
        for jobs in [1, 4, 16] {
            let splitter = Splitter::new(None, 10 * tb, jobs);
            assert_eq!(splitter.parts(LARGEST_WHOLE), 1, "{jobs}");
            assert_eq!(splitter.parts(LARGEST_WHOLE + 1), 3, "{jobs}");
            assert_eq!(splitter.parts(4 * tb), 128, "{jobs}");
        }
    }

    #[test]
    fn what_was_asked_for_is_done() {
        let asked = Splitter::new(Some(1 << 20), i64::MAX, 1);
        assert_eq!(asked.parts(0), 1);
        assert_eq!(asked.parts(1 << 20), 1);
        assert_eq!(asked.parts((1 << 20) + 1), 2);
        assert_eq!(asked.parts(i64::MAX), MOST_PARTS);
    }

    /// Whether a range has a place, by the words of its documentation; NULL is `None`.
    fn has<T: Ord>(lower: Option<&T>, upper: Option<&T>, place: Option<&T>) -> bool {
        match place {
            None => lower.is_none(),
            Some(place) => {
                lower.is_none_or(|lower| place >= lower) && upper.is_none_or(|upper| place < upper)
            }
        }
    }

    fn ranges_with_block(ranges: &[Range], block: i64) -> usize {
        let is_in = |range: &&Range| match range {
            Range::Whole | Range::ThroughRoot => true,
            Range::Blocks { lower, upper } => has(lower.as_ref(), upper.as_ref(), Some(&block)),
            Range::Key { .. } => false,
        };
        ranges.iter().filter(is_in).count()
    }

    fn ranges_with_key(ranges: &[Range], key: Option<i64>) -> usize {
        let number = |text: &Option<String>| text.as_ref().map(|text| text.parse().unwrap());
        let is_in = |range: &&Range| match range {
            Range::Whole | Range::ThroughRoot => true,
            Range::Key { lower, upper, .. } => {
                has(number(lower).as_ref(), number(upper).as_ref(), key.as_ref())
            }
            Range::Blocks { .. } => false,
        };
        ranges.iter().filter(is_in).count()
    }

    /// Any number, and those at which others have gone wrong more often than they would come up.
    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![
            4 => any::<i64>(),
            2 => -3..4_i64,
            1 => Just(i64::MIN),
            1 => Just(i64::MAX),
        ]
    }

    proptest! {
        #[test]
        fn every_block_is_in_one_range(
            blocks in 0..=i64::from(u32::MAX),
            parts in 1..300_i64,
            block in 0..=i64::from(u32::MAX),
        ) {
            let ranges = by_blocks(blocks, parts);
            prop_assert!(i64::try_from(ranges.len()).unwrap() <= parts);
            for block in [0, block, block % blocks.max(1), blocks] {
                prop_assert_eq!(ranges_with_block(&ranges, block), 1);
            }
        }

        #[test]
        fn no_range_of_blocks_is_empty(blocks in 0..2000_i64, parts in 1..300_i64) {
            for range in by_blocks(blocks, parts) {
                if let Range::Blocks { lower, upper } = range {
                    prop_assert!(lower.unwrap_or(0) < upper.unwrap_or(blocks));
                }
            }
        }

        #[test]
        fn every_key_is_in_one_range(
            mut bounds in prop::collection::vec(number(), 0..9),
            keys in prop::collection::vec(number(), 1..9),
        ) {
            bounds.sort_unstable();
            let texts: Vec<String> = bounds.iter().map(i64::to_string).collect();
            let ranges = by_key("k", &texts);
            prop_assert_eq!(ranges.len(), bounds.len() + 1);
            for key in keys.iter().chain(&bounds) {
                prop_assert_eq!(ranges_with_key(&ranges, Some(*key)), 1);
            }
            prop_assert_eq!(ranges_with_key(&ranges, None), 1);
        }
    }
}
