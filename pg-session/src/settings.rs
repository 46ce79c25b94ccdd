//! Settings that every session is born with, so that nothing that a server, a database or a
//! role has set can change what rows look like or cut long work.

use crate::quote;

/// Sets what is pinned, leaving out names that the server does not know.
const PIN: &str = include_str!("catalog/sql/session_pin.sql");
/// The timeout that would end the session at the end of this message (17 and up).
const DISARM_TRANSACTION: &str = include_str!("catalog/sql/session_disarm.sql");
/// Facts that every caller needs.
const FACTS: &str = include_str!("catalog/sql/session_facts.sql");

/// After how many seconds without a word a server is asked whether it is there, and how long
/// each answer is waited for.
pub(crate) const KEEPALIVE_SECONDS: u32 = 10;
/// How often it is asked before it counts as gone.
pub(crate) const KEEPALIVE_TRIES: u32 = 6;

/// What a session is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// Reads; every transaction is read-only.
    Read,
    /// Changes the target.
    Load,
}

/// On both sides. Names that a server does not know are left out by the query that sets them.
const BOTH: &[(&str, &str)] = &[
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("lc_monetary", "C"),
    ("xmloption", "content"),
    ("search_path", "pg_catalog"),
    ("row_security", "off"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
    ("transaction_timeout", "0"),
    ("synchronize_seqscans", "off"),
    ("jit", "off"),
    ("standard_conforming_strings", "on"),
    ("quote_all_identifiers", "off"),
    ("array_nulls", "on"),
    ("transform_null_equals", "off"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_deferrable", "off"),
    // A host that is lost is noticed by the server, which then releases what we held.
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "6"),
    ("tcp_user_timeout", "60000"),
    ("client_connection_check_interval", "5000"),
];

const READ: &[(&str, &str)] = &[("default_transaction_read_only", "on")];

const LOAD: &[(&str, &str)] = &[
    ("default_transaction_read_only", "off"),
    ("synchronous_commit", "off"),
    ("default_tablespace", ""),
    ("check_function_bodies", "off"),
];

/// The settings of a purpose.
fn pinned(purpose: Purpose) -> impl Iterator<Item = (&'static str, &'static str)> {
    let more = match purpose {
        Purpose::Read => READ,
        Purpose::Load => LOAD,
    };
    BOTH.iter().chain(more).copied()
}

/// What every session says before anything else, alone, so that it takes no time: a role's
/// timeout may be a millisecond, and before PostgreSQL 11 it runs over a whole message.
pub(crate) const DISARM: &str = "set statement_timeout = 0";

/// What every session says next, in one message of the simple protocol, which no pooler takes
/// apart. First the search path: until it is set, a name without a schema may mean something
/// that somebody else has put there. Settings are pinned, the last row has the facts.
pub(crate) fn opening(purpose: Purpose) -> String {
    let list = |values: Vec<&str>| {
        let quoted: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
        quote::literal(&format!("{{{}}}", quoted.join(",")))
    };
    let (names, values) = pinned(purpose).unzip();
    let pin = PIN.replace("$1", &list(names)).replace("$2", &list(values));
    format!("set search_path = pg_catalog;\n{DISARM_TRANSACTION};\n{pin};\n{FACTS}")
}

/// What a session with a database of encoding `SQL_ASCII` says: bytes without a meaning are
/// passed as they are, in both directions; under any other client encoding the server refuses
/// those that are not of it.
pub(crate) const AS_BYTES: &str = "set client_encoding = 'SQL_ASCII'";

/// The longest that the server takes, in bytes (NAMEDATALEN - 1).
const APPLICATION_NAME_BYTES: usize = 63;

/// `pgmig/HASH/tool`, or `pgmig/tool` without a migration. Never over 63 bytes.
pub fn application_name(migration_hash: Option<&str>, tool: &str) -> String {
    let mut name = match migration_hash {
        Some(hash) => format!("pgmig/{hash}/{tool}"),
        None => format!("pgmig/{tool}"),
    };
    let mut end = name.len().min(APPLICATION_NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn application_names_fit() {
        assert_eq!(
            application_name(Some("0123456789ab"), "pg-copy"),
            "pgmig/0123456789ab/pg-copy"
        );
        assert_eq!(application_name(None, &"ä".repeat(60)).len(), 62);
    }

    #[test]
    fn a_reading_session_cannot_write() {
        let read = pinned(Purpose::Read).find(|(name, _)| *name == "default_transaction_read_only");
        assert_eq!(read.map(|(_, value)| value), Some("on"));
    }

    #[test]
    fn the_opening_has_every_setting_and_no_parameter() {
        let opening = opening(Purpose::Load);
        assert!(opening.contains("\"synchronous_commit\"") && opening.contains("\"ISO, YMD\""));
        assert!(opening.starts_with("set search_path = pg_catalog;"));
        assert!(!opening.contains("$1") && !opening.contains("$2"));
    }
}
