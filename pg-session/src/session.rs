//! Sessions: the only place where a connection is opened, so that none exists whose settings
//! are not pinned. A thin wrapper over the driver's client that classifies errors.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use postgres::config::{SslMode, SslNegotiation, TargetSessionAttrs};
use postgres::types::ToSql;
use postgres::{CancelToken, Client, Config, CopyInWriter, CopyOutReader, Row};
use postgres_openssl::MakeTlsConnector;

use crate::endpoint::{Endpoint, environment};
use crate::error::{Class, Error};
use crate::settings::{self, Purpose};
use crate::tls;
use crate::version::ServerVersion;

/// Sets what is pinned, leaving out names that the server does not know.
const PIN: &str = include_str!("catalog/sql/session_pin.sql");
/// Facts that every caller needs.
const FACTS: &str = include_str!("catalog/sql/session_facts.sql");

/// libpq waits for ever; a tool in a pipeline should not.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Parameters of a statement.
pub type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A session with pinned settings.
pub struct Session {
    client: Client,
    tls: MakeTlsConnector,
    facts: Facts,
}

/// What a session knows of its server from the start.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Version.
    pub version: ServerVersion,
    /// What the server calls itself, such as `15.8 (Debian 15.8-0+deb12u1)`.
    pub version_text: String,
    /// Encoding of the database.
    pub encoding: String,
    /// Whether the server is a standby.
    pub in_recovery: bool,
    /// TLS version of the session.
    pub tls: Option<String>,
}

/// Cancels whatever its session is running. May be sent to another thread.
#[derive(Clone)]
pub struct Cancel {
    token: CancelToken,
    tls: MakeTlsConnector,
}

impl Cancel {
    /// Sends the cancel request from a thread of its own and does not wait for it.
    pub fn fire(&self) {
        let cancel = self.clone();
        // A request that does not arrive leaves the statement running; the session is
        // dropped soon after, which ends it.
        drop(
            thread::Builder::new()
                .name("cancel".to_owned())
                .spawn(move || {
                    drop(cancel.token.cancel_query(cancel.tls));
                }),
        );
    }
}

impl Endpoint {
    /// Opens a session: `application_name` tells whose it is (see
    /// [`settings::application_name`]).
    ///
    /// # Errors
    /// A connection class, with a hint that names what to change.
    pub fn connect(&self, purpose: Purpose, application_name: &str) -> Result<Session, Error> {
        let tls = tls::connector(self)?;
        let config = self.config(application_name, tls.mode)?;
        let client = self
            .open(config, tls.connector.clone())
            .map_err(|error| self.connect_error(error))?;
        let mut session = Session {
            client,
            tls: tls.connector,
            facts: Facts {
                version: ServerVersion(0),
                version_text: String::new(),
                encoding: String::new(),
                in_recovery: false,
                tls: None,
            },
        };
        session.pin(purpose)?;
        Ok(session)
    }

    /// The driver bounds only the connection itself, libpq also the login: a server that
    /// accepts and then says nothing is left to a thread of its own when the time is up.
    fn open(&self, config: Config, tls: MakeTlsConnector) -> Result<Client, Error> {
        let hosts = u32::try_from(self.hosts().len()).unwrap_or(1).max(1);
        let limit = self.connect_timeout()?.saturating_mul(hosts);
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new()
            .name("connect".to_owned())
            .spawn(move || {
                #[expect(clippy::disallowed_methods, reason = "this is the one opener")]
                let client = config.connect(tls);
                // Nobody listens any more when the time was up.
                drop(sender.send(client));
            })
            .map_err(|error| Error::new(Class::Lost, "cannot start a thread").with_source(error))?;
        match receiver.recv_timeout(limit) {
            Ok(client) => client.map_err(Error::of_driver),
            Err(_) => Err(Error::new(
                Class::Timeout,
                format!("no answer within {} s", limit.as_secs()),
            )),
        }
    }

