//! Finding one's way in pg_dump's SQL without parsing it: what stands in quotes, and where
//! statements end.

/// What stands before and after a text that is outside of quotes.
pub(crate) fn split_at_word<'s>(sql: &'s str, word: &str) -> Option<(&'s str, &'s str)> {
    let mut at = 0;
    for token in tokens(sql) {
        if !matches!(token.kind, Kind::Quoted | Kind::Literal) {
            let found = token.text.char_indices().find_map(|(offset, _)| {
                let (before, rest) = sql.split_at_checked(at + offset)?;
                Some((before, rest.strip_prefix(word)?))
            });
            if found.is_some() {
                return found;
            }
        }
        at += token.text.len();
    }
    None
}

/// The parts of a list between commas that stand outside of quotes.
pub(crate) fn parts(list: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begin, mut at) = (0, 0);
    for token in tokens(list) {
        if token.text == "," {
            parts.extend(list.get(begin..at).map(str::trim));
            begin = at + token.text.len();
        }
        at += token.text.len();
    }
    let last = list.get(begin..).map(str::trim);
    parts.extend(last.filter(|rest| !rest.is_empty()));
    parts
}

/// The statements of an entry, each with its semicolon and what white space follows. The body
/// of a function in SQL's own syntax (BEGIN ATOMIC) would be cut.
pub(crate) fn statements(sql: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let (mut begin, mut at, mut has_ended) = (0, 0, false);
    for token in tokens(sql) {
        if has_ended && token.kind != Kind::Space {
            statements.extend(sql.get(begin..at));
            (begin, has_ended) = (at, false);
        }
        at += token.text.len();
        has_ended |= token.text == ";";
    }
    statements.extend(sql.get(begin..).filter(|rest| !rest.trim().is_empty()));
    statements
}

/// What a stretch of SQL is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A key word or a name that needs no quotes.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A string, with quotes or between dollars.
    Literal,
    /// White space or a comment.
    Space,
    /// A number, or one character of any other sort.
    Other,
}

/// A stretch of SQL.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Token<'a> {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its text as it stands.
    pub(crate) text: &'a str,
}

impl Token<'_> {
    /// Whether it is this key word.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// The name that it stands for, folded as the server folds it; a string's is what it says.
    pub(crate) fn name(&self) -> Option<String> {
        match self.kind {
            Kind::Word => Some(self.text.to_ascii_lowercase()),
            Kind::Quoted => unquoted(self.text, '"'),
            Kind::Literal => match self.text.strip_prefix(['e', 'E']) {
                Some(escaped) => Some(unquoted(escaped, '\'')?.replace("\\\\", "\\")),
                None => unquoted(self.text, '\''),
            },
            Kind::Space | Kind::Other => None,
        }
    }
}

fn unquoted(text: &str, quote: char) -> Option<String> {
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    Some(inner.replace(&String::from_iter([quote, quote]), &quote.to_string()))
}

/// Cuts SQL into tokens, which joined are the SQL again.
pub(crate) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = token(rest, first);
        let (text, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        tokens.push(Token { kind, text });
        rest = after;
    }
    tokens
}

fn token(rest: &str, first: char) -> (Kind, usize) {
    let escaped = rest
        .strip_prefix(['e', 'E'])
        .filter(|text| text.starts_with('\''));
    match first {
        _ if escaped.is_some() => (Kind::Literal, 1 + whole_quoted(rest, 1, '\'', true)),
        '\'' => (Kind::Literal, whole_quoted(rest, 0, '\'', false)),
        '"' => (Kind::Quoted, whole_quoted(rest, 0, '"', false)),
        '$' => dollar_quoted(rest).map_or((Kind::Other, 1), |length| (Kind::Literal, length)),
        '-' if rest.starts_with("--") => (Kind::Space, rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => (Kind::Space, block_comment(rest)),
        _ if first.is_whitespace() => (Kind::Space, span(rest, char::is_whitespace)),
        _ if begins_word(first) => (
            Kind::Word,
            span(rest, |c| begins_word(c) || c.is_ascii_digit() || c == '$'),
        ),
        _ if first.is_ascii_digit() => (
            Kind::Other,
            span(rest, |c| c.is_ascii_alphanumeric() || c == '.' || c == '_'),
        ),
        _ => (Kind::Other, first.len_utf8()),
    }
}

fn begins_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn span(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// Bytes from the opening quote, which stands `skip` bytes from the beginning, up to and with
/// the one that closes: not doubled and, where backslashes escape, not behind one.
fn whole_quoted(text: &str, skip: usize, quote: char, has_escapes: bool) -> usize {
    let inner = text.get(skip + 1..).unwrap_or_default();
    let mut characters = inner.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if c == '\\' && has_escapes {
            characters.next();
        } else if c == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return at + 2;
        }
    }
    text.len() - skip
}

fn dollar_quoted(text: &str) -> Option<usize> {
    let inner = text.get(1..)?;
    let tag = inner.find('$')?;
    let name = inner.get(..tag)?;
    let is_tag = !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| begins_word(c) || c.is_ascii_digit());
    let fence = text.get(..tag + 2).filter(|_| is_tag)?;
    let body = text.get(fence.len()..)?;
    Some(
        body.find(fence)
            .map_or(text.len(), |end| end + 2 * fence.len()),
    )
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
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

    #[test]
    fn tokens_are_what_they_are_and_joined_the_sql_again() {
        let sql = "GRANT x ON \"a;\"\"b\"(1.5e3) /* c /* d */ ; */ TO E'it\\'s' -- e;\n$1 $q$;$$'$q$ 'it''s';é$";
        let tokens = tokens(sql);
        let joined: String = tokens.iter().map(|token| token.text).collect();
        assert_eq!(joined, sql);
        let of = |kind| -> Vec<&str> {
            let same = tokens.iter().filter(|token| token.kind == kind);
            same.map(|token| token.text).collect()
        };
        assert_eq!(of(Kind::Quoted), ["\"a;\"\"b\""]);
        assert_eq!(of(Kind::Literal), ["E'it\\'s'", "$q$;$$'$q$", "'it''s'"]);
        assert_eq!(of(Kind::Word), ["GRANT", "x", "ON", "TO", "é$"]);
    }

    #[test]
    fn what_never_ends_ends_with_the_text() {
        for sql in ["'a", "\"a", "$a$ b", "/* a /* b */", "E'a\\", "-- a", "$"] {
            let joined: String = tokens(sql).iter().map(|token| token.text).collect();
            assert_eq!(joined, sql);
        }
    }
}
