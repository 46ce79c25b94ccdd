//! One attempt to open a connection, and which one comes after it: each host's addresses in
//! turn, each with the encryptions that `sslmode` allows, as libpq goes through them.

use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use postgres::config::{ChannelBinding, SslMode, SslNegotiation};
use postgres::{Client, NoTls, SimpleQueryMessage, SimpleQueryRow};
use tokio_postgres::Config;

use crate::address::Address;
use crate::auth::Policy;
use crate::endpoint::Endpoint;
use crate::error::{Class, Error};
use crate::host::Host;
use crate::journey::{Journey, Leg, Stage};
use crate::secret::Secret;
use crate::settings;
use crate::startup::{Encryption, Seen, Startup};
use crate::tls::{Connector, Mode};

/// What is tried, in this order, with each address.
pub(crate) fn encryptions(mode: Mode, direct: bool) -> &'static [Encryption] {
    match mode {
        Mode::Disable => &[Encryption::Never],
        Mode::Allow => &[Encryption::Never, Encryption::Always],
        Mode::Prefer => &[Encryption::IfOffered, Encryption::Never],
        _ if direct => &[Encryption::Direct],
        _ => &[Encryption::Always],
    }
}

/// What comes after an attempt that failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// The same address with the other encryption, if there is one.
    Encryption,
    /// The next address of the host, or the next host.
    Address,
    /// The next host.
    Host,
    /// Nothing: a server that says no is believed (manual, «Specifying Multiple Hosts»).
    Stop,
}

/// One attempt.
pub(crate) struct Attempt<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) host: &'a Host,
    pub(crate) password: Option<&'a Secret>,
    pub(crate) address: &'a Address,
    pub(crate) encryption: Encryption,
    pub(crate) mode: Mode,
    /// How long it may take, in all.
    pub(crate) limit: Duration,
}

/// A connection that is open, its settings pinned.
pub(crate) struct Opened {
    pub(crate) client: Client,
    /// The row of facts that the server answered with.
    pub(crate) facts: SimpleQueryRow,
    pub(crate) startup: Startup,
    /// The server that let us in, with its address.
    pub(crate) host: Host,
    /// When the attempt began.
    pub(crate) begun: Instant,
}

/// An attempt that failed.
pub(crate) struct Failed {
    pub(crate) error: Error,
    pub(crate) next: Next,
    pub(crate) encrypted: bool,
}

