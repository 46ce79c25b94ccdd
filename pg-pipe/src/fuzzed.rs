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
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use proptest::prelude::*;

    type Target = fn(&[u8]);

    /// Each, and what it is called in fuzz/.
    const TARGETS: &[(&str, Target)] = &[("stream", stream)];

    #[test]
    fn the_corpora_do_no_harm() {
        for (name, target) in TARGETS {
            let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../fuzz/corpus")
                .join(name);
            let files: Vec<_> = fs::read_dir(&corpus).unwrap().flatten().collect();
            assert!(!files.is_empty(), "{name}");
            for file in files {
                let bytes = fs::read(file.path()).unwrap();
                target(&bytes);
                // Cut, and with a byte that is another one.
                for at in (0..bytes.len()).step_by(bytes.len() / 100 + 1) {
                    let mut changed = bytes.clone();
                    changed[at] ^= 0x81;
                    target(&changed);
                    target(&bytes[..at]);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for (_, target) in TARGETS {
                target(&bytes);
            }
        }
    }
}