    fn config(&self, application_name: &str, mode: SslMode) -> Result<Config, Error> {
        let mut config = Config::new();
        let mut only_sockets = true;
        for host in self.hosts() {
            config.host(&host.name).port(host.port);
            only_sockets &= host.is_socket();
        }
        // libpq never uses TLS over a Unix socket (manual, «sslmode»).
        config.ssl_mode(if only_sockets { SslMode::Disable } else { mode });
        config
            .user(self.user())
            .dbname(self.database())
            .application_name(application_name)
            .connect_timeout(self.connect_timeout()?)
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(10))
            .keepalives_retries(6);
        if let Some(password) = self.password() {
            config.password(password.expose());
        }
        if let Some(options) = self.parameter("options") {
            config.options(options);
        }
        if self.parameter("sslnegotiation") == Some("direct") {
            config.ssl_negotiation(SslNegotiation::Direct);
        }
        match self.parameter("target_session_attrs") {
            Some("read-write" | "primary") => {
                config.target_session_attrs(TargetSessionAttrs::ReadWrite);
            }
            Some("read-only" | "standby") => {
                config.target_session_attrs(TargetSessionAttrs::ReadOnly);
            }
            _ => {}
        }
        Ok(config)
    }

    /// How long a host may take to answer. libpq's rule: 0 or absent means no limit there, our
    /// default of 10 s here; 1 counts as 2.
    ///
    /// # Errors
    /// When the parameter is not a number.
    pub fn connect_timeout(&self) -> Result<Duration, Error> {
        let Some(text) = self.parameter("connect_timeout") else {
            return Ok(CONNECT_TIMEOUT);
        };
        let seconds: u64 = text.parse().map_err(|error| {
            Error::new(
                Class::Conninfo,
                format!("connect_timeout {text:?} is not a number"),
            )
            .with_source(error)
        })?;
        Ok(match seconds {
            0 => CONNECT_TIMEOUT,
            1 => Duration::from_secs(2),
            n => Duration::from_secs(n),
        })
    }

    fn connect_error(&self, error: Error) -> Error {
        let hint = self.connect_hint(error.class(), error.hint());
        Error::new(
            error.class(),
            format!("cannot connect to the {} {self}", self.role()),
        )
        .with_hint(hint)
        .with_state(error.sqlstate())
        .with_source(error)
    }
}

impl Error {
    pub(crate) fn with_state(self, state: Option<&str>) -> Self {
        match state {
            Some(state) => self.set_state(state),
            None => self,
        }
    }
}

impl Session {
    fn pin(&mut self, purpose: Purpose) -> Result<(), Error> {
        let (names, values) = settings::pinned(purpose);
        self.query(PIN, &[&names, &values])?;
        let row = self.query_one(FACTS, &[])?;
        let number: i32 = row.get("version");
        self.facts = Facts {
            version: ServerVersion(u32::try_from(number).unwrap_or(0)),
            version_text: row.get("version_text"),
            encoding: row.get("encoding"),
            in_recovery: row.get("in_recovery"),
            tls: row.get("tls"),
        };
        if self.facts.encoding == "SQL_ASCII" {
            // Bytes without a meaning are passed as they are, in both directions; under any
            // other client encoding the server refuses those that are not of it.
            self.batch("set client_encoding = 'SQL_ASCII'")?;
        }
        Ok(())
    }

    /// What is known of the server from the start.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Version of the server.
    pub fn version(&self) -> ServerVersion {
        self.facts.version
    }

    /// What cancels a running statement.
    pub fn cancel(&self) -> Cancel {
        Cancel {
            token: self.client.cancel_token(),
            tls: self.tls.clone(),
        }
    }

