//! What a server sends: frames of COPY and other messages, of any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pg_session::fuzzed::frames(data));
