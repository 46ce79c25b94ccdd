//! What pg-validate finds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a check looks at.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckLevel {
    /// A server.
    Instance,
    /// One database.
    Database,
}

/// Outcome of a check, in Azure's words.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum CheckStatus {
    /// Nothing to complain of.
    Succeeded,
    /// The migration works, but somebody should know.
    Warning,
    /// The migration would fail or be wrong.
    Failed,
    /// The check could not be answered; the message says why.
    Skipped,
}

/// The result of one check.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Check {
    /// Stable id, such as `ext.missing`.
    pub id: String,
    /// Instance or database.
    pub level: CheckLevel,
    /// Database that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Outcome.
    pub status: CheckStatus,
    /// The finding in one sentence.
    pub message: String,
    /// The objects concerned, complete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<String>,
    /// SQL that mends it, where there is some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The code of Azure's own validation for the same finding, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure: Option<u32>,
}

/// Overall outcome of the validation, in Azure's words.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ValidationStatus {
    /// No check failed or warned.
    Succeeded,
    /// Some checks warned, none failed.
    Warning,
    /// Some check failed: nothing downstream changes the target.
    Failed,
}

/// The sum of all checks of one run.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Validation {
    /// Overall outcome.
    pub status: ValidationStatus,
    /// Checks that succeeded.
    pub succeeded: u64,
    /// Checks that warned.
    pub warning: u64,
    /// Checks that failed.
    pub failed: u64,
    /// Checks that could not be answered.
    pub skipped: u64,
}