    /// Runs a query.
    pub fn query(&mut self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Error> {
        self.client.query(sql, values).map_err(Error::of_driver)
    }

    /// Runs a query that has exactly one row.
    pub fn query_one(&mut self, sql: &str, values: Values<'_>) -> Result<Row, Error> {
        self.client.query_one(sql, values).map_err(Error::of_driver)
    }

    /// Runs a query that has at most one row.
    pub fn query_opt(&mut self, sql: &str, values: Values<'_>) -> Result<Option<Row>, Error> {
        self.client.query_opt(sql, values).map_err(Error::of_driver)
    }

    /// Runs a statement; gives the rows affected.
    pub fn execute(&mut self, sql: &str, values: Values<'_>) -> Result<u64, Error> {
        self.client.execute(sql, values).map_err(Error::of_driver)
    }

    /// Runs statements as they are, by the simple protocol: DDL, transaction control.
    pub fn batch(&mut self, sql: &str) -> Result<(), Error> {
        self.client.batch_execute(sql).map_err(Error::of_driver)
    }

    /// Runs `work` in a transaction that `begin` opens; commits when it succeeds, rolls back
    /// otherwise.
    ///
    /// # Errors
    /// Those of `work`, or of the commit. When the connection is lost at the commit, the
    /// ledger says whether it happened.
    pub fn in_transaction<T, E: From<Error>>(
        &mut self,
        begin: &str,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.batch(begin)?;
        match work(self) {
            Ok(value) => {
                self.batch("commit")?;
                Ok(value)
            }
            Err(error) => {
                // The first error is the one to tell; a lost session rolls back by itself.
                drop(self.batch("rollback"));
                Err(error)
            }
        }
    }

    /// Starts COPY … TO STDOUT.
    pub fn copy_out(&mut self, sql: &str) -> Result<CopyOutReader<'_>, Error> {
        self.client.copy_out(sql).map_err(Error::of_driver)
    }

    /// Starts COPY … FROM STDIN.
    pub fn copy_in(&mut self, sql: &str) -> Result<CopyInWriter<'_>, Error> {
        self.client.copy_in(sql).map_err(Error::of_driver)
    }

    /// Ends a COPY … FROM STDIN; gives the rows that the server took.
    pub fn finish_copy(writer: CopyInWriter<'_>) -> Result<u64, Error> {
        writer.finish().map_err(Error::of_driver)
    }
}

/// The classified error inside an `io::Error` of a COPY.
pub fn copy_error(error: std::io::Error) -> Error {
    match error.downcast::<postgres::Error>() {
        Ok(driver) => Error::of_driver(driver),
        Err(io) => Error::new(Class::Lost, "the COPY was cut").with_source(io),
    }
}

/// Resolves an endpoint from the environment of this process.
///
/// # Errors
/// See [`Endpoint::resolve`].
pub fn resolve(role: crate::endpoint::Role, given: Option<&str>) -> Result<Endpoint, Error> {
    Endpoint::resolve(role, given, &environment)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::endpoint::Role;

    fn endpoint(conninfo: &str) -> Endpoint {
        Endpoint::resolve(Role::Source, Some(conninfo), &|_| None).unwrap()
    }

    #[test]
    fn the_timeout_follows_libpq() {
        for (given, seconds) in [
            ("", 10),
            ("connect_timeout=0", 10),
            ("connect_timeout=1", 2),
            ("connect_timeout=7", 7),
        ] {
            let endpoint = endpoint(&format!("host=h user=u {given}"));
            assert_eq!(
                endpoint.connect_timeout().unwrap().as_secs(),
                seconds,
                "{given}"
            );
        }
        let wrong = endpoint("host=h user=u connect_timeout=x");
        assert_eq!(
            wrong.connect_timeout().unwrap_err().class(),
            Class::Conninfo
        );
    }

    #[test]
    fn a_server_that_says_nothing_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let endpoint = endpoint(&format!(
            "host=127.0.0.1 port={port} user=u connect_timeout=1"
        ));
        let error = endpoint.connect(Purpose::Read, "pgmig/test").err().unwrap();
        assert_eq!(error.class(), Class::Timeout);
    }
}
