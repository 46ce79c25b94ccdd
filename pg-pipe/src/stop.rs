//! Asking a tool to stop: by SIGINT or SIGTERM, because nobody reads our output, or because
//! our output cannot be written. Work polls [`Stop::requested`]; what blocks in a server
//! registers how to cancel it.

use std::io;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::exit::Exit;

/// How often a child is looked at.
const POLL: Duration = Duration::from_millis(20);

type Cancel = Box<dyn Fn() + Send>;

#[derive(Default)]
struct Inner {
    reason: Option<Exit>,
    cancels: Vec<(u64, Cancel)>,
    next_id: u64,
}

/// The stop switch of a process; clones share it.
#[derive(Clone, Default)]
pub struct Stop(Arc<Mutex<Inner>>);

/// Unregisters its cancel action when dropped.
#[must_use = "the cancel action is unregistered when this is dropped"]
pub struct Registered {
    stop: Stop,
    id: u64,
}

impl Stop {
    /// Whether work should end now.
    pub fn requested(&self) -> bool {
        self.reason().is_some()
    }

    /// Waits for a child that is one of our tools. When work should end it is asked to stop, which
    /// it does within its grace; killed, it would leave children of its own behind.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn wait_for(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let mut is_asked = false;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if self.requested() && !is_asked {
                kill_process(Pid::from_child(child), Signal::TERM)?;
                is_asked = true;
            }
            thread::sleep(POLL);
        }
    }

    /// The exit status that goes with the reason, once there is one.
    pub fn reason(&self) -> Option<Exit> {
        self.lock().reason
    }

    /// Asks to stop. The first reason holds. Runs every registered cancel action.
    pub fn request(&self, reason: Exit) {
        let mut inner = self.lock();
        if inner.reason.is_none() {
            inner.reason = Some(reason);
            for (_, cancel) in &inner.cancels {
                cancel();
            }
        }
    }

    /// Runs `cancel` when the stop comes, at once if it has come already. The action must be
    /// short and must not call back into this switch.
    pub fn on_request(&self, cancel: impl Fn() + Send + 'static) -> Registered {
        let mut inner = self.lock();
        if inner.reason.is_some() {
            cancel();
        }
        inner.next_id += 1;
        let id = inner.next_id;
        inner.cancels.push((id, Box::new(cancel)));
        Registered {
            stop: self.clone(),
            id,
        }
    }

    /// Listens for SIGINT and SIGTERM: the first asks to stop, the second ends at once.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn listen(&self) -> io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let stop = self.clone();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    let exit = if signal == SIGTERM {
                        Exit::Terminated
                    } else {
                        Exit::Interrupted
                    };
                    if stop.requested() {
                        signal_hook::low_level::exit(i32::from(exit.code()));
                    }
                    stop.request(exit);
                }
            })?;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let id = self.id;
        self.stop.lock().cancels.retain(|(other, _)| *other != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn the_first_reason_holds_and_actions_run_once() {
        let runs = Arc::new(AtomicUsize::new(0));
        let stop = Stop::default();
        let seen = Arc::clone(&runs);
        let _held = stop.on_request(move || {
            seen.fetch_add(1, Ordering::SeqCst);
        });
        stop.request(Exit::ReaderGone);
        stop.request(Exit::Interrupted);
        assert_eq!(stop.reason(), Some(Exit::ReaderGone));
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn an_unregistered_action_does_not_run() {
        let runs = Arc::new(AtomicUsize::new(0));
        let stop = Stop::default();
        let seen = Arc::clone(&runs);
        drop(stop.on_request(move || {
            seen.fetch_add(1, Ordering::SeqCst);
        }));
        stop.request(Exit::Interrupted);
        assert_eq!(runs.load(Ordering::SeqCst), 0);
    }
}
