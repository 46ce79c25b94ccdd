//! How fast rows go: from the source to us, from us to the target, and through. One after
//! another, so that none takes the line from the other.

mod flow;

use std::time::Duration;

use pg_pipe::record::{Database, Record, Throughput, ThroughputPath};
use pg_pipe::stop::Registered;
use pg_pipe::{Context, Exit};
use pg_session::{Class, Endpoint, Error, Purpose, Role, Session, quote};

use flow::Measured;

/// What the object of an `error` record begins with when a way could not be measured.
pub(crate) const OBJECT: &str = "throughput ";

/// What is to be measured.
pub(crate) struct Asked<'a> {
    /// How long each way.
    pub(crate) limit: Duration,
    /// The sides that are there.
    pub(crate) endpoints: &'a [Endpoint],
    /// Whose sessions they are.
    pub(crate) application_name: &'a str,
    /// Bytes that the estimate is for.
    pub(crate) total_bytes: Option<u64>,
}

/// The bytes of the databases that are wanted, or else of all; nothing where those of one are
/// not known.
pub(crate) fn total_bytes(databases: &[Database], wanted: Option<&[String]>) -> Option<u64> {
    databases
        .iter()
        .filter(|database| wanted.is_none_or(|names| names.contains(&database.name)))
        .map(|database| u64::try_from(database.bytes?).ok())
        .try_fold(0, |sum: u64, bytes| Some(sum.saturating_add(bytes?)))
        .filter(|sum| *sum > 0)
}

impl Asked<'_> {
    /// Measures the ways that the given sides have. One that cannot be measured is an item
    /// that failed, and what needs the same side is left out.
    ///
    /// # Errors
    /// When we are asked to stop.
    pub(crate) fn measure(&self, context: &Context) -> anyhow::Result<Exit> {
        let seconds = self.limit.as_secs_f64();
        context
            .notice()
            .note(&format!("measuring how fast rows go, {seconds} s each way"));
        let (source, first) = self.side(Role::Source, context)?;
        let (target, second) = self.side(Role::Target, context)?;
        if let (Some(mut source), Some(mut target)) = (source, target) {
            let measured = flow::through(&mut source.session, &mut target.session, self.limit);
            return self.report(ThroughputPath::Through, measured, context);
        }
        Ok(if first == Exit::Fine { second } else { first })
    }

    /// Measures one side alone; gives its session when it is given and could be measured.
    fn side(&self, role: Role, context: &Context) -> anyhow::Result<(Option<Opened>, Exit)> {
        let Some(endpoint) = self.endpoints.iter().find(|one| one.role() == role) else {
            return Ok((None, Exit::Fine));
        };
        let (path, purpose) = match role {
            Role::Source => (ThroughputPath::Source, Purpose::Read),
            Role::Target => (ThroughputPath::Target, Purpose::Load),
        };
        let mut opened = None;
        let measured = endpoint
            .connect(purpose, self.application_name)
            .and_then(|session| {
                let session = &mut opened.insert(Opened::new(session, context)).session;
                match role {
                    Role::Source => flow::from_source(session, self.limit),
                    Role::Target => flow::to_target(session, self.limit),
                }
            });
        let opened = opened.filter(|_| measured.is_ok());
        let exit = self.report(path, measured, context)?;
        Ok((opened, exit))
    }

    /// Writes the record of a way, or of why there is none.
    fn report(
        &self,
        path: ThroughputPath,
        measured: Result<Measured, Error>,
        context: &Context,
    ) -> anyhow::Result<Exit> {
        // What was canceled because we are to stop has not failed by itself.
        context.check_stop()?;
        match measured {
            Ok(measured) => {
                let record = self.record(path, measured);
                context.write(Record::Throughput(record));
                Ok(Exit::Fine)
            }
            Err(error) => {
                let error = self.explained(path, error);
                context.item_failed(&format!("{OBJECT}{}", path.as_str()), &error.into());
                Ok(Exit::Partial)
            }
        }
    }

    /// Says what we were doing, and what to change.
    fn explained(&self, path: ThroughputPath, error: Error) -> Error {
        let doing = match path {
            ThroughputPath::Source => "cannot measure how fast rows come from the source",
            ThroughputPath::Target => "cannot measure how fast rows go to the target",
            ThroughputPath::Through => "cannot measure how fast rows go through",
        };
        let target = self
            .endpoints
            .iter()
            .find(|endpoint| endpoint.role() == Role::Target);
        let error = error.while_doing(doing);
        match (error.class(), target) {
            (Class::ReadOnly, Some(_)) => error.with_hint(
                "The target takes no writes: give the primary instead of a standby, or leave \
                 --target out to measure the source alone.",
            ),
            (Class::Privilege, Some(target)) => error.with_hint(format!(
                "Rows go into a temporary table: GRANT TEMPORARY ON DATABASE {} TO {}; on the \
                 target.",
                quote::shown(target.database()),
                quote::shown(target.user())
            )),
            _ => error,
        }
    }

    fn record(&self, path: ThroughputPath, measured: Measured) -> Throughput {
        let rate = rate(measured);
        let total_bytes = self.total_bytes.filter(|_| path == ThroughputPath::Through);
        Throughput {
            path,
            seconds: (measured.elapsed.as_secs_f64() * 1_000.0).round() / 1_000.0,
            bytes: measured.bytes,
            bytes_per_second: rate,
            total_bytes,
            eta_seconds: total_bytes.and_then(|total| eta(total, rate)),
        }
    }
}

