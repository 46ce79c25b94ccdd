//! A small session of our own, for the rows: simple queries and COPY, whose frames are handed
//! over in blocks as they come. The driver gives up neither its socket nor its frames, and its
//! COPY costs an allocation a row. It logs in, though: everything up to the first query is its
//! work and that of [`crate::session`].

mod inbox;
mod line;
mod open;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::AsyncWrite;

use crate::error::{Class, Error};
use crate::startup::Stream;
#[cfg(any(test, fuzzing))]
pub(crate) use inbox::split;
use inbox::{Inbox, Message};
use line::Line;
pub use open::WireCancel;

/// Values of a row as text; `None` is NULL.
pub type TextRow = Vec<Option<String>>;

/// A connection with pinned settings that speaks the protocol's messages.
pub struct Wire {
    stream: Stream<Line>,
    inbox: Inbox,
    cancel: WireCancel,
}

/// What a server sends of a COPY … TO STDOUT.
#[derive(Debug)]
pub enum Copied<'a> {
    /// Whole `CopyData` messages, headers and all, to be sent on as they are.
    Frames(&'a [u8]),
    /// The end: the rows that were sent, by the server's own count.
    End(u64),
}

impl Wire {
    pub(crate) fn new(stream: Stream<Line>, cancel: WireCancel) -> Self {
        Self {
            stream,
            inbox: Inbox::default(),
            cancel,
        }
    }

    /// What cancels a running statement.
    pub fn cancel(&self) -> WireCancel {
        self.cancel.clone()
    }

    /// Runs statements.
    ///
    /// # Errors
    /// What the server says; all is read until it is ready again.
    pub fn batch(&mut self, sql: &str) -> Result<(), Error> {
        self.rows(sql).map(drop)
    }

    /// Runs statements; gives the rows of the last one that has some.
    ///
    /// # Errors
    /// As [`Wire::batch`].
    pub fn rows(&mut self, sql: &str) -> Result<Vec<TextRow>, Error> {
        self.ask(sql)?;
        let mut rows = Vec::new();
        let mut failure = None;
        loop {
            match self.inbox.next(&mut self.stream)? {
                Message::Row(row) => rows.push(row),
                Message::Description => rows.clear(),
                Message::Error(error) => failure = Some(error),
                Message::Ready => break,
                Message::Complete(_) | Message::Aside => {}
                Message::CopyOut | Message::CopyIn | Message::CopyDone => {
                    return Err(unexpected());
                }
            }
        }
        failure.map_or(Ok(rows), Err)
    }

    /// Runs a statement that gives one row with one value.
    ///
    /// # Errors
    /// As [`Wire::batch`].
    pub fn value(&mut self, sql: &str) -> Result<Option<String>, Error> {
        let row = self.rows(sql)?.into_iter().next();
        Ok(row.and_then(|row| row.into_iter().next().flatten()))
    }

    /// Starts COPY … TO STDOUT.
    ///
    /// # Errors
    /// As [`Wire::batch`].
    pub fn begin_copy_out(&mut self, sql: &str) -> Result<(), Error> {
        self.begin(sql, |message| matches!(message, Message::CopyOut))
    }

    /// Starts COPY … FROM STDIN.
    ///
    /// # Errors
    /// As [`Wire::batch`].
    pub fn begin_copy_in(&mut self, sql: &str) -> Result<(), Error> {
        self.begin(sql, |message| matches!(message, Message::CopyIn))
    }

    fn begin(&mut self, sql: &str, is_it: impl Fn(&Message) -> bool) -> Result<(), Error> {
        self.ask(sql)?;
        loop {
            match self.inbox.next(&mut self.stream)? {
                message if is_it(&message) => return Ok(()),
                Message::Error(error) => return self.until_ready(error),
                Message::Aside => {}
                _ => return Err(unexpected()),
            }
        }
    }

