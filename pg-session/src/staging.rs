//! Names that a migration gives to things on the servers.

use sha2::{Digest, Sha256};

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
    fn parts_cannot_run_into_one_another() {
        assert_ne!(hex(&["ab", "c"], 12), hex(&["a", "bc"], 12));
    }
}
