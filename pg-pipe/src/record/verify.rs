//! What pg-verify proves.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was compared.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum VerifiedKind {
    /// The rows of a table.
    Table,
    /// Where a sequence stands.
    Sequence,
    /// OIDs and contents of all large objects.
    LargeObjects,
    /// A schema object or a role: definition, owner, grants.
    Object,
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

/// How a side's rows were checksummed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// By the server.
    Server,
    /// By pg-verify, to which the server has sent them.
    Stream,
    /// By pg-copy, when it copied them.
    Copy,
}

/// One table, sequence, or all large objects, compared.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Verified {
    /// What was compared.
    pub kind: VerifiedKind,
    /// Schema; empty for large objects.
    pub schema: String,
    /// Name; `large objects` for those; kind and name of an object.
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
    /// How the source's checksum was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_method: Option<Method>,
    /// The same of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_method: Option<Method>,
    /// What differs, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Rows found that only the source has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<u64>,
    /// Rows found that only the target has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<u64>,
    /// Rows found that both have, with other values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<u64>,
    /// Whether there may be more rows that differ than were looked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Keys of the rows found, such as `id=5`; none for a table without a key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// The condition of the rows that were compared, where not all were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// How long the slower side took, in milliseconds.
    pub milliseconds: u64,
    /// Bytes of the table on disk that were read a second, on the slower side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<u64>,
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RowFault {
    /// Only the source has it.
    Missing,
    /// Only the target has it.
    Extra,
    /// Both have its key, with other values.
    Changed,
}

/// Columns with their values as the server prints them; null is NULL.
pub type Values = BTreeMap<String, Option<String>>;

/// A row that differs. Values of more than 1,000 characters are cut.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Difference {
    /// Schema of the table.
    pub schema: String,
    /// Name of the table.
    pub name: String,
    /// What is wrong.
    pub fault: RowFault,
    /// Columns of the key; none for a table without.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub key: Values,
    /// Columns that differ, of a row that was changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Values of the source: of the columns that differ, or of all where there is no key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub source: Values,
    /// The same of the target.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub target: Values,
    /// How many such rows there are, where the table has no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<i64>,
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
    /// Schema objects and roles compared, where they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<u64>,
}

/// A server parameter that the source has set to another value than the target has.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Parameter {
    /// Name of the parameter.
    pub name: String,
    /// Value on the source, in the unit that `pg_settings` has.
    pub source: String,
    /// Value on the target; absent where the server does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Whether it takes a restart.
    pub restart: bool,
    /// The statement that sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// The command line that sets it on Azure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure: Option<String>,
}
