//! What a connection string may point to: servers, fakes, files, and the words in braces
//! that stand for them.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pg_e2e::fault::{self, Act, Fake};
use pg_e2e::tls::{NAMES, TlsServers, tester};
use pg_e2e::{Majors, Tool};
use tempfile::TempDir;

use super::case::{Case, File};

/// Everything that the words in braces stand for.
pub(super) struct Places {
    /// The servers.
    servers: &'static TlsServers,
    /// Ports by name: of servers, of fakes, and of nobody.
    ports: BTreeMap<&'static str, u16>,
    /// Where psql looks for a socket when no host is given.
    default: PathBuf,
    /// psql.
    psql: PathBuf,
    /// Its major.
    psql_major: u32,
    _fakes: Vec<Fake>,
}

impl Places {
    /// Looks around, and sets fakes up. The words say what is missing.
    pub(super) fn find() -> Result<Self, &'static str> {
        let bin = Majors::clients().ok_or("no psql and pg_dump beside a server")?;
        let servers = TlsServers::running().ok_or("openssl is not installed")?;
        let psql = bin.join("psql");
        let psql_major = major(&psql);
        if psql_major < 15 {
            return Err("psql before 15 takes no notice of HOME");
        }
        let fakes = fakes();
        let mut ports: BTreeMap<_, _> = NAMES
            .into_iter()
            .map(|name| (name, servers.get(name).port()))
            .collect();
        ports.extend(
            fakes
                .iter()
                .map(|(name, fake)| (*name, port_in(&fake.conninfo("")))),
        );
        ports.insert("nobody", port_in(&fault::nobody_there()));
        Ok(Self {
            servers,
            ports,
            default: default_directory(&psql),
            psql,
            psql_major,
            _fakes: fakes.into_iter().map(|(_, fake)| fake).collect(),
        })
    }

    /// The program psql.
    pub(super) fn psql(&self) -> Tool {
        Tool::program("psql", &self.psql)
    }

    /// The name of the server with a port.
    pub(super) fn server_with(&self, port: &str) -> Option<&'static str> {
        let found = self
            .ports
            .iter()
            .find(|(_, known)| known.to_string() == port);
        found.map(|(name, _)| *name)
    }

    /// Whether everything that a case needs is here.
    pub(super) fn have(&self, case: &Case) -> bool {
        case.needs.iter().all(|need| {
            let number = |word: &str| need.strip_prefix(word)?.trim().parse::<u32>().ok();
            match need.as_str() {
                "ipv6" => TcpListener::bind("[::1]:0").is_ok(),
                "socket" => {
                    let name = format!(".s.PGSQL.{}", self.ports["good"]);
                    self.default.join(name).exists()
                }
                _ => {
                    let psql = number("psql ").map(|least| self.psql_major >= least);
                    let server = number("server ").map(|least| Majors::newest() >= least);
                    psql.or(server).expect("a need that is known")
                }
            }
        })
    }

    /// A text with every word in braces replaced.
    pub(super) fn fill(&self, text: &str, home: &Path) -> String {
        let mut parts = text.split('{');
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (word, rest) = part.split_once('}').expect("a brace that closes");
            filled.push_str(&self.meaning(word, home));
            filled.push_str(rest);
        }
        filled
    }

    fn meaning(&self, word: &str, home: &Path) -> String {
        let shown = |path: &Path| path.display().to_string();
        match word.split_once(' ').unwrap_or((word, "")) {
            ("to", name) => format!("host=127.0.0.1 port={} dbname=postgres", self.ports[name]),
            ("port", name) => self.ports[name].to_string(),
            ("uri", word) => self.meaning(word, home).replace('/', "%2F"),
            ("home", _) => shown(home),
            ("sockets", _) => shown(self.servers.sockets()),
            ("pki", _) => shown(&self.servers.certificate(""))
                .trim_end_matches('/')
                .to_owned(),
            ("default", _) => shown(&self.default),
            ("tester", _) => tester(),
            ("owner", _) => self.servers.owner(),
            _ => panic!("what is {{{word}}}?"),
        }
    }

    /// A home directory with the files of a case.
    pub(super) fn home(&self, case: &Case) -> TempDir {
        let home = TempDir::new().expect("a temporary directory can be made");
        for file in &case.files {
            self.put(file, home.path());
        }
        home
    }

    fn put(&self, file: &File, home: &Path) {
        let path = home.join(&file.path);
        let directory = path.parent().expect("it is below the home directory");
        fs::create_dir_all(directory).expect("the directory is ours");
        let mut bytes = self.fill(&file.text, home).into_bytes();
        for from in &file.from {
            bytes.extend(fs::read(self.fill(from, home)).expect("what is copied exists"));
        }
        fs::write(&path, bytes).expect("the directory is ours");
        fs::set_permissions(&path, PermissionsExt::from_mode(file.mode)).expect("the file is ours");
    }
}

/// Fakes by name.
fn fakes() -> Vec<(&'static str, Fake)> {
    let starting = fault::refusal("57P03", "the database system is starting up");
    let http = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec();
    vec![
        ("silent", Fake::new([Act::Hold])),
        ("closing", Fake::new([Act::Hear])),
        ("http", Fake::new([Act::Hear, Act::Say(http)])),
        (
            "starting",
            Fake::new([Act::Startup(b'N'), Act::Say(starting)]),
        ),
    ]
}

/// The port in a connection string.
fn port_in(conninfo: &str) -> u16 {
    let rest = conninfo.split_once("port=").map_or("", |(_, rest)| rest);
    let port = rest.split(' ').next().unwrap_or_default();
    port.parse().expect("a port")
}

fn major(psql: &Path) -> u32 {
    let version = Tool::program("psql", psql).arg("--version").run().text();
    version
        .split(|c: char| !c.is_ascii_digit())
        .find_map(|digits| digits.parse().ok())
        .expect("psql tells its version")
}

/// The directory that psql names when nobody is there.
fn default_directory(psql: &Path) -> PathBuf {
    let nobody = port_in(&fault::nobody_there());
    let ran = Tool::program("psql", psql)
        .args(["-X", "-w", "-d", &format!("port={nobody} user=u dbname=d")])
        .run();
    let path = ran.stderr.split('"').nth(1).unwrap_or_default();
    Path::new(path).parent().unwrap_or(Path::new("")).to_owned()
}
