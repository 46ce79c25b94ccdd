//! What a fuzzer calls: bytes of anything for the parsers of this crate. Built for tests, where
//! random bytes and the corpora of fuzz/ go through, and with `--cfg fuzzing` (`make fuzz`).

use std::path::Path;

use crate::conninfo;
use crate::endpoint::{Endpoint, Role};
use crate::passfile::{self, Wanted};
use crate::secret::Secret;
use crate::service;
use crate::wire;

/// A connection string: what is read is the same when it is written and read again.
///
/// # Panics
/// When something is wrong, as a fuzzer wants it.
pub fn conninfo(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(parameters) = conninfo::parse(&text) {
        let written = conninfo::write(&parameters);
        assert_eq!(
            conninfo::parse(&written).ok(),
            Some(parameters),
            "{written:?}"
        );
    }
    drop(Endpoint::resolve(Role::Source, Some(&text), &|_| None));
}

/// A service file; its first line is the service.
///
/// # Panics
/// When something is wrong, as a fuzzer wants it.
pub fn service(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (name, file) = text.split_once('\n').unwrap_or(("a", &text));
    if let Ok(Some(parameters)) = service::find(file, name, Path::new("fuzz")) {
        let sound = |key: &String| conninfo::check_keyword(key).is_ok();
        assert!(parameters.keys().all(sound), "{parameters:?}");
    }
}

/// A password file; its lines are also fields of a line that is written and found again.
///
/// # Panics
/// When something is wrong, as a fuzzer wants it.
pub fn passfile(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines: Vec<&str> = text.lines().collect();
    let field = |at: usize| lines.get(at).copied().unwrap_or("x");
    let wanted = Wanted {
        host: field(0),
        alias: field(0),
        port: field(1),
        database: field(2),
        user: field(3),
    };
    drop(passfile::find(&text, wanted));
    let secret = Secret::new(field(4));
    let line = passfile::line(wanted, &secret);
    // A comment, and ends of lines, are what a password file has no way to say.
    if !line.starts_with('#') && !text.contains('\r') {
        assert_eq!(passfile::find(&line, wanted), Some(secret), "{line:?}");
    }
}

/// What a server sends: frames of COPY and other messages.
pub fn frames(data: &[u8]) {
    wire::split(data);
}

#[cfg(test)]
#[path = "../../fuzz/damaged.rs"]
mod damaged;

#[cfg(test)]
mod tests {
    use super::damaged::{Target, call_with_corpora, call_with_random_bytes};
    use super::*;

    /// Each, and what it is called in fuzz/.
    const TARGETS: &[Target] = &[
        ("conninfo", conninfo),
        ("service", service),
        ("passfile", passfile),
        ("frames", frames),
    ];

    #[test]
    fn the_corpora_do_no_harm() {
        call_with_corpora(TARGETS);
    }

    #[test]
    fn random_bytes_do_no_harm() {
        call_with_random_bytes(TARGETS);
    }
}
