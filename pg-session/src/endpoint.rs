//! A server that can be connected to: parameters resolved the way libpq does it, from what
//! was given, then a service, then PG*, then defaults. Prints without its password.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::conninfo::{self, Parameters};
use crate::error::{Class, Error};
use crate::host::{self, Host};
use crate::journey::Way;
use crate::passfile::{self, Wanted};
use crate::password::{self, Account, Found, Password};
use crate::retry::Patience;
use crate::secret::Secret;
use crate::service;
use crate::tls;

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

    /// The variable that holds a command which prints a password.
    pub fn command_variable(self) -> &'static str {
        match self {
            Self::Source => "PGMIG_SOURCE_PASSWORD_COMMAND",
            Self::Target => "PGMIG_TARGET_PASSWORD_COMMAND",
        }
    }
}

/// Variables that a password command and a child process have no use for.
pub const VARIABLES_WITH_PASSWORDS: &[&str] = &[
    "PGMIG_SOURCE",
    "PGMIG_TARGET",
    "PGMIG_SOURCE_PASSWORD",
    "PGMIG_TARGET_PASSWORD",
    "PGPASSWORD",
];

/// Looks an environment variable up. A parameter, so that tests need no process.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The environment of this process. Our own variables count as unset when they are empty;
/// libpq's stand for an empty parameter then.
pub fn environment(name: &str) -> Option<String> {
    let may_be_empty =
        name.starts_with("PGSERVICE") || VARIABLES.iter().any(|(_, variable)| *variable == name);
    std::env::var(name)
        .ok()
        .filter(|value| may_be_empty || !value.is_empty())
}

