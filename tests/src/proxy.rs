//! Something between a tool and a server that breaks: a network that is cut, slow or stalls, or
//! that loses the answer to a COMMIT.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::cluster::{CANARY, Cluster};

/// A COMMIT in the simple protocol.
const COMMIT: &[u8] = b"Q\0\0\0\x0bcommit\0";
/// What a session has said whose COMMIT is that of rows.
const MARK: &[u8] = b"set done_at";

/// What becomes of the COMMIT of some rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AtCommit {
    /// It never arrives; both sides are cut off.
    Lost,
    /// It is done, and its answer never arrives.
    AnswerLost,
    /// The tool is cut off at once; the server gets it so much later.
    Late(Duration),
}

/// What all connections share.
#[derive(Debug)]
struct State {
    server: SocketAddr,
    passed: AtomicU64,
    /// After so many bytes nothing passes any more.
    most: AtomicU64,
    /// Milliseconds that a message is under way which comes after a silence.
    delay: AtomicU64,
    /// Bytes a second, of all connections together.
    rate: AtomicU64,
    /// When the way is free for the next bytes.
    free: Mutex<Option<Instant>>,
    gone: AtomicBool,
    faults: Mutex<Vec<AtCommit>>,
    open: Mutex<Vec<TcpStream>>,
}

/// Stands before a server, on loopback, until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

impl Proxy {
    /// Begins to listen.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn before(cluster: &Cluster) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port can be found");
        let state = Arc::new(State {
            server: SocketAddr::from(([127, 0, 0, 1], cluster.port())),
            passed: AtomicU64::new(0),
            most: AtomicU64::new(u64::MAX),
            delay: AtomicU64::new(0),
            rate: AtomicU64::new(0),
            free: Mutex::default(),
            gone: AtomicBool::new(false),
            faults: Mutex::default(),
            open: Mutex::default(),
        });
        let proxy = Self {
            address: listener.local_addr().expect("it listens on a port"),
            state: Arc::clone(&state),
        };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if state.gone.load(Ordering::Relaxed) {
                    break;
                }
                // Where the server is away, the tool sees a connection that ends.
                drop(join(client, &state));
            }
        });
        proxy
    }

    /// Connection string of a database, with password.
    pub fn conninfo(&self, cluster: &Cluster, database: &str) -> String {
        format!("{} password={CANARY}", self.way(cluster, database))
    }

    /// Connection string of a database; the password comes from elsewhere.
    pub fn way(&self, cluster: &Cluster, database: &str) -> String {
        let direct = cluster.tcp_conninfo(database);
        let theirs = format!("port={}", cluster.port());
        let ours = format!("port={}", self.address.port());
        direct.replace(&theirs, &ours)
    }

    /// Has all stand still after so many more bytes, both ways.
    pub fn hold_after(&self, bytes: u64) {
        let now = self.state.passed.load(Ordering::Relaxed);
        self.state.most.store(now + bytes, Ordering::Relaxed);
    }

    /// Whether all stands still.
    pub fn holds(&self) -> bool {
        self.state.is_full()
    }

    /// Lets it go on.
    pub fn release(&self) {
        self.state.most.store(u64::MAX, Ordering::Relaxed);
    }

    /// Has what comes after a silence arrive so much later, each way; what follows it closely
    /// comes with it, as on a line that is long and wide. Zero ends it.
    pub fn delay(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.state.delay.store(millis, Ordering::Relaxed);
    }

    /// Lets so many bytes pass a second, both ways and all connections together. Zero ends it.
    pub fn limit(&self, bytes: u64) {
        self.state.rate.store(bytes, Ordering::Relaxed);
    }

    /// Ends all connections that there are, on both sides, and throws away what is under way:
    /// who still writes gets a reset. New ones pass.
    pub fn cut(&self) {
        for stream in lock(&self.state.open).drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
        self.release();
    }

    /// What becomes of the next commits of rows, the last of the list first.
    pub fn at_commits(&self, faults: &[AtCommit]) {
        *lock(&self.state.faults) = faults.to_vec();
    }

    /// Faults that have not been done yet.
    pub fn faults_left(&self) -> usize {
        lock(&self.state.faults).len()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.gone.store(true, Ordering::Relaxed);
        self.cut();
        // Wakes the one that listens.
        drop(TcpStream::connect(self.address));
    }
}

