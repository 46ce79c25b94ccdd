//! What a failed statement is told as: object, message, SQLSTATE, and the check that explains
//! it.

use pg_pipe::record::Applied;
use pg_session::quote;

use crate::checks::Check;
use crate::outcome::Outcome;

/// What a check has found before, by which a failed statement may be explained.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The check.
    pub(crate) id: &'static str,
    /// Its objects.
    pub(crate) objects: Vec<String>,
}

/// One failed statement.
pub(super) fn shown(applied: &Applied, checks: &[Check], told: &[Told]) -> String {
    let name = quote::shown_tag(applied.schema.as_deref(), &applied.name);
    let said = applied.message.as_deref().unwrap_or("refused");
    // The object is named already.
    let doing = format!("cannot create {} {name}: ", applied.kind);
    let said = said.strip_prefix(&doing).unwrap_or(said);
    let state = applied.sqlstate.as_deref();
    let why = by_both(said, &name, checks, told)
        .or_else(|| by_message(said, checks))
        .or_else(|| by_object(&name, told));
    let notes: Vec<&str> = state.into_iter().chain(why).collect();
    let notes = if notes.is_empty() {
        String::new()
    } else {
        format!(" ({})", notes.join(", "))
    };
    format!("{} {name}: {said}{notes}", applied.kind)
}

/// The outcome when not even the scratch database could be made.
pub(super) fn no_database(error: &anyhow::Error, checks: &[Check]) -> Outcome {
    let said = pg_pipe::failure::message(error);
    let why = by_message(&said, checks).map_or_else(String::new, |id| format!(" ({id})"));
    Outcome::unanswered(format!("{said}{why}"))
}

/// Checks that know of what the server says.
fn by_message(said: &str, checks: &[Check]) -> Option<&'static str> {
    let mut explaining = checks.iter().filter(|check| explains(check, said));
    explaining.next().map(|check| check.id)
}

fn explains(check: &Check, said: &str) -> bool {
    let mut parts = check.explains.iter();
    parts.any(|part| said.contains(part))
}

/// The one of them that has named the object.
fn by_both(said: &str, name: &str, checks: &[Check], told: &[Told]) -> Option<&'static str> {
    let knowing = |told: &&Told| {
        let mut same = checks.iter().filter(|check| check.id == told.id);
        same.any(|check| explains(check, said))
    };
    let told: Vec<Told> = told.iter().filter(knowing).cloned().collect();
    by_object(name, &told)
}

/// The check that has named the object, or something of it.
fn by_object(name: &str, told: &[Told]) -> Option<&'static str> {
    // A tag has the table and the constraint with a blank between them.
    let dotted = name.replacen(' ', ".", 1);
    let is_of = |object: &String| {
        let object = object.as_str();
        let named = object.strip_prefix(name);
        named
            .or_else(|| object.strip_prefix(&dotted))
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    let naming = told.iter().find(|told| told.objects.iter().any(is_of));
    naming.map(|told| told.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;
    use pg_pipe::record::{AppliedStatus, Section};

    fn failed(name: &str, said: &str) -> Applied {
        let said = &format!("cannot create VIEW s.{name}: {said}");
        Applied {
            id: None,
            section: Section::PreData,
            kind: "VIEW".to_owned(),
            schema: Some("s".to_owned()),
            name: name.to_owned(),
            status: AppliedStatus::Failed,
            sqlstate: Some("42883".to_owned()),
            message: Some(said.to_owned()),
            milliseconds: 1,
        }
    }

    #[test]
    fn a_statement_is_explained_by_what_the_server_says_or_by_its_object() {
        let checks = checks::all().unwrap();
        let told = [Told {
            id: "view.catalog_refs",
            objects: vec!["s.v (consrc)".to_owned()],
        }];
        let by_words = shown(
            &failed("geo", "operator does not exist: box ~ box"),
            &checks,
            &told,
        );
        assert_eq!(
            by_words,
            "VIEW s.geo: operator does not exist: box ~ box (42883, builtin.vanished)"
        );
        let by_name = shown(&failed("v", "odd"), &checks, &told);
        assert_eq!(by_name, "VIEW s.v: odd (42883, view.catalog_refs)");
        let of_table = [Told {
            id: "con.not_enforced",
            objects: vec!["s.t.rule".to_owned()],
        }];
        assert_eq!(
            shown(&failed("t rule", "odd"), &checks, &of_table),
            "VIEW s.t rule: odd (42883, con.not_enforced)"
        );
        assert_eq!(
            shown(&failed("va", "odd"), &checks, &told),
            "VIEW s.va: odd (42883)"
        );
    }
}
