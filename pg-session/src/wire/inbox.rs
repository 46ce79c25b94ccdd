//! What the server has sent: a buffer that is read into in blocks, and messages in it.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use postgres::error::SqlState;
use tokio::io::{AsyncRead, ReadBuf};

use crate::error::{Class, Error};
use crate::startup::Stream;
use crate::wire::line::Line;
use crate::wire::{TextRow, closed};

/// Bytes of the buffer, unless one message is larger.
const CAPACITY: usize = 256 * 1024;
/// Bytes that are handed on together, if there are as many.
const BLOCK: usize = 64 * 1024;
/// Tag and length of a message.
const HEADER: usize = 5;
/// No message of a server is longer: a row is at most 1 GiB, its text a little more.
const LONGEST: usize = 0x4000_0000 + 64 * 1024 * 1024;

/// A message other than `CopyData`.
#[derive(Debug)]
pub(super) enum Message {
    /// A row follows this description.
    Description,
    /// A row.
    Row(TextRow),
    /// A statement is done; how many rows it is about.
    Complete(Option<u64>),
    /// COPY … TO STDOUT begins.
    CopyOut,
    /// COPY … FROM STDIN may begin.
    CopyIn,
    /// The statement failed.
    Error(Error),
    /// The server is ready for the next statement.
    Ready,
    /// A COPY … TO STDOUT has sent all.
    CopyDone,
    /// What may come at any time: notices, notifications, settings that changed.
    Aside,
}

/// Bytes between `begin` and `end` are there and not handed out.
#[derive(Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    begin: usize,
    end: usize,
    /// Where the frames end that [`Inbox::gather`] has found.
    frames: usize,
}

impl Inbox {
    /// The next message.
    ///
    /// # Errors
    /// When the connection is lost or what came is no message.
    pub(super) fn next(&mut self, stream: &mut Stream<Line>) -> Result<Message, Error> {
        let length = loop {
            match self.message_at(self.begin)? {
                Some(length) if self.end - self.begin >= length => break length,
                length => self.read(stream, length.unwrap_or(HEADER))?,
            }
        };
        let whole = self.bytes.get(self.begin..self.begin + length);
        let message = match whole.unwrap_or_default() {
            [tag, _, _, _, _, body @ ..] => parsed(*tag, body)?,
            _ => return Err(garbled()),
        };
        self.begin += length;
        Ok(message)
    }

    /// Reads `CopyData` messages until there is a block of whole ones, or the last is there.
    /// Says whether there are any.
    ///
    /// # Errors
    /// When the connection is lost or what came is no message.
    pub(super) fn gather(&mut self, stream: &mut Stream<Line>) -> Result<bool, Error> {
        self.frames = self.begin;
        loop {
            let Some(missing) = self.pass_frames()? else {
                return Ok(self.frames > self.begin);
            };
            let whole = self.frames - self.begin;
            if whole >= BLOCK {
                return Ok(true);
            }
            self.read(stream, whole + missing)?;
        }
    }

    /// Goes over whole `CopyData` messages; gives the bytes of the next message as far as they
    /// are known, or nothing when that is another one.
    fn pass_frames(&mut self) -> Result<Option<usize>, Error> {
        loop {
            let length = match self.message_at(self.frames)? {
                Some(length) if self.end - self.frames >= length => length,
                other => return Ok(Some(other.unwrap_or(HEADER))),
            };
            if self.bytes.get(self.frames) != Some(&b'd') {
                return Ok(None);
            }
            self.frames += length;
        }
    }

    /// The frames that were gathered.
    pub(super) fn take_frames(&mut self) -> &[u8] {
        let begin = std::mem::replace(&mut self.begin, self.frames);
        self.bytes.get(begin..self.frames).unwrap_or_default()
    }

    /// Whether a whole message is there, after reading what has come, on a line that does not
    /// wait.
    ///
    /// # Errors
    /// As [`Inbox::next`].
    pub(super) fn peek(&mut self, stream: &mut Stream<Line>) -> Result<bool, Error> {
        loop {
            let length = self.message_at(self.begin)?;
            if length.is_some_and(|length| self.end - self.begin >= length) {
                return Ok(true);
            }
            self.make_room(length.unwrap_or(HEADER));
            if self.read_once(stream)?.is_none() {
                return Ok(false);
            }
        }
    }

    /// Bytes of the message that begins there, its header included, as far as that is known.
    fn message_at(&self, at: usize) -> Result<Option<usize>, Error> {
        let header = self.bytes.get(at..self.end).unwrap_or_default();
        let [_, a, b, c, d, ..] = header else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
        if (4..LONGEST).contains(&length) {
            Ok(Some(length + 1))
        } else {
            Err(garbled())
        }
    }

    /// Reads more; `needed` bytes from `begin` on are to fit in the end.
    fn read(&mut self, stream: &mut Stream<Line>, needed: usize) -> Result<(), Error> {
        self.make_room(needed);
        // A line that blocks is never pending.
        while self.read_once(stream)?.is_none() {}
        Ok(())
    }

    fn make_room(&mut self, needed: usize) {
        if self.begin > 0 {
            self.bytes.copy_within(self.begin..self.end, 0);
            self.end -= self.begin;
            self.frames = self.frames.saturating_sub(self.begin);
            self.begin = 0;
        }
        // Memory is for what has come, not for what a length announces.
        let wanted = needed.min(2 * self.end).max(CAPACITY);
        if self.bytes.len() < wanted {
            self.bytes.resize(wanted, 0);
        } else if self.bytes.len() > 4 * CAPACITY && self.end < CAPACITY && wanted == CAPACITY {
            // One large row should not be paid for ever after.
            self.bytes.truncate(CAPACITY);
            self.bytes.shrink_to_fit();
        }
    }

