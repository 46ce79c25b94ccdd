//! End-to-end suites. Each module is one promise of the README.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking; clippy's exceptions for tests end at the test function"
)]

mod agreement;
mod bad_input;
mod cli_contract;
mod crates;
mod documented;
mod interruption;
mod pg_dump;
mod pipeline;
mod platforms;
mod pooler;
mod probe;
mod recorded;
mod regression;
mod scene;
mod secrets;
mod stdio;
mod tidy;
mod tls;
mod unreachable;
mod versions;
mod wire;
