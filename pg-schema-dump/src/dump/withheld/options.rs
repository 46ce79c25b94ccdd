//! Options of foreign servers, tables and user mappings that may hold a secret. Each foreign data
//! wrapper has names of its own, so of a user mapping, which is there for secrets, only known
//! names are kept; elsewhere what looks like a secret, by its name or its value, is not.

use crate::quoted::{Kind, Token, parts, statements, tokens};

/// Options of user mappings that are no secrets: who logs in, how, and where files are.
const HARMLESS: &[&str] = &[
    "user",
    "username",
    "user_name",
    "uid",
    "login",
    "role",
    "password_required",
    "use_scram_passthrough",
    "gssdelegation",
    "sslcert",
    "sslkey",
    "sslrootcert",
];

/// Parts of names that mean a secret.
const SECRET: &[&str] = &[
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "credential",
    "auth",
    "bearer",
    "signature",
];

/// Names with such parts, or that end with «key», that are something else.
const OTHER: &[&str] = &[
    "password_required",
    "require_auth",
    "sslkey",
    "primary_key",
    "partition_key",
    "sort_key",
    "row_key",
    "rowkey",
    "unique_key",
    "foreign_key",
    "singleton_key",
];

/// Ends of names that say how a secret is used.
const MANNERS: &[&str] = &["method", "type", "mode", "mechanism", "scope", "author"];

/// Parts of values that are followed by a secret.
const LEADS: &[&str] = &[
    "password=",
    "passwd=",
    "pwd=",
    "passphrase=",
    "secret=",
    "token=",
    "apikey=",
    "api_key=",
    "bearer ",
    "authorization:",
    "accesskey=",
    "access_key=",
    "accountkey=",
    "account_key=",
    "private_key=",
    "privatekey-----",
    "sig=",
];

/// An option: `name 'value'`.
struct Setting {
    name: String,
    value: String,
}

impl Setting {
    fn read(text: &str) -> Option<Self> {
        let tokens: Vec<Token<'_>> = tokens(text)
            .into_iter()
            .filter(|token| token.kind != Kind::Space)
            .collect();
        match tokens.as_slice() {
            [name, value]
                if value.kind == Kind::Literal
                    && matches!(name.kind, Kind::Word | Kind::Quoted) =>
            {
                Some(Self {
                    name: name.name()?,
                    value: value.name().unwrap_or_else(|| value.text.to_owned()),
                })
            }
            _ => None,
        }
    }

    /// Whether it may hold a secret, as an option of a kind of object.
    fn is_secret(&self, kind: &str) -> bool {
        let name = self.name.to_lowercase();
        let by_name = if kind == "USER MAPPING" {
            !HARMLESS.contains(&name.as_str())
        } else {
            self.has_secret_name(&name)
        };
        by_name || has_secret(&self.value)
    }

    fn has_secret_name(&self, name: &str) -> bool {
        if OTHER.contains(&name) || MANNERS.iter().any(|end| name.ends_with(end)) {
            return false;
        }
        // Wrappers mark the columns of a key by `key 'true'`.
        let is_flag = matches!(
            self.value.to_lowercase().as_str(),
            "true" | "false" | "on" | "off" | "yes" | "no" | "1" | "0"
        );
        !is_flag && (name.ends_with("key") || SECRET.iter().any(|part| name.contains(part)))
    }
}

/// Whether a value is a URI with a password, or has something like `password=` in it, however it
/// is spaced and quoted: `password = x`, `{"password": "x"}`.
fn has_secret(value: &str) -> bool {
    let value = value.to_lowercase();
    let dense: String = value
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\'))
        .map(|c| if c == ':' { '=' } else { c })
        .collect();
    let has_password = |rest: &str| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        authority
            .rsplit_once('@')
            .is_some_and(|(user, _)| user.contains(':'))
    };
    LEADS
        .iter()
        .any(|lead| value.contains(lead) || dense.contains(lead))
        || value.split("://").skip(1).any(has_password)
}

/// The SQL without options that may hold a secret, and their names.
pub(crate) fn without_secrets(kind: &str, sql: &str) -> (String, Vec<String>) {
    let mut withheld = Vec::new();
    let kept: String = statements(sql)
        .into_iter()
        .filter_map(|statement| of_statement(kind, statement, &mut withheld))
        .collect();
    (kept, withheld)
}

/// A statement without secrets; `None` when it did nothing but set them.
fn of_statement(kind: &str, statement: &str, withheld: &mut Vec<String>) -> Option<String> {
    let mut kept = String::with_capacity(statement.len());
    let mut rest = statement;
    while let Some((before, list, after)) = next_list(rest) {
        let (left, secret) = split(kind, list);
        match (left.as_slice(), secret.as_slice()) {
            (_, []) => kept.push_str(rest.strip_suffix(after).unwrap_or(rest)),
            ([], _) => kept.push_str(before.trim_end()),
            _ => {
                let left = left.join(",\n    ");
                kept.push_str(&format!("{before}OPTIONS (\n    {left}\n)"));
            }
        }
        let sets_nothing = left.is_empty() && statement.contains(" ALTER COLUMN ");
        withheld.extend(secret);
        if sets_nothing {
            return None;
        }
        rest = after;
    }
    kept.push_str(rest);
    Some(kept)
}

