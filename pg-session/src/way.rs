//! Goes the way to a server: hosts, addresses and encryptions in libpq's order, until one lets
//! us in and suits `target_session_attrs`.

use std::net::IpAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::address::{self, Address};
use crate::attempt::{self, Attempt, Next, Opened};
use crate::endpoint::Endpoint;
use crate::error::{Class, Error};
use crate::host::Host;
use crate::journey::{Journey, Leg, Stage, Way};
use crate::pooler;
use crate::secret::Secret;
use crate::session::{Facts, Session};
use crate::settings::{self, Purpose};
use crate::tls::Mode;

/// Opens a session, once.
///
/// # Errors
/// A connection class, with a hint that names what to change.
pub(crate) fn open(
    endpoint: &Endpoint,
    purpose: Purpose,
    application_name: &str,
    journey: &mut Journey,
) -> Result<Session, Error> {
    let session = knock(endpoint, purpose, application_name, journey)?;
    // Over a Unix socket the first words of the server are not seen, and a pooler's process may
    // be as new as a server's: there it is tried in any case, once.
    let is_unsure = session.way().pooled || session.way().address.starts_with(['/', '@']);
    if !is_unsure || endpoint.patience.is_known_to_keep_sessions() {
        return Ok(session);
    }
    let session = kept(session, endpoint, purpose, application_name)
        .map_err(|error| in_words(endpoint, Trouble::of(error)))?;
    endpoint.patience.note_kept_session();
    Ok(session)
}

/// How long a second session may take, in seconds, and each of the steps with it.
const SECOND_SESSION_SECONDS: u64 = 3;

/// The session, if it keeps its server process; a pooler whose pool is small may keep us
/// waiting, so it is looked into from a thread.
fn kept(
    mut session: Session,
    endpoint: &Endpoint,
    purpose: Purpose,
    application_name: &str,
) -> Result<Session, Error> {
    let quick = endpoint
        .narrowed(session.way())
        .with_parameter("connect_timeout", &SECOND_SESSION_SECONDS.to_string());
    let name = application_name.to_owned();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let other = || {
            let mut journey = Journey::default();
            go(&quick, purpose, &name, &mut journey).map_err(|trouble| trouble.error)
        };
        let checked = pooler::check(&mut session, other);
        // Nobody listens any more when the time was up.
        drop(sender.send(checked.map(|()| session)));
    });
    let limit = Duration::from_secs(3 * SECOND_SESSION_SECONDS);
    receiver
        .recv_timeout(limit)
        .unwrap_or_else(|_| Err(pooler::shared()))
}

/// Goes the way, and once more with the password that a person gives.
fn knock(
    endpoint: &Endpoint,
    purpose: Purpose,
    application_name: &str,
    journey: &mut Journey,
) -> Result<Session, Error> {
    let trouble = match go(endpoint, purpose, application_name, journey) {
        Ok(session) => return Ok(session),
        Err(trouble) => trouble,
    };
    let asks = trouble.error.class() == Class::NoPassword;
    if asks && endpoint.ask_for_password().is_some() {
        *journey = Journey::default();
        return go(endpoint, purpose, application_name, journey)
            .map_err(|trouble| in_words(endpoint, trouble));
    }
    Err(in_words(endpoint, trouble))
}

/// What went wrong, and where we would have come from.
pub(crate) struct Trouble {
    error: Error,
    /// Our own address on the way to that server.
    from: Option<IpAddr>,
}

impl Trouble {
    pub(crate) fn of(error: Error) -> Self {
        Self { error, from: None }
    }
}

/// The error as people are told it, with what to change.
pub(crate) fn in_words(endpoint: &Endpoint, trouble: Trouble) -> Error {
    let error = trouble.error.at_connect();
    let hint = endpoint.connect_hint(&error, trouble.from);
    Error::new(
        error.class(),
        format!("cannot connect to the {} {endpoint}", endpoint.role()),
    )
    .with_hint(hint)
    .with_state(error.sqlstate())
    .with_source(error)
    .at_connect()
}

