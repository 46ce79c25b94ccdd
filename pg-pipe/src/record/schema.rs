//! What there is: roles, objects, tables, sequences, large objects; and what became of
//! them on the target.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A role that the database uses: owner, grantee, or one of their groups and members.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct RoleObject {
    /// Name of the role.
    pub name: String,
    /// Attributes as CREATE ROLE takes them, such as `LOGIN`, `NOINHERIT`,
    /// `CONNECTION LIMIT 5`; attributes at their default are left out.
    pub attributes: Vec<String>,
    /// Roles that it is a member of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub member_of: Vec<Membership>,
    /// Settings of the role in every database, as ALTER ROLE takes them, such as
    /// `SET "work_mem" TO '64MB'`. Those for this database are in `DATABASE PROPERTIES`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
    /// The comment on the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Membership of a role in another.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Membership {
    /// The group.
    pub role: String,
    /// WITH ADMIN OPTION.
    pub admin: bool,
    /// INHERIT option (16 and up; absent before).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherit: Option<bool>,
    /// SET option (16 and up; absent before).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<bool>,
}

/// When an object is created.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    /// Before the rows: what rows need.
    PreData,
    /// After the rows: indexes, constraints, triggers.
    PostData,
    /// Owners and grants.
    Acl,
    /// REFRESH of materialized views, event triggers.
    Final,
}

impl Section {
    /// The word on the wire and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreData => "pre-data",
            Self::PostData => "post-data",
            Self::Acl => "acl",
            Self::Final => "final",
        }
    }
}

/// A schema object with the SQL that makes it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Object {
    /// Id within this stream; `depends_on` refers to it.
    pub id: i64,
    /// Kind in pg_dump's words, such as `TABLE` or `FK CONSTRAINT`.
    pub kind: String,
    /// Schema, where the object has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// pg_dump's tag: the name, with argument types or the table where that is needed.
    pub name: String,
    /// Owner on the source; `acl` objects set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When it is created.
    pub section: Section,
    /// Table access method, where the object has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_method: Option<String>,
    /// Tablespace, where it is not the database's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tablespace: Option<String>,
    /// Version on the source, of extensions: their SQL takes the target's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The statement or statements.
    pub sql: String,
    /// Ids of the objects that must exist before. One that no object of the stream has is of
    /// something that was filtered out; 0 stands for what pg_dump's own filters have taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<i64>,
}

/// A column of a [`Table`]. Generated columns are left out: they are computed, not copied.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Column {
    /// Name of the column.
    pub name: String,
    /// Type as `format_type` prints it, such as `numeric(10,2)`.
    #[serde(rename = "data_type")]
    pub data_type: String,
}

/// A relation that holds rows of its own: a table, a leaf partition, an inheritance child.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Table {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Columns that are copied, in the order of the source table.
    pub columns: Vec<Column>,
    /// Columns of the primary key, or of the first unique key that can serve as one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// Size on disk in bytes, TOAST included, indexes not.
    pub bytes: i64,
    /// Estimated rows, absent when the table was never analyzed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_estimate: Option<i64>,
    /// UNLOGGED.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlogged: bool,
    /// The partitioned or inheritance parent, as `schema.name` quoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// WHERE condition of an extension's configuration table; empty means all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// `pg_relation_filenode` on the source: another number later means that the table was
    /// truncated or rewritten meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filenode: Option<i64>,
}

/// A sequence. The latest record of a sequence in a stream holds.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Sequence {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// `last_value` on the source, written by pg-copy, which reads sequences last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_value: Option<i64>,
    /// `is_called` on the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_called: Option<bool>,
}

/// All large objects of the database. The latest record in a stream holds.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct LargeObjects {
    /// How many.
    pub count: i64,
    /// Their bytes, written by pg-copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
    /// Checksum over OIDs and contents, written by pg-copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

/// What became of an object on the target.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AppliedStatus {
    /// The statement ran.
    Applied,
    /// The ledger, or the catalog, says that it is there already.
    Present,
    /// The server refused; an `error` record says why.
    Failed,
    /// Something that it depends on failed.
    Skipped,
    /// The server keeps this to itself, and nothing is lost by that: a comment on an
    /// extension, a grant on what an extension brings, that schema public is a superuser's. A
    /// warning says so.
    Refused,
    /// It needs something that was filtered out of the stream, or that was left out itself.
    /// A warning says so.
    #[serde(rename = "left_out")]
    LeftOut,
}

impl AppliedStatus {
    /// Whether the object is on the target now.
    pub fn is_there(self) -> bool {
        matches!(self, Self::Applied | Self::Present)
    }

    /// Whether the target lacks it against our will, so that what depends on it has failed, too.
    pub fn is_missing(self) -> bool {
        matches!(self, Self::Failed | Self::Skipped)
    }
}

/// What became of one object on the target.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Applied {
    /// Id of the `object` record, absent for roles and the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Kind, as in the `object` record.
    pub kind: String,
    /// Schema, where the object has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Name, as in the `object` record.
    pub name: String,
    /// Section that it was applied in.
    pub section: Section,
    /// Outcome.
    pub status: AppliedStatus,
    /// SQLSTATE of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
    /// Why it failed, was skipped or left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How long the statement ran, in milliseconds.
    pub milliseconds: u64,
}
