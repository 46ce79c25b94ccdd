//! Harness of the end-to-end suites: runs the tools as a shell does, on servers of its own.
//!
//! - [`tool`] runs one binary, [`running`] is the process, [`ran`] all that it did;
//! - [`pipeline`] joins several by pipes of the operating system;
//! - [`majors`] finds servers, [`cluster`] starts throwaway ones, [`database`] makes
//!   databases on them; [`tls`] makes certificates, and servers that have them;
//! - [`schema`] is what pg_dump and psql say of a database;
//! - [`wire`] is a second, strict reading of the stream, [`contract`] its table of kinds;
//! - [`rows`] compares what tables hold;
//! - [`fault`] has the things that go wrong, [`proxy`] a network that does, [`disk`] disks that are full;
//! - [`processes`] finds what others started, [`dice`] has random numbers that can be had again.
//!
//! It depends on no crate of the workspace: what it knows of the tools is what their users
//! know. A failed expectation panics with command, status, stdout and stderr.
#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a harness fails a test by panicking, with all that is known"
)]

pub mod bill;
pub mod cluster;
pub mod contract;
pub mod database;
pub mod dice;
pub mod disk;
pub mod fault;
pub mod majors;
pub mod pipeline;
pub mod processes;
pub mod proxy;
pub mod ran;
pub mod rows;
pub mod running;
pub mod schema;
pub mod tls;
pub mod tool;
pub mod wire;

use std::path::{Path, PathBuf};

pub use cluster::{Cluster, Pair};
pub use database::Database;
pub use dice::Dice;
pub use disk::Disk;
pub use majors::Majors;
pub use pipeline::Pipeline;
pub use processes::Process;
pub use ran::Ran;
pub use schema::Schema;
pub use tool::Tool;
pub use wire::{Record, Stream};

/// The top of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in the workspace")
        .to_owned()
}
