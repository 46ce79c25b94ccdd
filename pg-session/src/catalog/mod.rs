//! What a database holds: one `.sql` file a query, each of which runs in psql as it stands.

mod blockers;
mod contents;
mod databases;
mod keys;
mod large_objects;
mod locales;
pub mod platform;
mod relations;
mod sequences;
mod server;

pub use blockers::{Blocker, list_blockers};
pub use contents::{Content, list_contents};
pub use databases::{DatabaseFacts, list_databases};
pub use keys::{SplitKey, list_split_keys, sample_bounds};
pub use large_objects::{LargeObjectSize, first_large_object, list_large_objects};
pub use locales::list_locales;
pub use relations::{
    Guard, list_blocks, list_freezable, list_guarded, list_relations, list_routed,
};
pub use sequences::{SequencePosition, list_sequences, read_sequence};
pub use server::{ServerFacts, read_server};

/// The schema of the ledger, which never counts as the user's.
pub const LEDGER_SCHEMA: &str = "pgmig";
