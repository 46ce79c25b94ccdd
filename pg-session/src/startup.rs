//! What happens between a TCP connection and the first query: TLS is asked for, agreed on or
//! refused, and the server's first messages are watched, so that no password is given where it
//! should not, and that something which is no PostgreSQL server is called so. The driver sees
//! a stream on which all of this is done.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::ssl::SslRef;
use postgres::Socket;
use postgres::error::DbError;
use postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_openssl::SslStream;

use crate::auth::Policy;
use crate::error::{Class, Error};
use crate::greeting::{Greeting, Progress};
use crate::journey;
use crate::tls::{self, Connector};

/// The message that asks for TLS (manual, «Message Formats», SSLRequest).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Whether and how a connection is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Encryption {
    /// Not at all.
    Never,
    /// When the server offers it.
    IfOffered,
    /// In any case.
    Always,
    /// At once, without asking (`sslnegotiation=direct`, servers from 17).
    Direct,
}

/// What was seen so far, and when.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// When the TCP connection stood.
    pub(crate) connected: Option<Instant>,
    /// When TLS was agreed on or refused.
    pub(crate) secured: Option<Instant>,
    /// What TLS agreed on.
    pub(crate) tls: Option<journey::Tls>,
    /// How we prove who we are.
    pub(crate) method: Option<String>,
    /// The server process that answers, by its own account.
    pub(crate) process: Option<i32>,
    /// When the server was ready for queries.
    pub(crate) ready: Option<Instant>,
}

/// Makes streams to one host.
#[derive(Clone)]
pub(crate) struct Startup {
    pub(crate) encryption: Encryption,
    pub(crate) connector: Option<Connector>,
    pub(crate) policy: Policy,
    pub(crate) seen: Arc<Mutex<Seen>>,
    /// What the server warns of while the session lasts.
    pub(crate) warnings: Arc<Mutex<Vec<Warning>>>,
}

/// A warning of the server.
#[derive(Clone, Debug)]
pub struct Warning {
    /// SQLSTATE.
    pub sqlstate: String,
    /// What it says.
    pub message: String,
}

/// What carries bytes to a server and back: the driver's socket, or one of ours.
pub(crate) trait Carrier: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Carrier for S {}

/// How many warnings are kept until somebody asks for them.
const MOST_WARNINGS: usize = 100;

impl Startup {
    /// What takes the notices of a session and keeps its warnings (SQLSTATE class 01).
    pub(crate) fn listener(&self) -> impl Fn(DbError) + Send + Sync + 'static {
        let warnings = Arc::clone(&self.warnings);
        move |notice| {
            let mut warnings = warnings.lock().unwrap_or_else(PoisonError::into_inner);
            let code = notice.code().code();
            if code.starts_with("01") && warnings.len() < MOST_WARNINGS {
                warnings.push(Warning {
                    sqlstate: code.to_owned(),
                    message: notice.message().to_owned(),
                });
            }
        }
    }

    /// What was seen.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Agrees on TLS, or on none; gives the stream on which the server's greeting is read. A
    /// Unix socket's greeting is not looked into, as with the driver's own.
    ///
    /// # Errors
    /// [`Class::Tls`], [`Class::Lost`] or [`Class::NotPostgres`].
    pub(crate) async fn negotiate<S: Carrier>(
        self,
        mut socket: S,
        is_local: bool,
    ) -> Result<Stream<S>, Error> {
        self.seen().connected = Some(Instant::now());
        let offered = match self.encryption {
            Encryption::Never => false,
            Encryption::Direct => true,
            Encryption::IfOffered | Encryption::Always => self.ask(&mut socket).await?,
        };
        let (mut has_shown, mut binds) = (false, false);
        let inner = match self.connector.clone().filter(|_| offered) {
            Some(connector) => {
                has_shown = connector.shows_certificate();
                let (stream, agreed) = handshake(socket, &connector).await?;
                self.seen().tls = Some(agreed);
                binds = end_point(stream.ssl()).is_some();
                Inner::Tls(stream)
            }
            None => Inner::Plain(socket),
        };
        self.seen().secured = Some(Instant::now());
        Ok(Stream {
            inner,
            has_shown,
            greeting: (!is_local).then(|| Greeting::new(self.policy.clone(), binds)),
            seen: self.seen,
        })
    }

    /// Asks the server for TLS; whether it offers it.
    async fn ask(&self, socket: &mut impl Carrier) -> Result<bool, Error> {
        let mut answer = [0];
        let asked = async {
            socket.write_all(&SSL_REQUEST).await?;
            socket.read_exact(&mut answer).await
        };
        asked.await.map_err(|error| {
            Error::new(
                Class::Lost,
                "the connection was closed when TLS was asked for",
            )
            .with_hint("Check what stands between this machine and the server, such as a proxy.")
            .with_source(error)
        })?;
        match answer {
            [b'S'] => Ok(true),
            [b'N'] if self.encryption == Encryption::IfOffered => Ok(false),
            [b'N'] => Err(
                Error::new(Class::Tls, "the server does not offer TLS").with_hint(
                    "Use sslmode=prefer or disable if an unencrypted connection will do, or set \
                 ssl = on on the server.",
                ),
            ),
            [b'E'] => Err(Error::new(
                Class::Tls,
                "the server answered with an error when TLS was asked for",
            )
            .with_hint("Look into the server's log, or try sslmode=disable.")),
            _ => Err(not_postgres()),
        }
    }
}

