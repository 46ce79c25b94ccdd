//! `src.write_activity`: rows that somebody wrote while the checks ran. The first count is
//! taken before the first check; this check is the last.

use std::thread;
use std::time::Duration;

use pg_session::{Error, Session};

use crate::outcome::{Outcome, counted};
use crate::subject::Subject;

/// Rows inserted, updated and deleted in the database so far. What a transaction has read of
/// the statistics it keeps, unless it is told to forget.
const WRITTEN: &str = include_str!("src_write_activity.sql");

/// How long a server may take to count what a session has written: each tells of it once a second
/// at the most (PGSTAT_MIN_INTERVAL in pgstat.c).
const TOLD_WITHIN: Duration = Duration::from_millis(1_200);

/// Counts the rows that have been written.
///
/// # Errors
/// What the server says.
pub(crate) fn written(session: &mut Session) -> Result<i64, Error> {
    Ok(session.query_one(WRITTEN, &[])?.get("written"))
}

pub(super) fn run(subject: &mut Subject) -> Result<Outcome, Error> {
    let session = &mut subject.source.session;
    let row = session.query_one(WRITTEN, &[])?;
    let mut now: i64 = row.get("written");
    if now == subject.written && row.get("has_others") {
        thread::sleep(TOLD_WITHIN.saturating_sub(subject.began.elapsed()));
        now = written(session)?;
    }
    let milliseconds = subject.began.elapsed().as_millis();
    Ok(judge(now - subject.written, milliseconds))
}

fn judge(written: i64, milliseconds: u128) -> Outcome {
    match usize::try_from(written) {
        Ok(rows) if rows > 0 => Outcome::warning(format!(
            "{} of the source database written within {milliseconds} ms",
            counted(rows, "row")
        )),
        _ => Outcome::fine(format!("no row was written within {milliseconds} ms")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_pipe::record::CheckStatus;

    #[test]
    fn a_row_that_was_written_is_told() {
        assert_eq!(judge(0, 5).status, CheckStatus::Succeeded);
        let told = judge(1, 5);
        assert_eq!(told.status, CheckStatus::Warning);
        assert!(told.message.contains("1 row "), "{}", told.message);
    }
}
