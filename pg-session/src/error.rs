//! What can go wrong with a server, classified once for all tools.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use postgres::error::SqlState;

/// Class of an error, decided from SQLSTATE and operating system error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Class {
    /// The connection string or a setting is wrong.
    Conninfo,
    /// The host name does not resolve.
    Resolve,
    /// Nothing listens there.
    Refused,
    /// No answer in time.
    Timeout,
    /// The connection was cut.
    Lost,
    /// Something answers there, but it is not a PostgreSQL server.
    NotPostgres,
    /// TLS could not be agreed on.
    Tls,
    /// User or password is wrong.
    Authentication,
    /// A password is asked for, and there is none.
    NoPassword,
    /// The server does not let this user in: no line of pg_hba.conf, no such role, a role
    /// without LOGIN, another operating system user, a client certificate that is missing.
    Hba,
    /// The database does not exist.
    NoDatabase,
    /// Too many connections.
    TooMany,
    /// The server is starting up or shutting down.
    Unavailable,
    /// A privilege is missing.
    Privilege,
    /// The server, or the transaction, is read-only.
    ReadOnly,
    /// No server is such as `target_session_attrs` wants it.
    Unsuitable,
    /// A pooler stands in the way that shares server processes between sessions.
    Pooler,
    /// The statement was canceled.
    Canceled,
    /// The server is too old, or not one that we can work with.
    Unsupported,
    /// The ledger says otherwise than it should.
    Ledger,
    /// Any other statement that the server refused.
    Statement,
}

impl Class {
    /// The class in one word, as records carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conninfo => "conninfo",
            Self::Resolve => "resolve",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Lost => "lost",
            Self::NotPostgres => "not_postgres",
            Self::Tls => "tls",
            Self::Authentication | Self::NoPassword => "authentication",
            Self::Hba => "hba",
            Self::NoDatabase => "database",
            Self::TooMany => "too_many",
            Self::Unavailable => "unavailable",
            Self::Privilege => "privilege",
            Self::ReadOnly => "read_only",
            Self::Unsuitable => "unsuitable",
            Self::Pooler => "pooler",
            Self::Canceled => "canceled",
            Self::Unsupported => "unsupported",
            Self::Ledger => "ledger",
            Self::Statement => "statement",
        }
    }

    /// Whether the server could not be reached or was lost, as opposed to: it said no.
    pub fn is_connection(self) -> bool {
        matches!(
            self,
            Self::Resolve
                | Self::Refused
                | Self::Timeout
                | Self::Lost
                | Self::NotPostgres
                | Self::Tls
                | Self::Authentication
                | Self::NoPassword
                | Self::Hba
                | Self::NoDatabase
                | Self::TooMany
                | Self::Unavailable
                | Self::Unsuitable
                | Self::Pooler
        )
    }

    /// Whether trying again can help.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Timeout | Self::Lost | Self::TooMany | Self::Unavailable
        )
    }

    fn of_state(state: &SqlState) -> Self {
        match state.code() {
            "28P01" => Self::Authentication,
            "28000" => Self::Hba,
            "3D000" => Self::NoDatabase,
            "53300" => Self::TooMany,
            "57P03" | "57P01" | "57P02" => Self::Unavailable,
            "57014" => Self::Canceled,
            "42501" => Self::Privilege,
            "25006" => Self::ReadOnly,
            code if code.starts_with("08") => Self::Lost,
            _ => Self::Statement,
        }
    }
}

/// An error of a server or of the way to it.
#[derive(Debug)]
#[expect(
    clippy::error_impl_error,
    reason = "the crate has one error; callers write pg_session::Error"
)]
pub struct Error {
    class: Class,
    message: String,
    sqlstate: Option<String>,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    /// Whether it came while connecting, where any refusal means that there is no session.
    at_connect: bool,
}