/// Something else listens there.
pub(crate) fn not_postgres() -> Error {
    Error::new(
        Class::NotPostgres,
        "what answers there does not speak PostgreSQL's protocol",
    )
}

async fn handshake<S: Carrier>(
    socket: S,
    connector: &Connector,
) -> Result<(SslStream<S>, journey::Tls), Error> {
    let ssl = connector.begin()?;
    let mut stream = SslStream::new(ssl, socket)
        .map_err(|error| Error::new(Class::Tls, "cannot set TLS up").with_source(error))?;
    Pin::new(&mut stream)
        .connect()
        .await
        .map_err(|error| connector.explain(error))?;
    let agreed = connector.check(stream.ssl())?;
    Ok((stream, agreed))
}

impl MakeTlsConnect<Socket> for Startup {
    type Stream = Stream<Socket>;
    type TlsConnect = Self;
    type Error = Error;

    fn make_tls_connect(&mut self, _domain: &str) -> Result<Self, Error> {
        Ok(self.clone())
    }
}

impl TlsConnect<Socket> for Startup {
    type Stream = Stream<Socket>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Stream<Socket>, Error>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(self.negotiate(socket, false))
    }
}

enum Inner<S> {
    Plain(S),
    Tls(SslStream<S>),
}

/// A connection, encrypted or not, whose first messages are watched.
pub(crate) struct Stream<S> {
    inner: Inner<S>,
    /// Whether we have shown a certificate.
    has_shown: bool,
    greeting: Option<Greeting>,
    seen: Arc<Mutex<Seen>>,
}

impl<S> Stream<S> {
    /// What an error of reading or writing means. With TLS 1.3 a server that does not accept
    /// our certificate says so after the handshake.
    fn in_words(&self, error: io::Error) -> io::Error {
        let silent = self.greeting.as_ref().is_some_and(|it| !it.has_begun());
        match error.downcast::<openssl::ssl::Error>() {
            Ok(error) if error.ssl_error().is_some() => io::Error::other(tls::explain(&error)),
            _ if silent && self.has_shown => io::Error::other(tls::hung_up()),
            Ok(error) => error.into_io_error().unwrap_or_else(io::Error::other),
            Err(error) => error,
        }
    }

    /// The socket below TLS.
    pub(crate) fn socket(&self) -> &S {
        match &self.inner {
            Inner::Plain(socket) => socket,
            Inner::Tls(stream) => stream.get_ref(),
        }
    }

    /// Looks at what has just been read.
    fn watch(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some(greeting) = &mut self.greeting else {
            return Ok(());
        };
        let encrypted = matches!(self.inner, Inner::Tls(_));
        if bytes.is_empty() && self.has_shown && !greeting.has_begun() {
            return Err(tls::hung_up());
        }
        if bytes.is_empty() {
            return Err(greeting.cut());
        }
        let progress = greeting.take(bytes, encrypted)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.method = greeting.method();
        seen.process = greeting.process();
        if progress == Progress::Ready {
            seen.ready = Some(Instant::now());
        }
        if progress != Progress::Going {
            self.greeting = None;
        }
        Ok(())
    }
}

impl<S: Carrier> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            Inner::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        ready!(polled).map_err(|error| self.in_words(error))?;
        if self.greeting.is_some() {
            let fresh = buffer.filled().get(before..).unwrap_or_default();
            self.watch(fresh).map_err(io::Error::other)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Carrier> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Inner::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        };
        polled.map_err(|error| self.in_words(error))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_flush(context),
            Inner::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    /// A connection on which nothing was read is one that carried a cancel request: the other
    /// side hangs up when it has done what was asked, and PgBouncer 1.18 falls over when we do
    /// so first.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.greeting.as_ref().is_some_and(|it| !it.has_begun()) {
            let mut byte = [0];
            let mut buffer = ReadBuf::new(&mut byte);
            let polled = match &mut self.inner {
                Inner::Plain(socket) => Pin::new(socket).poll_read(context, &mut buffer),
                Inner::Tls(stream) => Pin::new(stream).poll_read(context, &mut buffer),
            };
            // Whatever it was, the wait is over.
            drop(ready!(polled));
            self.greeting = None;
        }
        match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Inner::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

impl<S: Carrier> TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        let hash = match &self.inner {
            Inner::Plain(_) => None,
            Inner::Tls(stream) => end_point(stream.ssl()),
        };
        hash.map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

/// What binds a password to a TLS connection: a hash of the server's certificate, by the
/// algorithm of its signature, at least SHA-256 (RFC 5929, section 4.1).
fn end_point(ssl: &SslRef) -> Option<Vec<u8>> {
    let certificate = ssl.peer_certificate()?;
    let algorithm = certificate.signature_algorithm().object().nid();
    let digest = match algorithm.signature_algorithms()?.digest {
        Nid::MD5 | Nid::SHA1 => MessageDigest::sha256(),
        other => MessageDigest::from_nid(other)?,
    };
    certificate.digest(digest).ok().map(|hash| hash.to_vec())
}
