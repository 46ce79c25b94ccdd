//! A server that can be connected to: parameters resolved the way libpq does it, from what
//! was given, then our own variables, then PG*, then defaults. Prints without its password.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::conninfo::{self, Parameters};
use crate::error::{Class, Error};
use crate::passfile::{self, Wanted};
use crate::secret::Secret;

/// Which of the two servers: chooses the variables that are looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Where the data come from.
    Source,
    /// Where the data go.
    Target,
}

impl Role {
    /// The word for messages and flags: `source`, `target`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }

    /// The variable that holds a whole connection string.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Source => "PGMIG_SOURCE",
            Self::Target => "PGMIG_TARGET",
        }
    }

    /// The variable that holds a password.
    pub fn password_variable(self) -> &'static str {
        match self {
            Self::Source => "PGMIG_SOURCE_PASSWORD",
            Self::Target => "PGMIG_TARGET_PASSWORD",
        }
    }
}

/// Looks an environment variable up. A parameter, so that tests need no process.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The environment of this process; empty variables count as unset, as for libpq.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Parameters and the PG* variables that stand in for them.
const VARIABLES: &[(&str, &str)] = &[
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
    ("passfile", "PGPASSFILE"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("options", "PGOPTIONS"),
    ("sslmode", "PGSSLMODE"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
];

/// One address to try.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Host {
    /// Host name, address, or directory of a Unix socket.
    pub name: String,
    /// Port.
    pub port: u16,
}

impl Host {
    /// Whether it is the directory of a Unix socket.
    pub fn is_socket(&self) -> bool {
        self.name.starts_with('/') || self.name.starts_with('@')
    }
}

/// A server that can be connected to.
#[derive(Clone, Debug)]
pub struct Endpoint {
    role: Role,
    parameters: Parameters,
    hosts: Vec<Host>,
    password: Option<Secret>,
    password_from: Option<&'static str>,
    left_behind: Option<String>,
}

impl Endpoint {
    /// Resolves what was given: a flag's or a record's connection string, or else
    /// `PGMIG_SOURCE` or `PGMIG_TARGET`.
    ///
    /// # Errors
    /// [`Class::Conninfo`] when nothing was given or it does not parse.
    pub fn resolve(
        role: Role,
        given: Option<&str>,
        environment: Environment<'_>,
    ) -> Result<Self, Error> {
        let variable = environment(role.variable());
        let text = given.or(variable.as_deref()).ok_or_else(|| {
            Error::new(Class::Conninfo, format!("no {role} was given")).with_hint(format!(
                "Give --{role} CONNINFO, set {}, or read a stream that has an endpoint record.",
                role.variable()
            ))
        })?;
        let mut parameters = conninfo::parse(text).map_err(|error| in_role(role, error))?;
        for (key, name) in VARIABLES {
            if let (false, Some(value)) = (parameters.contains_key(*key), environment(name)) {
                parameters.insert((*key).to_owned(), value);
            }
        }
        set_default(&mut parameters, "user", || whoami::username().ok());
        let user = parameters.get("user").cloned();
        set_default(&mut parameters, "dbname", || user);
        let hosts = hosts(&parameters).map_err(|error| in_role(role, error))?;
        let given_password = parameters.remove("password").filter(|p| !p.is_empty());
        let mut endpoint = Self {
            role,
            parameters,
            hosts,
            password: None,
            password_from: None,
            left_behind: None,
        };
        endpoint.find_password(given_password, environment);
        Ok(endpoint)
    }

    /// The first of: the string itself, the whole string in our variable, our password
    /// variable, PGPASSWORD, the password file.
    fn find_password(&mut self, given: Option<String>, environment: Environment<'_>) {
        let from_variable = environment(self.role.variable())
            .and_then(|text| conninfo::parse(&text).ok())
            .filter(|parameters| self.is_same_server(parameters))
            .and_then(|mut parameters| parameters.remove("password"));
        let candidates = [
            (given, "conninfo"),
            (from_variable, "environment"),
            (environment(self.role.password_variable()), "environment"),
            (environment("PGPASSWORD"), "environment"),
        ];
        let found = candidates
            .into_iter()
            .find_map(|(password, from)| Some((Secret::new(password?), from)));
        let found = found.or_else(|| Some((self.look_in_passfile(environment)?, "passfile")));
        if let Some((password, from)) = found {
            self.password = Some(password);
            self.password_from = Some(from);
        }
    }

    /// Whether a connection string means this server and user: its password is not for others.
    fn is_same_server(&self, parameters: &Parameters) -> bool {
        ["host", "hostaddr", "port", "user"].iter().all(|key| {
            parameters
                .get(*key)
                .is_none_or(|value| self.parameter(key) == Some(value))
        })
    }

    /// The password file: `passfile`, or else ~/.pgpass.
    fn passfile(&self, environment: Environment<'_>) -> Option<PathBuf> {
        self.parameters.get("passfile").map_or_else(
            || Some(Path::new(&environment("HOME")?).join(".pgpass")),
            |path| Some(PathBuf::from(path)),
        )
    }

    /// The password file, when it is ignored because others can read it.
    pub(crate) fn ignored_passfile(&self) -> Option<PathBuf> {
        self.passfile(&environment)
            .filter(|file| passfile::is_ignored(file))
    }

    fn look_in_passfile(&self, environment: Environment<'_>) -> Option<Secret> {
        let file = self.passfile(environment)?;
        let host = self.hosts.first()?;
        passfile::look_up(
            &file,
            Wanted {
                host: passfile_host(host),
                port: &host.port.to_string(),
                database: self.database(),
                user: self.user(),
            },
        )
    }

    /// Which of the two servers.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Database to connect to.
    pub fn database(&self) -> &str {
        self.parameter("dbname").unwrap_or_default()
    }

    /// User to connect as.
    pub fn user(&self) -> &str {
        self.parameter("user").unwrap_or_default()
    }

    /// A parameter by its libpq name.
    pub fn parameter(&self, key: &str) -> Option<&str> {
        self.parameters.get(key).map(String::as_str)
    }

    /// The addresses to try, in order.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The password, if one was found.
    pub fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    /// Where the password was found: `conninfo`, `environment` or `passfile`.
    pub fn password_from(&self) -> Option<&'static str> {
        self.password_from
    }

    /// The connection string without its password, as records and child processes get it.
    pub fn conninfo(&self) -> String {
        conninfo::write(&self.parameters)
    }

    /// The same server, another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        let mut endpoint = self.with_parameter("dbname", database);
        // A line of the password file may be for one database only.
        if endpoint.password_from.is_none_or(|from| from == "passfile") {
            endpoint.password = endpoint
                .look_in_passfile(&environment)
                .or(endpoint.password);
        }
        endpoint
    }

    /// The same server with a parameter set.
    #[must_use]
    pub fn with_parameter(&self, key: &str, value: &str) -> Self {
        let mut endpoint = self.clone();
        endpoint.parameters.insert(key.to_owned(), value.to_owned());
        endpoint
    }

    /// Notes where an earlier tool of the pipeline had the password from, so that an error
    /// can say why it is missing here.
    #[must_use]
    pub fn password_left_behind(mut self, from: Option<&str>) -> Self {
        self.left_behind = from.map(str::to_owned);
        self
    }

    /// Where an earlier tool had the password from, when this one has none.
    pub(crate) fn left_behind(&self) -> Option<&str> {
        self.left_behind
            .as_deref()
            .filter(|_| self.password.is_none())
    }

    /// The line of a password file that gives this password, for any database.
    pub fn passfile_line(&self) -> Option<String> {
        let host = self.hosts.first()?;
        let wanted = Wanted {
            host: passfile_host(host),
            port: &host.port.to_string(),
            database: "*",
            user: self.user(),
        };
        let line = passfile::line(wanted, self.password.as_ref()?);
        Some(line.replacen(":\\*:", ":*:", 1))
    }
}

