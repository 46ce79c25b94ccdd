//! A migration file, ours or Azure's body, of any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pg_migstate::fuzzed::migration(data));
