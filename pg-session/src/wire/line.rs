//! A socket that blocks, in the clothes of one that does not: the driver logs in on it, and
//! what it leaves is ours.

use std::future::Future;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Config;

use crate::address::Address;
use crate::error::Error;
use crate::startup::Stream;

/// A connection that blocks.
pub(crate) enum Line {
    /// Over the network.
    Tcp(TcpStream),
    /// On this machine.
    Unix(UnixStream),
}

impl Line {
    /// Connects. The settings of the driver say how a peer that is gone is noticed.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn connect(
        address: &Address,
        config: &Config,
        limit: Duration,
    ) -> Result<Self, Error> {
        let failed =
            |error: &io::Error| Error::of_io(error, format!("cannot connect to {address}"));
        match address {
            Address::Network(place) => {
                let stream = TcpStream::connect_timeout(place, limit).map_err(|e| failed(&e))?;
                keep_alive(&stream, config).map_err(|error| failed(&error))?;
                Ok(Self::Tcp(stream))
            }
            Address::Socket(directory, port) => {
                let stream = match directory.strip_prefix('@') {
                    Some(name) => connect_abstract(name, *port),
                    None => UnixStream::connect(format!("{directory}/.s.PGSQL.{port}")),
                };
                Ok(Self::Unix(stream.map_err(|error| failed(&error))?))
            }
        }
    }

    /// Whether reading and writing wait.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn set_waiting(&self, waits: bool) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_nonblocking(!waits),
            Self::Unix(stream) => stream.set_nonblocking(!waits),
        }
    }
}

/// A name without a file (unix(7)); they are Linux's only.
#[cfg(target_os = "linux")]
fn connect_abstract(name: &str, port: u16) -> io::Result<UnixStream> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;
    let name = format!("{name}/.s.PGSQL.{port}");
    UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)
}

#[cfg(not(target_os = "linux"))]
fn connect_abstract(_name: &str, _port: u16) -> io::Result<UnixStream> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

fn keep_alive(stream: &TcpStream, config: &Config) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    if config.get_keepalives() {
        let mut keepalive = TcpKeepalive::new().with_time(config.get_keepalives_idle());
        if let Some(interval) = config.get_keepalives_interval() {
            keepalive = keepalive.with_interval(interval);
        }
        if let Some(retries) = config.get_keepalives_retries() {
            keepalive = keepalive.with_retries(retries);
        }
        socket.set_tcp_keepalive(&keepalive)?;
    }
    #[cfg(target_os = "linux")]
    if let Some(limit) = config.get_tcp_user_timeout() {
        socket.set_tcp_user_timeout(Some(*limit))?;
    }
    Ok(())
}

/// Does an operation on the socket; one that would wait is pending, and nobody is woken for
/// it: whoever asks knows when to ask again.
fn polled<T>(mut operation: impl FnMut() -> io::Result<T>) -> Poll<io::Result<T>> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            result => return Poll::Ready(result),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let free = buffer.initialize_unfilled();
        let read = polled(|| match &mut *self {
            Self::Tcp(stream) => stream.read(free),
            Self::Unix(stream) => stream.read(free),
        });
        read.map_ok(|length| buffer.advance(length))
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        polled(|| match &mut *self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let end = std::net::Shutdown::Write;
        Poll::Ready(match &*self {
            Self::Tcp(stream) => stream.shutdown(end),
            Self::Unix(stream) => stream.shutdown(end),
        })
    }
}

/// A stream that is lent to the driver, and taken back when it has logged in.
#[derive(Clone)]
pub(crate) struct Lent(Arc<Mutex<Option<Stream<Line>>>>);

impl Lent {
    /// Lends a stream.
    pub(crate) fn new(stream: Stream<Line>) -> Self {
        Self(Arc::new(Mutex::new(Some(stream))))
    }

    /// Takes it back; the driver finds its end of the line closed from then on.
    pub(crate) fn take(&self) -> Option<Stream<Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn with<T>(
        &self,
        gone: Poll<io::Result<T>>,
        work: impl FnOnce(Pin<&mut Stream<Line>>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(stream) => work(Pin::new(stream)),
            None => gone,
        }
    }
}

impl AsyncRead for Lent {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(Poll::Ready(Ok(())), |stream| {
            stream.poll_read(context, buffer)
        })
    }
}

impl AsyncWrite for Lent {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(Poll::Ready(Ok(bytes.len())), |stream| {
            stream.poll_write(context, bytes)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(Poll::Ready(Ok(())), |stream| stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(Poll::Ready(Ok(())), |stream| stream.poll_shutdown(context))
    }
}

impl TlsStream for Lent {
    fn channel_binding(&self) -> ChannelBinding {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(stream) => stream.channel_binding(),
            None => ChannelBinding::none(),
        }
    }
}

/// TLS for the driver where it is done already.
pub(crate) struct Done;

impl TlsConnect<Lent> for Done {
    type Stream = Lent;
    type Error = Error;
    type Future = std::future::Ready<Result<Lent, Error>>;

    fn connect(self, stream: Lent) -> Self::Future {
        std::future::ready(Ok(stream))
    }
}

/// Runs to its end what waits for nothing but lines that block.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        thread::yield_now();
    }
}
