//! What pg-probe learns of the two servers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which of the two servers.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Where the data come from. Never written to.
    Source,
    /// Where the data go.
    Target,
}

impl Side {
    /// The word on the wire: `source` or `target`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

/// One of the two servers: how to reach it, then the facts that pg-probe found.
///
/// A later `endpoint` record of the same role replaces an earlier one.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Endpoint {
    /// Source or target.
    pub role: Side,
    /// Connection string in key=value form, never with a password.
    pub conninfo: String,
    /// Where the writer of this record found the password, so that a tool that cannot
    /// find it can say so: `conninfo`, `environment`, `passfile` or `prompt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_from: Option<String>,
    /// What the server calls itself, such as `15.8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `server_version_num`, such as 150008.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_num: Option<u32>,
    /// `aurora`, `rds`, `azure`, `cloudsql`, `alloydb`, … or `self-managed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The cluster's system identifier, as text because it needs 64 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_identifier: Option<String>,
    /// Database that was connected to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Role that was connected as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Encoding of that database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Whether the role is a superuser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superuser: Option<bool>,
    /// Whether the role may create databases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_db: Option<bool>,
    /// Whether the role may create roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_role: Option<bool>,
    /// Whether the server is a standby.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_recovery: Option<bool>,
    /// Whether new transactions are read-only by the server's own settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// TLS version of the session, absent without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// Connection slots that are free for this role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_connections: Option<i64>,
    /// Median round trip in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f64>,
}

/// One step of the connection test of one server.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ProbeStep {
    /// Source or target.
    pub role: Side,
    /// `resolve`, `tcp`, `tls`, `auth`, `session` or `privileges`.
    pub step: String,
    /// Whether the step succeeded.
    pub ok: bool,
    /// How long it took, in milliseconds.
    pub milliseconds: f64,
    /// What was found, or the error.
    pub message: String,
    /// Class of the error, such as `refused` or `authentication`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// SQLSTATE, where a server gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
    /// What to change, a full sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A user database of the source, with what `CREATE DATABASE` needs to make its like.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Database {
    /// Name of the database.
    pub name: String,
    /// Size on disk in bytes, absent where it may not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
    /// Server encoding, such as `UTF8`.
    pub encoding: String,
    /// LC_COLLATE.
    pub collate: String,
    /// LC_CTYPE.
    pub ctype: String,
    /// `libc`, `icu` or `builtin`; `libc` on servers before 15.
    pub locale_provider: String,
    /// Locale of the provider, where it is not libc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// ICU rules (16 and up).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icu_rules: Option<String>,
    /// Owner.
    pub owner: String,
    /// The comment on the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}