impl Error {
    /// An error with a message of our own.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            sqlstate: None,
            hint: None,
            source: None,
            at_connect: false,
        }
    }

    /// Adds what to do next, a full sentence.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the error behind it, whose message is printed after ours.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Puts what we were doing in front; class, SQLSTATE and hint stay.
    #[must_use]
    pub fn while_doing(self, doing: impl Into<String>) -> Self {
        Self {
            class: self.class,
            message: doing.into(),
            sqlstate: self.sqlstate.clone(),
            hint: self.hint.clone(),
            at_connect: self.at_connect,
            source: Some(Box::new(self)),
        }
    }

    /// Adds the SQLSTATE of the error behind it, where that has one.
    #[must_use]
    pub(crate) fn with_state(mut self, state: Option<&str>) -> Self {
        self.sqlstate = state.map(str::to_owned);
        self
    }

    /// An error of the driver. What the server said becomes the message; an error of our own
    /// that went through the driver comes out as it was.
    pub(crate) fn of_driver(error: postgres::Error) -> Self {
        if let Some(db) = error.as_db_error() {
            return Self::of_server(db.code(), db.message(), db.detail(), db.hint());
        }
        if let Some(own) = own_in_chain(&error) {
            return own.copied();
        }
        let class = class_of_chain(&error);
        let text = chain_text(&error);
        if text.contains("password missing") {
            return Self::new(
                Class::NoPassword,
                "the server asks for a password, and there is none",
            );
        }
        if text.contains("channel binding") {
            return Self::new(
                Class::Authentication,
                "the server did not bind the password to the TLS connection",
            )
            .with_hint(
                "What channel_binding=require asks for takes TLS, a scram-sha-256 password, and a \
                 certificate signed with RSA (PKCS 1) or ECDSA.",
            );
        }
        Self::new(class, text)
    }

    /// What a server said.
    pub(crate) fn of_server(
        code: &SqlState,
        message: &str,
        detail: Option<&str>,
        hint: Option<&str>,
    ) -> Self {
        let mut message = message.to_owned();
        if let Some(detail) = detail {
            message.push_str(&format!(" ({detail})"));
        }
        Self {
            class: Class::of_state(code),
            message,
            sqlstate: Some(code.code().to_owned()),
            hint: hint.map(str::to_owned),
            source: None,
            at_connect: false,
        }
    }

    /// An error of reading from a connection or writing to it.
    pub(crate) fn of_stream(error: &io::Error) -> Self {
        let own = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Self>());
        own.map_or_else(
            || Self::of_io(error, "the connection was lost"),
            Self::copied,
        )
    }

    /// An error of the operating system on the way to a server.
    pub(crate) fn of_io(error: &io::Error, message: impl Into<String>) -> Self {
        Self::new(class_of_io(error), format!("{}: {error}", message.into()))
    }

    /// The same error; what was behind it is only told.
    fn copied(&self) -> Self {
        Self {
            class: self.class,
            message: self.told(),
            sqlstate: self.sqlstate.clone(),
            hint: self.hint.clone(),
            source: None,
            at_connect: self.at_connect,
        }
    }

    /// Message and all that is behind it, in one line.
    pub fn told(&self) -> String {
        chain_text(self)
    }

    /// The same error, seen as another class.
    #[must_use]
    pub(crate) fn of_class(self, class: Class) -> Self {
        Self { class, ..self }
    }

    /// The same error in other words.
    #[must_use]
    pub(crate) fn retold(self, message: String) -> Self {
        Self {
            message,
            source: None,
            ..self
        }
    }

    /// Marks it as one that came while connecting.
    #[must_use]
    pub(crate) fn at_connect(mut self) -> Self {
        self.at_connect = self.class != Class::Conninfo;
        self
    }

    /// Whether there is no session because of it, or no more.
    pub fn is_connection(&self) -> bool {
        self.at_connect || self.class.is_connection()
    }

    /// Class of the error.
    pub fn class(&self) -> Class {
        self.class
    }

    /// SQLSTATE, where a server gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        self.sqlstate.as_deref()
    }

    /// What to do next. Whatever was under way when a connection was cut, that is to run the
    /// same again.
    pub fn hint(&self) -> Option<&str> {
        let again = "Run the same again, once the server can be reached.";
        let is_cut = self.class == Class::Lost && !self.at_connect;
        self.hint.as_deref().or(is_cut.then_some(again))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_ref()
            .map(|source| -> &(dyn StdError + 'static) { source.as_ref() })
    }
}

/// An error of ours inside of the driver's, also when it went through an `io::Error`, whose
/// `source` leaves out the error that it was made of.
fn own_in_chain(error: &postgres::Error) -> Option<&Error> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = cause {
        let inside = current
            .downcast_ref::<io::Error>()
            .and_then(|io| io.get_ref()?.downcast_ref::<Error>());
        if let Some(own) = inside.or_else(|| current.downcast_ref::<Error>()) {
            return Some(own);
        }
        cause = current.source();
    }
    None
}

fn class_of_chain(error: &postgres::Error) -> Class {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<io::Error>() {
            return class_of_io(io);
        }
        if current.is::<openssl::ssl::Error>() || current.is::<openssl::error::ErrorStack>() {
            return Class::Tls;
        }
        cause = current.source();
    }
    let text = chain_text(error);
    if error.is_closed() || text.contains("connection closed") {
        Class::Lost
    } else if text.contains("TLS") || text.contains("tls") {
        Class::Tls
    } else if text.contains("password") || text.contains("auth") {
        Class::Authentication
    } else if text.contains("bytes remaining on stream") || text.contains("unexpected message") {
        Class::NotPostgres
    } else {
        Class::Statement
    }
}

fn class_of_io(error: &io::Error) -> Class {
    match error.kind() {
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::NotFound
        | io::ErrorKind::PermissionDenied => Class::Refused,
        // The path of a socket is too long (sun_path of unix(7)).
        io::ErrorKind::InvalidInput => Class::Conninfo,
        io::ErrorKind::TimedOut
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable => Class::Timeout,
        _ if error.to_string().contains("lookup") => Class::Resolve,
        _ => Class::Lost,
    }
}

/// Every message of the chain once, in one line.
fn chain_text(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        let more = current.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = current.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_that_mean_that_the_server_is_away_are_connection_errors() {
        for code in ["57P01", "57P03", "08006", "53300", "28P01", "3D000"] {
            assert!(
                Class::of_state(&SqlState::from_code(code)).is_connection(),
                "{code}"
            );
        }
        for code in ["42P01", "23505", "42501", "57014"] {
            assert!(
                !Class::of_state(&SqlState::from_code(code)).is_connection(),
                "{code}"
            );
        }
    }

    #[test]
    fn a_wrong_password_is_not_tried_again() {
        assert!(!Class::Authentication.is_transient());
        assert!(Class::Unavailable.is_transient());
    }
}
