//! Records that frame a stream: `begin`, `end` and `error`. Every tool writes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A tool opens its part of the stream.
///
/// `{"type":"begin","tool":"pg-copy","version":"0.1.0","format":1,"id":"5f0c…"}`
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Begin {
    /// Name of the tool.
    pub tool: String,
    /// Version of the tool.
    pub version: String,
    /// Version of the stream format, see [`super::FORMAT`].
    pub format: u32,
    /// Random id that the `end` of the same run repeats.
    pub id: String,
}

/// A tool closes its part of the stream. A `begin` without its `end` is a cut stream.
///
/// `{"type":"end","tool":"pg-copy","id":"5f0c…","exit":0}`
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct End {
    /// Name of the tool.
    pub tool: String,
    /// The id of the tool's `begin`.
    pub id: String,
    /// The exit status that the tool ends with.
    pub exit: u8,
}

/// How far an error reaches.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// This object failed; what depends on it is skipped, all else goes on.
    Item,
    /// No tool downstream changes the target; what runs is canceled.
    Stream,
}

/// What went wrong, with which object, and what to do about it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ErrorRecord {
    /// Name of the tool that failed.
    pub tool: String,
    /// How far the error reaches.
    pub scope: Scope,
    /// Class of the error in one word, such as `authentication` or `statement`.
    pub class: String,
    /// What we were doing to which object, and why it failed.
    pub message: String,
    /// Exit status that goes with the error.
    pub exit: u8,
    /// SQLSTATE, where a server gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
    /// What to do next, a full sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The object, such as `sales.orders`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}
