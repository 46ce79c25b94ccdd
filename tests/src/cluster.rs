//! Throwaway servers: one a major and side in each test process, started when first asked
//! for and shared by its tests.
//!
//! Rust does not drop statics, and a killed process drops nothing. So each server is
//! started by a small shell that waits for the end of its stdin, a pipe which only the test
//! process holds: whichever way that ends, the shell stops the server and removes its files.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::majors::{Majors, servers};

/// Password of [`CANARY_USER`]. It must never be seen anywhere.
pub const CANARY: &str = "canary-7f3a";

/// A superuser who needs a password over TCP.
pub const CANARY_USER: &str = "canary_user";

/// Makes a cluster, starts it, says «ready», waits for the end of stdin, removes everything.
/// `$1` home, `$2` bin directory, `$3` port, `$4` who may connect, `$5` more settings.
const GUARD: &str = r#"
cd / && trap '' INT TERM HUP
home=$1 bin=$2 port=$3
{
    "$bin/initdb" -N -D "$home/data" -U postgres -E UTF8 --locale=C.UTF-8 --auth=trust ||
        { rm -rf "$home/data"; "$bin/initdb" -N -D "$home/data" -U postgres -E UTF8 --locale=C --auth=trust; }
} >"$home/log" 2>&1 || { cat "$home/log"; exit 1; }
printf '%s\n' "$4" >"$home/data/pg_hba.conf"
cat >>"$home/data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = '$home'
port = $port
password_encryption = 'scram-sha-256'
fsync = off
full_page_writes = off
max_connections = 200
shared_buffers = 64MB
$5
END
"$bin/pg_ctl" -s -w -D "$home/data" -l "$home/log" start >/dev/null 2>&1 || { cat "$home/log"; exit 1; }
echo ready
read -r _
"$bin/pg_ctl" -s -m immediate -D "$home/data" stop >/dev/null 2>&1
# What is mounted there goes, too, but not at once.
for _ in $(seq 100); do rm -rf "$home" 2>/dev/null && break; sleep 0.1; done
"#;

/// What a server of its own has beside what every test server has.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'s> {
    /// The lines of its `pg_hba.conf`. The superuser `postgres` must come in by the socket.
    pub hba: &'s str,
    /// Lines of its `postgresql.conf`; a later one wins.
    pub conf: &'s str,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            hba: "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256",
            conf: "",
        }
    }
}

/// Which side of a migration a server stands for. Two sides never share a server, because a
/// migration between databases of one server has its roles for nothing.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Side {
    /// Where the data come from.
    Source,
    /// Where the data go.
    Target,
}

/// Majors of a source and a target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pair {
    /// Major of the source.
    pub source: u32,
    /// Major of the target.
    pub target: u32,
}

impl Pair {
    /// From the oldest server there is to the newest.
    pub fn widest() -> Self {
        Self {
            source: Majors::oldest(),
            target: Majors::newest(),
        }
    }

    /// Between two servers of the newest major.
    pub fn newest() -> Self {
        Self {
            source: Majors::newest(),
            target: Majors::newest(),
        }
    }

    /// The server of the source.
    pub fn source(self) -> &'static Cluster {
        Cluster::of(self.source, Side::Source)
    }

    /// The server of the target.
    pub fn target(self) -> &'static Cluster {
        Cluster::of(self.target, Side::Target)
    }
}

/// A server that runs.
#[derive(Debug)]
pub struct Cluster {
    /// Its major.
    pub major: u32,
    /// Its bin directory.
    pub bin: PathBuf,
    home: PathBuf,
    port: u16,
    _guard: Option<Child>,
}

