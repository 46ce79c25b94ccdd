//! Secrets inside of SQL: the connection string of a subscription, the options of what is
//! foreign. No record carries a password, so they are taken out, and that is told.

mod options;

use pg_session::{conninfo, quote};

use crate::quoted::{Kind, split_at_word, tokens};

/// SQL from which something was taken.
#[derive(Debug, PartialEq)]
pub(crate) struct Cleaned {
    /// What is left of it.
    pub(crate) sql: String,
    /// What was taken, for messages.
    pub(crate) what: String,
}

/// The SQL without its secrets; `None` when there is none in it.
pub(crate) fn without_secrets(kind: &str, sql: &str) -> Option<Cleaned> {
    match kind {
        "SUBSCRIPTION" => Some(Cleaned {
            sql: without_connection_password(sql).filter(|cleaned| cleaned != sql)?,
            what: "its password".to_owned(),
        }),
        "USER MAPPING" | "SERVER" | "FOREIGN DATA WRAPPER" | "FOREIGN TABLE" => {
            let (sql, names) = options::without_secrets(kind, sql);
            let what = match names.as_slice() {
                [] => return None,
                [name] => format!("its option {name}"),
                names => format!("its options {}", names.join(", ")),
            };
            Some(Cleaned { sql, what })
        }
        _ => None,
    }
}

/// `CREATE SUBSCRIPTION s CONNECTION 'host=… password=…' PUBLICATION …`
fn without_connection_password(sql: &str) -> Option<String> {
    let (before, rest) = split_at_word(sql, " CONNECTION ")?;
    let literal = tokens(rest).into_iter().next()?;
    let inner = literal.name().filter(|_| literal.kind == Kind::Literal)?;
    if !inner.contains("password") && !inner.contains("://") {
        return None;
    }
    let kept = match conninfo::parse(&inner) {
        Ok(mut parameters) => {
            let secrets = ["password", "sslpassword"];
            let found = secrets.map(|key| parameters.remove(key).is_some());
            if !found.contains(&true) {
                return None;
            }
            conninfo::write(&parameters)
        }
        // What we cannot read we cannot clean: then nothing of it is kept.
        Err(_) => String::new(),
    };
    let cleaned = quote::literal(&kept);
    let after = rest.get(literal.text.len()..)?;
    Some(format!(
        "{before} CONNECTION {}{after}",
        cleaned.trim_start()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_password(kind: &str, sql: &str) -> Option<String> {
        without_secrets(kind, sql).map(|cleaned| cleaned.sql)
    }

    #[test]
    fn names_that_read_like_key_words_hide_nothing() {
        let sql =
            "CREATE SUBSCRIPTION \"s CONNECTION 'x\" CONNECTION 'host=h sslpassword=canary';\n";
        let cleaned = without_password("SUBSCRIPTION", sql).unwrap();
        assert_eq!(
            cleaned,
            "CREATE SUBSCRIPTION \"s CONNECTION 'x\" CONNECTION 'host=h';\n"
        );
        let sql = "CREATE USER MAPPING FOR \"u OPTIONS (b\" SERVER s OPTIONS (\n    password 'canary',\n    \"user\" 'u'\n);\n";
        assert_eq!(
            without_password("USER MAPPING", sql).unwrap(),
            "CREATE USER MAPPING FOR \"u OPTIONS (b\" SERVER s OPTIONS (\n    \"user\" 'u'\n);\n"
        );
    }

    #[test]
    fn a_subscription_loses_its_password_and_nothing_else() {
        for connection in [
            "'host=h password=ca''na ry dbname=d'",
            "'host=h dbname=d password=''can ary'''",
            "'postgresql://h/d?password=canary'",
        ] {
            let sql =
                format!("CREATE SUBSCRIPTION s CONNECTION {connection} PUBLICATION p WITH (x);\n");
            let cleaned = without_password("SUBSCRIPTION", &sql).unwrap_or_default();
            assert!(
                cleaned.starts_with("CREATE SUBSCRIPTION s CONNECTION '"),
                "{cleaned}"
            );
            assert!(
                cleaned.ends_with("' PUBLICATION p WITH (x);\n"),
                "{cleaned}"
            );
            assert!(
                !cleaned.contains("canary") && !cleaned.contains("password"),
                "{cleaned}"
            );
        }
        let plain = "CREATE SUBSCRIPTION s CONNECTION 'host=h' PUBLICATION p;\n";
        assert_eq!(without_password("SUBSCRIPTION", plain), None);
    }

    #[test]
    fn a_user_mapping_loses_its_password_and_nothing_else() {
        let sql = "CREATE USER MAPPING FOR u SERVER s OPTIONS (\n    password 'c,a''n)ary',\n    \"user\" 'x,y'\n);\n";
        assert_eq!(
            without_password("USER MAPPING", sql).unwrap_or_default(),
            "CREATE USER MAPPING FOR u SERVER s OPTIONS (\n    \"user\" 'x,y'\n);\n"
        );
        let only = "CREATE USER MAPPING FOR u SERVER s OPTIONS (\n    password 'x'\n);\n";
        assert_eq!(
            without_password("USER MAPPING", only).unwrap_or_default(),
            "CREATE USER MAPPING FOR u SERVER s;\n"
        );
        let none =
            "CREATE USER MAPPING FOR u SERVER s OPTIONS (\n    password_required 'false'\n);\n";
        assert_eq!(without_password("USER MAPPING", none), None);
    }

    #[test]
    fn a_connection_that_we_cannot_read_is_not_kept() {
        let sql = "CREATE SUBSCRIPTION s CONNECTION 'odd=1 password=canary' PUBLICATION p;\n";
        assert_eq!(
            without_password("SUBSCRIPTION", sql).unwrap_or_default(),
            "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p;\n"
        );
    }

    #[test]
    fn other_kinds_are_not_looked_into() {
        assert_eq!(without_password("TABLE", "CREATE TABLE password ()"), None);
    }
}
