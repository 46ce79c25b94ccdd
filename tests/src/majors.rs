//! Which servers are on this machine: what the script `tests/servers` says.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::tool;
use crate::workspace;

/// The oldest major between whose servers whole migrations are tried. Those before it are
/// probed only: pg_dump beside them is missing.
const MIGRATED: u32 = 14;

/// The installations that `tests/servers list` finds.
pub struct Majors;

impl Majors {
    /// Each major with its bin directory, old ones too: servers to be connected to.
    pub fn probed() -> &'static BTreeMap<u32, PathBuf> {
        static FOUND: OnceLock<BTreeMap<u32, PathBuf>> = OnceLock::new();
        FOUND.get_or_init(|| {
            let found: BTreeMap<u32, PathBuf> = servers("list")
                .lines()
                .filter_map(|line| line.split_once('\t'))
                .filter_map(|(major, bin)| Some((major.parse().ok()?, bin.into())))
                .collect();
            assert!(
                !found.is_empty(),
                "no PostgreSQL server was found: run `tests/servers ensure`"
            );
            found
        })
    }

    /// Those of them that whole migrations are tried with; all of them where every one is old.
    pub fn available() -> &'static BTreeMap<u32, PathBuf> {
        static MIGRATING: OnceLock<BTreeMap<u32, PathBuf>> = OnceLock::new();
        MIGRATING.get_or_init(|| {
            let newer = Self::probed().clone().split_off(&MIGRATED);
            if newer.is_empty() {
                Self::probed().clone()
            } else {
                newer
            }
        })
    }

    /// The oldest that whole migrations are tried with.
    pub fn oldest() -> u32 {
        Self::available().keys().min().copied().unwrap_or_default()
    }

    /// The newest.
    pub fn newest() -> u32 {
        Self::available().keys().max().copied().unwrap_or_default()
    }

    /// The bin directory of the newest major that has psql and pg_dump, if any.
    pub fn clients() -> Option<&'static Path> {
        Self::available()
            .values()
            .rev()
            .find(|bin| bin.join("psql").is_file() && bin.join("pg_dump").is_file())
            .map(PathBuf::as_path)
    }

    /// `PATH` with our binaries and the newest clients in front.
    pub fn path_with_clients() -> OsString {
        let ours = tool::binaries();
        let mut path = OsString::from(ours);
        if let Some(clients) = Self::clients() {
            path.push(":");
            path.push(clients);
        }
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        path
    }
}

/// What the script `tests/servers` says.
pub fn servers(word: &str) -> String {
    let script = workspace().join("tests/servers");
    let output = Command::new(&script)
        .arg(word)
        .stderr(Stdio::inherit())
        .output()
        .expect("tests/servers can be run");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
