//! Sessions: the only place where a connection is opened, so that none exists whose settings
//! are not pinned. A thin wrapper over the driver's client that classifies errors.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use postgres::types::ToSql;
use postgres::{CancelToken, Client, CopyInWriter, CopyOutReader, Row, SimpleQueryRow};

use crate::endpoint::{Endpoint, environment};
use crate::error::{Class, Error};
use crate::journey::{Journey, Way};
use crate::settings::{self, Purpose};
use crate::startup::Startup;
pub use crate::startup::Warning;
use crate::version::ServerVersion;
use crate::way;
use crate::wire::TextRow;

/// libpq waits for ever; a tool in a pipeline should not.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Parameters of a statement.
pub type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A row of the simple protocol: values as text by the name of their column, without nulls.
pub type Texts = BTreeMap<String, String>;

/// A session with pinned settings.
pub struct Session {
    client: Client,
    startup: Startup,
    facts: Facts,
    way: Way,
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
    /// Whether transactions are read-only by the server's own settings.
    pub read_only: bool,
    /// TLS version of the session, as the server sees it.
    pub tls: Option<String>,
    /// The server process.
    pub(crate) process: Option<i32>,
    /// How long that process has been there, in milliseconds.
    pub(crate) process_ms: i64,
}

/// Cancels whatever its session is running. May be sent to another thread.
#[derive(Clone)]
pub struct Cancel {
    token: CancelToken,
    startup: Startup,
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
                    drop(cancel.token.cancel_query(cancel.startup));
                }),
        );
    }
}

impl Endpoint {
    /// Opens a session: `application_name` tells whose it is (see
    /// [`crate::settings::application_name`]). A server that refuses for now is waited for, and
    /// so is one that let us in before and is away.
    ///
    /// # Errors
    /// A connection class, with a hint that names what to change.
    pub fn connect(&self, purpose: Purpose, application_name: &str) -> Result<Session, Error> {
        self.patience
            .open(|| way::open(self, purpose, application_name, &mut Journey::default()))
    }

    /// Opens a session without trying again, and notes the way.
    ///
    /// # Errors
    /// As [`Endpoint::connect`]; the journey names the stage.
    pub fn probe(
        &self,
        purpose: Purpose,
        application_name: &str,
        journey: &mut Journey,
    ) -> Result<Session, Error> {
        let session = way::open(self, purpose, application_name, journey)?;
        self.patience.note_answer();
        Ok(session)
    }

    /// How long a host may take to answer. libpq's rule: 0 or absent means no limit there, our
    /// default of 10 s here; 1 counts as 2.
    pub fn connect_timeout(&self) -> Duration {
        let Some(text) = self.parameter("connect_timeout") else {
            return CONNECT_TIMEOUT;
        };
        // Checked when the string was read.
        let seconds: i64 = text.trim().parse().unwrap_or(0);
        match u64::try_from(seconds).unwrap_or(0) {
            0 => CONNECT_TIMEOUT,
            1 => Duration::from_secs(2),
            n => Duration::from_secs(n),
        }
    }
}

impl Facts {
    /// Reads the row that the opening message is answered with.
    pub(crate) fn read(row: &SimpleQueryRow) -> Self {
        let text = |column: &str| row.try_get(column).ok().flatten();
        let owned = |column| text(column).unwrap_or_default().to_owned();
        let number = |column| text(column).and_then(|text| text.parse().ok());
        Self {
            version: ServerVersion(text("version").and_then(|v| v.parse().ok()).unwrap_or(0)),
            version_text: owned("version_text"),
            encoding: owned("encoding"),
            in_recovery: text("in_recovery") == Some("t"),
            read_only: text("read_only") == Some("t"),
            tls: text("tls").map(str::to_owned),
            process: text("process").and_then(|text| text.parse().ok()),
            process_ms: number("process_ms").unwrap_or(0),
        }
    }
}

impl Session {
    /// A session out of a connection whose settings are pinned.
    ///
    /// # Errors
    /// When the encoding cannot be set.
    pub(crate) fn new(
        client: Client,
        startup: Startup,
        facts: Facts,
        way: Way,
    ) -> Result<Self, Error> {
        let mut session = Self {
            client,
            startup,
            facts,
            way,
        };
        if session.facts.encoding == "SQL_ASCII" {
            session.batch(settings::AS_BYTES)?;
        }
        Ok(session)
    }

    /// What the server has warned of since this was asked last, the first hundred.
    pub fn take_warnings(&mut self) -> Vec<Warning> {
        let mut warnings = self.startup.warnings.lock();
        let kept = warnings.as_mut().map(|kept| std::mem::take(&mut **kept));
        kept.unwrap_or_default()
    }

    /// How the session came about.
    pub fn way(&self) -> &Way {
        &self.way
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
            startup: self.startup.clone(),
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

    /// The first value of the last row, as text, by the simple protocol.
    pub(crate) fn simple_value(&mut self, sql: &str) -> Result<Option<String>, Error> {
        let messages = self.client.simple_query(sql).map_err(Error::of_driver)?;
        let row = messages.iter().rev().find_map(|message| match message {
            postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        Ok(row.map(str::to_owned))
    }

    /// The rows of all queries among some statements, by the simple protocol: one message to
    /// the server and back. Values have the names of their columns.
    ///
    /// # Errors
    /// As [`Session::text_rows`].
    pub fn simple_rows(&mut self, sql: &str) -> Result<Vec<Texts>, Error> {
        let rows = self.rows_of(sql)?;
        let named = rows.iter().map(|row| {
            let names = row.columns().iter().map(|column| column.name().to_owned());
            let cells = names.zip(text_row(row)?);
            Ok(cells
                .filter_map(|(name, text)| Some((name, text?)))
                .collect())
        });
        named.collect()
    }

    /// The same, with every value as the server prints it, in the order of the columns.
    ///
    /// # Errors
    /// What the server says, or, without a SQLSTATE, that a value is not UTF-8, which happens in
    /// `SQL_ASCII`.
    pub fn text_rows(&mut self, sql: &str) -> Result<Vec<TextRow>, Error> {
        self.rows_of(sql)?.iter().map(text_row).collect()
    }

    fn rows_of(&mut self, sql: &str) -> Result<Vec<SimpleQueryRow>, Error> {
        let messages = self.client.simple_query(sql).map_err(Error::of_driver)?;
        let rows = messages.into_iter().filter_map(|message| match message {
            postgres::SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows.collect())
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

    /// Runs statements as one transaction in one message, after `settings` that last as long.
    ///
    /// # Errors
    /// What the server says; nothing of the statements is left then. When the connection is
    /// lost, the ledger says whether they were committed.
    pub fn at_once(&mut self, settings: &str, statements: &str) -> Result<(), Error> {
        // A statement may end without a semicolon, or in a comment.
        self.batch(&format!("begin; {settings}\n{statements}\n;commit"))
            .inspect_err(|_error| drop(self.batch("rollback")))
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

fn text_row(row: &SimpleQueryRow) -> Result<TextRow, Error> {
    (0..row.len())
        .map(|index| {
            let value = row.try_get(index).map_err(|error| {
                let what = "the answer holds bytes that are not UTF-8";
                Error::new(Class::Statement, what).with_source(error)
            })?;
            Ok(value.map(str::to_owned))
        })
        .collect()
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
            assert_eq!(endpoint.connect_timeout().as_secs(), seconds, "{given}");
        }
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
