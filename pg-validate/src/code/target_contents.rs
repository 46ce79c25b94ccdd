//! What stands in a database of the target, and how much of it the ledger lists as ours.

use std::collections::BTreeSet;

use pg_session::catalog::{self, Content};
use pg_session::{Error, Session, ledger};

/// What the ledger lists: schema and name, as pg_dump writes it.
type Listed = BTreeSet<(String, String)>;

/// What stands in the database and is not ours by its ledger.
///
/// # Errors
/// What the server says.
pub(super) fn list_foreign(session: &mut Session) -> Result<Vec<Content>, Error> {
    let found = catalog::list_contents(session)?;
    if found.is_empty() || !ledger::exists(session)? {
        return Ok(found);
    }
    let listed: Listed = ledger::list_applied(session)?
        .into_iter()
        .map(|key| (key.schema, key.name))
        .collect();
    Ok(found
        .into_iter()
        .filter(|one| !is_listed(one, &listed))
        .collect())
}

fn is_listed(content: &Content, listed: &Listed) -> bool {
    match content.kind.as_str() {
        // The ledger lists large objects by chunks, not by OID.
        "large object" => true,
        "routine" => is_listed_routine(content, listed),
        _ => listed.contains(&(content.schema.clone(), content.name.clone())),
    }
}

/// pg_dump writes routines with their argument types: any of the name will do.
fn is_listed_routine(content: &Content, listed: &Listed) -> bool {
    let stem = format!("{}(", content.name);
    listed
        .range((content.schema.clone(), stem.clone())..)
        .next()
        .is_some_and(|(schema, name)| *schema == content.schema && name.starts_with(&stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed() -> Listed {
        [("s", "t"), ("s", "f(integer, text)"), ("", "s")]
            .into_iter()
            .map(|(schema, name)| (schema.to_owned(), name.to_owned()))
            .collect()
    }

    fn found(kind: &str, schema: &str, name: &str) -> Content {
        Content {
            kind: kind.to_owned(),
            schema: schema.to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn what_the_ledger_lists_is_ours() {
        assert!(is_listed(&found("table", "s", "t"), &listed()));
        assert!(is_listed(&found("routine", "s", "f"), &listed()));
        assert!(is_listed(&found("schema", "", "s"), &listed()));
        assert!(!is_listed(&found("table", "s", "other"), &listed()));
        assert!(!is_listed(&found("table", "public", "t"), &listed()));
        assert!(!is_listed(&found("routine", "s", "fo"), &listed()));
    }
}