/// The search for a server that lets us in.
struct Search<'a> {
    endpoint: &'a Endpoint,
    opening: String,
    application_name: &'a str,
    mode: Mode,
    /// The error to tell when nothing helps, and those before it.
    errors: Vec<(String, Error)>,
    from: Option<IpAddr>,
}

/// What holds for all attempts to reach one host.
struct Goal<'a> {
    host: &'a Host,
    /// How its name was resolved.
    resolved: Leg,
    password: Option<Secret>,
}

fn go(
    endpoint: &Endpoint,
    purpose: Purpose,
    application_name: &str,
    journey: &mut Journey,
) -> Result<Session, Trouble> {
    let mut search = Search {
        endpoint,
        opening: settings::opening(purpose),
        application_name,
        mode: Mode::of(endpoint).map_err(Trouble::of)?,
        errors: Vec::new(),
        from: None,
    };
    let mut hosts: Vec<&Host> = endpoint.hosts().iter().collect();
    address::shuffle(endpoint, &mut hosts);
    let wanted = endpoint.parameter("target_session_attrs").unwrap_or("any");
    // The second round takes any server when no standby was found (libpq 14).
    let rounds: &[&str] = match wanted {
        "prefer-standby" => &["standby", "any"],
        _ => &[wanted],
    };
    for wanted in rounds {
        for host in &hosts {
            match search.try_host(host, wanted, journey) {
                Ok(session) => return Ok(session),
                Err(Next::Stop) => return Err(search.trouble()),
                Err(_) => {}
            }
        }
    }
    Err(search.trouble())
}