    /// Reads once; `None` when nothing has come.
    fn read_once(&mut self, stream: &mut Stream<Line>) -> Result<Option<()>, Error> {
        let mut free = ReadBuf::new(self.bytes.get_mut(self.end..).unwrap_or_default());
        let mut context = Context::from_waker(Waker::noop());
        match Pin::new(stream).poll_read(&mut context, &mut free) {
            Poll::Ready(Ok(())) if free.filled().is_empty() => Err(closed()),
            Poll::Ready(Ok(())) => {
                self.end += free.filled().len();
                Ok(Some(()))
            }
            Poll::Ready(Err(error)) => Err(Error::of_stream(&error)),
            Poll::Pending => Ok(None),
        }
    }
}

fn parsed(tag: u8, body: &[u8]) -> Result<Message, Error> {
    Ok(match tag {
        b'T' => Message::Description,
        b'D' => Message::Row(row(body).ok_or_else(garbled)?),
        b'C' => Message::Complete(count(body)),
        // An empty statement.
        b'I' => Message::Complete(None),
        b'c' => Message::CopyDone,
        b'H' => Message::CopyOut,
        b'G' => Message::CopyIn,
        b'E' => Message::Error(error(body)),
        b'Z' => Message::Ready,
        b'N' | b'S' | b'A' => Message::Aside,
        // Rows among them, which are none to be passed over.
        _ => return Err(garbled()),
    })
}

/// Number of values, then each as length and bytes; -1 is NULL.
fn row(body: &[u8]) -> Option<TextRow> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut row = Vec::with_capacity(usize::from(u16::from_be_bytes(*count)));
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            row.push(None);
            rest = after;
            continue;
        };
        let (value, after) = after.split_at_checked(length)?;
        row.push(Some(String::from_utf8_lossy(value).into_owned()));
        rest = after;
    }
    Some(row)
}

/// `COPY 17`, `SELECT 1`, `BEGIN`.
fn count(body: &[u8]) -> Option<u64> {
    let text = str::from_utf8(body.strip_suffix(&[0])?).ok()?;
    text.rsplit(' ').next()?.parse().ok()
}

/// Fields of one letter and a text each (manual, «Error and Notice Message Fields»).
fn error(body: &[u8]) -> Error {
    let field = |letter: u8| {
        body.split(|byte| *byte == 0)
            .filter_map(<[u8]>::split_first)
            .find(|(first, _)| **first == letter)
            .map(|(_, text)| String::from_utf8_lossy(text).into_owned())
    };
    let code = field(b'C').unwrap_or_default();
    Error::of_server(
        &SqlState::from_code(&code),
        &field(b'M').unwrap_or_default(),
        field(b'D').as_deref(),
        field(b'H').as_deref(),
    )
}

fn garbled() -> Error {
    Error::new(
        Class::Lost,
        "what the server sent is no message of the protocol",
    )
}

/// Any bytes as what a server has sent: first frames of COPY, then messages, until one is not
/// whole or is none. No byte is given out twice, and none is lost.
#[cfg(any(test, fuzzing))]
pub(crate) fn split(data: &[u8]) {
    let mut inbox = Inbox {
        bytes: data.to_vec(),
        end: data.len(),
        ..Inbox::default()
    };
    loop {
        let before = inbox.begin;
        inbox.frames = inbox.begin;
        if inbox.pass_frames().is_err() {
            return;
        }
        let frames = inbox.take_frames().len();
        assert_eq!(inbox.begin, before + frames);
        let Ok(Some(length)) = inbox.message_at(inbox.begin) else {
            return;
        };
        let Some([tag, _, _, _, _, body @ ..]) = inbox.bytes.get(inbox.begin..inbox.begin + length)
        else {
            return;
        };
        drop(parsed(*tag, body));
        inbox.begin += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_with_their_nulls() {
        let body = [0, 3, 0, 0, 0, 2, b'a', b'b', 255, 255, 255, 255, 0, 0, 0, 0];
        let row = row(&body).unwrap();
        assert_eq!(row, [Some("ab".to_owned()), None, Some(String::new())]);
        assert!(super::row(&body[..9]).is_none());
    }

    #[test]
    fn counts_are_read_where_there_is_one() {
        assert_eq!(count(b"COPY 18446744073709551615\0"), Some(u64::MAX));
        assert_eq!(count(b"BEGIN\0"), None);
    }

    #[test]
    fn an_error_has_state_message_detail_and_hint() {
        let error = error(b"SERROR\0C57014\0Mcanceled\0Dby you\0Hdo not\0\0");
        assert_eq!(error.class(), Class::Canceled);
        assert_eq!(error.to_string(), "canceled (by you)");
        assert_eq!(error.hint(), Some("do not"));
    }

    #[test]
    fn a_length_that_cannot_be_is_no_message() {
        let inbox = |bytes: &[u8]| Inbox {
            bytes: bytes.to_vec(),
            end: bytes.len(),
            ..Inbox::default()
        };
        assert_eq!(inbox(b"Z\0\0\0\x05I").message_at(0).unwrap(), Some(6));
        assert_eq!(inbox(b"Z\0\0").message_at(0).unwrap(), None);
        assert!(inbox(b"HTTP/1.1").message_at(0).is_err());
        assert!(inbox(b"Z\0\0\0\x03").message_at(0).is_err());
    }
}
