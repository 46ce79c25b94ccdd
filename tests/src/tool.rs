//! Runs one binary: stdin fed, environment cleared, time limited, everything collected.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::majors::Majors;
use crate::ran::Ran;
use crate::running::{Running, collect, feed};

/// What a tool finds on its stdin.
#[derive(Debug)]
pub enum Stdin {
    /// Nothing, at its end already.
    Empty,
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// A pipe that stays open and silent, as an idle terminal or ssh.
    Silent,
    /// A file.
    File(File),
    /// The output of another process.
    Pipe(io::PipeReader),
}

/// Where a tool's stdout goes.
#[derive(Debug)]
pub enum Stdout {
    /// Into [`Ran::stdout`].
    Captured,
    /// Into a file or device.
    File(File),
    /// Into a pipe whose reader has gone.
    ReaderGone,
    /// Into another process.
    Pipe(io::PipeWriter),
}

/// A command that is going to be run.
#[derive(Debug)]
pub struct Tool {
    name: String,
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    home: Option<PathBuf>,
    stdin: Stdin,
    stdout: Stdout,
    timeout: Duration,
}

impl Tool {
    /// One of the workspace's binaries, out of the directory above the test executable.
    pub fn new(name: &str) -> Self {
        let program = binaries().join(name);
        assert!(
            program.is_file(),
            "{} is missing: build the tools first, with `cargo build --workspace --bins`",
            program.display()
        );
        Self::program(name, &program)
    }

    /// Any other program.
    pub fn program(name: &str, program: &Path) -> Self {
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            home: None,
            stdin: Stdin::Empty,
            stdout: Stdout::Captured,
            timeout: Duration::from_secs(90),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable; `PATH` replaces the one with pg_dump in it.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Sets the home directory; without it, it is a new and empty one.
    #[must_use]
    pub fn home(mut self, home: &Path) -> Self {
        self.home = Some(home.to_owned());
        self
    }

    /// Sets stdin.
    #[must_use]
    pub fn stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = stdin;
        self
    }

    /// Feeds text to stdin.
    #[must_use]
    pub fn input(self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin(Stdin::Bytes(text.into()))
    }

    /// Sets stdout.
    #[must_use]
    pub fn stdout(mut self, stdout: Stdout) -> Self {
        self.stdout = stdout;
        self
    }

    /// Sets how long it may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Runs it to its end.
    pub fn run(self) -> Ran {
        self.spawn().wait()
    }

    /// Starts it.
    pub fn spawn(self) -> Running {
        let empty_home = TempDir::new().expect("a temporary directory can be made");
        let mut command = Command::new(&self.program);
        command.args(&self.args).stderr(Stdio::piped());
        clear_environment(&mut command);
        command
            .env("PATH", Majors::path_with_clients())
            .env("HOME", self.home.as_deref().unwrap_or(empty_home.path()))
            .env("LC_ALL", "C")
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        let shown = self.shown();
        let (bytes, stdin) = match self.stdin {
            Stdin::Empty => (None, Stdio::null()),
            Stdin::Bytes(bytes) => (Some(bytes), Stdio::piped()),
            Stdin::Silent => (None, Stdio::piped()),
            Stdin::File(file) => (None, file.into()),
            Stdin::Pipe(reader) => (None, reader.into()),
        };
        let stdout = match self.stdout {
            Stdout::Captured => Stdio::piped(),
            Stdout::File(file) => file.into(),
            Stdout::ReaderGone => io::pipe().expect("a pipe can be made").1.into(),
            Stdout::Pipe(writer) => writer.into(),
        };
        let mut child = command
            .stdin(stdin)
            .stdout(stdout)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {shown}: {error}"));
        if let Some(bytes) = bytes {
            feed(&mut child, bytes);
        }
        Running {
            name: self.name,
            shown,
            stdout: child.stdout.take().map(collect),
            stderr: child.stderr.take().map(collect),
            child,
            began: Instant::now(),
            timeout: self.timeout,
            _home: empty_home,
        }
    }

    /// The command as one would type it, variables first.
    fn shown(&self) -> String {
        let variables = self.env.iter().map(|(name, value)| {
            format!("{}={:?}", name.to_string_lossy(), value.to_string_lossy())
        });
        let args = self
            .args
            .iter()
            .map(|arg| format!("{:?}", arg.to_string_lossy()));
        variables
            .chain([self.program.display().to_string()])
            .chain(args)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Takes from a child what the caller's environment may say about servers.
fn clear_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("PG") || text.starts_with("XDG_") || text.starts_with("CARGO") {
            command.env_remove(&name);
        }
    }
}

/// The directory of the built binaries: that of the test executable is `deps` in it.
pub fn binaries() -> PathBuf {
    let executable = std::env::current_exe().expect("the test executable has a path");
    executable
        .parent()
        .and_then(Path::parent)
        .expect("the test executable lies in target/<profile>/deps")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Tool {
        Tool::program("sh", Path::new("/bin/sh")).args(["-c", script])
    }

    #[test]
    fn a_failed_expectation_shows_command_status_and_both_outputs() {
        let ran = shell("echo out; echo err >&2; exit 3").env("A", "b").run();
        let text = ran.to_string();
        for part in ["A=\"b\" /bin/sh", "status:  3", "out\n", "err\n"] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }

    #[test]
    fn a_killed_process_has_the_status_that_a_shell_shows() {
        assert_eq!(shell("kill -9 $$").run().status, 137);
    }

    #[test]
    fn the_callers_environment_does_not_reach_a_tool() {
        let ran = shell("env").run();
        assert!(!ran.text().contains("CARGO_MANIFEST_DIR"), "{ran}");
        assert!(!ran.text().contains("\nPG"), "{ran}");
    }

    #[test]
    #[should_panic(expected = "took more than")]
    fn a_process_that_hangs_is_killed_and_fails_the_test() {
        shell("exec sleep 30")
            .timeout(Duration::from_millis(50))
            .run();
    }

    #[test]
    #[should_panic(expected = "expected one line")]
    fn two_errors_are_not_one_clear_line() {
        shell("echo 'sh: error: a' >&2; echo 'sh: error: b' >&2; echo 'hint: Do.' >&2; exit 2")
            .run()
            .fails_clearly(2, &["a"]);
    }
}
