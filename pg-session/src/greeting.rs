//! The first messages of a server, up to «ready for queries», read beside the driver: what
//! authentication it asks for, which process answers, and whether it is a PostgreSQL server at
//! all (manual, «Frontend/Backend Protocol», start-up).

use crate::auth::{Method, Policy};
use crate::error::{Class, Error};
use crate::startup::not_postgres;

/// The longest message that a server sends at start-up, in bytes; libpq has the same limit.
const LONGEST_BYTES: usize = 30_000;

/// More than any server says before it is ready, in bytes.
const MOST_BYTES: usize = 1_000_000;

/// How far the start-up is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    /// More is to come.
    Going,
    /// The server said no.
    Refused,
    /// The server is ready for queries.
    Ready,
}

/// The reader.
#[derive(Debug)]
pub(crate) struct Greeting {
    policy: Policy,
    /// Whether the TLS connection has something that a password can be bound to.
    can_bind: bool,
    /// Bytes that were taken in all.
    taken: usize,
    /// Bytes of a message that is not whole yet.
    pending: Vec<u8>,
    has_begun: bool,
    method: Option<String>,
    process: Option<i32>,
}

impl Greeting {
    /// Nothing was said yet.
    pub(crate) fn new(policy: Policy, can_bind: bool) -> Self {
        Self {
            policy,
            can_bind,
            taken: 0,
            pending: Vec::new(),
            has_begun: false,
            method: None,
            process: None,
        }
    }

    /// Whether the server has said anything.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun || !self.pending.is_empty()
    }

    /// How we are to prove who we are, once the server said so.
    pub(crate) fn method(&self) -> Option<String> {
        self.method.clone()
    }

    /// The process that answers.
    pub(crate) fn process(&self) -> Option<i32> {
        self.process
    }

    /// Takes what was read.
    ///
    /// # Errors
    /// [`Class::NotPostgres`] for anything that no server says, [`Class::Authentication`] for
    /// a method that may not be used.
    pub(crate) fn take(&mut self, bytes: &[u8], encrypted: bool) -> Result<Progress, Error> {
        self.taken = self.taken.saturating_add(bytes.len());
        if self.taken > MOST_BYTES {
            return Err(not_postgres());
        }
        self.pending.extend_from_slice(bytes);
        while let Some((kind, body)) = self.next_message()? {
            match kind {
                b'R' => self.authentication(&body, encrypted)?,
                b'K' => self.process = number(&body),
                b'E' => return Ok(Progress::Refused),
                b'Z' => return Ok(Progress::Ready),
                _ => {}
            }
        }
        Ok(Progress::Going)
    }

    /// The error of a connection that ends here.
    pub(crate) fn cut(&self) -> Error {
        let when = if self.has_begun() {
            "while logging in"
        } else {
            "before the server said anything"
        };
        Error::new(Class::Lost, format!("the connection was closed {when}")).with_hint(
            "Look into the server's log; a proxy, a firewall or another kind of server may close \
             it, too.",
        )
    }

    fn next_message(&mut self) -> Result<Option<(u8, Vec<u8>)>, Error> {
        let Some((kind, rest)) = self.pending.split_first() else {
            return Ok(None);
        };
        let kind = *kind;
        // Only these come before the server is ready; authentication or an error comes first.
        let known: &[u8] = if self.has_begun { b"RSKNEZv" } else { b"REvN" };
        if !known.contains(&kind) {
            return Err(not_postgres());
        }
        let Some(length) = number(rest).and_then(|length| usize::try_from(length).ok()) else {
            return if rest.len() < 4 {
                Ok(None)
            } else {
                Err(not_postgres())
            };
        };
        if !(4..=LONGEST_BYTES).contains(&length) {
            return Err(not_postgres());
        }
        let Some(body) = rest.get(4..length) else {
            return Ok(None);
        };
        let body = body.to_vec();
        self.pending.drain(..=length);
        self.has_begun = true;
        Ok(Some((kind, body)))
    }

    fn authentication(&mut self, body: &[u8], encrypted: bool) -> Result<(), Error> {
        let method = match number(body) {
            // What was asked for was answered well.
            Some(0) if self.method.is_some() => return Ok(()),
            Some(0) => Method::None,
            Some(3) => Method::Password,
            Some(5) => Method::Md5,
            Some(7) => Method::Gss,
            Some(9) => Method::Sspi,
            Some(10) => mechanism(body),
            // The exchange goes on.
            Some(8 | 11 | 12) => return Ok(()),
            _ => return Err(not_postgres()),
        };
        self.policy.check(method, encrypted)?;
        let binds = self.can_bind && self.policy.binds && contains(body, b"SCRAM-SHA-256-PLUS");
        let word = match method {
            Method::Scram if binds => "SCRAM-SHA-256-PLUS",
            Method::Scram => "SCRAM-SHA-256",
            other => other.as_str(),
        };
        self.method = Some(word.to_owned());
        Ok(())
    }
}

fn mechanism(body: &[u8]) -> Method {
    if contains(body, b"SCRAM-SHA-256") {
        Method::Scram
    } else {
        Method::Oauth
    }
}

fn contains(body: &[u8], word: &[u8]) -> bool {
    body.windows(word.len()).any(|window| window == word)
}

/// The first four bytes as a number.
fn number(bytes: &[u8]) -> Option<i32> {
    let first: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    Some(i32::from_be_bytes(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[kind], length.to_be_bytes().as_slice(), body].concat()
    }

    fn asks(code: i32, more: &[u8]) -> Vec<u8> {
        message(b'R', &[code.to_be_bytes().as_slice(), more].concat())
    }

    #[test]
    fn a_login_is_followed_byte_by_byte() {
        let all = [
            asks(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
            asks(11, b"r=x"),
            asks(12, b"v=x"),
            asks(0, b""),
            message(b'S', b"server_version\x0015.8\0"),
            message(b'K', &[0, 0, 0, 7, 1, 2, 3, 4]),
            message(b'Z', b"I"),
        ]
        .concat();
        let mut policy = Policy::default();
        policy.binds = true;
        let mut greeting = Greeting::new(policy, true);
        let (last, before) = all.split_last().unwrap();
        for byte in before {
            assert_eq!(greeting.take(&[*byte], true).unwrap(), Progress::Going);
        }
        assert_eq!(greeting.take(&[*last], true).unwrap(), Progress::Ready);
        assert_eq!(greeting.method().unwrap(), "SCRAM-SHA-256-PLUS");
        assert_eq!(greeting.process(), Some(7));
    }

    #[test]
    fn a_password_that_may_not_go_is_stopped_before_it_goes() {
        let mut greeting = Greeting::new(Policy::default(), false);
        let error = greeting.take(&asks(3, b""), false).unwrap_err();
        assert_eq!(error.class(), Class::Authentication);
    }

    #[test]
    fn what_is_no_server_is_called_so() {
        for rubbish in [
            b"HTTP/1.1 400 Bad Request\r\n".as_slice(),
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"R\0\0\0\x02",
            b"E\xff\xff\xff\xff",
            &asks(99, b""),
        ] {
            let error = Greeting::new(Policy::default(), false).take(rubbish, false);
            assert_eq!(error.unwrap_err().class(), Class::NotPostgres);
        }
    }
}
