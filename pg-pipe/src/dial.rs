//! A number that can be changed while a tool runs: SIGUSR1 raises it, SIGUSR2 lowers it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use signal_hook::consts::{SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::notice::Notice;

/// The number of jobs in force; never below one. Clones share it.
#[derive(Clone, Debug)]
pub struct Dial(Arc<AtomicUsize>);

impl Dial {
    /// A dial that stands at `value` and listens for signals until the process ends; changes
    /// are told.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn listen(value: usize, notice: Notice) -> io::Result<Self> {
        let dial = Self::new(value);
        let mut signals = Signals::new([SIGUSR1, SIGUSR2])?;
        let listening = dial.clone();
        thread::Builder::new()
            .name("dial".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    let jobs = listening.turn(signal == SIGUSR1);
                    notice.note(&format!("jobs are now {jobs}"));
                }
            })?;
        Ok(dial)
    }

    fn new(value: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(value.max(1))))
    }

    /// Where it stands.
    pub fn value(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn turn(&self, up: bool) -> usize {
        let turned = |value: usize| {
            if up {
                value + 1
            } else {
                value.saturating_sub(1).max(1)
            }
        };
        let change = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |value| {
                Some(turned(value))
            });
        turned(change.unwrap_or_else(|value| value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_up_and_down_and_never_below_one() {
        let dial = Dial::new(2);
        assert_eq!(dial.turn(true), 3);
        for expected in [2, 1, 1] {
            assert_eq!(dial.turn(false), expected);
        }
        assert_eq!(dial.value(), 1);
        assert_eq!(Dial::new(0).value(), 1);
    }
}