    /// The next block of a COPY … TO STDOUT, 64 KiB or more if there are as many.
    ///
    /// # Errors
    /// What the server says; it is ready for another statement then.
    pub fn read_copy(&mut self) -> Result<Copied<'_>, Error> {
        let mut rows = None;
        loop {
            if self.inbox.gather(&mut self.stream)? {
                return Ok(Copied::Frames(self.inbox.take_frames()));
            }
            match self.inbox.next(&mut self.stream)? {
                Message::Complete(count) => rows = count,
                Message::Error(error) => return self.until_ready(error),
                Message::Ready => break,
                // More rows may come after it.
                Message::Aside | Message::CopyDone => {}
                _ => return Err(unexpected()),
            }
        }
        rows.map(Copied::End).ok_or_else(unexpected)
    }

    /// Sends frames of a COPY … FROM STDIN.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn write_frames(&mut self, frames: &[u8]) -> Result<(), Error> {
        self.send(frames)
    }

    /// Whether the server has said something about a COPY … FROM STDIN that still goes on:
    /// nothing, or that it failed. Does not wait.
    ///
    /// # Errors
    /// What the server says. The COPY has ended then, and what is sent is not heard.
    pub fn check_copy_in(&mut self) -> Result<(), Error> {
        let lost = |error: io::Error| Error::of_stream(&error);
        self.stream.socket().set_waiting(false).map_err(lost)?;
        let found = self.inbox.peek(&mut self.stream);
        self.stream.socket().set_waiting(true).map_err(lost)?;
        if !found? {
            return Ok(());
        }
        match self.inbox.next(&mut self.stream)? {
            Message::Error(error) => self.until_ready(error),
            Message::Aside => Ok(()),
            _ => Err(unexpected()),
        }
    }

    /// Ends a COPY … FROM STDIN; gives the rows that the server took.
    ///
    /// # Errors
    /// What the server says.
    pub fn finish_copy_in(&mut self) -> Result<u64, Error> {
        self.send(&[b'c', 0, 0, 0, 4])?;
        self.end_of_copy_in()
    }

    /// Gives a COPY … FROM STDIN up: the server takes none of it.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn fail_copy_in(&mut self) -> Result<(), Error> {
        self.send(&message(b'f', "given up"))?;
        match self.end_of_copy_in() {
            Err(error) if error.class().is_connection() => Err(error),
            _ => Ok(()),
        }
    }

    fn end_of_copy_in(&mut self) -> Result<u64, Error> {
        let mut rows = None;
        let mut failure = None;
        loop {
            match self.inbox.next(&mut self.stream)? {
                Message::Complete(count) => rows = count,
                Message::Error(error) => failure = Some(error),
                Message::Ready => break,
                Message::Aside => {}
                _ => return Err(unexpected()),
            }
        }
        match failure {
            Some(error) => Err(error),
            None => rows.ok_or_else(unexpected),
        }
    }

    /// Reads on until the server is ready again; the error is what there is to tell.
    fn until_ready<T>(&mut self, error: Error) -> Result<T, Error> {
        while !matches!(
            self.inbox.next(&mut self.stream),
            Ok(Message::Ready) | Err(_)
        ) {}
        Err(error)
    }

    fn ask(&mut self, sql: &str) -> Result<(), Error> {
        if sql.contains('\0') {
            return Err(Error::new(
                Class::Statement,
                "a statement has a zero byte in it",
            ));
        }
        self.send(&message(b'Q', sql))
    }

    fn send(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        let mut context = Context::from_waker(Waker::noop());
        while !bytes.is_empty() {
            match Pin::new(&mut self.stream).poll_write(&mut context, bytes) {
                Poll::Ready(Ok(0)) => return Err(closed()),
                Poll::Ready(Ok(written)) => bytes = bytes.get(written..).unwrap_or_default(),
                Poll::Ready(Err(error)) => return Err(Error::of_stream(&error)),
                // A line that blocks is never pending.
                Poll::Pending => {}
            }
        }
        Ok(())
    }
}

impl Drop for Wire {
    /// Says good-bye, so that the server does not log a connection that was lost; not to one
    /// that does not listen, which would have us wait.
    fn drop(&mut self) {
        if self.stream.socket().set_waiting(false).is_ok() {
            let mut context = Context::from_waker(Waker::noop());
            let goodbye = [b'X', 0, 0, 0, 4];
            let _unheard = Pin::new(&mut self.stream).poll_write(&mut context, &goodbye);
        }
    }
}

/// A message of one string: tag, length, text, zero byte (manual, «Message Formats»).
fn message(tag: u8, text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len() + 5).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(text.len() + 6);
    bytes.push(tag);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
    bytes
}

fn closed() -> Error {
    Error::new(Class::Lost, "the server closed the connection")
}

fn unexpected() -> Error {
    Error::new(
        Class::Lost,
        "the server sent a message that does not fit here",
    )
}
