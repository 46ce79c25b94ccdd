//! Statements about the database itself name it as the source does: ALTER DATABASE, ALTER
//! ROLE … IN DATABASE, GRANT … ON DATABASE, COMMENT ON DATABASE. They get the target's name.

use pg_session::quote;

use crate::quoted::{Kind, tokens};

/// Replaces the name after every word DATABASE that stands outside of quotes.
pub(crate) fn database(sql: &str, from: &str, to: &str) -> String {
    let mut result = String::with_capacity(sql.len());
    let mut is_next = false;
    for token in tokens(sql) {
        let is_named = is_next && token.name().as_deref() == Some(from);
        if is_named && token.kind != Kind::Literal {
            result.push_str(&quote::identifier(to));
        } else {
            result.push_str(token.text);
        }
        // pg_dump writes key words in capitals; a role may be called database.
        is_next = token.text == "DATABASE" || is_next && token.kind == Kind::Space;
    }
    result
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
