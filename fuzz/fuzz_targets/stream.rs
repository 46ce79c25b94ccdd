//! A stream of records, of any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pg_pipe::fuzzed::stream(data));
