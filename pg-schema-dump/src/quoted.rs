//! Finding one's way in pg_dump's SQL without parsing it: what stands in quotes, and where
//! statements end.

/// Bytes of `text`, which begins with a quote, up to and with the closing one. A doubled
/// quote just begins the next region.
pub(crate) fn end_of_quoted(text: &str, quote: char) -> usize {
    text.char_indices()
        .skip(1)
        .find(|(_, c)| *c == quote)
        .map_or(text.len(), |(at, c)| at + c.len_utf8())
}

/// The statements of an entry that has no dollar quotes, each with its semicolon and what
/// white space follows.
pub(crate) fn statements(sql: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let mut begin = 0;
    let mut at = 0;
    while let Some(c) = sql.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = sql.get(at..).unwrap_or_default();
        if c == '\'' || c == '"' {
            at += end_of_quoted(rest, c);
            continue;
        }
        at += c.len_utf8();
        if c == ';' {
            let after = sql.get(at..).unwrap_or_default();
            at += after.len() - after.trim_start().len();
            statements.extend(sql.get(begin..at));
            begin = at;
        }
    }
    statements.extend(sql.get(begin..).filter(|rest| !rest.is_empty()));
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_at_semicolons_outside_of_quotes() {
        let sql = "A ';' \";\n\" ''';';\nB;\n\nC";
        assert_eq!(statements(sql), ["A ';' \";\n\" ''';';\n", "B;\n\n", "C"]);
        assert!(statements("").is_empty());
    }
}
