//! Things that go wrong: servers that are not there, signals, locks, programs that lie.

use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;

use crate::database::Database;

/// Connection string of a server that is not there.
pub fn nobody_there() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port can be found");
    let port = listener.local_addr().expect("it listens on a port").port();
    format!("host=127.0.0.1 port={port} user=postgres dbname=postgres")
}

/// Sends a signal, such as `TERM`.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{name} {pid}")])
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "cannot send SIG{name} to {pid}"
    );
}

/// A device on which every write fails because the disk is full.
pub fn full_disk() -> File {
    OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full exists")
}

/// A program of a given name that is a shell script.
pub fn script(directory: &Path, name: &str, body: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("the directory is ours");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("the file is ours");
    path
}

/// Holds a lock on a table until it is dropped: whoever writes to the table waits.
pub struct Locked {
    _client: Client,
}

impl Locked {
    /// Locks a table, given as SQL takes it.
    pub fn table(database: &Database, table: &str) -> Self {
        let mut client = database.connect();
        client
            .batch_execute(&format!("begin; lock table {table} in share mode"))
            .unwrap_or_else(|error| panic!("cannot lock {table}: {error}"));
        Self { _client: client }
    }
}

/// Waits until something is so.
#[track_caller]
pub fn wait_until(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(
            began.elapsed() < limit,
            "after {limit:?} it is not so: {what}"
        );
        thread::sleep(Duration::from_millis(20));
    }
}
