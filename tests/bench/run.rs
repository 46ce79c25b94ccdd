//! Runs the ways of a scenario in turn, each into a new database, or between the two that it compares.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use pg_e2e::cluster::Setup;
use pg_e2e::{Cluster, Database, tool};
use tempfile::TempDir;

use crate::measure::{Figures, measure};
use crate::moved::{self, Contents};
use crate::results::Results;
use crate::scenario::{Scenario, Way, Work};
use crate::{Settings, say};

/// Settings of both servers, beside those of [`Cluster`]; docs/benchmarks.md has them.
pub(crate) const CONF: &str = "shared_buffers = 1GB
max_wal_size = 8GB
checkpoint_timeout = 1h
maintenance_work_mem = 256MB
full_page_writes = on
autovacuum = off";

/// Two servers, and what was asked for.
pub(crate) struct Bench<'s> {
    settings: &'s Settings,
    pub(crate) source: &'static Cluster,
    target: &'static Cluster,
}

/// A scenario whose data are there.
struct Ready<'s> {
    scenario: &'s Scenario,
    source: Database,
    contents: Contents,
    /// What it is compared with, and the keys in which the two differ.
    compared: Option<(Database, BTreeSet<String>)>,
}

impl<'s> Bench<'s> {
    /// Starts both servers.
    pub(crate) fn start(settings: &'s Settings) -> Self {
        let start = || {
            let setup = Setup {
                conf: CONF,
                ..Setup::default()
            };
            &*Box::leak(Box::new(Cluster::start(settings.major, setup)))
        };
        Self {
            settings,
            source: start(),
            target: start(),
        }
    }

    /// Runs those scenarios of a group that were asked for; whether there are any.
    pub(crate) fn run(&self, group: &'static [Scenario], results: &mut Results) -> bool {
        let only = &self.settings.only;
        let ready: Vec<Ready<'_>> = group
            .iter()
            .filter(|scenario| only.is_empty() || only.iter().any(|name| name == scenario.name))
            .map(|scenario| self.fill(scenario))
            .collect();
        for ready in &ready {
            results
                .tables
                .insert(ready.scenario.name, ready.contents.tables);
        }
        for round in 1..=self.settings.rounds {
            for ready in &ready {
                for way in ready.scenario.ways {
                    self.go(round, ready, way, results);
                }
            }
        }
        !ready.is_empty()
    }

