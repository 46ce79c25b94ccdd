//! `tgt.read_only`: a target that takes no writes: a standby, or one set read-only, as
//! managed servers do when their disk is full.

use pg_pipe::record::Side;

use crate::outcome::Outcome;
use crate::subject::Subject;

pub(super) fn run(subject: &Subject) -> Outcome {
    if subject.target.session.facts().in_recovery {
        Outcome::failed("the target is a standby: give the address of its primary")
    } else if subject.target.facts.read_only {
        Outcome::failed(
            "the target has default_transaction_read_only on; managed servers set it when \
             their disk is nearly full",
        )
        .fix_on(
            Side::Target,
            "alter system reset default_transaction_read_only; select pg_reload_conf();",
        )
    } else {
        Outcome::fine("the target takes writes")
    }
}
