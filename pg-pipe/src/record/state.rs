//! The life of a migration, in the words of Azure's migration service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a migration does.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum MigrationOption {
    /// Checks only.
    Validate,
    /// Without checks.
    Migrate,
    /// Checks, then migrates if none failed.
    #[default]
    ValidateAndMigrate,
}

/// Whether the source keeps changing.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Mode {
    /// The source is not written to while its rows are copied.
    #[default]
    Offline,
}

/// The migration that a stream belongs to. One stream carries one database of it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Migration {
    /// Letters, digits, hyphens; unique per target.
    pub name: String,
    /// 12 hex digits of a hash over target and name: what `application_name` shows.
    pub hash: String,
    /// What is done.
    pub option: MigrationOption,
    /// Offline.
    pub mode: Mode,
    /// What the source is, by the user's word.
    pub source_type: String,
    /// All databases of the migration.
    pub databases: Vec<String>,
    /// The database of this stream.
    pub database: String,
    /// Where that database is loaded until it is swapped in; the database itself where it is
    /// loaded in place.
    pub staging: String,
    /// Whether a database of the same name on the target may be replaced.
    pub overwrite: bool,
    /// Whether the target's own, empty database of that name is loaded, and nothing renamed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_place: bool,
}

/// State of a migration.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum MigrationState {
    /// It runs.
    InProgress,
    /// Somebody canceled it.
    Canceled,
    /// It failed.
    Failed,
    /// Validation failed; nothing was changed.
    #[serde(rename = "Validation Failed")]
    ValidationFailed,
    /// It is done.
    Succeeded,
    /// It waits for a person, such as for `pg-migstate finish`.
    WaitingForUserAction,
}

impl MigrationState {
    /// The word as it stands on the wire and in the list.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Canceled => "Canceled",
            Self::Failed => "Failed",
            Self::ValidationFailed => "Validation Failed",
            Self::Succeeded => "Succeeded",
            Self::WaitingForUserAction => "WaitingForUserAction",
        }
    }
}

/// Substate of a migration.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Substate {
    /// Connecting, probing.
    PerformingPreRequisiteSteps,
    /// Checks run.
    #[serde(rename = "Validation in Progress")]
    ValidationInProgress,
    /// Schema, rows, indexes, verification.
    MigratingData,
    /// The swap has begun.
    CompletingMigration,
    /// Done.
    Completed,
    /// Failed.
    Failed,
}

impl Substate {
    /// The word as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PerformingPreRequisiteSteps => "PerformingPreRequisiteSteps",
            Self::ValidationInProgress => "Validation in Progress",
            Self::MigratingData => "MigratingData",
            Self::CompletingMigration => "CompletingMigration",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
        }
    }
}

/// How many tables are where.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct TableCounts {
    /// In the plan, not in yet.
    pub queued: u64,
    /// In, all rows committed.
    pub copied: u64,
    /// Verified equal.
    pub verified: u64,
    /// Failed, or different.
    pub errors: u64,
}

/// State and substate of one database of a migration, when they change.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct State {
    /// Name of the migration.
    pub migration: String,
    /// Database.
    pub database: String,
    /// State.
    pub state: MigrationState,
    /// Substate.
    pub substate: Substate,
    /// Tables.
    pub tables: TableCounts,
    /// Rows that are in.
    pub rows: u64,
    /// Bytes of COPY data that are in.
    pub bytes: u64,
    /// Bytes a second that the copy has moved over the last seconds; absent when none runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<u64>,
    /// Rows a second, counted when the part of a table that they are of is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_per_second: Option<u64>,
    /// Seconds that the slowest of the tools at work needs for what it does now, at its rate so
    /// far; absent where nothing moves or nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<u64>,
    /// Why, when it failed or waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl State {
    /// The same, with nothing at work any more.
    #[must_use]
    pub fn at_rest(self) -> Self {
        Self {
            bytes_per_second: None,
            rows_per_second: None,
            eta_seconds: None,
            ..self
        }
    }
}

/// What a migration would do with one of its databases, told by a dry run.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Plan {
    /// Database.
    pub database: String,
    /// The database that would be created for it, to be renamed at the end; in place, the one
    /// that is there.
    pub staging: String,
    /// Whether a database of that name may be replaced.
    pub overwrite: bool,
    /// Size on disk, where it could be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Objects of the schema.
    pub objects: u64,
    /// Tables with rows of their own.
    pub tables: u64,
    /// Rows, as the source estimates.
    pub rows_estimate: i64,
    /// The largest tables, each with its size in MB.
    pub largest: Vec<String>,
    /// Roles that it needs: those that the target lacks would be created.
    pub roles: Vec<String>,
    /// How fast rows went, in bytes a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<u64>,
    /// Seconds that its rows would take at that rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<u64>,
}

/// One migration as a whole, in the columns of Azure's list of migrations.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Summary {
    /// Name of the migration.
    pub name: String,
    /// State, or `Failed (interrupted)` when its recorder died.
    pub status: String,
    /// Migration mode.
    pub mode: Mode,
    /// Migration type: what is done.
    pub option: MigrationOption,
    /// Source server, as `host:port`.
    pub source_server: String,
    /// Source server type, by the user's word.
    pub source_type: String,
    /// Target server, as `host:port`.
    pub target_server: String,
    /// Databases.
    pub databases: Vec<String>,
    /// Hours, minutes and seconds from the start to the end, or to now.
    pub duration: String,
    /// When it was begun, in UTC.
    pub start_time: String,
    /// The command to run next, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