    /// Makes the data of a scenario.
    fn fill<'f>(&self, scenario: &'f Scenario) -> Ready<'f> {
        say(&format!("{}: making the data", scenario.name));
        let source = Database::create(self.source, scenario.name);
        self.make(scenario, &source, "SRC", &[scenario.sql]);
        let compared = match scenario.work {
            Work::Look | Work::Rows | Work::Whole => None,
            Work::Compare { changes, differing } => {
                let target = source.twin(self.target);
                self.make(scenario, &target, "DST", &[scenario.sql, changes]);
                Some((target, source.ask(differing).into_iter().collect()))
            }
        };
        Ready {
            scenario,
            contents: match scenario.work {
                Work::Look => Contents::default(),
                _ => Contents::of(&source, matches!(scenario.work, Work::Whole)),
            },
            source,
            compared,
        }
    }

    /// Runs scripts of psql in one of the databases of a scenario.
    fn make(&self, scenario: &Scenario, database: &Database, side: &str, scripts: &[&str]) {
        let dir = TempDir::new().expect("a directory can be made");
        let script = format!(
            "psql -Xqd \"${side}\" -v ON_ERROR_STOP=1 -v scale=\"$SCALE\" -v times=\"$TIMES\" -f - >/dev/null"
        );
        let mut psql = self.shell(&script, dir.path(), &database.name);
        psql.env("SCALE", self.settings.scale.to_string())
            .env("TIMES", scenario.times)
            .stdin(Stdio::piped());
        let mut child = psql.spawn().expect("sh can be started");
        let mut stdin = child.stdin.take().expect("its stdin is a pipe");
        for script in scripts {
            stdin
                .write_all(script.as_bytes())
                .expect("psql reads its script");
        }
        drop(stdin);
        assert!(
            child.wait().is_ok_and(|status| status.success()),
            "{} cannot be made",
            scenario.name
        );
        // Not the first way pays for hint bits, and none for what the filling left to be written.
        database.run("vacuum (analyze)");
        database.run("checkpoint");
    }

    /// One run of a way.
    fn go(&self, round: usize, ready: &Ready<'_>, way: &'static Way, results: &mut Results) {
        let name = ready.scenario.name;
        if !self.has(way.needs) || results.failure(name, way.name).is_some() {
            return;
        }
        let run = self.measured(ready, way, results);
        match &run {
            Ok(figures) => say(&format!(
                "{name}, round {round}: {}: {:.2} s, {:.2} s of processors",
                way.name,
                figures.wall,
                figures.cpu()
            )),
            Err(why) if way.needs.starts_with("pg-") => panic!("{name}: {}: {why}", way.name),
            Err(why) => say(&format!("{name}: {} has no result: {why}", way.name)),
        }
        results.note(name, way.name, run);
    }

    fn measured(
        &self,
        ready: &Ready<'_>,
        way: &'static Way,
        results: &mut Results,
    ) -> Result<Figures, String> {
        let source = &ready.source;
        let target = match &ready.compared {
            Some(_) => None,
            None => Some(source.twin(self.target)),
        };
        let dir = TempDir::new().expect("a directory can be made");
        let log = dir.path().join("stderr");
        if !way.before.is_empty() {
            let status = self.shell(way.before, dir.path(), &source.name).status();
            if !status.is_ok_and(|status| status.success()) {
                return Err("what comes before it failed".to_owned());
            }
        }
        self.target
            .connect("postgres")
            .batch_execute("checkpoint")
            .expect("a superuser may");
        let figures = measure(
            self.shell(way.run, dir.path(), &source.name),
            &log,
            self.source,
            self.target,
        )?;
        if let Some(target) = &target {
            let whole = matches!(ready.scenario.work, Work::Whole);
            let arrived = Contents::of(target, whole);
            ready.contents.arrived(&arrived)?;
            if matches!(ready.scenario.work, Work::Look) {
                arrived.arrived(&ready.contents)?;
            }
        }
        if let Some((_, differing)) = &ready.compared {
            let answer = self.shell(way.answer, dir.path(), &source.name).output();
            moved::answered(&answer.expect("sh can be started"), differing)?;
        }
        for (name, script) in way.then {
            let run = measure(
                self.shell(script, dir.path(), &source.name),
                &log,
                self.source,
                self.target,
            )?;
            results.note(ready.scenario.name, name, Ok(run));
        }
        Ok(figures)
    }

    /// A shell with nothing of the caller's that leads to other servers. Databases have the same name on both.
    fn shell(&self, script: &str, dir: &Path, database: &str) -> Command {
        let mut command = Command::new("sh");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(&name);
            }
        }
        let (from, to) = (
            self.source.conninfo(database),
            self.target.conninfo(database),
        );
        command
            .args(["-c", script])
            .current_dir(dir)
            .env("PATH", self.path())
            .env("LC_ALL", "C")
            .env("HOME", dir);
        command
            .env("SRC", &from)
            .env("DST", &to)
            .env("PGMIG_SOURCE", from)
            .env("PGMIG_TARGET", to);
        command
    }

    /// Our tools first, then those of the servers' version.
    fn path(&self) -> OsString {
        let mut path = OsString::from(tool::binaries());
        path.push(":");
        path.push(&self.source.bin);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        path
    }

    /// Whether there is a program of this name.
    pub(crate) fn has(&self, program: &str) -> bool {
        std::env::split_paths(&self.path()).any(|dir| dir.join(program).is_file())
    }

    /// What a program says of its version, in one line; `None` where there is none.
    pub(crate) fn version(&self, program: &str) -> Option<String> {
        let script = format!("{program} --version 2>/dev/null");
        let output = self
            .shell(&script, Path::new("/"), "postgres")
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(text.lines().next()?.to_owned())
    }
}
