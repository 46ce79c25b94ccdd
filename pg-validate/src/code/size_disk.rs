//! `size.disk`: whether the target has room. No SQL tells how much is free, so a person must.

use pg_pipe::report::size;
use pg_session::Error;

use crate::outcome::Outcome;
use crate::subject::Subject;

const SIZE: &str = "select pg_database_size(current_database())";

pub(super) fn run(subject: &mut Subject) -> Result<Outcome, Error> {
    let bytes: i64 = subject.source.session.query_one(SIZE, &[])?.get(0);
    Ok(judge(bytes, subject.target_free))
}

/// Azure advises a quarter more than the data, for the log that the load writes.
fn judge(bytes: i64, free: Option<i64>) -> Outcome {
    let wanted = bytes.saturating_add(bytes / 4);
    let shown = |bytes: i64| size(u64::try_from(bytes).unwrap_or_default());
    let needs = format!(
        "the source database has {}; {} should be free on the target",
        shown(bytes),
        shown(wanted)
    );
    match free {
        Some(free) if free < wanted => Outcome::failed(format!("{needs}, {} are", shown(free))),
        _ => Outcome::fine(needs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_pipe::record::CheckStatus;

    #[test]
    fn a_quarter_more_than_the_data_must_be_free() {
        assert_eq!(judge(1000, Some(1249)).status, CheckStatus::Failed);
        assert_eq!(judge(1000, Some(1250)).status, CheckStatus::Succeeded);
        assert_eq!(judge(1000, None).status, CheckStatus::Succeeded);
    }
}
