//! `ver.source_min`: servers that are too old to be read.

use pg_session::ServerVersion;

use crate::outcome::Outcome;
use crate::subject::Subject;

pub(super) fn run(subject: &Subject) -> Outcome {
    judge(subject.source.session.version())
}

fn judge(source: ServerVersion) -> Outcome {
    let oldest = ServerVersion::OLDEST_SOURCE;
    if source < oldest {
        Outcome::failed(format!(
            "the source is {source}, older than {oldest}, the oldest that can be copied"
        ))
    } else {
        Outcome::fine(format!("the source is {source}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_pipe::record::CheckStatus;

    #[test]
    fn servers_before_10_are_refused() {
        assert_eq!(judge(ServerVersion(90_624)).status, CheckStatus::Failed);
        assert_eq!(judge(ServerVersion(100_000)).status, CheckStatus::Succeeded);
    }
}
