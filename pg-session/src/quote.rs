//! Quoting of names and literals: the one place where text becomes SQL.

/// A name as SQL, always in double quotes.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A qualified name as SQL.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

/// Names as a list of columns.
pub fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| identifier(name)).collect();
    quoted.join(", ")
}

/// A string literal as SQL, right whatever `standard_conforming_strings` says.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!(" E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// SQL with its parameters `$1` to `$9` as literals, for the simple protocol. Values are not
/// looked into; a dollar that is followed by no digit of theirs stays.
pub fn bound(sql: &str, values: &[&str]) -> String {
    let mut pieces = sql.split('$');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let number = piece.chars().next().and_then(|c| c.to_digit(10));
        let value = number
            .and_then(|number| usize::try_from(number).ok()?.checked_sub(1))
            .and_then(|index| values.get(index));
        if let (Some(value), Some(rest)) = (value, piece.get(1..)) {
            text.push_str(&literal(value));
            text.push_str(rest);
        } else {
            text.push('$');
            text.push_str(piece);
        }
    }
    text
}

/// A name as PostgreSQL's own `quote_ident` would write it, for messages to people.
pub fn shown(name: &str) -> String {
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty();
    if plain {
        name.to_owned()
    } else {
        identifier(name)
    }
}

/// A qualified name for messages to people.
pub fn shown_qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", shown(schema), shown(name))
}

/// A pg_dump tag for messages to people: tags hold argument lists and table names and are
/// not names, so they are not quoted.
pub fn shown_tag(schema: Option<&str>, tag: &str) -> String {
    match schema {
        Some(schema) => format!("{}.{tag}", shown(schema)),
        None => tag.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_names_are_doubled_and_nothing_else_changes() {
        assert_eq!(identifier("a\"b\n;--"), "\"a\"\"b\n;--\"");
        assert_eq!(qualified("S", "select"), "\"S\".\"select\"");
    }

    #[test]
    fn literals_with_a_backslash_are_escape_strings() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\'b"), " E'a\\\\''b'");
    }

    #[test]
    fn parameters_become_literals_and_values_are_not_looked_into() {
        assert_eq!(
            bound("f($1, '$', $2::text[]) = $1 and $3", &["$2'", "{a}"]),
            "f('$2''', '$', '{a}'::text[]) = '$2''' and $3"
        );
    }

    #[test]
    fn names_are_shown_plain_where_they_are_plain() {
        assert_eq!(shown_qualified("sales", "Orders"), "sales.\"Orders\"");
        assert_eq!(shown("1st"), "\"1st\"");
        assert_eq!(shown(""), "\"\"");
    }
}
