//! The steps of the connection test, in order. Those up to the session are the stages of the
//! one connection attempt, each timed by itself; then come our own.

use std::time::{Duration, Instant};

use pg_pipe::record::ProbeStep;
use pg_session::journey::{Journey, Stage};
use pg_session::{Endpoint, Error, Purpose, Role, Session};

use crate::facts::Facts;
use crate::privileges::Privileges;
use crate::sides;

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
/// That of the step that failed, or of a connection string that leads to no step.
pub(crate) fn take_all(
    endpoint: &Endpoint,
    application_name: &str,
    steps: &mut Steps,
) -> Result<Probed, Error> {
    let mut journey = Journey::default();
    let opened = endpoint.probe(Purpose::Read, application_name, &mut journey);
    let pinning = steps.note(&journey);
    let mut session = opened.inspect_err(|error| {
        if let Some((stage, elapsed)) = journey.failed {
            steps.failed(stage.as_str(), elapsed, error);
        }
    })?;
    let facts = steps.take(Stage::Session.as_str(), pinning, || {
        let facts = Facts::read(&mut session)?;
        Ok((facts.shown(session.facts()), facts))
    })?;
    let privileges = steps.take("privileges", Duration::ZERO, || {
        let privileges = Privileges::read(&mut session)?;
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
    role: Role,
    /// What was found so far.
    pub(crate) taken: Vec<ProbeStep>,
}

impl Steps {
    /// No step taken yet.
    pub(crate) fn new(role: Role) -> Self {
        Self {
            role,
            taken: Vec::new(),
        }
    }

    /// Notes the stages that were passed. The session is no step of its own before its facts
    /// are read: gives the time that it took so far.
    fn note(&mut self, journey: &Journey) -> Duration {
        let mut pinning = Duration::ZERO;
        for leg in &journey.legs {
            if leg.stage == Stage::Session {
                pinning += leg.elapsed;
            } else {
                let passed = ProbeStep {
                    message: leg.found.clone(),
                    ..self.step(leg.stage.as_str(), leg.elapsed)
                };
                self.taken.push(passed);
            }
        }
        pinning
    }

    /// Takes a step of which a part was taken `before`.
    fn take<T>(
        &mut self,
        name: &str,
        before: Duration,
        work: impl FnOnce() -> Result<(String, T), Error>,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        let result = work();
        let elapsed = before + begun.elapsed();
        match result {
            Ok((message, value)) => {
                let step = self.step(name, elapsed);
                self.taken.push(ProbeStep { message, ..step });
                Ok(value)
            }
            Err(error) => {
                self.failed(name, elapsed, &error);
                Err(error)
            }
        }
    }

    fn failed(&mut self, name: &str, elapsed: Duration, error: &Error) {
        let step = ProbeStep {
            ok: false,
            message: error.told(),
            class: Some(error.class().as_str().to_owned()),
            sqlstate: error.sqlstate().map(str::to_owned),
            hint: error.hint().map(str::to_owned),
            ..self.step(name, elapsed)
        };
        self.taken.push(step);
    }

    fn step(&self, name: &str, elapsed: Duration) -> ProbeStep {
        ProbeStep {
            role: sides::side(self.role),
            step: name.to_owned(),
            ok: true,
            milliseconds: milliseconds(elapsed),
            message: String::new(),
            class: None,
            sqlstate: None,
            hint: None,
        }
    }
}

/// Milliseconds with three decimals: below a microsecond there is only noise.
pub(crate) fn milliseconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_session::Class;
    use pg_session::journey::Leg;

    #[test]
    fn a_step_that_fails_is_recorded_with_class_and_hint() {
        let mut steps = Steps::new(Role::Target);
        let result: Result<(), Error> = steps.take("privileges", Duration::ZERO, || {
            Err(Error::new(Class::Privilege, "permission denied").with_hint("Grant it."))
        });
        assert!(result.is_err());
        let step = steps.taken.pop().unwrap();
        assert!(!step.ok);
        assert_eq!(step.class.as_deref(), Some("privilege"));
        assert_eq!(step.hint.as_deref(), Some("Grant it."));
    }

    #[test]
    fn the_session_is_one_step_with_the_time_of_both_parts() {
        let leg = |stage, milliseconds| Leg {
            stage,
            elapsed: Duration::from_millis(milliseconds),
            found: format!("{stage:?}"),
        };
        let journey = Journey {
            legs: vec![
                leg(Stage::Resolve, 1),
                leg(Stage::Auth, 5),
                leg(Stage::Session, 7),
            ],
            failed: None,
        };
        let mut steps = Steps::new(Role::Source);
        let pinning = steps.note(&journey);
        steps
            .take("session", pinning, || Ok(("facts".to_owned(), ())))
            .unwrap();
        let names: Vec<&str> = steps.taken.iter().map(|step| step.step.as_str()).collect();
        assert_eq!(names, ["resolve", "auth", "session"]);
        assert!(steps.taken[2].milliseconds >= 7.0);
        assert_eq!(steps.taken[2].message, "facts");
    }
}
