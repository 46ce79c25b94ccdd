//! Which rows of a table are wanted, as it is typed: `schema.table=condition`.

use std::str::FromStr;

use crate::error::Error;
use crate::relation::RelationName;
use crate::session::Session;

/// The condition for the rows of one table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RowFilter {
    /// The table.
    pub name: RelationName,
    /// An SQL expression over its columns.
    pub condition: String,
}

impl FromStr for RowFilter {
    type Err = String;

    /// Names are read as SQL reads them: folded to lower case unless they are in double quotes.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "not of the form schema.table=condition".to_owned();
        let (schema, rest) = identifier(text.trim_start()).ok_or_else(wrong)?;
        let rest = rest.strip_prefix('.').ok_or_else(wrong)?;
        let (name, rest) = identifier(rest).ok_or_else(wrong)?;
        let condition = rest.trim_start().strip_prefix('=').ok_or_else(wrong)?;
        let condition = condition.trim();
        if condition.is_empty() {
            return Err("the condition is empty".to_owned());
        }
        Ok(Self {
            name: RelationName::new(schema, name),
            condition: condition.to_owned(),
        })
    }
}

impl RowFilter {
    /// The condition in brackets. The line's end is for a comment at the end of it.
    pub fn sql(&self) -> String {
        format!("({}\n)", self.condition)
    }

    /// Has the server read the condition; no row is looked at.
    ///
    /// # Errors
    /// What the server says of it.
    pub fn check(&self, session: &mut Session) -> Result<(), Error> {
        // A query with parameters is one statement: the condition cannot bring others along. What
        // stands between these words is one expression: it closes no bracket that it has not
        // opened, and would take in what else a query asks for.
        let sql = format!(
            "select case when {}\n then true end from only {} where false and {}",
            self.condition,
            self.name.sql(),
            self.sql()
        );
        session.query(&sql, &[]).map(drop)
    }
}

/// Names between commas, as SQL reads them; `None` when it is no such list.
pub fn names(list: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = list;
    loop {
        let (name, behind) = identifier(rest.trim_start())?;
        names.push(name);
        rest = match behind.trim_start() {
            "" => return Some(names),
            more => more.strip_prefix(',')?,
        };
    }
}

/// The name that a text begins with, and the rest.
fn identifier(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        return in_quotes(quoted);
    }
    let is_part = |c: char| c == '_' || c == '$' || c.is_alphanumeric();
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    let starts_well = name
        .chars()
        .next()
        .is_some_and(|c| c == '_' || c.is_alphabetic());
    // The server folds ASCII letters only, where the encoding has several bytes a character.
    starts_well.then(|| (name.to_ascii_lowercase(), rest))
}

fn in_quotes(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"')?;
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return (!name.is_empty()).then_some((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, String, String)> {
        let filter: RowFilter = text.parse().ok()?;
        Some((filter.name.schema, filter.name.name, filter.condition))
    }

    #[test]
    fn names_are_read_as_sql_reads_them() {
        let of = |schema: &str, name: &str, condition: &str| {
            Some((schema.to_owned(), name.to_owned(), condition.to_owned()))
        };
        assert_eq!(
            parsed("Sales.Orders=id = 1"),
            of("sales", "orders", "id = 1")
        );
        assert_eq!(parsed("\"a\"\"=.b\".\"T\" = x"), of("a\"=.b", "T", "x"));
        assert_eq!(parsed("s.größe=a"), of("s", "größe", "a"));
    }

    #[test]
    fn lists_of_names_are_read_likewise() {
        let list = names(" A, \"B,c\" ,d_1");
        assert_eq!(list.unwrap(), ["a", "B,c", "d_1"]);
        for text in ["", "a,", ",a", "a b", "\"a", "1"] {
            assert_eq!(names(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "", "t=a", "s.t", "s.t=", "s.t= ", "1s.t=a", "s.\"t=a", "s.=a", "\"\".t=a", "s t=a",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn a_comment_at_the_end_does_not_swallow_the_bracket() {
        let filter: RowFilter = "s.t=a -- all".parse().unwrap();
        assert_eq!(filter.sql(), "(a -- all\n)");
    }
}
