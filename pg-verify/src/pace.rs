//! No more bytes a second than are allowed, on each side.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pg_pipe::stop::Stop;

/// How often the stop switch is looked at while we wait.
const TICK: Duration = Duration::from_millis(100);

/// The pace of one side.
pub(crate) struct Pace {
    bytes_per_second: Option<u64>,
    begun: Instant,
    read: AtomicU64,
}

impl Pace {
    /// A pace that begins now; without a limit nobody waits.
    pub(crate) fn new(bytes_per_second: Option<u64>) -> Self {
        Self {
            bytes_per_second,
            begun: Instant::now(),
            read: AtomicU64::new(0),
        }
    }

    /// Counts what was read, and waits until it was not too fast.
    pub(crate) fn keep(&self, bytes: u64, stop: &Stop) {
        let Some(limit) = self.bytes_per_second else {
            return;
        };
        let read = self.read.fetch_add(bytes, Ordering::SeqCst) + bytes;
        let due = Duration::from_millis(read.saturating_mul(1_000) / limit.max(1));
        while !stop.requested() {
            match due.checked_sub(self.begun.elapsed()) {
                Some(rest) if !rest.is_zero() => thread::sleep(rest.min(TICK)),
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_takes_as_long_as_its_bytes_are_allowed() {
        let pace = Pace::new(Some(1_000_000));
        pace.keep(50_000, &Stop::default());
        pace.keep(50_000, &Stop::default());
        assert!(pace.begun.elapsed() >= Duration::from_millis(100));
        let free = Pace::new(None);
        free.keep(u64::MAX, &Stop::default());
        assert!(free.begun.elapsed() < Duration::from_millis(100));
    }
}
