//! A tool of ours as a child process: a stream in, a stream out. It is looked for beside our
//! own binary, then on the PATH.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use anyhow::Context as _;
use pg_pipe::progress::Counters;
use pg_pipe::{Context, Failure};
use pg_session::Endpoint;
use pg_session::endpoint::VARIABLES_WITH_PASSWORDS;

use super::endpoint;

/// Begins the record of an object that was applied.
const APPLIED: &str = "{\"type\":\"applied\"";

/// Characters of what a failed child said; pg_dump tells whole queries.
const MOST_SAID: usize = 240;

/// Some items failed; they are told in the stream.
const PARTIAL: i32 = 6;

/// What all children of a rehearsal are given.
pub(super) struct Child<'a> {
    /// Source and target.
    pub(super) endpoints: (&'a Endpoint, &'a Endpoint),
    /// The database that is made.
    pub(super) scratch: &'a str,
    /// Whom to tell, and when to stop.
    pub(super) context: &'a Context,
}

impl Child<'_> {
    /// The head of the stream: where the source is, and the scratch database.
    pub(super) fn head(&self, version: u32) -> String {
        let (source, target) = self.endpoints;
        let target = target.with_database(self.scratch);
        format!(
            "{}\n{}\n",
            endpoint("source", &source.conninfo(), None),
            endpoint("target", &target.conninfo(), Some(version))
        )
    }

    /// Runs a tool on a stream; gives what it wrote. What it applies is counted while it does.
    ///
    /// # Errors
    /// When it cannot be run, is stopped, or ends otherwise than with a whole stream.
    pub(super) fn run(
        &self,
        tool: &str,
        words: &[&str],
        stream: String,
        counters: Option<Arc<Counters>>,
    ) -> anyhow::Result<String> {
        let mut command = Command::new(program(tool));
        command
            .arg("--quiet")
            .args(["--format", "ndjson"])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in VARIABLES_WITH_PASSWORDS {
            command.env_remove(name);
        }
        for endpoint in [self.endpoints.0, self.endpoints.1] {
            // A command gives a new one for each connection, to children as to us.
            if endpoint.password_from() == Some("command") {
                continue;
            }
            if let Some(password) = endpoint.password_for_child()? {
                command.env(endpoint.role().password_variable(), password.expose());
            }
        }
        // What earlier tools applied comes out again.
        let forwarded = stream.matches(APPLIED).count();
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot run {tool}"))?;
        let stdin = child.stdin.take();
        let writer = thread::spawn(move || {
            // A child that ended early says by itself why.
            drop(stdin.map(|mut stdin| stdin.write_all(stream.as_bytes())));
        });
        let stdout = reader(child.stdout.take(), counters, forwarded);
        let stderr = reader(child.stderr.take(), None, 0);
        let status = self
            .context
            .stop()
            .wait_for(&mut child)
            .with_context(|| format!("cannot wait for {tool}"))?;
        drop(writer.join());
        let (stdout, stderr) = (text(stdout)?, text(stderr)?);
        self.context.check_stop()?;
        if let Some(0 | PARTIAL) = status.code() {
            return Ok(stdout);
        }
        let said = stderr.lines().next().unwrap_or("it said nothing");
        let said: String = said.chars().take(MOST_SAID).collect();
        Err(anyhow::anyhow!("{tool} ended with {status}: {said}"))
    }
}

type Reader = thread::JoinHandle<std::io::Result<Vec<u8>>>;

fn reader(
    pipe: Option<impl Read + Send + 'static>,
    counters: Option<Arc<Counters>>,
    forwarded: usize,
) -> Reader {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let Some(pipe) = pipe else { return Ok(bytes) };
        let mut pipe = BufReader::new(pipe);
        let (mut begins, mut applied) = (0, 0);
        while pipe.read_until(b'\n', &mut bytes)? > 0 {
            let line = bytes.get(begins..).unwrap_or_default();
            applied += usize::from(line.starts_with(APPLIED.as_bytes()));
            if let Some(counters) = counters.as_ref()
                && line.starts_with(APPLIED.as_bytes())
                && applied > forwarded
            {
                counters.add_item();
            }
            begins = bytes.len();
        }
        Ok(bytes)
    })
}

fn text(reader: Reader) -> anyhow::Result<String> {
    let bytes = reader
        .join()
        .map_err(|_panic| Failure::bug("a reader panicked"))??;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The tool beside our own binary, or the name for the PATH.
fn program(tool: &str) -> OsString {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|own| own.parent().map(|directory| directory.join(tool)))
        .filter(|path: &PathBuf| path.is_file());
    beside.map_or_else(|| tool.into(), Into::into)
}