impl State {
    fn is_full(&self) -> bool {
        self.passed.load(Ordering::Relaxed) >= self.most.load(Ordering::Relaxed)
    }

    /// Waits while all stands still, then counts.
    fn pass(&self, bytes: usize) {
        while self.is_full() && !self.gone.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
        }
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.passed.fetch_add(bytes, Ordering::Relaxed);
        let rate = self.rate.load(Ordering::Relaxed);
        if let Some(micros) = bytes.saturating_mul(1_000_000).checked_div(rate) {
            let takes = Duration::from_micros(micros);
            let mut free = lock(&self.free);
            let now = Instant::now();
            let arrives = free.map_or(now, |free| free.max(now)) + takes;
            *free = Some(arrives);
            drop(free);
            thread::sleep(arrives - now);
        }
    }

    /// Waits as long as a message is under way, when nothing has passed since `last`.
    fn arrive(&self, last: &mut Instant) {
        let delay = Duration::from_millis(self.delay.load(Ordering::Relaxed));
        if last.elapsed() > delay / 2 {
            thread::sleep(delay);
        }
        *last = Instant::now();
    }
}

/// Forwards both ways, each in a thread.
fn join(client: TcpStream, state: &Arc<State>) -> io::Result<()> {
    let server = TcpStream::connect(state.server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    lock(&state.open).extend([client.try_clone()?, server.try_clone()?]);
    let is_lost = Arc::new(AtomicBool::new(false));
    let back = (server.try_clone()?, client.try_clone()?);
    let both = Arc::new([server.try_clone()?, client.try_clone()?]);
    let (of_answers, lost) = (Arc::clone(state), Arc::clone(&is_lost));
    let ends = Arc::clone(&both);
    thread::spawn(move || end(&ends, forward_answers(back, &of_answers, &lost)));
    let of_requests = Arc::clone(state);
    thread::spawn(move || {
        end(
            &both,
            forward_requests((client, server), &of_requests, &is_lost),
        );
    });
    Ok(())
}

/// A side that resets the connection, as a killed client does that had not read all, leaves
/// nobody on the other one to wait for it.
fn end(both: &[TcpStream; 2], result: io::Result<()>) {
    if result.is_err() {
        for stream in both {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

fn forward_answers(
    (mut server, mut client): (TcpStream, TcpStream),
    state: &State,
    is_lost: &AtomicBool,
) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    let mut last = Instant::now();
    loop {
        let length = server.read(&mut buffer)?;
        if length == 0 || is_lost.load(Ordering::Relaxed) {
            return client.shutdown(Shutdown::Both);
        }
        state.arrive(&mut last);
        state.pass(length);
        client.write_all(buffer.get(..length).unwrap_or_default())?;
    }
}

fn forward_requests(
    (mut client, mut server): (TcpStream, TcpStream),
    state: &State,
    is_lost: &AtomicBool,
) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    let mut has_mark = false;
    let mut last = Instant::now();
    loop {
        let length = client.read(&mut buffer)?;
        if length == 0 {
            return server.shutdown(Shutdown::Both);
        }
        state.arrive(&mut last);
        state.pass(length);
        let bytes = buffer.get(..length).unwrap_or_default();
        has_mark |= bytes.windows(MARK.len()).any(|window| window == MARK);
        let fault = if has_mark && bytes == COMMIT {
            has_mark = false;
            lock(&state.faults).pop()
        } else {
            None
        };
        match fault {
            None => {}
            Some(AtCommit::Lost) => {
                client.shutdown(Shutdown::Both)?;
                return server.shutdown(Shutdown::Both);
            }
            Some(AtCommit::AnswerLost) => is_lost.store(true, Ordering::Relaxed),
            Some(AtCommit::Late(later)) => {
                client.shutdown(Shutdown::Both)?;
                thread::sleep(later);
            }
        }
        server.write_all(bytes)?;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