impl Cluster {
    /// The server of a major and a side, started when it is asked for first.
    pub fn of(major: u32, side: Side) -> &'static Self {
        type Cell = &'static OnceLock<Cluster>;
        static RUNNING: Mutex<BTreeMap<(u32, Side), Cell>> = Mutex::new(BTreeMap::new());
        let cell: Cell = RUNNING
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((major, side))
            .or_insert_with(|| Box::leak(Box::default()));
        cell.get_or_init(|| Self::start(major, Setup::default()))
    }

    /// A server of its own, which goes when it is dropped.
    pub fn start(major: u32, setup: Setup<'_>) -> Self {
        let bin = Majors::probed()
            .get(&major)
            .unwrap_or_else(|| panic!("no PostgreSQL {major} was found"));
        let user = servers("user");
        let home = home_for(&user);
        // Another process may take the port between our look and the server's start.
        let (port, guard) = (0..5)
            .find_map(|_| {
                let port = free_port();
                Some((port, guard(&user, (&home, bin), port, setup)?))
            })
            .unwrap_or_else(|| panic!("PostgreSQL {major} in {} does not start", bin.display()));
        let cluster = Self {
            major,
            bin: bin.clone(),
            home,
            port,
            _guard: Some(guard),
        };
        cluster.create_canary();
        cluster
    }

    /// A standby of this server, which streams from it and takes its queries; it goes when it
    /// is dropped. Replication connections must be let in by the socket.
    #[must_use]
    pub fn standby(&self) -> Self {
        const STANDBY: &str = r#"
            cd / && trap '' INT TERM HUP
            home=$1 bin=$2 port=$3
            "$bin/pg_basebackup" -R -X stream -c fast -D "$home/data" -d "$4" >"$home/log" 2>&1 ||
                { cat "$home/log"; exit 1; }
            cat >>"$home/data/postgresql.conf" <<END
unix_socket_directories = '$home'
port = $port
hot_standby = on
END
            "$bin/pg_ctl" -s -w -D "$home/data" -l "$home/log" start >/dev/null 2>&1 || { cat "$home/log"; exit 1; }
            echo ready
            read -r _
            "$bin/pg_ctl" -s -m immediate -D "$home/data" stop >/dev/null 2>&1
            rm -rf "$home""#;
        let user = servers("user");
        let (home, port) = (home_for(&user), free_port());
        let primary = format!(
            "host={} port={} user=postgres",
            self.home.display(),
            self.port
        );
        let port_text = port.to_string();
        let words: [&OsStr; 4] = [
            home.as_ref(),
            self.bin.as_ref(),
            port_text.as_ref(),
            primary.as_ref(),
        ];
        let guard = guarded(&user, STANDBY, &words);
        Self {
            major: self.major,
            bin: self.bin.clone(),
            home,
            port,
            _guard: Some(guard.expect("a standby starts")),
        }
    }

    /// A server that somebody else guards, with its socket in `home`.
    pub(crate) fn guarded_elsewhere(major: u32, home: &Path, port: u16) -> Self {
        let bin = Majors::probed().get(&major).cloned();
        Self {
            major,
            bin: bin.unwrap_or_default(),
            home: home.to_owned(),
            port,
            _guard: None,
        }
    }

    fn create_canary(&self) {
        let sql = format!("create role {CANARY_USER} login superuser password '{CANARY}'");
        self.connect("postgres")
            .batch_execute(&sql)
            .expect("a new server takes a new role");
    }

    /// Connection string of a database through the socket, as superuser, without password.
    pub fn conninfo(&self, database: &str) -> String {
        format!(
            "host={} port={} user=postgres dbname={}",
            self.home.display(),
            self.port,
            quoted(database)
        )
    }

    /// Connection string of a database through TCP, as a user who needs a password.
    pub fn tcp_conninfo(&self, database: &str) -> String {
        format!(
            "host=127.0.0.1 port={} user={CANARY_USER} dbname={}",
            self.port,
            quoted(database)
        )
    }

    /// Kills the server as a power failure does, all but what the disk has: SIGKILL to its
    /// first process, whose others then end by themselves.
    pub fn kill(&self) {
        self.signal("KILL");
    }

    /// Sends a signal to the server's first process: INT is a fast shutdown, QUIT an immediate one.
    pub fn signal(&self, name: &str) {
        let pid = self.first_process();
        crate::fault::signal(pid.expect("a server that runs has its pid there"), name);
    }

    /// Whether its first process is there, also when it takes no connections.
    pub fn is_running(&self) -> bool {
        self.first_process()
            .is_some_and(|pid| Path::new(&format!("/proc/{pid}")).exists())
    }

    fn first_process(&self) -> Option<u32> {
        let file = self.home.join("data/postmaster.pid");
        let text = fs::read_to_string(file).ok()?;
        text.lines().next()?.parse().ok()
    }

    /// Starts it again after [`Cluster::kill`] or [`Cluster::signal`].
    pub fn start_again(&self) {
        const AGAIN: &str = r#"
            cd / && for _ in $(seq 100); do
                "$2/pg_ctl" -s -w -D "$1/data" -l "$1/log" start >/dev/null 2>&1 && { echo ready; exit 0; }
                sleep 0.1
            done
            tail -5 "$1/log""#;
        // While processes of the killed one are still there, it refuses to start.
        let words: [&OsStr; 2] = [self.home.as_ref(), self.bin.as_ref()];
        let started = guarded(&servers("user"), AGAIN, &words);
        let mut started = started.expect("the server starts again");
        drop(started.wait());
    }

    /// The directory of its socket and of the file `log`.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connects to a database.
    pub fn connect(&self, database: &str) -> postgres::Client {
        self.try_connect(database)
            .unwrap_or_else(|error| panic!("cannot connect to {database}: {error}"))
    }

    /// Connects to a database of a server that may be away.
    ///
    /// # Errors
    /// What the server or the system says.
    #[expect(
        clippy::disallowed_methods,
        reason = "the ban is for the tools; the harness is their independent witness"
    )]
    pub fn try_connect(&self, database: &str) -> Result<postgres::Client, postgres::Error> {
        postgres::Config::new()
            .host_path(&self.home)
            .port(self.port)
            .user("postgres")
            .dbname(database)
            .application_name("pg-e2e")
            .connect(postgres::NoTls)
    }
}