impl Search<'_> {
    fn try_host(
        &mut self,
        host: &Host,
        wanted: &str,
        journey: &mut Journey,
    ) -> Result<Session, Next> {
        let begun = Instant::now();
        let limit = self.endpoint.connect_timeout();
        let addresses = address::resolve(self.endpoint, host, limit).map_err(|error| {
            journey.legs.clear();
            journey.failed = Some((Stage::Resolve, begun.elapsed()));
            self.errors.push((host.name.clone(), error));
            Next::Host
        })?;
        let resolved = Leg {
            stage: Stage::Resolve,
            elapsed: begun.elapsed(),
            found: found(&addresses),
        };
        let begun = Instant::now();
        // Once for all attempts: a command may take its time.
        let password = self.endpoint.password_for(host).map_err(|error| {
            journey.legs = vec![resolved.clone()];
            journey.failed = Some((Stage::Auth, begun.elapsed()));
            self.errors.push((host.name.clone(), error));
            Next::Stop
        })?;
        let goal = Goal {
            host,
            resolved,
            password,
        };
        for address in &addresses {
            match self.try_address(&goal, address, journey) {
                Ok(opened) => return self.accept(opened, address, wanted, journey),
                Err(Next::Stop) => return Err(Next::Stop),
                Err(Next::Host) => return Err(Next::Host),
                Err(Next::Address | Next::Encryption) => {}
            }
        }
        Err(Next::Host)
    }

    fn try_address(
        &mut self,
        goal: &Goal<'_>,
        address: &Address,
        journey: &mut Journey,
    ) -> Result<Opened, Next> {
        let direct = self.endpoint.parameter("sslnegotiation") == Some("direct");
        let mut encrypted_error = None;
        // libpq never uses TLS over a Unix socket (manual, «sslmode»).
        let encryptions = match address {
            Address::Network(_) => attempt::encryptions(self.mode, direct),
            Address::Socket(..) => attempt::encryptions(Mode::Disable, false),
        };
        for encryption in encryptions {
            journey.legs = vec![goal.resolved.clone()];
            let attempt = Attempt {
                endpoint: self.endpoint,
                host: goal.host,
                password: goal.password.as_ref(),
                address,
                encryption: *encryption,
                mode: self.mode,
                limit: self.endpoint.connect_timeout(),
            };
            let failed = match attempt.make(&self.opening, self.application_name, journey) {
                Ok(opened) => return Ok(opened),
                Err(failed) => failed,
            };
            self.from = address.ip().and_then(own_address);
            let place = address.to_string();
            if failed.encrypted || failed.error.class() == Class::Tls {
                encrypted_error = Some(self.errors.len());
            }
            self.errors.push((place, failed.error));
            if failed.next != Next::Encryption {
                self.tell_first(encrypted_error);
                return Err(failed.next);
            }
        }
        self.tell_first(encrypted_error);
        // Every encryption was refused: the server said no.
        Err(Next::Stop)
    }

    /// Of two errors of one server the one that came over TLS says more: the other one often
    /// is that TLS is wanted.
    fn tell_first(&mut self, encrypted: Option<usize>) {
        let is_no_server = |(_, error): &(String, Error)| error.class() == Class::NotPostgres;
        if self.errors.last().is_some_and(is_no_server) {
            return;
        }
        if let Some(index) = encrypted.filter(|index| *index < self.errors.len()) {
            let error = self.errors.remove(index);
            self.errors.push(error);
        }
    }

    /// Makes a session of a connection that suits `target_session_attrs`.
    fn accept(
        &mut self,
        opened: Opened,
        address: &Address,
        wanted: &str,
        journey: &mut Journey,
    ) -> Result<Session, Next> {
        let facts = Facts::read(&opened.facts);
        let seen = opened.startup.seen();
        let way = Way {
            address: address.to_string(),
            tls: seen.tls.clone(),
            method: seen.method.clone(),
            pooled: pooler::is_pooled(&facts, seen.process, opened.begun.elapsed()),
            host: Some(opened.host),
            reached: Some((address.clone(), opened.startup.encryption)),
        };
        drop(seen);
        let session = Session::new(opened.client, opened.startup, facts, way)
            .map_err(|error| self.note(address, error))?;
        if let Some(why) = unsuitable(wanted, &session) {
            let error = Error::new(Class::Unsuitable, why)
                .with_hint("Give another host, or another target_session_attrs.");
            self.note(address, error);
            return Err(Next::Host);
        }
        if let Some((stage, elapsed)) = journey.failed.take() {
            journey.legs.push(Leg {
                stage,
                elapsed,
                found: format!("PostgreSQL {}", session.version()),
            });
        }
        Ok(session)
    }

    fn note(&mut self, address: &Address, error: Error) -> Next {
        self.errors.push((address.to_string(), error));
        Next::Stop
    }

    /// The last error; when others came before it, with all of them in its text.
    fn trouble(mut self) -> Trouble {
        let Some((place, last)) = self.errors.pop() else {
            return Trouble::of(Error::new(Class::Resolve, "there is no host to connect to"));
        };
        let told = last.told();
        let mut before: Vec<String> = Vec::new();
        for (place, error) in &self.errors {
            let line = format!("{place}: {}", error.told());
            if error.told() != told && !before.contains(&line) {
                before.push(line);
            }
        }
        let error = if before.is_empty() {
            last
        } else {
            let text = format!("{place}: {told} (before that {})", before.join("; "));
            last.retold(text)
        };
        Trouble {
            error,
            from: self.from,
        }
    }
}

/// Why a session does not suit `target_session_attrs`, if so (manual, «target_session_attrs»).
fn unsuitable(wanted: &str, session: &Session) -> Option<&'static str> {
    let facts = session.facts();
    let read_only = facts.read_only || facts.in_recovery;
    match wanted {
        "read-write" if read_only => Some("the session is read-only"),
        "read-only" if !read_only => Some("the session is not read-only"),
        "primary" if facts.in_recovery => Some("the server is a standby"),
        "standby" if !facts.in_recovery => Some("the server is not a standby"),
        _ => None,
    }
}

fn found(addresses: &[Address]) -> String {
    let words = addresses.iter().map(|address| match address {
        Address::Network(address) => address.ip().to_string(),
        Address::Socket(directory, _) => format!("socket directory {directory}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// The address that a server sees us with, by the routes of this machine; nothing is sent.
fn own_address(server: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match server {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
    socket.connect((server, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
