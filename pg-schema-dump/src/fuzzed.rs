//! What a fuzzer calls: bytes of anything for the parsers of this crate. Built for tests, where
//! random bytes and the corpora of fuzz/ go through, and with `--cfg fuzzing` (`make fuzz`).

use std::io::Cursor;

use crate::dump::archive;

/// An archive of pg_dump.
pub fn archive(data: &[u8]) {
    drop(archive::objects(&mut Cursor::new(data)));
}

#[cfg(test)]
#[path = "../../fuzz/damaged.rs"]
mod damaged;

#[cfg(test)]
mod tests {
    use super::damaged::{Target, call_with_corpora, call_with_random_bytes};
    use super::*;

    /// Each, and what it is called in fuzz/.
    const TARGETS: &[Target] = &[("archive", archive)];

    #[test]
    fn the_corpora_do_no_harm() {
        call_with_corpora(TARGETS);
    }

    #[test]
    fn random_bytes_do_no_harm() {
        call_with_random_bytes(TARGETS);
    }
}
