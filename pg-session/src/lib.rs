//! Talking to a server: where it is, how to get in, sessions with pinned settings, what is
//! in the catalog, how rows are checksummed, and the ledger of what has been done.
//!
//! This crate knows no record, no exit status and no terminal. Errors are classified here,
//! once: [`Error::class`].

pub mod args;
pub mod catalog;
pub mod checksum;
pub mod conninfo;
pub mod endpoint;
pub mod error;
mod hint;
pub mod ledger;
pub mod mark;
pub mod passfile;
pub mod quote;
pub mod relation;
pub mod secret;
pub mod session;
pub mod settings;
pub mod snapshot;
pub mod staging;
mod tls;
pub mod version;

pub use endpoint::{Endpoint, Role};
pub use error::{Class, Error};
pub use relation::{Relation, RelationName};
pub use session::{Cancel, Session, resolve};
pub use settings::Purpose;
pub use version::ServerVersion;