impl Attempt<'_> {
    /// Makes the attempt; what was passed on the way stands in the journey.
    pub(crate) fn make(
        &self,
        opening: &str,
        application_name: &str,
        journey: &mut Journey,
    ) -> Result<Opened, Failed> {
        let begun = Instant::now();
        let prepared = self.prepare(application_name);
        let (config, startup) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                // No stage is to blame for a connection string that is wrong.
                let stage = (error.class() == Class::Tls).then_some(Stage::Tls);
                journey.failed = stage.map(|stage| (stage, begun.elapsed()));
                return Err(Failed {
                    error,
                    next: Next::Stop,
                    encrypted: false,
                });
            }
        };
        // What it takes to read certificates is no time of the network's.
        let begun = Instant::now();
        match self.open(config, &startup, opening) {
            Ok((client, facts)) => {
                self.note(&startup.seen(), begun, journey);
                Ok(Opened {
                    client,
                    facts,
                    startup,
                    host: Host {
                        address: self.address.ip(),
                        ..self.host.clone()
                    },
                    begun,
                })
            }
            Err(error) => {
                let seen = startup.seen();
                let stage = self.note(&seen, begun, journey);
                let next = next(&error, stage, self.encryption, seen.tls.is_some());
                Err(Failed {
                    error,
                    next,
                    encrypted: seen.tls.is_some(),
                })
            }
        }
    }

    /// What the driver logs in with, and what it is to have done before.
    pub(crate) fn prepare(&self, application_name: &str) -> Result<(Config, Startup), Error> {
        let endpoint = self.endpoint;
        let connector = match (self.encryption, self.address) {
            (Encryption::Never, _) | (_, Address::Socket(..)) => None,
            _ => Some(Connector::new(endpoint, self.host, self.mode)?),
        };
        let startup = Startup {
            encryption: self.encryption,
            connector,
            policy: Policy::of(endpoint)?,
            seen: Arc::new(Mutex::new(Seen::default())),
            warnings: Arc::default(),
        };
        let mut config = Config::new();
        config
            .user(endpoint.user())
            .dbname(endpoint.database())
            .application_name(application_name)
            .connect_timeout(self.limit);
        keep_alive(&mut config, endpoint);
        match self.address {
            Address::Network(SocketAddr::V6(address)) if address.scope_id() != 0 => {
                return Err(Error::new(
                    Class::Unsupported,
                    format!("addresses with a zone are not supported: {address}"),
                )
                .with_hint("Use an address of the server that is not local to a link."));
            }
            Address::Network(address) => {
                // The driver negotiates nothing by itself: our stream has it done.
                // The driver hands the name to us again; it must not look like a socket.
                config
                    .host(self.host.name.trim_start_matches('/'))
                    .hostaddr(address.ip())
                    .port(address.port())
                    .ssl_mode(SslMode::Require)
                    .ssl_negotiation(SslNegotiation::Direct);
            }
            Address::Socket(directory, port) => {
                // An abstract name begins with a zero byte (unix(7)).
                let path = directory
                    .strip_prefix('@')
                    .map_or_else(|| directory.clone(), |name| format!("\0{name}"));
                config
                    .host_path(path)
                    .port(*port)
                    .ssl_mode(SslMode::Disable);
            }
        }
        if let Some(password) = self.password {
            config.password(password.expose());
        }
        if let Some(options) = endpoint.parameter("options") {
            config.options(options);
        }
        config.channel_binding(match endpoint.parameter("channel_binding") {
            Some("disable") => ChannelBinding::Disable,
            Some("require") => ChannelBinding::Require,
            _ => ChannelBinding::Prefer,
        });
        Ok((config, startup))
    }

    /// The driver bounds only the connection itself, libpq also the login: a server that
    /// accepts and then says nothing is left to a thread of its own when the time is up.
    fn open(
        &self,
        config: Config,
        startup: &Startup,
        opening: &str,
    ) -> Result<(Client, SimpleQueryRow), Error> {
        let socket = self.address.file().filter(|file| file.is_absolute());
        let (stream, opening) = (startup.clone(), opening.to_owned());
        within(self.limit, move || {
            let reached = socket.map_or(Ok(()), |file| reach(&file, &stream));
            reached.and_then(|()| log_in(config, stream, &opening))
        })
    }

    /// Writes down what was passed, with its times; gives the stage that comes next.
    fn note(&self, seen: &Seen, begun: Instant, journey: &mut Journey) -> Stage {
        let mut from = begun;
        let mut pass = |stage, until: Option<Instant>, found: String| {
            let until = until?;
            journey.legs.push(Leg {
                stage,
                elapsed: until.saturating_duration_since(from),
                found,
            });
            from = until;
            Some(())
        };
        let asks = !matches!(self.encryption, Encryption::Never) && self.address.ip().is_some();
        let secured = seen.tls.as_ref().map_or_else(
            || "the server does not offer TLS".to_owned(),
            |tls| {
                format!(
                    "{}, {}, certificate of {}",
                    tls.version, tls.cipher, tls.subject
                )
            },
        );
        let method = seen.method.as_deref().map(|method| format!(" by {method}"));
        let logged_in = format!(
            "logged in as {} to database {}{}",
            self.endpoint.user(),
            self.endpoint.database(),
            method.unwrap_or_default()
        );
        let stage = (|| {
            let connected = format!("connected to {}", self.address);
            pass(Stage::Tcp, seen.connected, connected).ok_or(Stage::Tcp)?;
            if asks {
                pass(Stage::Tls, seen.secured, secured).ok_or(Stage::Tls)?;
            }
            pass(Stage::Auth, seen.ready, logged_in).ok_or(Stage::Auth)
        })();
        let stage = stage.err().unwrap_or(Stage::Session);
        journey.failed = Some((stage, from.elapsed()));
        stage
    }
}

/// Does something in a thread of its own, which is left behind when the time is up.
///
/// # Errors
/// Those of `work`, [`Class::Timeout`] when it takes too long.
pub(crate) fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("connect".to_owned())
        .spawn(move || {
            // Nobody listens any more when the time was up.
            drop(sender.send(work()));
        })
        .map_err(|error| Error::new(Class::Lost, "cannot start a thread").with_source(error))?;
    receiver.recv_timeout(limit).unwrap_or_else(|_| {
        Err(Error::new(
            Class::Timeout,
            format!("no answer within {} s", limit.as_secs()),
        ))
    })
}

/// Connects to a Unix socket and hangs up, so that the driver's own connection is to something
/// that is known to be there.
fn reach(file: &Path, startup: &Startup) -> Result<(), Error> {
    UnixStream::connect(file)
        .map_err(|error| Error::of_io(&error, format!("cannot connect to {}", file.display())))?;
    startup.seen().connected = Some(Instant::now());
    Ok(())
}

