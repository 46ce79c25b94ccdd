//! Servers with TLS, one a certificate, and certificates made for them with the `openssl`
//! command. All of them have one guard, one directory and one end: see [`crate::cluster`].

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::OnceLock;

use crate::cluster::{Cluster, free_port, guarded, home_for};
use crate::majors::{Majors, servers};

/// The servers; `tests/fixtures/tls/servers` tells what each is like.
pub const NAMES: [&str; 7] = [
    "good", "named", "expired", "cn", "revoked", "plain", "standby",
];

/// The script that makes the servers, and what it finds beside itself.
const PARTS: [(&str, &str); 4] = [
    ("servers", include_str!("../fixtures/tls/servers")),
    ("certificates", include_str!("../fixtures/tls/certificates")),
    ("roles.sql", include_str!("../fixtures/tls/roles.sql")),
    (
        "databases.sql",
        include_str!("../fixtures/tls/databases.sql"),
    ),
];

/// Starts the servers, says «ready», waits for the end of stdin, removes everything.
/// `$1` home, `$2` bin directory, `$3` who runs the tests, then `NAME=PORT`.
const GUARD: &str = r#"
cd / && trap '' INT TERM HUP
home=$1 bin=$2
if sh -eu "$home/servers" "$@" >"$home/log" 2>&1; then
    echo ready
    read -r _
else
    tail -n 20 "$home/log"
fi
for pid in "$home"/*/postmaster.pid; do
    "$bin/pg_ctl" -s -m immediate -D "${pid%/*}" stop >/dev/null 2>&1
done
shift 3
for pair in "$@"; do
    rm -f "/tmp/.s.PGSQL.${pair#*=}"* "/var/run/postgresql/.s.PGSQL.${pair#*=}"*
done
rm -rf "$home"
"#;

/// The servers, running.
#[derive(Debug)]
pub struct TlsServers {
    home: PathBuf,
    clusters: BTreeMap<&'static str, Cluster>,
    _guard: Child,
}

impl TlsServers {
    /// The servers, started when they are asked for first; `None` without `openssl`.
    pub fn running() -> Option<&'static Self> {
        static RUNNING: OnceLock<Option<TlsServers>> = OnceLock::new();
        RUNNING
            .get_or_init(|| has_openssl().then(Self::start))
            .as_ref()
    }

    fn start() -> Self {
        // Another process may take a port between our look and the server's start.
        (0..3)
            .find_map(|_| Self::try_to_start())
            .unwrap_or_else(|| panic!("the servers with TLS do not start"))
    }

    fn try_to_start() -> Option<Self> {
        let (major, user) = (Majors::newest(), servers("user"));
        let home = home_for(&user);
        for (name, text) in PARTS {
            fs::write(home.join(name), text).expect("the directory is ours");
        }
        let mut words: Vec<OsString> = vec![home.clone().into()];
        words.push(Majors::available().get(&major)?.into());
        words.push(tester().into());
        let mut clusters = BTreeMap::new();
        for name in NAMES {
            let port = free_port();
            words.push(format!("{name}={port}").into());
            clusters.insert(name, Cluster::guarded_elsewhere(major, &home, port));
        }
        Some(Self {
            _guard: guarded(
                &user,
                GUARD,
                &words.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
            )?,
            home,
            clusters,
        })
    }

    /// One of the servers.
    pub fn get(&self, name: &str) -> &Cluster {
        self.clusters
            .get(name)
            .unwrap_or_else(|| panic!("no server is called {name:?}"))
    }

    /// The directory of their sockets.
    pub fn sockets(&self) -> &Path {
        &self.home
    }

    /// The user of the operating system who runs them.
    pub fn owner(&self) -> String {
        let user = servers("user");
        if user.is_empty() { tester() } else { user }
    }

    /// A file among the certificates, such as `ca.crt`.
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.home.join("pki").join(name)
    }

    /// What openssl says about a certificate.
    pub fn openssl_says(&self, name: &str, words: &[&str]) -> String {
        let output = Command::new("openssl")
            .args(["x509", "-noout", "-in"])
            .arg(self.certificate(name))
            .args(words)
            .output()
            .expect("openssl could be run before");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

/// The user of the operating system who runs the tests: a role of each server is called so.
pub fn tester() -> String {
    let output = Command::new("id").arg("-un").output();
    let output = output.expect("id can be run");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn has_openssl() -> bool {
    Command::new("openssl")
        .arg("version")
        .output()
        .is_ok_and(|output| output.status.success())
}
