//! No faster than was asked for: all workers of a process draw on one allowance.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::stop::Stop;

/// The longest nap: a stop is noticed within it.
const NAP: Duration = Duration::from_millis(100);

/// The allowance of bytes, which all threads that have it draw on.
pub struct Pace {
    bytes_per_second: Option<u64>,
    /// When all that has been let through is paid for.
    paid: Mutex<Instant>,
}

impl Pace {
    /// So many bytes a second; without a number as fast as it goes.
    pub fn new(bytes_per_second: Option<u64>) -> Self {
        Self {
            bytes_per_second,
            paid: Mutex::new(Instant::now()),
        }
    }

    /// Waits until what went before is paid for, and owes for so many bytes more.
    pub fn wait(&self, bytes: u64, stop: &Stop) {
        let Some(rate) = self.bytes_per_second else {
            return;
        };
        let begin = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let begin = (*paid).max(Instant::now());
            *paid = begin + cost(bytes, rate);
            begin
        };
        loop {
            let left = begin.saturating_duration_since(Instant::now());
            if left.is_zero() || stop.requested() {
                return;
            }
            thread::sleep(left.min(NAP));
        }
    }
}

fn cost(bytes: u64, rate: u64) -> Duration {
    let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_cost_what_the_rate_says() {
        assert_eq!(cost(1 << 20, 1 << 20), Duration::from_secs(1));
        assert_eq!(cost(64 << 10, 1 << 20), Duration::from_micros(62_500));
        assert_eq!(cost(0, 1), Duration::ZERO);
    }

    #[test]
    fn what_is_let_through_is_paid_for_before_the_next() {
        let pace = Pace::new(Some(1 << 20));
        let begun = Instant::now();
        for _ in 0..3 {
            pace.wait(100 << 10, &Stop::default());
        }
        assert!(begun.elapsed() >= cost(200 << 10, 1 << 20));
    }
}
