//! Poolers, such as PgBouncer: harmless when a session keeps its server process, fatal to
//! settings, snapshots and prepared statements when it does not.

use std::time::Duration;

use crate::error::{Class, Error};
use crate::quote;
use crate::session::{Facts, Session};

/// How often two sessions are compared: others may use the same pool meanwhile.
const ROUNDS: usize = 3;

/// The setting by which a server process is recognised.
const MARK: &str = "pgmig.session";

/// Whether the process that runs our statements is another one than the one that let us in, or
/// is older than our connection.
///
/// A pooler answers the start-up by itself, with a process number of its own. Over a Unix
/// socket that number is not seen; there a process that was used before gives it away.
pub(crate) fn is_pooled(facts: &Facts, said: Option<i32>, since: Duration) -> bool {
    let slack = Duration::from_millis(500);
    let longest = i64::try_from((since + slack).as_millis()).unwrap_or(i64::MAX);
    match (said, facts.process) {
        (Some(said), Some(process)) => said != process,
        _ => facts.process_ms > longest,
    }
}

/// Makes sure that a session keeps its server process, by the help of a second session.
///
/// # Errors
/// [`Class::Pooler`] when it does not.
pub(crate) fn check(
    session: &mut Session,
    other: impl FnOnce() -> Result<Session, Error>,
) -> Result<(), Error> {
    let mut other = match other() {
        Ok(other) => other,
        // The pool has room for one session, so it is one that sessions keep; and without a
        // pooler the server may have room for one.
        Err(error) if matches!(error.class(), Class::Timeout | Class::TooMany) => return Ok(()),
        Err(_) if !session.way().pooled => return Ok(()),
        Err(error) => return Err(error),
    };
    for round in 0..ROUNDS {
        let mark = format!("{}/{round}", std::process::id());
        let set = format!(
            "select set_config('{MARK}', {}, false)",
            quote::literal(&mark)
        );
        session.simple_value(&set)?;
        other.batch("begin").map_err(|error| {
            // Statement pooling takes no transaction: PgBouncer says so and hangs up.
            if error.sqlstate() == Some("08P01") || error.class() == Class::Lost {
                shared()
            } else {
                error
            }
        })?;
        let read = format!("select current_setting('{MARK}', true)");
        // Theirs first: when it is the same process, ours would wait for the end of theirs.
        if other.simple_value(&read)?.as_deref() == Some(&mark) {
            return Err(shared());
        }
        if session.simple_value(&read)?.as_deref() != Some(&mark) {
            return Err(shared());
        }
        other.batch("rollback")?;
    }
    Ok(())
}

/// The error of a pooler that shares processes.
pub(crate) fn shared() -> Error {
    Error::new(
        Class::Pooler,
        "a pooler stands in the way that gives each transaction another server process \
         (transaction or statement pooling)",
    )
    .with_hint(
        "Connect to the server itself (Azure: port 5432 instead of 6432; Supabase: 5432 instead \
         of 6543), or set pool_mode = session.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::ServerVersion;

    fn facts(process: i32, process_ms: i64) -> Facts {
        Facts {
            version: ServerVersion(150_000),
            version_text: String::new(),
            encoding: String::new(),
            in_recovery: false,
            read_only: false,
            tls: None,
            process: Some(process),
            process_ms,
        }
    }

    #[test]
    fn a_pooler_gives_itself_away_by_its_process() {
        let second = Duration::from_secs(1);
        assert!(!is_pooled(&facts(7, 0), Some(7), second));
        assert!(is_pooled(&facts(8, 0), Some(7), second));
        assert!(!is_pooled(&facts(8, 1_400), None, second));
        assert!(is_pooled(&facts(8, 60_000), None, second));
    }
}