/// A session whose statement is canceled when we are asked to stop.
struct Opened {
    session: Session,
    _registered: Registered,
}

impl Opened {
    fn new(session: Session, context: &Context) -> Self {
        let cancel = session.cancel();
        Self {
            session,
            _registered: context.stop().on_request(move || cancel.fire()),
        }
    }
}

/// Bytes a second.
fn rate(measured: Measured) -> u64 {
    let milliseconds = measured.elapsed.as_millis().max(1);
    let bytes = u128::from(measured.bytes) * 1_000 / milliseconds;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Seconds that so many bytes take.
fn eta(total: u64, rate: u64) -> Option<u64> {
    (rate > 0).then(|| total.div_ceil(rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(name: &str, bytes: Option<i64>) -> Database {
        Database {
            name: name.to_owned(),
            bytes,
            encoding: "UTF8".to_owned(),
            collate: "C".to_owned(),
            ctype: "C".to_owned(),
            locale_provider: "libc".to_owned(),
            locale: None,
            icu_rules: None,
            owner: "o".to_owned(),
            comment: None,
            provider: false,
            template: false,
        }
    }

    #[test]
    fn the_estimate_is_for_what_is_wanted_and_known() {
        let all = [
            database("a", Some(10)),
            database("c", Some(5)),
            database("b", None),
        ];
        assert_eq!(total_bytes(&all, None), None);
        assert_eq!(total_bytes(&all[..2], None), Some(15));
        assert_eq!(total_bytes(&all, Some(&["a".to_owned()])), Some(10));
        assert_eq!(total_bytes(&[], None), None);
    }

    #[test]
    fn rates_and_estimates_are_whole_seconds() {
        let measured = Measured {
            bytes: 3_000_000,
            elapsed: Duration::from_millis(1_500),
        };
        assert_eq!(rate(measured), 2_000_000);
        assert_eq!(eta(5_000_001, 2_000_000), Some(3));
        assert_eq!(eta(5, 0), None);
        let at_once = Measured {
            bytes: 7,
            elapsed: Duration::ZERO,
        };
        assert_eq!(rate(at_once), 7_000);
    }

    #[test]
    fn a_target_that_takes_no_rows_is_told_with_what_to_do() {
        let target = Endpoint::resolve(Role::Target, Some("user=Me dbname=d"), &|_| None).unwrap();
        let asked = Asked {
            limit: Duration::ZERO,
            endpoints: &[target],
            application_name: "",
            total_bytes: None,
        };
        let hint = |class| {
            let error = asked.explained(ThroughputPath::Target, Error::new(class, "no"));
            error.hint().unwrap_or_default().to_owned()
        };
        assert!(hint(Class::ReadOnly).contains("primary"));
        assert!(hint(Class::Privilege).contains("ON DATABASE d TO \"Me\";"));
        assert_eq!(hint(Class::Statement), "");
    }
}
