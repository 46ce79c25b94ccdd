//! `src.platform`: whose server the source is.

use crate::outcome::Outcome;
use crate::subject::Subject;

pub(super) fn run(subject: &Subject) -> Outcome {
    Outcome::fine(format!(
        "the source runs on {}, the target on {}",
        subject.source.platform.name, subject.target.platform.name
    ))
}
