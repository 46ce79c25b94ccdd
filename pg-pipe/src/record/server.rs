//! What pg-probe learns of the two servers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which of the two servers.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Where the data come from. Never written to.
    #[default]
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
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Endpoint {
    /// Source or target.
    pub role: Side,
    /// Connection string in key=value form, never with a password.
    pub conninfo: String,
    /// Where the writer of this record found the password, so that a tool that cannot
    /// find it can say so: `conninfo`, `environment`, `command`, `service`, `passfile` or
    /// `prompt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_from: Option<String>,
    /// The address that answered, such as `10.0.0.1:5432`, or the path of a socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The provider's region, where the host name tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What the server calls itself, such as `15.8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `server_version_num`, such as 150008.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_num: Option<u32>,
    /// What the server runs on, by what it shows: `aurora`, `rds`, `azure`, `cosmosdb`,
    /// `cloudsql`, `alloydb`, `supabase`, `neon`, `heroku`, `crunchy`, `digitalocean`,
    /// `timescale`, `aiven`, `edb` or `self-managed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The provider's own version, such as that of Aurora.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// The platform in the words of Azure's API, as a migration file's `source_type` has
    /// them; of the source only, absent where Azure has no word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_type: Option<String>,
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
    /// Whether the role may replicate, by attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<bool>,
    /// Whether row security does not apply to the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bypass_rls: Option<bool>,
    /// Whether the role may create schemas in the database that was connected to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_here: Option<bool>,
    /// Predefined and provider's roles that it is a member of and that matter, such as
    /// `pg_read_all_data` or `rds_superuser`; none for a superuser, who needs none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub member_of: Vec<String>,
    /// Whether the server is a standby.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_recovery: Option<bool>,
    /// Whether new transactions are read-only by the server's own settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// TLS version of the session, absent without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// Cipher of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_cipher: Option<String>,
    /// Whether the server's certificate was checked against a root certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_verified: Option<bool>,
    /// Whose the server's certificate is, such as `CN=localhost`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_subject: Option<String>,
    /// Who signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_issuer: Option<String>,
    /// Host names and addresses that it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificate_names: Vec<String>,
    /// When it ends: RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_expires: Option<String>,
    /// How we proved who we are, such as `SCRAM-SHA-256`, `md5`, or `none` when the server
    /// asked for nothing; absent where it cannot be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_method: Option<String>,
    /// A pooler stands between us and the server.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pooler: bool,
    /// `max_connections` of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<i64>,
    /// Connection slots that are free for this role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_connections: Option<i64>,
    /// Median of 20 round trips, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f64>,
    /// 99th percentile of the same, by nearest rank: of 20 that is the slowest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_p99_ms: Option<f64>,
    /// The server's clock minus ours, in milliseconds; positive when the server is ahead.
    /// Of several readings the quickest counts, less half a round trip: off by no more than
    /// that half.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_skew_ms: Option<f64>,
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

/// A user database of the source, with what `CREATE DATABASE` needs to make its like; with
/// `pg-probe --all` also those of the provider, and templates.
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
    /// It is the provider's, no user's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provider: bool,
    /// It is a template.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub template: bool,
}

/// Which way rows went when it was measured how fast they go.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ThroughputPath {
    /// From the source to us.
    Source,
    /// From us to the target.
    Target,
    /// From the source through us to the target, as a copy with one job goes.
    Through,
}

impl ThroughputPath {
    /// The word on the wire: `source`, `target` or `through`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
            Self::Through => "through",
        }
    }
}

/// How fast generated rows go by COPY, on one connection.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Throughput {
    /// Which way.
    pub path: ThroughputPath,
    /// How long it was measured.
    pub seconds: f64,
    /// Bytes of COPY data that went over.
    pub bytes: u64,
    /// The rate.
    pub bytes_per_second: u64,
    /// Size on disk of the databases that the estimate is for: those of the migration, or
    /// else all user databases of the source. Only on `through`, where all sizes are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    /// How long so many bytes would take at this rate, before indexes are built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<u64>,
}
