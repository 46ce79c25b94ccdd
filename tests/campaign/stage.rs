//! What a round shares with all that strikes it: where its files are, what its migration is called
//! just now, and what has happened.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pg_e2e::cluster::CANARY;
use pg_e2e::{Process, Ran, Tool, workspace};
use serde_json::json;

use crate::ground::{Ground, Set};
use crate::proof::Before;

/// How often something is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// A round under way.
pub(crate) struct Stage<'g> {
    /// What stands.
    pub(crate) ground: &'g Ground,
    /// What is migrated.
    pub(crate) set: &'g Set,
    /// A file with what the clock of the tools is off by, where that is not nothing.
    pub(crate) clock: Option<PathBuf>,
    /// Whether somebody was killed who had no time to remove files.
    pub(crate) killed: AtomicBool,
    /// Whether a server has crashed while or after databases were put in place.
    pub(crate) crashed_in_finish: AtomicBool,
    /// Whether the source is or was written to.
    pub(crate) written: AtomicBool,
    /// What was there before.
    pub(crate) before: Before,
    /// How many faults have come before the migration was done.
    pub(crate) struck: AtomicUsize,
    /// What the migration is called; held while it is canceled.
    pub(crate) name: Mutex<String>,
    dir: PathBuf,
    began: Instant,
    over: AtomicBool,
    notes: Mutex<Vec<String>>,
    wrong: Mutex<Vec<String>>,
}

impl<'g> Stage<'g> {
    /// A round begins.
    pub(crate) fn new(ground: &'g Ground, set: &'g Set, name: &str, has_clock: bool) -> Self {
        let dir = ground.dir.path().join(name);
        let stage = Self {
            ground,
            set,
            clock: has_clock.then(|| dir.join("clock")),
            killed: AtomicBool::new(false),
            crashed_in_finish: AtomicBool::new(false),
            written: AtomicBool::new(false),
            before: Before::of(ground),
            struck: AtomicUsize::new(0),
            name: Mutex::new(name.to_owned()),
            dir,
            began: Instant::now(),
            over: AtomicBool::new(false),
            notes: Mutex::default(),
            wrong: Mutex::default(),
        };
        for dir in [&stage.dir, &stage.temporary()] {
            fs::create_dir_all(dir).expect("the directory is ours");
        }
        if let Some(clock) = &stage.clock {
            fs::write(clock, "+0\n").expect("the directory is ours");
        }
        stage
    }

    /// Journals.
    pub(crate) fn state(&self) -> PathBuf {
        let disk = self.ground.disks.as_ref().map(|disks| disks.journal.at());
        disk.map_or_else(
            || self.dir.join("state"),
            |at| at.join(self.dir.file_name().unwrap_or_default()),
        )
    }

    /// Temporary files of the tools.
    pub(crate) fn temporary(&self) -> PathBuf {
        let disk = self.ground.disks.as_ref().map(|disks| disks.temporary.at());
        disk.map_or_else(
            || self.dir.join("tmp"),
            |at| at.join(self.dir.file_name().unwrap_or_default()),
        )
    }

    /// What all runs of `./migrate` have said.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The migration file of a name.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let (ground, set) = (self.ground, self.set);
        let body = json!({
            "name": name, "option": "ValidateAndMigrate", "mode": "Offline", "source_type": "OnPremises",
            "source": ground.to_source.way(ground.source, "postgres"),
            "target": ground.to_target.way(ground.target, "postgres"),
            "databases": [set.source.name], "overwrite": false,
        });
        let file = self.dir.join(format!("{name}.json"));
        fs::write(&file, body.to_string()).expect("the directory is ours");
        file
    }

    /// `./migrate` or a tool, with the round's directories and passwords.
    pub(crate) fn tool(&self, program: &str) -> Tool {
        let tool = match program {
            // Who is left behind by a script that was killed must not hold what we read.
            "migrate" => Tool::program("migrate", "/bin/sh".as_ref())
                .args(["-c", r#"exec "$0" "$@" >/dev/null 2>>"$LOG""#])
                .arg(workspace().join("migrate"))
                .env("LOG", self.log())
                .timeout(Duration::from_hours(1)),
            _ => Tool::new(program),
        };
        let tool = tool
            .env("PGMIG_STATE_DIR", self.state())
            .env("TMPDIR", self.temporary())
            .env("PGMIG_SOURCE_PASSWORD", CANARY)
            .env("PGMIG_TARGET_PASSWORD", CANARY);
        match (&self.clock, &self.ground.clock) {
            (Some(clock), Some(library)) => tool
                .env("LD_PRELOAD", library)
                .env("FAKETIME_TIMESTAMP_FILE", clock)
                .env("FAKETIME_NO_CACHE", "1")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            _ => tool,
        }
    }

    /// Runs `pg-migstate`.
    pub(crate) fn migstate(&self, words: &[&str]) -> Ran {
        self.tool("pg-migstate").args(words).run()
    }

    /// All processes of the round.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let mut found = Process::with("PGMIG_STATE_DIR", &self.state().display().to_string());
        found.sort_by_key(|process| process.pid);
        found
    }

    /// Whether databases are being put in place.
    pub(crate) fn finishes(&self) -> bool {
        let processes = self.processes();
        processes
            .iter()
            .any(|process| process.is("pg-migstate", "finish"))
    }

    /// Waits, but not beyond the round's end; whether it has not come.
    pub(crate) fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while !self.is_over() && Instant::now() < until {
            thread::sleep(LOOK.min(until.saturating_duration_since(Instant::now())));
        }
        !self.is_over()
    }

    /// Waits until a moment of the round; whether it has come before the round's end.
    pub(crate) fn until(&self, moment: Duration) -> bool {
        self.pause(moment.saturating_sub(self.began.elapsed()))
    }

    /// Whether the migration is done.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// The migration is done, or given up: nothing strikes any more.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// How long the round has taken so far.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Something has happened.
    pub(crate) fn note(&self, what: &str) {
        let line = format!("{:7.2} s  {what}", self.began.elapsed().as_secs_f64());
        held(&self.notes).push(line);
    }

    /// Something has happened that must not.
    pub(crate) fn fail(&self, what: &str) {
        self.note(what);
        held(&self.wrong).push(what.to_owned());
    }

    /// The first thing that must not have happened.
    pub(crate) fn failure(&self) -> Option<String> {
        held(&self.wrong).first().cloned()
    }

    /// All that has happened.
    pub(crate) fn story(&self) -> String {
        held(&self.notes).join("\n")
    }
}

/// What a mutex holds, also after a panic.
pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
