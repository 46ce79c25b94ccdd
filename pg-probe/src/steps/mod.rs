//! The steps of the connection test, in order. Each is timed by itself, or stands in the step
//! that contains it: TLS is agreed on inside `auth`, and gets a record of its own only when
//! it fails.

mod network;

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pg_pipe::record::ProbeStep;
use pg_session::{Class, Endpoint, Error, Purpose, Session};

use crate::facts::{self, Facts, Privileges};
use crate::sides;

pub(crate) use network::{reach, resolve};

/// What the steps of one server found.
pub(crate) struct Probed {
    /// The session, ready for more.
    pub(crate) session: Session,
    /// Facts about the server.
    pub(crate) facts: Facts,
    /// What the role may do.
    pub(crate) privileges: Privileges,
}

/// Takes all steps; the records of those that were taken stand in `steps` in any case.
///
/// # Errors
/// That of the step that failed.
pub(crate) fn take_all(
    endpoint: &Endpoint,
    application_name: &str,
    steps: &mut Steps,
) -> Result<Probed, Error> {
    let addresses = steps.take("resolve", || {
        let addresses = resolve(endpoint)?;
        Ok((shown_addresses(endpoint, &addresses), addresses))
    })?;
    steps.take("tcp", || Ok((reach(endpoint, &addresses)?, ())))?;
    let mut session = steps.take_as("auth", step_of_login, || {
        let session = endpoint.connect(Purpose::Read, application_name)?;
        let tls = session.facts().tls.clone();
        let tls = tls.map_or_else(
            || "without TLS".to_owned(),
            |version| format!("by {version}"),
        );
        let message = format!(
            "logged in as {} to database {} {tls}",
            endpoint.user(),
            endpoint.database()
        );
        Ok((message, session))
    })?;
    let facts = steps.take("session", || {
        let facts = facts::read(&mut session)?;
        Ok((facts.shown(session.facts()), facts))
    })?;
    let privileges = steps.take("privileges", || {
        let privileges = facts::read_privileges(&mut session)?;
        Ok((privileges.shown(), privileges))
    })?;
    Ok(Probed {
        session,
        facts,
        privileges,
    })
}

/// The records of the steps of one server.
pub(crate) struct Steps {
    role: pg_session::Role,
    /// What was found so far.
    pub(crate) taken: Vec<ProbeStep>,
}

impl Steps {
    /// No step taken yet.
    pub(crate) fn new(role: pg_session::Role) -> Self {
        Self {
            role,
            taken: Vec::new(),
        }
    }

    fn take<T>(
        &mut self,
        name: &str,
        work: impl FnOnce() -> Result<(String, T), Error>,
    ) -> Result<T, Error> {
        self.take_as(name, |_| Some(name), work)
    }

    /// Takes a step whose failure is told as that of the step that `name_of_failure` gives;
    /// `None` when no step is to blame.
    fn take_as<'n, T>(
        &mut self,
        name: &'n str,
        name_of_failure: impl FnOnce(Class) -> Option<&'n str>,
        work: impl FnOnce() -> Result<(String, T), Error>,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        let result = work();
        let milliseconds = milliseconds(begun.elapsed());
        let step = ProbeStep {
            role: sides::side(self.role),
            step: name.to_owned(),
            ok: true,
            milliseconds,
            message: String::new(),
            class: None,
            sqlstate: None,
            hint: None,
        };
        match result {
            Ok((message, value)) => {
                self.taken.push(ProbeStep { message, ..step });
                Ok(value)
            }
            Err(error) => {
                if let Some(name) = name_of_failure(error.class()) {
                    self.taken.push(ProbeStep {
                        step: name.to_owned(),
                        ok: false,
                        message: chain(&error),
                        class: Some(error.class().as_str().to_owned()),
                        sqlstate: error.sqlstate().map(str::to_owned),
                        hint: error.hint().map(str::to_owned),
                        ..step
                    });
                }
                Err(error)
            }
        }
    }
}

/// Milliseconds with three decimals: below a microsecond there is only noise.
pub(crate) fn milliseconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

/// Every message of the chain, in one line.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = StdError::source(error);
    while let Some(current) = cause {
        text.push_str(&format!(": {current}"));
        cause = current.source();
    }
    text
}

/// The step that a failed login is told as. A connection string that is wrong is the fault
/// of no step.
fn step_of_login(class: Class) -> Option<&'static str> {
    match class {
        Class::Conninfo => None,
        Class::Tls => Some("tls"),
        class if class.is_connection() => Some("auth"),
        _ => Some("session"),
    }
}

fn shown_addresses(endpoint: &Endpoint, addresses: &[SocketAddr]) -> String {
    let sockets = endpoint
        .hosts()
        .iter()
        .filter(|host| host.is_socket())
        .map(|host| format!("socket directory {}", host.name));
    let addresses = addresses.iter().map(|address| address.ip().to_string());
    sockets.chain(addresses).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_session::Role;

    #[test]
    fn a_failed_login_is_told_as_the_step_that_is_to_blame() {
        assert_eq!(step_of_login(Class::Tls), Some("tls"));
        assert_eq!(step_of_login(Class::Hba), Some("auth"));
        assert_eq!(step_of_login(Class::NoDatabase), Some("auth"));
        assert_eq!(step_of_login(Class::Privilege), Some("session"));
        assert_eq!(step_of_login(Class::Conninfo), None);
    }

    #[test]
    fn a_step_that_fails_is_recorded_with_class_and_hint() {
        let mut steps = Steps::new(Role::Target);
        let result: Result<(), Error> = steps.take("tcp", || {
            Err(Error::new(Class::Refused, "cannot connect").with_hint("Start it."))
        });
        assert!(result.is_err());
        let step = steps.taken.pop().unwrap();
        assert!(!step.ok);
        assert_eq!(step.class.as_deref(), Some("refused"));
        assert_eq!(step.hint.as_deref(), Some("Start it."));
    }
}
