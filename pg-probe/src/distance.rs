//! How far away a server is: round trips, and its clock against ours.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pg_session::{Error, Session};

const CLOCK: &str = include_str!("clock.sql");

/// Round trips that are measured.
const ROUND_TRIPS: usize = 20;

/// Readings of the clock, of which the quickest counts.
const READINGS: usize = 3;

/// A query with the extended protocol is prepared and then run: a round trip each.
const ROUND_TRIPS_A_QUERY: u32 = 2;

/// How far away a server is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Distance {
    /// Median of the round trips.
    pub(crate) median: Duration,
    /// 99th percentile of the round trips.
    pub(crate) p99: Duration,
    /// The server's clock minus ours, in milliseconds.
    pub(crate) clock_skew_ms: f64,
}

impl Distance {
    /// Measures it.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn measure(session: &mut Session) -> Result<Self, Error> {
        let mut times = Vec::with_capacity(ROUND_TRIPS);
        for _ in 0..ROUND_TRIPS {
            let begun = Instant::now();
            // By the simple protocol, where a statement is one round trip.
            session.batch("select 1")?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let mut readings = Vec::with_capacity(READINGS);
        for _ in 0..READINGS {
            readings.push(Reading::take(session)?);
        }
        let quickest = readings.into_iter().min_by_key(|reading| reading.took);
        Ok(Self {
            median: median(&times),
            p99: percentile(&times, 99),
            clock_skew_ms: quickest.map_or(0.0, Reading::skew_ms),
        })
    }
}

/// A reading of both clocks.
struct Reading {
    /// The server's, in seconds.
    server: f64,
    /// Ours when the answer was there, in seconds.
    ours: f64,
    /// How long the query took.
    took: Duration,
}

impl Reading {
    fn take(session: &mut Session) -> Result<Self, Error> {
        let begun = Instant::now();
        let row = session.query_one(CLOCK, &[])?;
        let took = begun.elapsed();
        let ours = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Ok(Self {
            server: row.get("seconds"),
            ours: ours.as_secs_f64(),
            took,
        })
    }

    /// The server read its clock half a round trip before the answer was here.
    fn skew_ms(self) -> f64 {
        let half = self.took.as_secs_f64() / f64::from(ROUND_TRIPS_A_QUERY) / 2.0;
        let skew = self.server - (self.ours - half);
        (skew * 1_000_000.0).round() / 1_000.0
    }
}

/// The one in the middle, or half way between the two that are.
fn median(sorted: &[Duration]) -> Duration {
    let upper = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    if sorted.len() % 2 == 1 {
        return upper;
    }
    let below = (sorted.len() / 2).checked_sub(1);
    let lower = below.and_then(|index| sorted.get(index)).copied();
    (lower.unwrap_or(upper) + upper) / 2
}

/// A percentile by nearest rank: the smallest that so many hundredths do not exceed.
fn percentile(sorted: &[Duration], hundredths: usize) -> Duration {
    let rank = (sorted.len() * hundredths).div_ceil(100);
    let last = rank.checked_sub(1);
    let found = last.and_then(|index| sorted.get(index)).copied();
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(milliseconds: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        milliseconds
            .into_iter()
            .map(Duration::from_millis)
            .collect()
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&times([1, 2, 10])), Duration::from_millis(2));
        assert_eq!(median(&times([1, 2, 4, 10])), Duration::from_millis(3));
        assert_eq!(median(&[]), Duration::ZERO);
    }

    #[test]
    fn the_99th_of_20_is_the_slowest_and_of_200_it_is_not() {
        assert_eq!(percentile(&times(1..=20), 99), Duration::from_millis(20));
        assert_eq!(percentile(&times(1..=200), 99), Duration::from_millis(198));
        assert_eq!(percentile(&times([7]), 99), Duration::from_millis(7));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }

    #[test]
    fn the_skew_is_less_half_a_round_trip() {
        let reading = |server| Reading {
            server,
            ours: 1_000.1,
            took: Duration::from_millis(200),
        };
        // Two round trips of 100 ms: the server read its clock 50 ms before our 1000.1.
        assert!(reading(1_000.05).skew_ms().abs() < 0.001);
        assert!((reading(1_002.05).skew_ms() - 2_000.0).abs() < 0.001);
        assert!((reading(999.05).skew_ms() + 1_000.0).abs() < 0.001);
    }
}
