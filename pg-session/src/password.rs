//! Where a password comes from. The first place that has one counts: the connection string
//! itself, the whole string in our variable, our password variable, our password command, the
//! service, PGPASSWORD, the password file, a person at the terminal.

use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::conninfo::{self, Parameters};
use crate::endpoint::{Environment, Role, VARIABLES_WITH_PASSWORDS};
use crate::error::{Class, Error};
use crate::host::Host;
use crate::passfile::{self, Wanted};
use crate::secret::Secret;

/// How long a password command may take.
const COMMAND_LIMIT: Duration = Duration::from_mins(1);

/// Held while a person is asked.
static ASKING: Mutex<()> = Mutex::new(());

/// The longest password that a command may print, in bytes; tokens have a few thousand.
const LONGEST_BYTES: u64 = 64 * 1024;

/// The place where the password of an endpoint is.
#[derive(Clone, Debug)]
enum Place {
    /// Found already.
    Known(Secret, &'static str),
    /// A command of ours that prints it, run for each new connection, since the tokens of
    /// cloud providers expire.
    Command(String),
    /// The password file, if anywhere: looked at for each host and database.
    Passfile(Option<PathBuf>),
}

/// The password of an endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Password {
    place: Place,
    role: Role,
    /// What a person answered, for all connections of this process.
    answered: Arc<Mutex<Option<Secret>>>,
}

/// Whom a password is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account<'a> {
    /// The server.
    pub(crate) host: &'a Host,
    /// The user.
    pub(crate) user: &'a str,
    /// The database.
    pub(crate) database: &'a str,
}

/// What the search begins with: parameters as given, those of the service, and all together.
pub(crate) struct Found<'a> {
    /// The password of the connection string itself.
    pub(crate) given: Option<String>,
    /// That of the service.
    pub(crate) service: Option<String>,
    /// All parameters of the endpoint.
    pub(crate) parameters: &'a Parameters,
}

impl Password {
    /// Looks for the place.
    pub(crate) fn find(role: Role, found: Found<'_>, environment: Environment<'_>) -> Self {
        let from_variable = from_variable(role, found.parameters, "password", environment);
        let known = |password: Option<String>, from| {
            let password = password.filter(|password| !password.is_empty());
            password.map(|password| Place::Known(Secret::new(password), from))
        };
        let place = known(found.given, "conninfo")
            .or_else(|| known(from_variable, "environment"))
            .or_else(|| known(environment(role.password_variable()), "environment"))
            .or_else(|| environment(role.command_variable()).map(Place::Command))
            .or_else(|| known(found.service, "service"))
            .or_else(|| known(environment("PGPASSWORD"), "environment"))
            .unwrap_or_else(|| Place::Passfile(passfile_of(found.parameters, environment)));
        Self {
            place,
            role,
            answered: Arc::default(),
        }
    }

