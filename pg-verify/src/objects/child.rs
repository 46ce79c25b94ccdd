//! Running pg-schema-dump: from our own directory, then from the PATH. It gets the password in
//! its environment, where only it can see it.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::Context as _;
use pg_pipe::record::Record;
use pg_pipe::{Context, Exit, Failure};
use pg_session::endpoint::VARIABLES_WITH_PASSWORDS;
use pg_session::{Endpoint, Role};

const NAME: &str = "pg-schema-dump";

fn program() -> PathBuf {
    let beside = env::current_exe()
        .ok()
        .and_then(|own| Some(own.parent()?.join(NAME)))
        .filter(|path| path.is_file());
    beside.unwrap_or_else(|| PathBuf::from(NAME))
}

/// Runs it on an endpoint; gives its records.
///
/// # Errors
/// When it cannot be run, or what it says when it fails.
pub(super) fn run(
    endpoint: &Endpoint,
    flags: &[String],
    context: &Context,
) -> anyhow::Result<Vec<Record>> {
    let mut command = Command::new(program());
    command
        .args([
            "--quiet",
            "--no-statistics",
            "--format",
            "ndjson",
            "--source",
        ])
        .arg(endpoint.conninfo())
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for role in [Role::Source, Role::Target] {
        command.env_remove(role.command_variable());
    }
    for name in VARIABLES_WITH_PASSWORDS.iter().chain(&["PGSERVICE"]) {
        command.env_remove(name);
    }
    if let Some(password) = endpoint.password_for_child()? {
        command.env(Role::Source.password_variable(), password.expose());
    }
    let mut child = command.spawn().map_err(|error| {
        Failure::new(Exit::Usage, "child", format!("cannot run {NAME}: {error}"))
            .hint("Put pg-schema-dump beside pg-verify, or into a directory of the PATH.")
    })?;
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let reader = thread::spawn(move || records(stdout));
    let teller = thread::spawn(move || said(stderr));
    let status = context
        .stop()
        .wait_for(&mut child)
        .context("cannot wait for pg-schema-dump")?;
    let records = reader
        .join()
        .unwrap_or_else(|_| Err(Failure::bug("a reading thread panicked").into()));
    let said = teller.join().unwrap_or_default();
    if !status.success() {
        context.check_stop()?;
        return Err(failed(&said).into());
    }
    records
}

fn failed(said: &str) -> Failure {
    let mark = format!("{NAME}: error: ");
    let error = said.lines().find_map(|line| line.strip_prefix(&mark));
    let hint = said.lines().find_map(|line| line.strip_prefix("hint: "));
    let message = error.unwrap_or("it said nothing");
    Failure::new(Exit::Refused, "child", format!("{NAME} failed: {message}"))
        .hint(hint.unwrap_or("Run pg-schema-dump by hand to see more."))
}

fn records(stdout: Option<impl Read>) -> anyhow::Result<Vec<Record>> {
    let mut records = Vec::new();
    for line in stdout
        .map(BufReader::new)
        .into_iter()
        .flat_map(BufRead::lines)
    {
        let line = line.context("cannot read what pg-schema-dump writes")?;
        let record: Record =
            serde_json::from_str(&line).context("pg-schema-dump wrote no record")?;
        // What is not compared is not kept.
        if matches!(record, Record::Object(_) | Record::Role(_)) {
            records.push(record);
        }
    }
    Ok(records)
}

fn said(stderr: Option<impl Read>) -> String {
    let mut text = String::new();
    if let Some(mut stderr) = stderr {
        // What cannot be read cannot be told; the status still counts.
        drop(stderr.read_to_string(&mut text));
    }
    text
}
