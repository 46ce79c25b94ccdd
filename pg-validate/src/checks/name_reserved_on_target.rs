//! `name.reserved_on_target`: a schema of the source whose name the ledger needs.

use pg_pipe::record::CheckLevel;
use pg_session::catalog::LEDGER_SCHEMA;
use pg_session::{Error, quote};

use super::{Check, Run};
use crate::outcome::Outcome;
use crate::subject::Subject;

pub(super) const CHECK: Check = Check {
    id: "name.reserved_on_target",
    level: CheckLevel::Database,
    title: "no schema of the source has the name of the ledger's",
    run: Run::Asks(run),
};

fn run(subject: &mut Subject) -> Result<Outcome, Error> {
    let sql = "select exists (select from pg_namespace n where n.nspname = $1)";
    let row = subject.source.session.query_one(sql, &[&LEDGER_SCHEMA])?;
    let exists: bool = row.get(0);
    Ok(if exists {
        Outcome::failed(format!(
            "the source has a schema {LEDGER_SCHEMA}, which the ledger needs on the target: \
             rename it, or drop it if an earlier migration left it behind"
        ))
        .objects(vec![LEDGER_SCHEMA.to_owned()])
        .fix(format!(
            "alter schema {LEDGER_SCHEMA} rename to {};",
            quote::identifier(&format!("{LEDGER_SCHEMA}_old"))
        ))
    } else {
        Outcome::fine("no name of the source is in the way")
    })
}
