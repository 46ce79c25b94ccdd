//! What a fuzzer calls: bytes of anything for the parsers of this crate. Built for tests, where
//! random bytes and the corpora of fuzz/ go through, and with `--cfg fuzzing` (`make fuzz`).

use std::io::Cursor;

use crate::input::{Input, Line};
use crate::notice::Notice;
use crate::output::Output;
use crate::record::Record;

/// A stream: whatever is read as a record is the same when it is written and read again.
///
/// # Panics
/// When something is wrong, as a fuzzer wants it.
pub fn stream(data: &[u8]) {
    let reader = Cursor::new(data.to_vec());
    let quiet = Notice::quiet("fuzz");
    let Ok(input) = Input::start("fuzz".to_owned(), reader, Output::report(), quiet) else {
        return;
    };
    for line in input.flatten() {
        if let Line::Known(record) = line {
            let text = serde_json::to_string(&record).unwrap_or_default();
            let again: Result<Record, _> = serde_json::from_str(&text);
            assert_eq!(again.ok(), Some(*record), "{text}");
        }
    }
}

#[cfg(test)]
#[path = "../../fuzz/damaged.rs"]
mod damaged;

#[cfg(test)]
mod tests {
    use super::damaged::{Target, call_with_corpora, call_with_random_bytes};
    use super::*;

    /// Each, and what it is called in fuzz/.
    const TARGETS: &[Target] = &[("stream", stream)];

    #[test]
    fn the_corpora_do_no_harm() {
        call_with_corpora(TARGETS);
    }

    #[test]
    fn random_bytes_do_no_harm() {
        call_with_random_bytes(TARGETS);
    }
}
