//! Things that go wrong: servers that are not there, that say nothing or nonsense, signals,
//! locks, programs that lie.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
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

/// A port where nobody answers, not even with a refusal, as behind a firewall: its queue is
/// full and nobody takes from it, so the system drops what comes. `None` where the system
/// does otherwise.
pub fn black_hole() -> Option<u16> {
    static HOLE: OnceLock<Option<TcpListener>> = OnceLock::new();
    let hole = HOLE.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port can be found");
        let address = listener.local_addr().expect("it listens on a port");
        let patience = Duration::from_millis(300);
        // One that has hung up keeps its place in the queue.
        let full = (0..10_000).any(|_| TcpStream::connect_timeout(&address, patience).is_err());
        full.then_some(listener)
    });
    Some(hole.as_ref()?.local_addr().ok()?.port())
}

/// What a fake server does with a connection, act by act. After the last one it hangs up.
#[derive(Clone, Debug)]
pub enum Act {
    /// Waits until something has come.
    Hear,
    /// Reads the startup packet, and answers a request for TLS that comes first with this
    /// byte. After a yes it is the next act's turn.
    Startup(u8),
    /// Reads a message.
    Message,
    /// Sends bytes.
    Say(Vec<u8>),
    /// Says nothing more until the other side hangs up.
    Hold,
}

/// A server on loopback that does the same with every connection, until it is dropped.
#[derive(Debug)]
pub struct Fake {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
    gone: Arc<AtomicBool>,
}

impl Fake {
    /// Begins to listen.
    pub fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port can be found");
        let fake = Self {
            address: listener.local_addr().expect("it listens on a port"),
            heard: Arc::default(),
            gone: Arc::default(),
        };
        let acts: Arc<[Act]> = acts.into_iter().collect();
        let (heard, gone) = (Arc::clone(&fake.heard), Arc::clone(&fake.gone));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if gone.load(Ordering::Relaxed) {
                    break;
                }
                let (acts, heard) = (Arc::clone(&acts), Arc::clone(&heard));
                // Who hangs up before the last act has its reasons.
                thread::spawn(move || drop(play(stream, &acts, &heard)));
            }
        });
        fake
    }

    /// Connection string, with more parameters.
    pub fn conninfo(&self, more: &str) -> String {
        format!(
            "host=127.0.0.1 port={} user=u dbname=d {more}",
            self.address.port()
        )
    }

    /// Everything that was ever sent to it.
    pub fn heard(&self) -> Vec<u8> {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
        // Wakes the one that listens.
        drop(TcpStream::connect(self.address));
    }
}

/// Acts for one connection.
fn play(mut stream: TcpStream, acts: &[Act], heard: &Mutex<Vec<u8>>) -> io::Result<()> {
    let mut hear = |stream: &mut TcpStream, length: usize| -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes)?;
        heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(&bytes);
        Ok(bytes)
    };
    for act in acts {
        match act {
            Act::Hear => drop(hear(&mut stream, 1)?),
            Act::Startup(tls) => startup(&mut stream, *tls, &mut hear)?,
            Act::Message => {
                hear(&mut stream, 1)?;
                let length = length(&hear(&mut stream, 4)?);
                hear(&mut stream, length)?;
            }
            Act::Say(bytes) => stream.write_all(bytes)?,
            Act::Hold => while hear(&mut stream, 1).is_ok() {},
        }
    }
    hang_up(&mut stream)
}

/// Closes so that what was said arrives: with something unread left, it would be thrown away.
fn hang_up(stream: &mut TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    io::copy(stream, &mut io::sink()).map(drop)
}

type Hear<'h> = &'h mut dyn FnMut(&mut TcpStream, usize) -> io::Result<Vec<u8>>;

/// Reads packets without type until one is the startup packet, or TLS begins.
fn startup(stream: &mut TcpStream, tls: u8, hear: Hear<'_>) -> io::Result<()> {
    const TLS: [u8; 4] = 80_877_103_u32.to_be_bytes();
    const GSS: [u8; 4] = 80_877_104_u32.to_be_bytes();
    loop {
        let rest = length(&hear(stream, 4)?);
        let packet = hear(stream, rest)?;
        if packet == TLS {
            stream.write_all(&[tls])?;
            if tls == b'S' {
                return Ok(());
            }
        } else if packet == GSS {
            stream.write_all(b"N")?;
        } else {
            return Ok(());
        }
    }
}

/// What follows a length, which counts itself.
fn length(bytes: &[u8]) -> usize {
    let number = bytes
        .iter()
        .fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
    number.saturating_sub(4).min(100_000)
}

/// A message of a server.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("it is short");
    [&[kind], length.to_be_bytes().as_slice(), body].concat()
}

/// What a server says about authentication: 0 it is done, 3 it wants the password as it is.
pub fn authentication(request: u32) -> Vec<u8> {
    message(b'R', &request.to_be_bytes())
}

/// The refusal of a server.
pub fn refusal(sqlstate: &str, text: &str) -> Vec<u8> {
    let body = format!("SFATAL\0VFATAL\0C{sqlstate}\0M{text}\0\0");
    message(b'E', body.as_bytes())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_answers_in_a_black_hole() {
        let Some(port) = black_hole() else { return };
        for _ in 0..3 {
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let error = TcpStream::connect_timeout(&address, Duration::from_millis(200));
            assert_eq!(error.unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
    }

    #[test]
    fn a_fake_server_plays_its_part_and_remembers_what_it_heard() {
        let fake = Fake::new([
            Act::Startup(b'N'),
            Act::Say(authentication(3)),
            Act::Message,
            Act::Say(refusal("28P01", "no")),
        ]);
        let mut stream = TcpStream::connect(fake.address).unwrap();
        stream.write_all(b"\0\0\0\x08\x04\xd2\x16\x2f").unwrap();
        let mut answer = [0];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, *b"N");
        stream.write_all(b"\0\0\0\x08\0\x03\0\0").unwrap();
        stream.write_all(b"p\0\0\0\x08pass").unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        assert!(said.starts_with(b"R\0\0\0\x08\0\0\0\x03E"), "{said:?}");
        assert!(fake.heard().ends_with(b"pass"));
    }
}
