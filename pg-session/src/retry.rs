//! Trying again: where it can help, for as long as it can, and never where it cannot.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Class, Error};

/// The first wait; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long a server that refuses for now is waited for.
const LIMIT: Duration = Duration::from_mins(1);

/// The waits between tries: each twice the one before, up to ten seconds.
#[derive(Debug)]
pub struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST_WAIT)
    }
}

impl Backoff {
    /// The wait that comes next.
    fn next(&self) -> Duration {
        self.0
    }

    /// Waits.
    pub fn pause(&mut self) {
        thread::sleep(self.0);
        self.0 = (self.0 * 2).min(LONGEST_WAIT);
    }

    /// Something went well: the next wait is the first again.
    pub fn reset(&mut self) {
        self.0 = FIRST_WAIT;
    }
}

/// Tells a person.
type Tell = Box<dyn Fn(&str) + Send + Sync>;

/// What the connections of one endpoint have learnt of their server.
#[derive(Default)]
pub(crate) struct Patience {
    answered: AtomicBool,
    unpooled: AtomicBool,
    tell: Option<Tell>,
}

impl Patience {
    /// Says so before each wait.
    pub(crate) fn telling(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self {
            tell: Some(Box::new(tell)),
            ..Self::default()
        }
    }

    /// Notes that the server let us in.
    pub(crate) fn note_answer(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// Whether sessions are known to keep their server process.
    pub(crate) fn is_known_to_keep_sessions(&self) -> bool {
        self.unpooled.load(Ordering::Relaxed)
    }

    /// Notes that sessions keep their server process.
    pub(crate) fn note_kept_session(&self) {
        self.unpooled.store(true, Ordering::Relaxed);
    }

    /// Opens something, again and again while that can help.
    ///
    /// # Errors
    /// The last one.
    pub(crate) fn open<T>(&self, mut open: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
        let until = Instant::now() + LIMIT;
        let mut backoff = Backoff::default();
        loop {
            let error = match open() {
                Ok(opened) => {
                    self.note_answer();
                    return Ok(opened);
                }
                Err(error) => error,
            };
            let answered = self.answered.load(Ordering::Relaxed);
            if !helps(error.class(), answered) || Instant::now() + backoff.next() > until {
                return Err(error);
            }
            if let Some(tell) = &self.tell {
                let seconds = backoff.next().as_secs_f64();
                tell(&format!("{}; trying again in {seconds} s", error.told()));
            }
            backoff.pause();
        }
    }
}

/// Whether a server that failed so may let us in later. One that never answered is more likely
/// a mistake in the connection string, which is told at once.
fn helps(class: Class, answered: bool) -> bool {
    match class {
        Class::Unavailable | Class::TooMany => true,
        class if class.is_transient() => answered,
        Class::Resolve => answered,
        _ => false,
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Patience")
            .field("answered", &self.answered)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_starts_is_waited_for_and_one_that_never_was_is_not() {
        assert!(helps(Class::Unavailable, false));
        assert!(helps(Class::TooMany, false));
        assert!(!helps(Class::Refused, false));
        assert!(helps(Class::Refused, true));
        for class in [Class::Authentication, Class::Tls, Class::NoDatabase] {
            assert!(!helps(class, true), "{class:?}");
        }
    }

    #[test]
    fn what_helps_is_done_again_and_told() {
        let told = std::sync::Arc::new(AtomicBool::new(false));
        let ear = std::sync::Arc::clone(&told);
        let patience = Patience::telling(move |_| ear.store(true, Ordering::Relaxed));
        let mut tries = 0;
        let opened = patience.open(|| {
            tries += 1;
            if tries < 2 {
                return Err(Error::new(Class::Unavailable, "starting up"));
            }
            Ok(tries)
        });
        assert_eq!(opened.unwrap(), 2);
        assert!(told.load(Ordering::Relaxed));
    }
}
