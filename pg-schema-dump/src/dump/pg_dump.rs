//! Choosing and running pg_dump. It reads servers of its own major version and below.

use std::env;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use pg_pipe::{Context, Exit, Failure};
use pg_session::endpoint::VARIABLES_WITH_PASSWORDS;
use pg_session::journey::Way;
use pg_session::{Endpoint, ServerVersion, hint};

/// Where packages put a bindir for each major version.
const PLACES: &[(&str, &str)] = &[("/usr/lib/postgresql", "bin"), ("/opt/homebrew/opt", "bin")];

/// How often a running pg_dump is looked at.
const POLL: Duration = Duration::from_millis(10);

/// A pg_dump and its version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Program {
    path: PathBuf,
    major: u32,
    minor: u32,
}

impl Program {
    /// The endpoint as this pg_dump is to reach it: where our own session is.
    pub(crate) fn endpoint(&self, endpoint: &Endpoint, way: &Way) -> Endpoint {
        endpoint.for_child(way, self.major)
    }
}

impl fmt::Display for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "pg_dump {}.{} ({})",
            self.major,
            self.minor,
            self.path.display()
        )
    }
}

/// Chooses the program that was asked for, or the best of those that are there.
///
/// # Errors
/// A [`Failure`] (exit 2) when none can read the server.
pub(crate) fn choose(
    asked: Option<&Path>,
    server: ServerVersion,
    target_major: Option<u32>,
) -> Result<Program, Failure> {
    let found: Vec<Program> = match asked {
        Some(path) => version_of(path).into_iter().collect(),
        None => candidates()
            .iter()
            .filter_map(|path| version_of(path))
            .collect(),
    };
    best(&found, server.major(), target_major).ok_or_else(|| none_fits(asked, &found, server))
}

/// The manual's advice is the pg_dump of the target («Upgrading»): it writes what that server
/// understands. The next newer one comes close; where the target is not known, the newest.
fn best(found: &[Program], server_major: u32, target_major: Option<u32>) -> Option<Program> {
    let fitting = found.iter().filter(|program| program.major >= server_major);
    match target_major {
        Some(target) => fitting
            .min_by_key(|program| {
                let is_older = program.major < target;
                (
                    is_older,
                    program.major.abs_diff(target),
                    u32::MAX - program.minor,
                )
            })
            .cloned(),
        None => fitting
            .max_by_key(|program| (program.major, program.minor))
            .cloned(),
    }
}

fn none_fits(asked: Option<&Path>, found: &[Program], server: ServerVersion) -> Failure {
    let seen = match (asked, found) {
        (Some(path), []) => format!("{} is no pg_dump that runs", path.display()),
        (None, []) => "no pg_dump was found".to_owned(),
        (_, programs) => {
            let names: Vec<String> = programs.iter().map(ToString::to_string).collect();
            format!("found {}", names.join(", "))
        }
    };
    Failure::new(
        Exit::Usage,
        "pg_dump",
        format!("no pg_dump can read the source, a server of version {server}: {seen}"),
    )
    .hint(format!(
        "Install postgresql-client-{} or newer, or give --pg-dump PATH.",
        server.major()
    ))
}

fn candidates() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut paths: Vec<PathBuf> = env::split_paths(&path)
        .map(|dir| dir.join("pg_dump"))
        .collect();
    for (place, bin) in PLACES {
        let mut versions: Vec<PathBuf> = fs::read_dir(place)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path().join(bin).join("pg_dump")))
            .collect();
        versions.sort();
        paths.extend(versions);
    }
    paths.retain(|path| path.is_file());
    paths
}

/// Runs `pg_dump --version`: `pg_dump (PostgreSQL) 15.8 (Debian …)`.
fn version_of(path: &Path) -> Option<Program> {
    let output = Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = parse_version(&text)?;
    Some(Program {
        path: path.to_owned(),
        major,
        minor,
    })
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let number = text
        .strip_prefix("pg_dump (PostgreSQL) ")?
        .split_whitespace()
        .next()?;
    let digits: String = number
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let mut parts = digits.split('.');
    let major = parts.next()?.parse().ok()?;
    // `18beta1` has no minor version yet.
    let minor = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    Some((major, minor))
}

impl Program {
    /// Whether it writes statistics of the planner as statements.
    pub(crate) fn writes_statistics(&self) -> bool {
        ServerVersion::of_major(self.major).restores_statistics()
    }
}

/// Dumps the schema into a temporary archive; `flags` choose which part of it. The archive has no name
/// from the beginning, so that a tool that is killed leaves none; pg_dump gets it as its stdout, where
/// it seeks as in any file.
///
/// # Errors
/// What pg_dump says on stderr (exit 5), or a signal.
pub(crate) fn run(
    program: &Program,
    endpoint: &Endpoint,
    flags: &[String],
    context: &Context,
) -> anyhow::Result<File> {
    let archive = tempfile::tempfile().context("cannot make a temporary file")?;
    let stdout = archive
        .try_clone()
        .context("cannot make a temporary file")?;
    let mut command = Command::new(&program.path);
    command
        .args(["--format=custom", "--create", "--no-password"])
        .args(flags)
        // Whatever the server, the database or the environment say: the archive is UTF-8.
        .arg("--encoding=UTF8")
        .env_remove("PGCLIENTENCODING")
        // What it says is read.
        .env("LC_ALL", "C")
        .arg("--dbname")
        .arg(endpoint.conninfo())
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::piped());
    for name in VARIABLES_WITH_PASSWORDS.iter().chain(&["PGSERVICE"]) {
        command.env_remove(name);
    }
    if let Some(password) = endpoint.password_for_child()? {
        command.env("PGPASSWORD", password.expose());
    }
    let child = command
        .spawn()
        .with_context(|| format!("cannot run {program}"))?;
    let (succeeded, said) = wait(child, context)?;
    if succeeded {
        if !said.is_empty() {
            context.notice().warn(&said);
        }
        return Ok(archive);
    }
    Err(failed(program, &said).into())
}

