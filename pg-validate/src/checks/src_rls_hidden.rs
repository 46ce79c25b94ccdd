//! `src.rls_hidden`: tables of which policies would hide rows from our role. With
//! `row_security` off the copy is refused; with it on, rows would be lost in silence.

use pg_pipe::record::CheckLevel;
use pg_session::{Error, quote};

use super::{Check, Run};
use crate::outcome::{Outcome, counted};
use crate::subject::Subject;

pub(super) const CHECK: Check = Check {
    id: "src.rls_hidden",
    level: CheckLevel::Database,
    title: "no policy hides rows from the source role",
    run: Run::Asks(run),
};

const HIDDEN: &str = include_str!("src_rls_hidden.sql");

fn run(subject: &mut Subject) -> Result<Outcome, Error> {
    let rows = subject.source.session.query(HIDDEN, &[])?;
    let role = &subject.source.facts.user;
    if rows.is_empty() {
        return Ok(Outcome::fine(format!(
            "{} sees all rows",
            quote::shown(role)
        )));
    }
    let objects = rows
        .iter()
        .map(|row| quote::shown_qualified(row.get("schema"), row.get("name")))
        .collect();
    let count = counted(rows.len(), "table");
    Ok(Outcome::failed(format!(
        "policies of row-level security hide rows of {count} from {}",
        quote::shown(role)
    ))
    .objects(objects)
    .fix(format!("alter role {} bypassrls;", quote::identifier(role))))
}
