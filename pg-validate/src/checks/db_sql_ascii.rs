//! `db.sql_ascii`: a source that never checked its bytes.

use pg_pipe::record::CheckLevel;
use pg_session::quote;

use super::{Check, Run};
use crate::outcome::Outcome;
use crate::subject::Subject;

pub(super) const CHECK: Check = Check {
    id: "db.sql_ascii",
    level: CheckLevel::Database,
    title: "the source database knows its encoding (is not SQL_ASCII)",
    run: Run::Known(run),
};

fn run(subject: &Subject) -> Outcome {
    let facts = &subject.source.facts;
    if facts.encoding == "SQL_ASCII" {
        Outcome::warning(
            "the source database is SQL_ASCII: its text is copied byte for byte and was never \
             checked, so that it may be of any encoding or none",
        )
        .objects(vec![quote::shown(&facts.database)])
    } else {
        Outcome::fine(format!("the source database is {}", facts.encoding))
    }
}
