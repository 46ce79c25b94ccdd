//! What stands in a database of the target, and how much of it the ledger lists as ours.

use std::collections::BTreeSet;

use pg_session::{Error, Session, ledger, quote};

const CONTENTS: &str = include_str!("target_contents.sql");

/// Something in a database.
#[derive(Clone, Debug)]
pub(super) struct Found {
    kind: String,
    schema: String,
    name: String,
}

/// What the ledger lists: schema and name, as pg_dump writes it.
type Listed = BTreeSet<(String, String)>;

/// What stands in the database and is not ours by its ledger.
///
/// # Errors
/// What the server says.
pub(super) fn list_foreign(session: &mut Session) -> Result<Vec<Found>, Error> {
    let rows = session.query(CONTENTS, &[])?;
    let found: Vec<Found> = rows
        .iter()
        .map(|row| Found {
            kind: row.get("kind"),
            schema: row.get("schema"),
            name: row.get("name"),
        })
        .collect();
    if found.is_empty() || !ledger::exists(session)? {
        return Ok(found);
    }
    let listed: Listed = ledger::list_applied(session)?
        .into_iter()
        .map(|key| (key.schema, key.name))
        .collect();
    Ok(found
        .into_iter()
        .filter(|one| !one.is_listed(&listed))
        .collect())
}

impl Found {
    /// For people: kind and name.
    pub(super) fn shown(&self) -> String {
        let name = if self.schema.is_empty() {
            quote::shown(&self.name)
        } else {
            quote::shown_qualified(&self.schema, &self.name)
        };
        format!("{} {name}", self.kind)
    }

    fn is_listed(&self, listed: &Listed) -> bool {
        match self.kind.as_str() {
            // The ledger lists large objects by chunks, not by OID.
            "large object" => true,
            "routine" => self.is_listed_routine(listed),
            _ => listed.contains(&(self.schema.clone(), self.name.clone())),
        }
    }

    /// pg_dump writes routines with their argument types: any of the name will do.
    fn is_listed_routine(&self, listed: &Listed) -> bool {
        let stem = format!("{}(", self.name);
        listed
            .range((self.schema.clone(), stem.clone())..)
            .next()
            .is_some_and(|(schema, name)| *schema == self.schema && name.starts_with(&stem))
    }
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

    fn found(kind: &str, schema: &str, name: &str) -> Found {
        Found {
            kind: kind.to_owned(),
            schema: schema.to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn what_the_ledger_lists_is_ours() {
        assert!(found("table", "s", "t").is_listed(&listed()));
        assert!(found("routine", "s", "f").is_listed(&listed()));
        assert!(found("schema", "", "s").is_listed(&listed()));
        assert!(!found("table", "s", "other").is_listed(&listed()));
        assert!(!found("table", "public", "t").is_listed(&listed()));
        assert!(!found("routine", "s", "fo").is_listed(&listed()));
    }

    #[test]
    fn objects_are_shown_with_their_kind() {
        assert_eq!(found("table", "s", "T").shown(), "table s.\"T\"");
        assert_eq!(found("schema", "", "s").shown(), "schema s");
    }
}
