//! Talking to a server: where it is, how to get in, sessions with pinned settings, what is
//! in the catalog, how rows are checksummed, and the ledger of what has been done.
//!
//! This crate knows no record, no exit status and no terminal, but for the question after a
//! password that nobody else knows (`password.rs`). Errors are classified here,
//! once: [`Error::class`].

mod address;
pub mod args;
mod attempt;
mod auth;
pub mod catalog;
mod certificate;
pub mod checksum;
pub mod conninfo;
pub mod endpoint;
pub mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzzed;
mod greeting;
pub mod hint;
pub mod host;
pub mod journey;
pub mod ledger;
pub mod mark;
pub mod passfile;
mod password;
pub mod pattern;
mod pooler;
pub mod quote;
pub mod relation;
pub mod retry;
pub mod role_mark;
pub mod row_filter;
pub mod secret;
mod service;
pub mod session;
pub mod settings;
pub mod snapshot;
pub mod staging;
mod startup;
mod tls;
pub mod version;
mod way;
pub mod wire;

pub use endpoint::{Endpoint, Role};
pub use error::{Class, Error};
pub use relation::{Relation, RelationName};
pub use row_filter::RowFilter;
pub use session::{Cancel, Session, resolve};
pub use settings::Purpose;
pub use version::ServerVersion;
pub use wire::Wire;
