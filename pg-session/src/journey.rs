//! The way to a server, as it was gone: each stage with the time that it took and what was
//! found there. A session knows its own way.

use std::time::Duration;

use crate::address::Address;
use crate::host::Host;
use crate::startup::Encryption;

/// A stage of the way, in order.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Names become addresses.
    Resolve,
    /// A connection to one of them.
    Tcp,
    /// TLS: asked for, agreed on, the server's certificate checked.
    Tls,
    /// The server asks who we are, and takes the answer.
    Auth,
    /// Settings are pinned and first facts read.
    Session,
}

impl Stage {
    /// The stage in one word, as records carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Session => "session",
        }
    }
}

/// A stage that was passed.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Which.
    pub stage: Stage,
    /// How long it took.
    pub elapsed: Duration,
    /// What was found, for people.
    pub found: String,
}

/// The way as far as it was gone.
#[derive(Clone, Debug, Default)]
pub struct Journey {
    /// The stages that were passed.
    pub legs: Vec<Leg>,
    /// The stage that failed, and how long that took.
    pub failed: Option<(Stage, Duration)>,
}

/// How a session came about.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// The address that answered, such as `10.0.0.1:5432` or the path of a socket.
    pub address: String,
    /// What TLS agreed on; absent without TLS.
    pub tls: Option<Tls>,
    /// How we proved who we are, such as `SCRAM-SHA-256-PLUS`, `md5`, or `none` when the
    /// server asked for nothing (trust, a client certificate); absent where it cannot be seen (Unix sockets).
    pub method: Option<String>,
    /// Whether a pooler stands between us and the server.
    pub pooled: bool,
    /// The server that let us in.
    pub(crate) host: Option<Host>,
    /// Where exactly, and how the way there is encrypted.
    pub(crate) reached: Option<(Address, Encryption)>,
}

/// What TLS agreed on.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Such as `TLSv1.3`.
    pub version: String,
    /// Such as `TLS_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// Subject of the server's certificate, such as `CN=localhost`.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The host names and addresses that it is for.
    pub names: Vec<String>,
    /// When it ends: RFC 3339, UTC.
    pub expires: String,
    /// Whether it was checked against a root certificate.
    pub verified: bool,
}
