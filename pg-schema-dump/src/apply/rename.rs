//! Statements about the database itself name it as the source does: ALTER DATABASE, ALTER
//! ROLE … IN DATABASE, GRANT … ON DATABASE, COMMENT ON DATABASE. They get the target's name.

use pg_session::quote;

use crate::quoted::end_of_quoted;

/// Replaces the name after every word DATABASE that stands outside of quotes.
pub(crate) fn database(sql: &str, from: &str, to: &str) -> String {
    let quoted = quote::identifier(from);
    let plain = quote::shown(from);
    let mut result = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        if c == '\'' || c == '"' {
            let end = end_of_quoted(rest, c);
            result.push_str(rest.get(..end).unwrap_or(rest));
            rest = rest.get(end..).unwrap_or_default();
            continue;
        }
        let name_ends = rest.strip_prefix("DATABASE ").and_then(|after| {
            [&quoted, &plain]
                .iter()
                .find_map(|name| after_name(after, name))
        });
        if let Some(after) = name_ends {
            result.push_str("DATABASE ");
            result.push_str(&quote::identifier(to));
            rest = after;
            continue;
        }
        result.push(c);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    result
}

/// What follows the name, if the name ends there.
fn after_name<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let after = text.strip_prefix(name)?;
    let ends = after
        .chars()
        .next()
        .is_none_or(|c| c == ';' || c.is_whitespace());
    ends.then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_replaced_wherever_a_statement_names_the_database() {
        for (sql, expected) in [
            (
                "ALTER DATABASE shop SET a TO 'b';",
                "ALTER DATABASE \"new\" SET a TO 'b';",
            ),
            (
                "ALTER ROLE \"DATABASE shop\" IN DATABASE shop SET a TO 'x';",
                "ALTER ROLE \"DATABASE shop\" IN DATABASE \"new\" SET a TO 'x';",
            ),
            (
                "COMMENT ON DATABASE shop IS 'it''s DATABASE shop ;';",
                "COMMENT ON DATABASE \"new\" IS 'it''s DATABASE shop ;';",
            ),
            (
                "GRANT ALL ON DATABASE shopping TO x;",
                "GRANT ALL ON DATABASE shopping TO x;",
            ),
        ] {
            assert_eq!(database(sql, "shop", "new"), expected);
        }
    }

    #[test]
    fn quoted_names_are_found_too() {
        assert_eq!(
            database("GRANT ALL ON DATABASE \"My \"\"DB\" TO x;", "My \"DB", "n"),
            "GRANT ALL ON DATABASE \"n\" TO x;"
        );
    }
}