/// Parameters and the PG* variables that stand in for them.
const VARIABLES: &[(&str, &str)] = &[
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
    ("passfile", "PGPASSFILE"),
    ("require_auth", "PGREQUIREAUTH"),
    ("requirepeer", "PGREQUIREPEER"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("options", "PGOPTIONS"),
    ("sslmode", "PGSSLMODE"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("sslcertmode", "PGSSLCERTMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcrl", "PGSSLCRL"),
    ("sslcrldir", "PGSSLCRLDIR"),
    ("sslsni", "PGSSLSNI"),
    ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    ("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    ("gssencmode", "PGGSSENCMODE"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("load_balance_hosts", "PGLOADBALANCEHOSTS"),
];

/// Parameters that are for the choice of a server, or change nothing when it is chosen, and
/// the major version of libpq that they came with. `require_auth` is not one of them.
const CHILD_CAN_DO_WITHOUT: &[(&str, u32)] = &[
    ("load_balance_hosts", u32::MAX),
    ("target_session_attrs", u32::MAX),
    ("service", u32::MAX),
    ("sslcertmode", 16),
    ("sslnegotiation", 17),
    ("min_protocol_version", 18),
    ("max_protocol_version", 18),
];

/// A server that can be connected to.
#[derive(Clone, Debug)]
pub struct Endpoint {
    role: Role,
    parameters: Parameters,
    hosts: Vec<Host>,
    password: Password,
    /// What an encrypted client key is opened with.
    key_password: Option<Secret>,
    left_behind: Option<String>,
    /// What connections of this process have learnt; shared by clones.
    pub(crate) patience: Arc<Patience>,
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
        Self::of_text(role, text, environment).map_err(|error| in_role(role, error))
    }

    fn of_text(role: Role, text: &str, environment: Environment<'_>) -> Result<Self, Error> {
        let mut parameters = conninfo::parse(text)?;
        let given_password = parameters.remove("password");
        let service_password = add_service(&mut parameters, environment)?;
        let key_password = parameters.remove("sslpassword");
        for (key, name) in VARIABLES {
            if let (false, Some(value)) = (parameters.contains_key(*key), environment(name)) {
                conninfo::check_keyword(key)?;
                parameters.insert((*key).to_owned(), value);
            }
        }
        // The variable of old (manual, «Environment Variables»).
        if environment("PGREQUIRESSL").is_some_and(|value| value.starts_with('1')) {
            let mode = parameters.entry("sslmode".to_owned());
            mode.or_insert_with(|| "require".to_owned());
        }
        set_default(&mut parameters, "user", || whoami::username().ok());
        let user = parameters.get("user").cloned();
        set_default(&mut parameters, "dbname", || user);
        conninfo::check_values(&parameters)?;
        let hosts = host::list(&parameters)?;
        let found = Found {
            given: given_password,
            service: service_password,
            parameters: &parameters,
        };
        Ok(Self {
            role,
            key_password: key_password
                .or_else(|| password::from_variable(role, &parameters, "sslpassword", environment))
                .map(Secret::new),
            password: Password::find(role, found, environment),
            parameters,
            hosts,
            left_behind: None,
            patience: Arc::default(),
        })
    }

    fn account<'a>(&'a self, host: &'a Host) -> Account<'a> {
        Account {
            host,
            user: self.user(),
            database: self.database(),
        }
    }

    /// The password for a new connection to one of the hosts, if there is one.
    ///
    /// # Errors
    /// [`Class::Authentication`] when the password command fails.
    pub(crate) fn password_for(&self, host: &Host) -> Result<Option<Secret>, Error> {
        self.password.for_connection(self.account(host))
    }

    /// What an encrypted client key is opened with (`sslpassword`).
    pub(crate) fn key_password(&self) -> Option<&Secret> {
        self.key_password.as_ref()
    }

    /// Asks the person at the terminal, if there is one and no password is known.
    pub(crate) fn ask_for_password(&self) -> Option<Secret> {
        match self.password_from() {
            None => self.password.ask(&format!("{} ({})", self, self.role)),
            Some(_) => None,
        }
    }

    /// The password file, when it is ignored because others can read it.
    pub(crate) fn ignored_passfile(&self) -> Option<&Path> {
        self.password.ignored_passfile()
    }

    /// The password that a child process needs in its environment: one that libpq cannot find
    /// by itself with the parameters of [`Endpoint::conninfo`].
    ///
    /// # Errors
    /// [`Class::Authentication`] when the password command fails.
    pub fn password_for_child(&self) -> Result<Option<Secret>, Error> {
        match self.hosts.first() {
            Some(host) => self.password.for_child(self.account(host)),
            None => Ok(None),
        }
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

    /// Where the password was found: `conninfo`, `environment`, `command`, `service`,
    /// `passfile` or `prompt`.
    pub fn password_from(&self) -> Option<&'static str> {
        self.password.from(self.account(self.hosts.first()?))
    }

    /// The connection string without its password, as records and child processes get it.
    pub fn conninfo(&self) -> String {
        conninfo::write(&self.parameters)
    }

    /// The same server, another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        self.with_parameter("dbname", database)
    }

    /// The same server with a parameter set.
    #[must_use]
    pub fn with_parameter(&self, key: &str, value: &str) -> Self {
        let mut endpoint = self.clone();
        endpoint.parameters.insert(key.to_owned(), value.to_owned());
        endpoint
    }

    /// The server that a session is with, and no other that was given.
    #[must_use]
    pub(crate) fn narrowed(&self, way: &Way) -> Self {
        let mut endpoint = self.clone();
        if let Some(host) = &way.host {
            let set = &mut endpoint.parameters;
            set.insert("host".to_owned(), host.name.clone());
            set.insert("port".to_owned(), host.port.to_string());
            match host.address {
                Some(address) => set.insert("hostaddr".to_owned(), address.to_string()),
                None => set.remove("hostaddr"),
            };
            endpoint.hosts = vec![host.clone()];
        }
        endpoint
    }

    /// The server that a session is with, as a child process with a libpq of its own is to
    /// reach it: within our time, without parameters that a libpq of that major version does
    /// not know and that change nothing once the server is known.
    #[must_use]
    pub fn for_child(&self, way: &Way, libpq: u32) -> Self {
        let mut endpoint = self.narrowed(way);
        if !way.pooled {
            // As in our own sessions: what pg_dump writes is read with this on. Poolers take no
            // options.
            let options = endpoint.parameters.entry("options".to_owned()).or_default();
            options.push_str(" -c standard_conforming_strings=on");
        }
        let seconds = self.connect_timeout().as_secs();
        let set = &mut endpoint.parameters;
        set.insert("connect_timeout".to_owned(), seconds.to_string());
        for (key, since) in CHILD_CAN_DO_WITHOUT {
            if libpq < *since {
                set.remove(*key);
            }
        }
        if let (Some("system"), Some(file)) = (
            set.get("sslrootcert").map(String::as_str),
            tls::system_certificates(libpq),
        ) {
            set.insert("sslrootcert".to_owned(), file.to_owned());
            set.entry("sslmode".to_owned())
                .or_insert_with(|| "verify-full".to_owned());
        }
        endpoint
    }

    /// The same server, and whom to tell that it is waited for.
    #[must_use]
    pub fn telling(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.patience = Arc::new(Patience::telling(tell));
        self
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
            .filter(|_| self.password_from().is_none())
    }

    /// The lines of a password file that give this password on each host, for any database.
    pub fn passfile_lines(&self) -> Option<String> {
        let password = self.password.known()?;
        let line = |host: &Host| {
            let wanted = Wanted {
                host: host.in_passfile(),
                alias: host.in_passfile(),
                port: &host.port.to_string(),
                database: "*",
                user: self.user(),
            };
            passfile::line(wanted, password)
        };
        Some(self.hosts.iter().map(line).collect())
    }
}

/// Adds what a service says and the string does not; gives the service's password.
fn add_service(
    parameters: &mut Parameters,
    environment: Environment<'_>,
) -> Result<Option<String>, Error> {
    let named = parameters.get("service").cloned();
    let Some(name) = named.or_else(|| environment("PGSERVICE")) else {
        return Ok(None);
    };
    let mut service = service::look_up(&name, environment)?;
    let password = service.remove("password");
    // Kept, so that a later tool of the pipeline finds the password there, too.
    parameters.insert("service".to_owned(), name);
    for (key, value) in service {
        parameters.entry(key).or_insert(value);
    }
    Ok(password)
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
            let password = endpoint.password_for(&endpoint.hosts()[0]).unwrap();
            assert_eq!(password.as_ref().map(Secret::expose), Some(expected));
            assert!(!endpoint.conninfo().contains(expected));
            assert!(!format!("{endpoint} {endpoint:?}").contains(expected));
        }
    }

    #[test]
    fn a_service_stands_between_the_string_and_the_variables() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "[shop]\nhost=hs\nport=6000\nuser=us\npassword=ps\n";
        std::fs::write(file.path(), text).unwrap();
        let variables = [
            ("PGSERVICEFILE", file.path().to_str().unwrap()),
            ("PGSERVICE", "shop"),
            ("PGPORT", "7000"),
            ("PGPASSWORD", "environment"),
        ];
        let endpoint = resolve(Some("user=u"), &variables).unwrap();
        assert_eq!(endpoint.to_string(), "u@hs:6000/u");
        assert_eq!(endpoint.password_from(), Some("service"));
        assert!(endpoint.conninfo().contains("service=shop"));
        assert!(resolve(Some("service=other"), &variables).is_err());
    }

    #[test]
    fn a_password_file_gets_a_line_for_each_host() {
        let endpoint = resolve(Some("host=a,/tmp user=u password=p:w"), &[]).unwrap();
        assert_eq!(
            endpoint.passfile_lines().unwrap(),
            "a:5432:*:u:p\\:w\nlocalhost:5432:*:u:p\\:w\n"
        );
    }
}
