//! `ver.downgrade`: a target of an older major version. What the source's version brought
//! does not exist there.

use pg_session::ServerVersion;

use crate::outcome::Outcome;
use crate::subject::Subject;

pub(super) fn run(subject: &Subject) -> Outcome {
    judge(
        subject.source.session.version(),
        subject.target.session.version(),
    )
}

fn judge(source: ServerVersion, target: ServerVersion) -> Outcome {
    if target.major() < source.major() {
        Outcome::warning(format!(
            "the target ({target}) is older than the source ({source}): \
             what newer versions brought cannot be created there"
        ))
    } else {
        Outcome::fine(format!("{source} to {target}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_pipe::record::CheckStatus;

    #[test]
    fn only_an_older_major_version_counts() {
        let judged = |source, target| judge(ServerVersion(source), ServerVersion(target)).status;
        assert_eq!(judged(160_001, 150_008), CheckStatus::Warning);
        assert_eq!(judged(150_008, 150_001), CheckStatus::Succeeded);
        assert_eq!(judged(90_624, 150_001), CheckStatus::Succeeded);
    }
}