/// Where PostgreSQL's packages put the socket: upstream's and Debian's default.
const DEFAULT_SOCKETS: &[&str] = &["/tmp", "/var/run/postgresql", "/run/postgresql"];

/// How a password file names a host: a socket in the default directory is `localhost`.
fn passfile_host(host: &Host) -> &str {
    if DEFAULT_SOCKETS.contains(&host.name.as_str()) {
        "localhost"
    } else {
        &host.name
    }
}

fn in_role(role: Role, error: Error) -> Error {
    let hint = error
        .hint()
        .unwrap_or("See `psql` on connection strings.")
        .to_owned();
    Error::new(
        error.class(),
        format!("cannot read the connection string of the {role}"),
    )
    .with_hint(hint)
    .with_source(error)
}

fn set_default(parameters: &mut Parameters, key: &str, default: impl FnOnce() -> Option<String>) {
    let missing = parameters.get(key).is_none_or(String::is_empty);
    if let (true, Some(value)) = (missing, missing.then(default).flatten()) {
        parameters.insert(key.to_owned(), value);
    }
}

fn hosts(parameters: &Parameters) -> Result<Vec<Host>, Error> {
    let names = parameters
        .get("hostaddr")
        .or(parameters.get("host"))
        .cloned()
        .unwrap_or_else(default_host);
    let ports = parameters.get("port").map_or("5432", String::as_str);
    let ports: Vec<&str> = ports.split(',').collect();
    let names: Vec<&str> = names.split(',').collect();
    if ports.len() > 1 && ports.len() != names.len() {
        return Err(Error::new(
            Class::Conninfo,
            format!("{} hosts do not match {} ports", names.len(), ports.len()),
        ));
    }
    names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let port = ports.get(index).or(ports.first()).copied().unwrap_or("");
            Ok(Host {
                name: if name.is_empty() {
                    default_host()
                } else {
                    (*name).to_owned()
                },
                port: port_number(port)?,
            })
        })
        .collect()
}

