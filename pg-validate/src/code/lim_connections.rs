//! `lim.connections`: too few free connections for the tools of a pipeline.

use crate::outcome::Outcome;
use crate::subject::Subject;

/// One to hold the snapshot, one to copy, one to look on: less than that cannot work.
const LEAST: i64 = 3;
/// Below this, `--jobs` must be kept small.
const PLENTY: i64 = 10;

pub(super) fn run(subject: &Subject) -> Outcome {
    judge(
        subject.source.facts.free_connections,
        subject.target.facts.free_connections,
    )
}

fn judge(source: i64, target: i64) -> Outcome {
    let found = format!("{source} connections are free on the source, {target} on the target");
    match source.min(target) {
        least if least < LEAST => Outcome::failed(format!(
            "{found}: at least {LEAST} are needed; close sessions or raise max_connections or \
             the limit of role or database"
        )),
        least if least < PLENTY => {
            Outcome::warning(format!("{found}: keep --jobs below {}", least - 1))
        }
        _ => Outcome::fine(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_pipe::record::CheckStatus;

    #[test]
    fn the_scarcer_side_decides() {
        assert_eq!(judge(2, 90).status, CheckStatus::Failed);
        assert_eq!(judge(90, 5).status, CheckStatus::Warning);
        assert_eq!(judge(10, 10).status, CheckStatus::Succeeded);
    }
}
