//! What pg-verify proves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was compared.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifiedKind {
    /// The rows of a table.
    Table,
    /// Where a sequence stands.
    Sequence,
    /// OIDs and contents of all large objects.
    LargeObjects,
}

/// Outcome of one comparison.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Both sides are equal.
    Match,
    /// Both sides were read and differ.
    Mismatch,
    /// It exists on the source only.
    Missing,
    /// It exists on the target only.
    Extra,
    /// It could not be compared: never counted as equal.
    Unverified,
}

/// One table, sequence, or all large objects, compared.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Verified {
    /// What was compared.
    pub kind: VerifiedKind,
    /// Schema; empty for large objects.
    pub schema: String,
    /// Name; `large objects` for those.
    pub name: String,
    /// Outcome.
    pub verdict: Verdict,
    /// Rows of the source; objects for large objects; `last_value` for a sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_rows: Option<i64>,
    /// The same of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_rows: Option<i64>,
    /// Checksum of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_checksum: Option<String>,
    /// Checksum of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_checksum: Option<String>,
    /// What differs, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How long the slower side took, in milliseconds.
    pub milliseconds: u64,
}

/// Outcome of the whole comparison.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VerificationStatus {
    /// Everything in scope was compared and is equal.
    Equal,
    /// Something differs.
    Different,
    /// Nothing differs so far, but something could not be compared.
    Incomplete,
}

/// The sum of the comparison.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Verification {
    /// Overall outcome.
    pub status: VerificationStatus,
    /// Tables that match.
    pub matched: u64,
    /// Tables, sequences or large objects that differ, are missing or extra.
    pub mismatched: u64,
    /// What could not be compared.
    pub unverified: u64,
    /// Rows compared, of the target.
    pub rows: i64,
}
