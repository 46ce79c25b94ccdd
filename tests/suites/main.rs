//! End-to-end suites. Each module is one promise of the README.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking; clippy's exceptions for tests end at the test function"
)]

mod agreement;
mod applied;
mod azure_body;
mod bad_input;
mod broken_keys;
mod canceled;
mod cli_contract;
mod copied_between;
mod copying;
mod crates;
mod documented;
mod drilled;
mod dumped;
mod edges;
mod extremes;
mod filtered;
mod finished;
mod in_place;
mod installed;
mod interruption;
mod inventory;
mod joined;
mod keys;
mod large_objects;
mod least;
mod machines;
mod messages;
mod mutated;
mod network_faults;
mod owned;
mod pg_dump;
mod pipeline;
mod platforms;
mod pooler;
mod privileges;
mod probe;
mod promised;
mod recorded;
mod regression;
mod round_trip;
mod routed;
mod scene;
mod script;
mod secrets;
mod server_faults;
mod silent_faults;
mod standby;
mod stdio;
mod steered;
mod terminal;
mod tidy;
mod tls;
mod together;
mod told;
mod torture;
mod typed;
mod unhashed;
mod unreachable;
mod untrusted;
mod untrusted_stream;
mod validated;
mod verified;
mod versions;
mod wire;
