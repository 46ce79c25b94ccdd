//! `ver.target_min`: servers that are too old to be loaded.

use pg_session::ServerVersion;

use crate::outcome::Outcome;
use crate::subject::Subject;

pub(super) fn run(subject: &Subject) -> Outcome {
    let target = subject.target.session.version();
    let oldest = ServerVersion::OLDEST_TARGET;
    if target < oldest {
        Outcome::failed(format!(
            "the target is {target}, older than {oldest}, the oldest that can be loaded"
        ))
    } else {
        Outcome::fine(format!("the target is {target}"))
    }
}