/// Connects, pins the settings and asks for the first facts.
fn log_in(
    config: Config,
    startup: Startup,
    opening: &str,
) -> Result<(Client, SimpleQueryRow), Error> {
    let seen = Arc::clone(&startup.seen);
    let over_network = !config.get_hostaddrs().is_empty();
    let mut config = postgres::Config::from(config);
    config.notice_callback(startup.listener());
    #[expect(clippy::disallowed_methods, reason = "this is the one opener")]
    let client = if over_network {
        config.connect(startup)
    } else {
        config.connect(NoTls)
    };
    let mut client = client.map_err(at_login)?;
    if let Ok(mut seen) = seen.lock() {
        seen.ready.get_or_insert_with(Instant::now);
    }
    client
        .batch_execute(settings::DISARM)
        .map_err(Error::of_driver)?;
    let messages = client.simple_query(opening).map_err(Error::of_driver)?;
    let row = messages
        .into_iter()
        .rev()
        .find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
    let row = row.ok_or_else(|| Error::new(Class::Unsupported, "the server gave no facts"))?;
    Ok((client, row))
}

/// An error of the driver while it logs in.
pub(crate) fn at_login(error: postgres::Error) -> Error {
    let error = Error::of_driver(error);
    let class = class_at_login(&error);
    error.of_class(class)
}

/// What a refusal at the login means, where its SQLSTATE has another meaning later.
fn class_at_login(error: &Error) -> Class {
    let told = error.to_string();
    match error.sqlstate() {
        // A database that takes no connections (datallowconn).
        Some("55000") => Class::NoDatabase,
        // PgBouncer says everything as a violation of the protocol.
        Some("08P01") if told.contains("no more connections") => Class::TooMany,
        Some("08P01") if told.contains("database") => Class::NoDatabase,
        Some("08P01") if told.contains("auth") || told.contains("user") => Class::Authentication,
        Some("08P01") => Class::Statement,
        _ => error.class(),
    }
}

/// Our own keepalives, unless others were given: a server that is gone is noticed in about a
/// minute. libpq's `keepalives=0` switches them off.
fn keep_alive(config: &mut Config, endpoint: &Endpoint) {
    let number = |key: &str| {
        let text = endpoint.parameter(key).map(str::trim);
        text.and_then(|text| text.parse::<u32>().ok())
            .filter(|number| *number > 0)
    };
    let seconds = |key: &str| number(key).unwrap_or(settings::KEEPALIVE_SECONDS);
    config
        .keepalives(endpoint.parameter("keepalives").map(str::trim) != Some("0"))
        .keepalives_idle(Duration::from_secs(seconds("keepalives_idle").into()))
        .keepalives_interval(Duration::from_secs(seconds("keepalives_interval").into()))
        .keepalives_retries(number("keepalives_count").unwrap_or(settings::KEEPALIVE_TRIES));
    if let Some(milliseconds) = number("tcp_user_timeout") {
        config.tcp_user_timeout(Duration::from_millis(milliseconds.into()));
    }
}

/// What libpq does after a failure.
fn next(error: &Error, stage: Stage, encryption: Encryption, encrypted: bool) -> Next {
    let said_no = error.sqlstate().is_some();
    match (error.class(), stage) {
        (Class::Timeout, _) | (_, Stage::Tcp) => Next::Address,
        // A server that is starting up or going down: another may be there (libpq 14).
        _ if error.sqlstate() == Some("57P03") => Next::Host,
        (Class::Tls, Stage::Tls) if encryption == Encryption::IfOffered => Next::Encryption,
        _ if said_no && encryption == Encryption::IfOffered && encrypted => Next::Encryption,
        _ if said_no && encryption == Encryption::Never => Next::Encryption,
        _ => Next::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_has_its_order() {
        use Encryption::{Always, IfOffered, Never};
        assert_eq!(encryptions(Mode::Allow, false), [Never, Always]);
        assert_eq!(encryptions(Mode::Prefer, false), [IfOffered, Never]);
        assert_eq!(encryptions(Mode::VerifyCa, false), [Always]);
        assert_eq!(encryptions(Mode::Require, true), [Encryption::Direct]);
    }

    #[test]
    fn a_server_that_says_no_is_believed_and_one_that_is_away_is_not_waited_for() {
        let wrong = Error::new(Class::Authentication, "no").with_state(Some("28P01"));
        let after =
            |error: &Error, encryption, encrypted| next(error, Stage::Auth, encryption, encrypted);
        assert_eq!(after(&wrong, Encryption::Always, true), Next::Stop);
        assert_eq!(after(&wrong, Encryption::IfOffered, true), Next::Encryption);
        assert_eq!(after(&wrong, Encryption::IfOffered, false), Next::Stop);
        assert_eq!(after(&wrong, Encryption::Never, false), Next::Encryption);
        let starting = Error::new(Class::Unavailable, "starting").with_state(Some("57P03"));
        assert_eq!(after(&starting, Encryption::Always, true), Next::Host);
        let refused = Error::new(Class::Refused, "refused");
        let next = next(&refused, Stage::Tcp, Encryption::Always, false);
        assert_eq!(next, Next::Address);
    }
}
