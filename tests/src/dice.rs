//! Random numbers without a crate: the same ones for the same seed, so that what a dice has chosen
//! can be had again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A row of random numbers.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The row of a seed.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed of this moment; short, because people type it.
    pub fn seed() -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(1, |since| u64::from(since.subsec_micros()) + 1)
    }

    /// A number below another. This is SplitMix64, which takes any seed.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }

    /// Some moment before the end of a time, in milliseconds.
    pub fn moment(&mut self, before: Duration) -> Duration {
        let millis = u64::try_from(before.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.below(millis))
    }

    /// A time between two.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        least + self.moment(most.saturating_sub(least))
    }

    /// One of several; `None` where there is none.
    pub fn choose<'t, T>(&mut self, from: &'t [T]) -> Option<&'t T> {
        let count = u64::try_from(from.len()).unwrap_or(u64::MAX);
        from.get(usize::try_from(self.below(count)).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_every_number_comes() {
        let row = |seed: u64| -> Vec<u64> {
            let mut dice = Dice::of(seed);
            (0..100).map(|_| dice.below(6)).collect()
        };
        assert_eq!(row(0), row(0));
        assert_ne!(row(0), row(1));
        for number in 0..6 {
            assert!(row(7).contains(&number), "{number}");
        }
        assert_eq!(Dice::of(1).choose::<u8>(&[]), None);
    }
}
