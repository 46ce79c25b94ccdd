//! The records of the stream: one flat JSON object a line, `type` first.
//!
//! This module owns the list of kinds and the format version; one file beside it per
//! producer owns the fields. Field names are the wire format: renaming one is a change of
//! [`FORMAT`]. New optional fields and new kinds are not: readers ignore the former and
//! forward the latter untouched.

mod check;
mod copy;
mod schema;
mod server;
mod state;
mod stream;
mod verify;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use check::{Check, CheckLevel, CheckStatus, Validation, ValidationStatus};
pub use copy::{Chunk, Copied, Progress};
pub use schema::{
    Applied, AppliedStatus, Column, LargeObjects, Membership, Object, RoleObject, Section,
    Sequence, Table,
};
pub use server::{Database, Endpoint, ProbeStep, Side, Throughput, ThroughputPath};
pub use state::{
    Migration, MigrationOption, MigrationState, Mode, Plan, State, Substate, Summary, TableCounts,
};
pub use stream::{Begin, End, ErrorRecord, Scope};
pub use verify::{
    Difference, Method, Parameter, RowFault, Values, Verdict, Verification, VerificationStatus,
    Verified, VerifiedKind,
};

/// Version of the stream format, written in every `begin`.
pub const FORMAT: u32 = 1;

/// Any record of the stream. Serialised with `type` as its first key.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "an endpoint has many facts, but there are two of them; records are taken apart at once"
)]
pub enum Record {
    /// A tool opens its part of the stream.
    Begin(Begin),
    /// A tool closes its part of the stream.
    End(End),
    /// Something went wrong.
    Error(ErrorRecord),
    /// The migration that this stream belongs to.
    Migration(Migration),
    /// One of the two servers.
    Endpoint(Endpoint),
    /// One step of the connection test.
    Probe(ProbeStep),
    /// A user database of the source.
    Database(Database),
    /// How fast rows go.
    Throughput(Throughput),
    /// The result of one validation check.
    Check(Check),
    /// The sum of all checks.
    Validation(Validation),
    /// A role that the database uses.
    Role(RoleObject),
    /// A schema object with its SQL.
    Object(Object),
    /// A relation that holds rows.
    Table(Table),
    /// A sequence and where it stands.
    Sequence(Sequence),
    /// All large objects of the database.
    LargeObjects(LargeObjects),
    /// What became of one object on the target.
    Applied(Applied),
    /// How far a tool is; at most one a second.
    Progress(Progress),
    /// One chunk of a table is in.
    Chunk(Chunk),
    /// One table is in.
    Copied(Copied),
    /// One table, sequence or the large objects compared.
    Verified(Verified),
    /// A row that differs.
    Difference(Difference),
    /// A server parameter that is another one.
    Parameter(Parameter),
    /// The sum of the comparison.
    Verification(Verification),
    /// State and substate of the migration, when they change.
    State(State),
    /// What a migration would do with a database.
    Plan(Plan),
    /// One migration as a whole.
    Summary(Summary),
}

impl Record {
    /// Names of all kinds, as they stand in `type`, in the order of the documentation.
    pub const KINDS: &'static [&'static str] = &[
        "begin",
        "end",
        "error",
        "migration",
        "endpoint",
        "probe",
        "database",
        "throughput",
        "check",
        "validation",
        "role",
        "object",
        "table",
        "sequence",
        "large_objects",
        "applied",
        "progress",
        "chunk",
        "copied",
        "verified",
        "difference",
        "parameter",
        "verification",
        "state",
        "plan",
        "summary",
    ];

    /// The JSON Schema of one line of the stream, as it stands in docs/records.schema.json.
    pub fn json_schema() -> String {
        let schema = schemars::schema_for!(Self);
        let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema_file() -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/records.schema.json")
    }

    #[test]
    fn the_checked_in_schema_is_that_of_the_types() {
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(schema_file(), Record::json_schema()).unwrap();
        }
        let checked_in = std::fs::read_to_string(schema_file()).unwrap();
        assert_eq!(
            checked_in,
            Record::json_schema(),
            "run `make schema` and commit docs/records.schema.json"
        );
    }

    #[test]
    fn every_kind_is_listed_and_the_schema_names_it() {
        let schema: serde_json::Value = serde_json::from_str(&Record::json_schema()).unwrap();
        let kinds: Vec<&str> = schema["oneOf"]
            .as_array()
            .unwrap()
            .iter()
            .map(|variant| variant["properties"]["type"]["const"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, Record::KINDS);
    }

    #[test]
    fn type_is_the_first_key() {
        let record = Record::End(End {
            tool: "pg-copy".to_owned(),
            id: "x".to_owned(),
            exit: 0,
        });
        assert_eq!(
            serde_json::to_string(&record).unwrap(),
            r#"{"type":"end","tool":"pg-copy","id":"x","exit":0}"#
        );
    }
}
