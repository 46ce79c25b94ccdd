//! A journal, of any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pg_migstate::fuzzed::journal(data));