fn default_host() -> String {
    DEFAULT_SOCKETS
        .iter()
        .rev()
        .find(|directory| **directory != "/tmp" && Path::new(directory).is_dir())
        .map_or_else(|| "/tmp".to_owned(), |directory| (*directory).to_owned())
}

fn port_number(text: &str) -> Result<u16, Error> {
    let text = if text.is_empty() { "5432" } else { text };
    text.parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| Error::new(Class::Conninfo, format!("{text:?} is not a port")))
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// `user@host:port/database`, for messages.
impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@", self.user())?;
        for (index, host) in self.hosts.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(formatter, "{comma}{}:{}", host.name, host.port)?;
        }
        write!(formatter, "/{}", self.database())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(given: Option<&str>, variables: &[(&str, &str)]) -> Result<Endpoint, Error> {
        let owned: Vec<(String, String)> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Endpoint::resolve(Role::Source, given, &move |name| {
            owned
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        })
    }

    #[test]
    fn what_is_given_wins_over_variables_and_variables_over_defaults() {
        let endpoint = resolve(
            Some("host=a user=u"),
            &[
                ("PGHOST", "b"),
                ("PGPORT", "6000"),
                ("PGMIG_SOURCE", "host=c"),
            ],
        )
        .unwrap();
        assert_eq!(endpoint.to_string(), "u@a:6000/u");
        let endpoint = resolve(None, &[("PGMIG_SOURCE", "host=c user=u dbname=d")]).unwrap();
        assert_eq!(endpoint.to_string(), "u@c:5432/d");
    }

    #[test]
    fn nothing_given_says_what_to_give() {
        let error = resolve(None, &[]).unwrap_err();
        assert_eq!(error.to_string(), "no source was given");
        assert!(error.hint().unwrap().contains("--source"));
    }

    #[test]
    fn the_password_comes_from_the_first_place_that_has_one_and_is_never_shown() {
        let variables = [
            ("PGMIG_SOURCE", "host=h password=second"),
            ("PGMIG_SOURCE_PASSWORD", "third"),
            ("PGPASSWORD", "fourth"),
        ];
        for (given, from, expected) in [
            (Some("host=h user=u password=first"), 0, "first"),
            (Some("host=h user=u"), 0, "second"),
            (Some("host=h user=u"), 1, "third"),
            (Some("host=h user=u"), 2, "fourth"),
        ] {
            let endpoint = resolve(given, variables.get(from..).unwrap()).unwrap();
            assert_eq!(endpoint.password().map(Secret::expose), Some(expected));
            assert!(!endpoint.conninfo().contains(expected));
            assert!(!format!("{endpoint} {endpoint:?}").contains(expected));
        }
    }

    #[test]
    fn hosts_and_ports_pair_up() {
        let endpoint = resolve(Some("host=a,/tmp port=1,2 user=u"), &[]).unwrap();
        assert_eq!(endpoint.hosts().len(), 2);
        assert!(endpoint.hosts()[1].is_socket());
        assert!(resolve(Some("host=a,b port=1,2,3"), &[]).is_err());
        assert!(resolve(Some("host=a port=x"), &[]).is_err());
    }
}
