//! Names that a migration gives to things on the servers.

use sha2::{Digest, Sha256};

use crate::quote;

/// Longest part of a database's name that its staging name repeats, in bytes.
const STEM_BYTES: usize = 40;

/// The hash of a migration: 12 hex digits over target and name. Stands in
/// `application_name`.
pub fn migration_hash(target: &str, name: &str) -> String {
    hex(&[target, name], 12)
}

/// Where a database is loaded until it is swapped in: `NAME__pgmig_HASH`, NAME cut at a
/// character, 8 hex digits over migration and NAME. At most 56 bytes; the limit is 63.
pub fn staging_name(migration_hash: &str, database: &str) -> String {
    let mut end = database.len().min(STEM_BYTES);
    while !database.is_char_boundary(end) {
        end -= 1;
    }
    let stem = database.get(..end).unwrap_or_default();
    format!("{stem}__pgmig_{}", hex(&[migration_hash, database], 8))
}

/// What a new database is to have of another one.
#[derive(Clone, Copy, Debug)]
pub struct Like<'a> {
    /// Encoding.
    pub encoding: &'a str,
    /// LC_COLLATE.
    pub collate: &'a str,
    /// LC_CTYPE.
    pub ctype: &'a str,
    /// `libc`, `icu` or `builtin`.
    pub locale_provider: &'a str,
    /// Locale of the provider, where it is not libc.
    pub locale: Option<&'a str>,
    /// ICU rules.
    pub icu_rules: Option<&'a str>,
}

/// The statement that makes a database from template0, on a server that has locale providers
/// or has none.
pub fn create_statement(name: &str, like: Like<'_>, has_provider: bool) -> String {
    let mut sql = format!(
        "create database {} template template0 encoding {} lc_collate {} lc_ctype {}",
        quote::identifier(name),
        quote::literal(like.encoding),
        quote::literal(like.collate),
        quote::literal(like.ctype),
    );
    if has_provider && like.locale_provider != "libc" {
        let provider = quote::literal(like.locale_provider);
        sql.push_str(&format!(" locale_provider {provider}"));
        let option = if like.locale_provider == "icu" {
            "icu_locale"
        } else {
            "builtin_locale"
        };
        if let Some(locale) = like.locale {
            sql.push_str(&format!(" {option} {}", quote::literal(locale)));
        }
        if let Some(rules) = like.icu_rules {
            sql.push_str(&format!(" icu_rules {}", quote::literal(rules)));
        }
    }
    sql
}

/// Where the schema of a database is tried before it is migrated; the hash is empty where there
/// is no migration.
pub fn rehearsal_name(migration_hash: &str, database: &str) -> String {
    staging_name(&hex(&["rehearsal", migration_hash], 12), database)
}

/// Hex digits of a SHA-256 over parts that cannot run into one another.
pub fn hex(parts: &[&str], digits: usize) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        text.push_str(&format!("{byte:02x}"));
    }
    text.truncate(digits);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staging_names_fit_and_differ() {
        let long = "ä".repeat(31);
        let name = staging_name("0123456789ab", &long);
        assert!(name.len() <= 63, "{}", name.len());
        assert_ne!(name, staging_name("0123456789ab", &"ä".repeat(30)));
        assert_ne!(
            staging_name("0123456789ab", "shop"),
            staging_name("ba9876543210", "shop")
        );
    }

    #[test]
    fn a_database_is_made_with_the_locale_of_another() {
        let like = |locale_provider, locale| Like {
            encoding: "UTF8",
            collate: "C",
            ctype: "C",
            locale_provider,
            locale,
            icu_rules: None,
        };
        assert_eq!(
            create_statement("s", like("icu", Some("de-DE")), true),
            "create database \"s\" template template0 encoding 'UTF8' lc_collate 'C' \
             lc_ctype 'C' locale_provider 'icu' icu_locale 'de-DE'"
        );
        assert!(!create_statement("s", like("libc", None), true).contains("provider"));
        assert!(!create_statement("s", like("icu", Some("x")), false).contains("icu"));
    }

    #[test]
    fn parts_cannot_run_into_one_another() {
        assert_ne!(hex(&["ab", "c"], 12), hex(&["a", "bc"], 12));
    }
}
