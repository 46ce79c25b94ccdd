//! What a fuzzer calls: bytes of anything for the parsers of this crate. Built for tests, where
//! random bytes and the corpora of fuzz/ go through, and with `--cfg fuzzing` (`make fuzz`).

use crate::{file, journal};

/// A migration file, ours or Azure's body.
pub fn migration(data: &[u8]) {
    file::fuzzed(data);
}

/// A journal.
pub fn journal(data: &[u8]) {
    journal::fuzzed(data);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use proptest::prelude::*;

    type Target = fn(&[u8]);

    /// Each, and what it is called in fuzz/.
    const TARGETS: &[(&str, Target)] = &[("migration", migration), ("journal", journal)];

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
