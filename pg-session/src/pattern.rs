//! Patterns as psql and pg_dump have them, as regular expressions that the server matches.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::relation::RelationName;
use crate::session::Session;

const MATCHES: &str = include_str!("catalog/sql/pattern_match.sql");

/// What a pattern means.
#[derive(Debug, Eq, PartialEq)]
pub struct Pattern {
    /// Regular expression of the schema; `None` for what is on the search path.
    pub schema: Option<String>,
    /// Regular expression of the name; `None` for all.
    pub name: Option<String>,
}

impl Pattern {
    /// `schema.table` or `table`. A database before it is not looked at.
    pub fn of_table(text: &str) -> Self {
        let mut parts = parts(text);
        let name = parts.pop();
        Self {
            schema: parts.pop(),
            name,
        }
    }

    /// `schema`.
    pub fn of_schema(text: &str) -> Self {
        Self {
            schema: parts(text).pop(),
            name: None,
        }
    }
}

/// The tables and sequences that any of some patterns means. The session must be in a
/// transaction.
///
/// # Errors
/// What the server says, such as of a regular expression that is none.
pub fn matching(
    session: &mut Session,
    patterns: Vec<Pattern>,
) -> Result<BTreeSet<RelationName>, Error> {
    if patterns.is_empty() {
        return Ok(BTreeSet::new());
    }
    let (schemas, names): (Vec<Option<String>>, Vec<Option<String>>) = patterns
        .into_iter()
        .map(|pattern| (pattern.schema, pattern.name))
        .unzip();
    // As in pg_dump, a name without schema means a table on the user's own search path.
    session.batch("set local search_path to default")?;
    let rows = session.query(MATCHES, &[&schemas, &names])?;
    session.batch("set local search_path to pg_catalog")?;
    Ok(rows
        .iter()
        .map(|row| RelationName::new(row.get::<_, String>("schema"), row.get::<_, String>("name")))
        .collect())
}

/// The parts between dots. `*` and `?` are wild; outside of quotes letters are folded and
/// regular expressions go through, inside of them everything is what it is.
fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut is_quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => part.push('"'),
            '"' => is_quoted = !is_quoted,
            '$' => part.push_str("\\$"),
            _ if is_quoted && "|*+?()[]{}.^\\".contains(c) => part.extend(['\\', c]),
            _ if is_quoted => part.push(c),
            '*' => part.push_str(".*"),
            '?' => part.push('.'),
            '.' => parts.push(anchored(&std::mem::take(&mut part))),
            '[' if characters.next_if_eq(&']').is_some() => part.push_str("\\[\\]"),
            _ => part.extend(c.to_lowercase()),
        }
    }
    parts.push(anchored(&part));
    parts
}

fn anchored(part: &str) -> String {
    format!("^({part})$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_psql_reads_them() {
        for (text, schema, name) in [
            ("Log_*", None, "^(log_.*)$"),
            ("s?.\"A.b\"\"*\"", Some("^(s.)$"), "^(A\\.b\"\\*)$"),
            ("db.S.[ab]$", Some("^(s)$"), "^([ab]\\$)$"),
            ("int[]", None, "^(int\\[\\])$"),
        ] {
            let pattern = Pattern::of_table(text);
            assert_eq!(pattern.schema.as_deref(), schema, "{text}");
            assert_eq!(pattern.name.as_deref(), Some(name), "{text}");
        }
        let schema = Pattern::of_schema("A|b");
        assert_eq!(schema.schema.as_deref(), Some("^(a|b)$"));
        assert_eq!(schema.name, None);
    }
}
