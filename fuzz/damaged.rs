//! What the tests of each crate that has a fuzzed.rs call its targets with.

use std::fs;
use std::path::Path;

/// A function that a fuzzer calls, behind the name of its corpus.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Calls each with its corpus, whole and damaged.
pub(crate) fn call_with_corpora(targets: &[Target]) {
    for (name, target) in targets {
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

/// Calls each with bytes of anything.
pub(crate) fn call_with_random_bytes(targets: &[Target]) {
    proptest::proptest!(|(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200))| {
        for (_, target) in targets {
            target(&bytes);
        }
    });
}