/// A value of a connection string.
pub fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A directory of the user that servers run as; a short one, since the path of a socket has
/// room for 107 bytes.
pub fn home_for(user: &str) -> PathBuf {
    let home = tempfile::Builder::new()
        .prefix("pge")
        .tempdir_in("/tmp")
        .expect("a directory can be made in /tmp")
        .keep();
    if !user.is_empty() {
        fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("the directory is ours");
        chown(&home, Some(id(user, "-u")), Some(id(user, "-g"))).expect("root can give it away");
    }
    home
}

fn id(user: &str, what: &str) -> u32 {
    let output = Command::new("id")
        .args([what, user])
        .output()
        .expect("id can be run");
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .expect("tests/servers names a user that exists")
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port can be found")
        .port()
}

/// Starts the guarding shell of a server; `None` when the server does not start.
fn guard(user: &str, (home, bin): (&Path, &Path), port: u16, setup: Setup<'_>) -> Option<Child> {
    let port = port.to_string();
    let words: [&OsStr; 5] = [
        home.as_ref(),
        bin.as_ref(),
        port.as_ref(),
        setup.hba.as_ref(),
        setup.conf.as_ref(),
    ];
    let child = guarded(user, GUARD, &words);
    if child.is_none() {
        drop(fs::remove_dir_all(home.join("data")));
    }
    child
}

/// Starts a shell as the user that servers run as. Its script starts a server, says «ready»,
/// waits for the end of its stdin, and removes everything. `None` when it ends before.
pub fn guarded(user: &str, script: &str, words: &[&OsStr]) -> Option<Child> {
    let mut command = if user.is_empty() {
        Command::new("sh")
    } else {
        let mut command = Command::new("setpriv");
        command.args([
            format!("--reuid={}", id(user, "-u")),
            format!("--regid={}", id(user, "-g")),
            "--clear-groups".to_owned(),
            "sh".to_owned(),
        ]);
        command
    };
    let mut child = command
        .args(["-c", script, "guard"])
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // A Ctrl-C on the terminal ends the tests; the guard goes after them.
        .process_group(0)
        .spawn()
        .expect("a shell can be started");
    let stdout = child.stdout.take().expect("its stdout is a pipe");
    let mut said = String::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.unwrap_or_default();
        if line == "ready" {
            return Some(child);
        }
        said.push_str(&line);
        said.push('\n');
    }
    drop(child.wait());
    drop(writeln!(io::stderr(), "{said}"));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_runs_and_takes_passwords_over_tcp_only() {
        let cluster = Cluster::of(Majors::newest(), Side::Target);
        let row = cluster
            .connect("postgres")
            .query_one("select current_setting('server_version_num')::integer", &[])
            .unwrap();
        assert_eq!(row.get::<_, i32>(0) / 10_000, cluster.major.cast_signed());
        assert!(std::net::TcpStream::connect(("127.0.0.1", cluster.port())).is_ok());
    }

    #[test]
    fn values_of_a_connection_string_are_quoted() {
        assert_eq!(quoted(r"a 'b' \c"), r"'a \'b\' \\c'");
    }
}
