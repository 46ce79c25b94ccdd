//! What pg-copy does, and how far any tool is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a tool is. At most one a second; may be dropped when the reader is slow.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Progress {
    /// Name of the tool.
    pub tool: String,
    /// What it does, in a word or two, such as `rows` or `post-data`.
    pub phase: String,
    /// Items done: tables, objects.
    pub done: u64,
    /// Items in all.
    pub total: u64,
    /// Parts of items that are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_parts: Option<u64>,
    /// Parts of items in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_parts: Option<u64>,
    /// Bytes done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_bytes: Option<u64>,
    /// Bytes in all, as far as they can be estimated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    /// Rows done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_rows: Option<u64>,
    /// Bytes a second over the last ten seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<u64>,
    /// Estimated seconds to the end of the phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<u64>,
    /// What most connections wait for: `source`, `target`, or somebody else's `lock`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
}

/// One chunk of a table is in.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Chunk {
    /// Schema of the table.
    pub schema: String,
    /// Name of the table.
    pub table: String,
    /// Number of the chunk within the table, from 1.
    pub part: i32,
    /// Chunks of the table.
    pub parts: i32,
    /// Rows copied.
    pub rows: i64,
    /// Bytes of COPY data.
    pub bytes: i64,
    /// How long it took, in milliseconds.
    pub milliseconds: i64,
}

/// One table is in, all its chunks committed.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Copied {
    /// Schema of the table.
    pub schema: String,
    /// Name of the table.
    pub table: String,
    /// Rows of the source inside the copy's snapshot.
    pub rows: i64,
    /// Bytes of COPY data.
    pub bytes: i64,
    /// Checksum of the source's rows inside the copy's snapshot.
    pub checksum: String,
    /// How long the table took, in milliseconds.
    pub milliseconds: i64,
    /// Only rows for which this condition holds were copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// An earlier run had copied it; this run only says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
}
