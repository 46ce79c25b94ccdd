//! Passwords inside of SQL: the connection string of a subscription, the options of a user
//! mapping. No record carries a password, so they are taken out, and that is told.

use pg_session::{conninfo, quote};

use crate::quoted::{Kind, parts, split_at_word, tokens};

/// The SQL without its password; `None` when there is none in it.
pub(crate) fn without_password(kind: &str, sql: &str) -> Option<String> {
    let changed = match kind {
        "SUBSCRIPTION" => without_connection_password(sql)?,
        "USER MAPPING" => without_password_option(sql)?,
        _ => return None,
    };
    (changed != sql).then_some(changed)
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

/// `CREATE USER MAPPING FOR u SERVER s OPTIONS (\n    password '…',\n    "user" '…'\n);`
fn without_password_option(sql: &str) -> Option<String> {
    let (before, list) = split_at_word(sql, " OPTIONS (")?;
    let kept: Vec<&str> = parts(list.rsplit_once(')')?.0)
        .into_iter()
        .filter(|option| !is_secret(option))
        .collect();
    if kept.is_empty() {
        return Some(format!("{before};\n"));
    }
    Some(format!(
        "{before} OPTIONS (\n    {}\n);\n",
        kept.join(",\n    ")
    ))
}

/// Whether an option, `name 'value'`, is a password by its name.
fn is_secret(option: &str) -> bool {
    let name = option.split(" '").next().unwrap_or_default();
    let name = name.trim_matches('"').to_lowercase();
    name != "password_required" && (name.contains("passw") || name.contains("secret"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
