//! Processes of this machine that somebody else started, found by a variable of their environment.

use std::fs;
use std::process::{Command, Stdio};

/// A process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// Its command line.
    pub words: Vec<String>,
}

impl Process {
    /// All that have a variable of this value, in no order. One that has ended and is not waited
    /// for yet has no environment any more.
    pub fn with(variable: &str, value: &str) -> Vec<Self> {
        let wanted = format!("{variable}={value}");
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let found = entries.filter_map(|entry| {
            let pid = entry.file_name().to_string_lossy().parse().ok()?;
            let parts = |name: &str| -> Vec<String> {
                let bytes = fs::read(entry.path().join(name)).unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes);
                text.split('\0').map(str::to_owned).collect()
            };
            let is_one = parts("environ").contains(&wanted);
            is_one.then(|| Self {
                pid,
                words: parts("cmdline"),
            })
        });
        found.collect()
    }

    /// Whether it runs a program of this name, with this word on its command line.
    pub fn is(&self, program: &str, word: &str) -> bool {
        let mut words = self.words.iter();
        words.next().is_some_and(|first| first.ends_with(program)) && words.any(|one| one == word)
    }

    /// Sends a signal, such as `TERM`; false when it has gone already.
    pub fn signal(&self, name: &str) -> bool {
        let kill = format!("kill -{name} {}", self.pid);
        let status = Command::new("sh")
            .args(["-c", &kill])
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tool;

    #[test]
    fn a_process_is_found_while_it_runs() {
        let place = format!("here {}", std::process::id());
        let sleep = Tool::program("sleep", "/bin/sleep".as_ref())
            .arg("30")
            .env("PGE_PLACE", &place)
            .spawn();
        let found = Process::with("PGE_PLACE", &place);
        let [process] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(process.pid, sleep.pid());
        assert!(process.is("sleep", "30") && !process.is("sleep", "3"));
        assert!(process.signal("KILL"));
        assert_eq!(sleep.wait().status, 137);
        assert!(!process.signal("KILL"));
        assert_eq!(Process::with("PGE_PLACE", &place), []);
    }
}