/// Options to be kept, as they stand, and the names of the others.
fn split<'l>(kind: &str, list: &'l str) -> (Vec<&'l str>, Vec<String>) {
    let (mut left, mut secret) = (Vec::new(), Vec::new());
    for option in parts(list) {
        match Setting::read(option).filter(|setting| setting.is_secret(kind)) {
            Some(setting) => secret.push(setting.name),
            None => left.push(option),
        }
    }
    (left, secret)
}

/// The first `OPTIONS (…)`: what stands before it, the list, and what stands after it.
fn next_list(sql: &str) -> Option<(&str, &str, &str)> {
    let (mut at, mut begin, mut depth) = (0, None, 0_usize);
    let mut open: Option<usize> = None;
    for token in tokens(sql) {
        let end = at + token.text.len();
        match (begin, open) {
            (None, _) if token.is("OPTIONS") => begin = Some(at),
            (Some(_), None) if token.text == "(" => open = Some(end),
            (Some(_), None) if token.kind != Kind::Space => begin = None,
            (Some(_), Some(_)) if token.text == "(" => depth += 1,
            (Some(_), Some(_)) if token.text == ")" && depth > 0 => depth -= 1,
            (Some(begin), Some(open)) if token.text == ")" => {
                return Some((sql.get(..begin)?, sql.get(open..at)?, sql.get(end..)?));
            }
            _ => {}
        }
        at = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(kind: &str, sql: &str) -> Vec<String> {
        without_secrets(kind, sql).1
    }

    #[test]
    fn of_a_user_mapping_only_what_is_known_is_kept() {
        let sql = "CREATE USER MAPPING FOR u SERVER s OPTIONS (\n    \"user\" 'u',\n    odd 'canary',\n    password_required 'false'\n);\n";
        let (kept, withheld) = without_secrets("USER MAPPING", sql);
        assert_eq!(
            kept,
            "CREATE USER MAPPING FOR u SERVER s OPTIONS (\n    \"user\" 'u',\n    password_required 'false'\n);\n"
        );
        assert_eq!(withheld, ["odd"]);
    }

    #[test]
    fn of_servers_what_looks_like_a_secret_is_not_kept() {
        let server = |option: &str| {
            let sql = format!(
                "CREATE SERVER s TYPE 'OPTIONS (' FOREIGN DATA WRAPPER f OPTIONS (\n    {option}\n);\n"
            );
            names("SERVER", &sql).len()
        };
        for secret in [
            "api_token 'x'",
            "\"Secret\" 'x'",
            "aws_access_key 'x'",
            "pwd 'x'",
            "credentials 'x'",
            "authorization 'x'",
            "uri 'https://u:p@h/x'",
            "conn 'host=h password=x'",
            "url 'https://h/x?sp=r&sig=x'",
            "conn E'\\\\ Password=x'",
            "conn 'host=h password = x'",
            "config '{\"password\": \"x\"}'",
            "yaml 'Account_Key : x'",
            "pem '-----BEGIN RSA PRIVATE KEY-----\nx'",
            "bearer 'x'",
        ] {
            assert_eq!(server(secret), 1, "{secret}");
        }
        for harmless in [
            "host 'h'",
            "key_columns 'a,b'",
            "key 'true'",
            "primary_key 'id'",
            "uri 'https://u@h:80/x'",
            "auth_method 'md5'",
            "use_tokens 'true'",
            "sslkey '/k'",
            "keepalives '1'",
        ] {
            assert_eq!(server(harmless), 0, "{harmless}");
        }
    }

    #[test]
    fn a_foreign_table_keeps_its_columns() {
        let sql = "CREATE FOREIGN TABLE s.t (\n    options text DEFAULT options('a')\n)\nSERVER s\nOPTIONS (\n    token 'canary'\n);\n\
            ALTER FOREIGN TABLE ONLY s.t ALTER COLUMN a OPTIONS (\n    secret 'canary'\n);\n\
            ALTER FOREIGN TABLE ONLY s.t ALTER COLUMN b OPTIONS (\n    n 'x',\n    secret 'canary'\n);\n";
        let (kept, withheld) = without_secrets("FOREIGN TABLE", sql);
        assert_eq!(
            kept,
            "CREATE FOREIGN TABLE s.t (\n    options text DEFAULT options('a')\n)\nSERVER s;\n\
             ALTER FOREIGN TABLE ONLY s.t ALTER COLUMN b OPTIONS (\n    n 'x'\n);\n"
        );
        assert_eq!(withheld, ["token", "secret", "secret"]);
    }
}