/// The failure of pg_dump by what it said: its status is 1 whether a pattern or the server is
/// to blame.
fn failed(program: &Program, said: &str) -> Failure {
    if is_about_pattern(said) {
        let short = said.replace("pg_dump: error: ", "pg_dump: ");
        return Failure::usage(short).hint(
            "Patterns are psql's: -t takes table or schema.table, -n a schema, with * and ? as wild cards and quotes for upper case.",
        );
    }
    let failure = Failure::new(Exit::Refused, "pg_dump", format!("pg_dump failed: {said}"));
    if said.contains("max_locks_per_transaction") {
        return failure.hint(hint::FEW_LOCKS);
    }
    failure.hint(format!(
        "Run it by hand: {} --schema-only …",
        program.path.display()
    ))
}

/// Whether pg_dump does not like one of its filters. Before 12 it says no «error».
fn is_about_pattern(said: &str) -> bool {
    let of_its_own = [
        "no matching ",
        "improper qualified name ",
        "improper relation name ",
        "cross-database references are not implemented",
    ];
    let first = said.strip_prefix("pg_dump: ").unwrap_or(said);
    let first = first.strip_prefix("error: ").unwrap_or(first);
    of_its_own.iter().any(|start| first.starts_with(start))
        || said.contains("ERROR: invalid regular expression: ")
}

/// Waits for the end; gives what it said in one line. A stop request kills it: it only reads.
fn wait(mut child: Child, context: &Context) -> anyhow::Result<(bool, String)> {
    let stderr = child.stderr.take();
    let reader = thread::spawn(move || {
        let mut said = String::new();
        if let Some(mut stderr) = stderr {
            // What cannot be read cannot be told; the status still counts.
            drop(stderr.read_to_string(&mut said));
        }
        said
    });
    let status = loop {
        if let Some(status) = child.try_wait().context("cannot wait for pg_dump")? {
            break status;
        }
        if context.stop().requested() {
            child.kill().context("cannot stop pg_dump")?;
        }
        thread::sleep(POLL);
    };
    let said = reader.join().unwrap_or_default();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok((status.success(), said))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(major: u32, minor: u32) -> Program {
        Program {
            path: PathBuf::from(format!("/{major}.{minor}")),
            major,
            minor,
        }
    }

    #[test]
    fn a_full_lock_table_is_told_with_what_makes_it_larger() {
        let said = "pg_dump: error: query failed: ERROR: out of shared memory HINT: You might need \
                    to increase max_locks_per_transaction.";
        let hint = |said| {
            let failure = failed(&program(15, 3), said);
            failure.diagnosis().hint.clone().unwrap_or_default()
        };
        assert_eq!(hint(said), hint::FEW_LOCKS);
        assert!(hint("pg_dump: error: else").starts_with("Run it by hand"));
    }

    #[test]
    fn versions_are_read_out_of_what_pg_dump_prints() {
        assert_eq!(
            parse_version("pg_dump (PostgreSQL) 15.8 (Debian 15.8-1)\n"),
            Some((15, 8))
        );
        assert_eq!(
            parse_version("pg_dump (PostgreSQL) 18beta1\n"),
            Some((18, 0))
        );
        assert_eq!(parse_version("something else"), None);
    }

    #[test]
    fn the_targets_version_comes_first_then_the_next_newer_then_the_next_older() {
        let found = [
            program(18, 1),
            program(15, 3),
            program(15, 8),
            program(16, 2),
            program(14, 9),
        ];
        assert_eq!(best(&found, 14, Some(15)), Some(program(15, 8)));
        assert_eq!(best(&found, 14, Some(17)), Some(program(18, 1)));
        assert_eq!(best(&found, 14, Some(19)), Some(program(18, 1)));
        assert_eq!(best(&found, 16, Some(15)), Some(program(16, 2)));
        assert_eq!(best(&found, 14, None), Some(program(18, 1)));
        assert_eq!(best(&found, 19, Some(19)), None);
    }

    #[test]
    fn a_pattern_that_pg_dump_does_not_like_is_a_matter_of_usage() {
        let exit = |said: &str| failed(&program(18, 1), said).diagnosis().exit;
        for said in [
            "pg_dump: error: no matching tables were found",
            "pg_dump: no matching schemas were found",
            "pg_dump: error: improper qualified name (too many dotted names): a.b.c.d",
            "pg_dump: error: cross-database references are not implemented: x.y.z",
            "pg_dump: error: query failed: ERROR: invalid regular expression: brackets [] not balanced pg_dump: detail: …",
        ] {
            assert_eq!(exit(said), Exit::Usage, "{said}");
        }
        let other = "pg_dump: error: query failed: ERROR: permission denied for table no matching ";
        assert_eq!(exit(other), Exit::Refused);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let failure = none_fits(None, &[program(14, 9)], ServerVersion(150_003));
        assert_eq!(failure.diagnosis().exit, Exit::Usage);
        assert!(failure.to_string().contains("version 15.3"));
        assert!(failure.to_string().contains("pg_dump 14.9"));
    }
}
