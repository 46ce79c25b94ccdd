//! A throwaway server, reached by its socket alone. As in the end-to-end package a shell
//! guards it, which removes it when the test process ends, whichever way.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pg_session::{Endpoint, Purpose, Role, Session};

/// `$1` home, `$2` bin directory.
const GUARD: &str = r#"
cd / && trap '' INT TERM HUP
home=$1 bin=$2
{
    "$bin/initdb" -N -D "$home/data" -U postgres -E UTF8 --locale=C --auth=trust &&
    "$bin/pg_ctl" -s -w -D "$home/data" -l "$home/server" start \
        -o "-c listen_addresses='' -c unix_socket_directories='$home' -c fsync=off -c full_page_writes=off"
} >"$home/log" 2>&1 || { cat "$home/log"; rm -rf "$home"; exit 1; }
echo ready
read -r _
"$bin/pg_ctl" -s -m immediate -D "$home/data" stop >/dev/null 2>&1
rm -rf "$home"
"#;

/// A server that runs until it is dropped.
pub(crate) struct Cluster {
    home: PathBuf,
    guard: Child,
}

impl Cluster {
    /// Makes and starts it.
    pub(crate) fn start(bin: &Path) -> Self {
        let user = servers("user");
        // In /tmp, because the path of a socket has room for 107 bytes.
        let home = tempfile::Builder::new()
            .prefix("pgd")
            .tempdir_in("/tmp")
            .unwrap()
            .keep();
        let mut command = Command::new("sh");
        if !user.is_empty() {
            let (owner, group) = (id(&user, "-u"), id(&user, "-g"));
            fs::set_permissions(&home, Permissions::from_mode(0o755)).unwrap();
            chown(&home, Some(owner), Some(group)).unwrap();
            command = Command::new("setpriv");
            command.arg(format!("--reuid={owner}"));
            command.arg(format!("--regid={group}"));
            command.args(["--clear-groups", "sh"]);
        }
        let mut guard = command
            .args(["-c", GUARD, "guard"])
            .args([&home, bin])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C on the terminal ends the test; the guard goes after it.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut said = Vec::new();
        for line in BufReader::new(guard.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if line == "ready" {
                return Self { home, guard };
            }
            said.push(line);
        }
        drop(guard.wait());
        panic!("no server of {}: {}", bin.display(), said.join("\n"));
    }

    /// Connects as we connect everywhere, so that the settings are those of the tools.
    pub(crate) fn connect(&self) -> Session {
        self.endpoint()
            .connect(Purpose::Load, "pgmig/test")
            .unwrap()
    }

    /// Where it is.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let conninfo = format!("host={} user=postgres dbname=postgres", self.home.display());
        Endpoint::resolve(Role::Source, Some(&conninfo), &|_| None).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        drop(self.guard.wait());
    }
}

/// Major and bin directory of the servers that have the hash.
pub(crate) fn installed() -> Vec<(u32, PathBuf)> {
    let found: Vec<(u32, PathBuf)> = servers("list")
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(major, bin)| (major.parse().unwrap(), bin.into()))
        .filter(|(major, _)| *major >= 11)
        .collect();
    assert!(!found.is_empty(), "run `tests/servers ensure`");
    found
}

fn servers(word: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/servers");
    let output = Command::new(script)
        .arg(word)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn id(user: &str, what: &str) -> u32 {
    let output = Command::new("id").args([what, user]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim().parse().unwrap()
}