    /// Where it comes from: `conninfo`, `environment`, `command`, `service`, `passfile` or
    /// `prompt`; `None` when there is none.
    pub(crate) fn from(&self, account: Account<'_>) -> Option<&'static str> {
        match &self.place {
            Place::Known(_, from) => Some(from),
            Place::Command(_) => Some("command"),
            Place::Passfile(_) if self.in_passfile(account).is_some() => Some("passfile"),
            Place::Passfile(_) => self.answer().map(|_| "prompt"),
        }
    }

    /// The password for a new connection, if there is one.
    ///
    /// # Errors
    /// [`Class::Authentication`] when the password command fails.
    pub(crate) fn for_connection(&self, account: Account<'_>) -> Result<Option<Secret>, Error> {
        match &self.place {
            Place::Known(password, _) => Ok(Some(password.clone())),
            Place::Command(command) => run(command, self.role, account).map(Some),
            Place::Passfile(_) => Ok(self.in_passfile(account).or_else(|| self.answer())),
        }
    }

    /// The password as a child process cannot find it by itself.
    ///
    /// # Errors
    /// See [`Password::for_connection`].
    pub(crate) fn for_child(&self, account: Account<'_>) -> Result<Option<Secret>, Error> {
        match &self.place {
            // libpq reads the same file, line by line for each of its hosts.
            Place::Passfile(_) => Ok(self.answer()),
            _ => self.for_connection(account),
        }
    }

    /// The password when it is known before any connection, for a password file.
    pub(crate) fn known(&self) -> Option<&Secret> {
        match &self.place {
            Place::Known(password, _) => Some(password),
            Place::Command(_) | Place::Passfile(_) => None,
        }
    }

    /// Asks the person at the terminal, once for all connections; `None` when there is nobody
    /// to ask, as in a pipeline, where several tools would ask at once.
    pub(crate) fn ask(&self, whose: &str) -> Option<Secret> {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if answered.is_none() && std::io::stdin().is_terminal() {
            // Two questions at once would each restore the other's terminal.
            let _one_at_a_time = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
            // A stream may have named the server: what acts on a terminal is shown.
            let prompt = format!("Password for {}: ", whose.escape_debug());
            // A terminal that cannot be read is no terminal.
            *answered = rpassword::prompt_password(prompt).ok().map(Secret::new);
        }
        answered.clone()
    }

    /// The password file, when it is ignored because others can read it.
    pub(crate) fn ignored_passfile(&self) -> Option<&Path> {
        match &self.place {
            Place::Passfile(Some(file)) if passfile::is_ignored(file) => Some(file),
            _ => None,
        }
    }

    fn answer(&self) -> Option<Secret> {
        let answered = self.answered.lock();
        answered.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn in_passfile(&self, account: Account<'_>) -> Option<Secret> {
        let Place::Passfile(Some(file)) = &self.place else {
            return None;
        };
        let found = passfile::look_up(
            file,
            Wanted {
                host: &account.host.name,
                alias: account.host.in_passfile(),
                port: &account.host.port.to_string(),
                database: account.database,
                user: account.user,
            },
        );
        found.filter(|password| !password.expose().is_empty())
    }
}

/// A secret of the whole connection string in our variable, when that means the same server.
pub(crate) fn from_variable(
    role: Role,
    parameters: &Parameters,
    key: &str,
    environment: Environment<'_>,
) -> Option<String> {
    let mut theirs = conninfo::parse(&environment(role.variable())?).ok()?;
    is_same_server(parameters, &theirs)
        .then(|| theirs.remove(key))
        .flatten()
}

/// Whether a connection string means the same server and user: its password is not for others.
fn is_same_server(ours: &Parameters, theirs: &Parameters) -> bool {
    ["host", "hostaddr", "port", "user", "service"]
        .iter()
        .all(|key| {
            let theirs = theirs.get(*key);
            theirs.is_none() || theirs == ours.get(*key)
        })
}

/// The password file: `passfile`, or else ~/.pgpass.
fn passfile_of(parameters: &Parameters, environment: Environment<'_>) -> Option<PathBuf> {
    match parameters.get("passfile").filter(|file| !file.is_empty()) {
        Some(file) => Some(PathBuf::from(file)),
        None => Some(Path::new(&environment("HOME")?).join(".pgpass")),
    }
}

/// Runs a password command; the first line of its output is the password. What it says on
/// stderr is for the person who wrote it.
fn run(script: &str, role: Role, account: Account<'_>) -> Result<Secret, Error> {
    let failed = |why: String| {
        Error::new(
            Class::Authentication,
            format!("{} {why}", role.command_variable()),
        )
        .with_hint("Run the command by hand: it is to print the password as its first line.")
    };
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", script])
        .env("PGHOST", &account.host.name)
        .env("PGPORT", account.host.port.to_string())
        .env("PGUSER", account.user)
        .env("PGDATABASE", account.database)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    for name in VARIABLES_WITH_PASSWORDS {
        command.env_remove(name);
    }
    let mut child = command
        .spawn()
        .map_err(|error| failed("cannot be run".to_owned()).with_source(error))?;
    let until = Instant::now() + COMMAND_LIMIT;
    let line = first_line(&mut child, until);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(5)),
            _ => {
                // Nobody waits for what it has to say any more.
                drop(child.kill());
                drop(child.wait());
                let seconds = COMMAND_LIMIT.as_secs();
                return Err(failed(format!("did not end within {seconds} s")));
            }
        }
    };
    if !status.success() {
        return Err(failed(format!("failed: {status}")));
    }
    let password = line.unwrap_or_default();
    if password.is_empty() {
        return Err(failed("printed no password".to_owned()));
    }
    Ok(Secret::new(password))
}

/// The first line that a child prints, whether or not something in its background goes on.
fn first_line(child: &mut Child, until: Instant) -> Option<String> {
    let stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = Vec::new();
        let mut reader = BufReader::new(stdout);
        // What cannot be read is missing, and said to be.
        drop(
            reader
                .by_ref()
                .take(LONGEST_BYTES)
                .read_until(b'\n', &mut line),
        );
        let text = String::from_utf8_lossy(&line);
        // Nobody listens any more when the time was up.
        drop(sender.send(text.trim_end_matches(['\r', '\n']).to_owned()));
        // A command that has more to say is not to be cut off.
        drop(std::io::copy(&mut reader, &mut std::io::sink()));
    });
    let left = until.saturating_duration_since(Instant::now());
    receiver.recv_timeout(left).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(host: &Host) -> Account<'_> {
        Account {
            host,
            user: "me",
            database: "shop",
        }
    }

    fn command(command: &str) -> Result<Secret, Error> {
        let host = Host::named("db", 5433);
        run(command, Role::Source, account(&host))
    }

    #[test]
    fn a_command_prints_the_password_and_knows_whom_it_is_for() {
        let begun = Instant::now();
        let background = command("echo first; sleep 5 &").unwrap();
        assert_eq!(background.expose(), "first");
        assert!(begun.elapsed() < Duration::from_secs(4));
        let secret = command("echo \"$PGUSER@$PGHOST:$PGPORT/$PGDATABASE\"; echo more").unwrap();
        assert_eq!(secret.expose(), "me@db:5433/shop");
    }

    #[test]
    fn a_command_that_fails_is_told_without_its_output() {
        let error = command("echo hunter2; exit 3").unwrap_err();
        assert_eq!(error.class(), Class::Authentication);
        let text = error.to_string();
        assert!(text.contains("PGMIG_SOURCE_PASSWORD_COMMAND") && text.contains('3'));
        assert!(!text.contains("hunter2"), "{text}");
        let empty = command("true").unwrap_err();
        assert!(empty.to_string().contains("no password"));
    }
}
