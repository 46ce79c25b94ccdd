//! What stands in a database besides the system's, extensions' and the ledger's: the one
//! answer to «is it empty?».

use std::fmt;

use crate::error::Error;
use crate::quote;
use crate::session::Session;

const CONTENTS: &str = include_str!("sql/content_list.sql");

/// Something that a user made in a database.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Content {
    /// `table`, `view`, `routine`, `type`, `schema`, `large object`, …
    pub kind: String,
    /// Schema; empty where there is none.
    pub schema: String,
    /// Name, or the OID of a large object.
    pub name: String,
}

/// Lists what a user made, sorted by schema and name.
///
/// # Errors
/// What the server says.
pub fn list_contents(session: &mut Session) -> Result<Vec<Content>, Error> {
    let rows = session.query(CONTENTS, &[])?;
    Ok(rows
        .iter()
        .map(|row| Content {
            kind: row.get("kind"),
            schema: row.get("schema"),
            name: row.get("name"),
        })
        .collect())
}

/// For people: kind and name.
impl fmt::Display for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.schema.is_empty() {
            quote::shown(&self.name)
        } else {
            quote::shown_qualified(&self.schema, &self.name)
        };
        write!(formatter, "{} {name}", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_shown_with_their_kind() {
        let content = |kind: &str, schema: &str, name: &str| Content {
            kind: kind.to_owned(),
            schema: schema.to_owned(),
            name: name.to_owned(),
        };
        assert_eq!(content("table", "s", "T").to_string(), "table s.\"T\"");
        assert_eq!(content("schema", "", "s").to_string(), "schema s");
    }
}
