//! An archive of pg_dump, of any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pg_schema_dump::fuzzed::archive(data));
