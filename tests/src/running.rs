//! A process that runs: fed, collected, limited in time.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ran::Ran;

/// Writes to stdin from a thread. A tool may end before it has read everything.
pub(crate) fn feed(child: &mut Child, bytes: Vec<u8>) {
    if let Some(mut stdin) = child.stdin.take() {
        thread::spawn(move || drop(stdin.write_all(&bytes)));
    }
}

/// Reads all from a thread.
pub(crate) fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read until an error is what there is.
        drop(from.read_to_end(&mut bytes));
        bytes
    })
}

/// A process that runs. Killed when dropped before its end.
pub struct Running {
    pub(crate) name: String,
    pub(crate) shown: String,
    pub(crate) child: Child,
    pub(crate) stdout: Option<JoinHandle<Vec<u8>>>,
    pub(crate) stderr: Option<JoinHandle<Vec<u8>>>,
    pub(crate) began: Instant,
    pub(crate) timeout: Duration,
    pub(crate) _home: TempDir,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end; one that takes too long is killed, and the test fails.
    pub fn wait(mut self) -> Ran {
        let status = self.end_in_time();
        let text = |thread: Option<JoinHandle<Vec<u8>>>| {
            thread.map_or_else(Vec::new, |thread| thread.join().unwrap_or_default())
        };
        let ran = Ran {
            name: self.name.clone(),
            command: self.shown.clone(),
            status: status.map_or(-1, code),
            stdout: text(self.stdout.take()),
            stderr: String::from_utf8_lossy(&text(self.stderr.take())).into_owned(),
            took: self.began.elapsed(),
        };
        assert!(
            status.is_some(),
            "took more than {:?} and was killed\n{ran}",
            self.timeout
        );
        ran
    }

    fn end_in_time(&mut self) -> Option<ExitStatus> {
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            if self.began.elapsed() > self.timeout {
                drop(self.child.kill());
                drop(self.child.wait());
                return None;
            }
            thread::sleep(Duration::from_millis(3));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_alive() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// The status as a shell shows it: 128 and the signal for a killed process.
fn code(status: ExitStatus) -> i32 {
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1)
}
