//! `src.role_select`: tables and sequences that our role may not read.

use std::collections::BTreeSet;

use pg_pipe::record::CheckLevel;
use pg_session::{Error, quote};

use super::{Check, Run};
use crate::outcome::{Outcome, counted};
use crate::subject::Subject;

pub(super) const CHECK: Check = Check {
    id: "src.role_select",
    level: CheckLevel::Database,
    title: "the source role may read every table and sequence",
    run: Run::Asks(run),
};

const UNREADABLE: &str = include_str!("src_role_select.sql");

struct Unreadable {
    schema: String,
    name: String,
    is_sequence: bool,
    lacks_schema: bool,
}

fn run(subject: &mut Subject) -> Result<Outcome, Error> {
    let rows = subject.source.session.query(UNREADABLE, &[])?;
    let unreadable: Vec<Unreadable> = rows
        .iter()
        .map(|row| Unreadable {
            schema: row.get("schema"),
            name: row.get("name"),
            is_sequence: row.get("is_sequence"),
            lacks_schema: row.get("lacks_schema"),
        })
        .collect();
    Ok(judge(&unreadable, &subject.source.facts.user))
}

fn judge(unreadable: &[Unreadable], role: &str) -> Outcome {
    if unreadable.is_empty() {
        return Outcome::fine(format!("{} may read all", quote::shown(role)));
    }
    let objects = unreadable
        .iter()
        .map(|one| quote::shown_qualified(&one.schema, &one.name))
        .collect();
    let count = counted(unreadable.len(), "relation");
    Outcome::failed(format!("{} may not read {count}", quote::shown(role)))
        .objects(objects)
        .fix(fix(unreadable, role))
}

fn fix(unreadable: &[Unreadable], role: &str) -> String {
    let to = quote::identifier(role);
    let schemas: BTreeSet<&str> = unreadable
        .iter()
        .filter(|one| one.lacks_schema)
        .map(|one| one.schema.as_str())
        .collect();
    let usage = schemas.into_iter().map(|schema| {
        format!(
            "grant usage on schema {} to {to};",
            quote::identifier(schema)
        )
    });
    let select = unreadable.iter().map(|one| {
        let kind = if one.is_sequence { "sequence " } else { "" };
        let name = quote::qualified(&one.schema, &one.name);
        format!("grant select on {kind}{name} to {to};")
    });
    usage.chain(select).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fix_grants_each_schema_once() {
        let one = |name: &str, is_sequence| Unreadable {
            schema: "s".to_owned(),
            name: name.to_owned(),
            is_sequence,
            lacks_schema: true,
        };
        let outcome = judge(&[one("T", false), one("q", true)], "me");
        assert_eq!(outcome.objects, ["s.\"T\"", "s.q"]);
        assert_eq!(
            outcome.fix.unwrap(),
            "grant usage on schema \"s\" to \"me\"; \
             grant select on \"s\".\"T\" to \"me\"; \
             grant select on sequence \"s\".\"q\" to \"me\";"
        );
    }
}
