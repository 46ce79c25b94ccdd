//! Writing a stream: one whole line a record, by a thread of its own, so that no working
//! thread ever blocks on stdout. When a report for people was asked for, nothing is streamed
//! and the tool's own records are kept for it instead.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::exit::Exit;
use crate::record::Record;
use crate::stop::Stop;

/// Above this many waiting lines `progress` records are dropped.
const PROGRESS_LIMIT: usize = 1_000;

enum Message {
    Line(Vec<u8>),
    Close,
}

#[derive(Clone)]
enum Sink {
    Stream(Sender<Message>),
    Report(Arc<Mutex<Vec<Record>>>),
}

/// Where records go; clones write to the same place.
#[derive(Clone)]
pub struct Output {
    sink: Sink,
}

/// The writing thread of a streaming [`Output`].
pub(crate) struct Writer {
    close: Sender<Message>,
    thread: JoinHandle<io::Result<()>>,
}

impl Output {
    /// An output that streams to `target` from a thread of its own. A closed reader and a
    /// failed write ask `stop`.
    pub(crate) fn stream(
        target: impl Write + Send + 'static,
        stop: Stop,
    ) -> io::Result<(Self, Writer)> {
        let (sender, receiver) = unbounded();
        let thread = thread::Builder::new()
            .name("stdout".to_owned())
            .spawn(move || write_lines(target, &receiver, &stop))?;
        let output = Self {
            sink: Sink::Stream(sender.clone()),
        };
        let writer = Writer {
            close: sender,
            thread,
        };
        Ok((output, writer))
    }

    /// An output that keeps the tool's own records for a report.
    pub fn report() -> Self {
        Self {
            sink: Sink::Report(Arc::default()),
        }
    }

    /// Writes a record of our own.
    pub fn write(&self, record: &Record) {
        match &self.sink {
            Sink::Stream(sender) => {
                let busy = sender.len() > PROGRESS_LIMIT;
                if busy && matches!(record, Record::Progress(_)) {
                    return;
                }
                // Records hold no map with other than string keys, so this cannot fail.
                let line = serde_json::to_vec(record).unwrap_or_default();
                self.forward(line);
            }
            Sink::Report(records) => lock(records).push(record.clone()),
        }
    }

    /// Forwards a line that was read, as it is.
    pub(crate) fn forward(&self, line: Vec<u8>) {
        if let Sink::Stream(sender) = &self.sink {
            // The writer has gone only when it failed, and says so itself.
            drop(sender.send(Message::Line(line)));
        }
    }

    /// The records that were kept for a report; empty for a stream.
    pub(crate) fn kept(&self) -> Vec<Record> {
        match &self.sink {
            Sink::Stream(_) => Vec::new(),
            Sink::Report(records) => lock(records).clone(),
        }
    }
}

impl Writer {
    /// Waits until all that was written so far is out. What comes later, from a reading
    /// thread whose upstream never ends, is dropped.
    ///
    /// # Errors
    /// The first write that failed, a closed reader excepted.
    pub(crate) fn finish(self) -> io::Result<()> {
        drop(self.close.send(Message::Close));
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the writing thread panicked")))
    }
}

fn lock(records: &Mutex<Vec<Record>>) -> std::sync::MutexGuard<'_, Vec<Record>> {
    records.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_lines(target: impl Write, lines: &Receiver<Message>, stop: &Stop) -> io::Result<()> {
    let result = write_until_closed(target, lines);
    match &result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            stop.request(Exit::ReaderGone);
            Ok(())
        }
        Err(_) => {
            stop.request(Exit::Input);
            result
        }
        Ok(()) => result,
    }
}

fn write_until_closed(target: impl Write, lines: &Receiver<Message>) -> io::Result<()> {
    let mut target = io::BufWriter::with_capacity(1 << 16, target);
    while let Ok(Message::Line(line)) = lines.recv() {
        target.write_all(&line)?;
        target.write_all(b"\n")?;
        if lines.is_empty() {
            target.flush()?;
        }
    }
    target.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{End, Progress};

    struct Closed(io::ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    fn end() -> Record {
        Record::End(End {
            tool: "t".to_owned(),
            id: "i".to_owned(),
            exit: 0,
        })
    }

    fn write_to(target: impl Write + Send + 'static) -> (io::Result<()>, Stop) {
        let stop = Stop::default();
        let (output, writer) = Output::stream(target, stop.clone()).unwrap();
        output.write(&end());
        drop(output);
        (writer.finish(), stop)
    }

    #[test]
    fn a_reader_that_left_stops_the_work_quietly() {
        let (result, stop) = write_to(Closed(io::ErrorKind::BrokenPipe));
        assert!(result.is_ok());
        assert_eq!(stop.reason(), Some(Exit::ReaderGone));
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let (result, stop) = write_to(Closed(io::ErrorKind::StorageFull));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(stop.reason(), Some(Exit::Input));
    }

    #[test]
    fn progress_is_dropped_when_the_reader_is_slow_and_nothing_else_is() {
        let (sender, receiver) = unbounded();
        let output = Output {
            sink: Sink::Stream(sender),
        };
        for _ in 0..=PROGRESS_LIMIT {
            output.write(&end());
        }
        output.write(&Record::Progress(Progress {
            tool: "t".to_owned(),
            phase: "rows".to_owned(),
            done: 0,
            total: 0,
            done_parts: None,
            total_parts: None,
            done_bytes: None,
            total_bytes: None,
            done_rows: None,
            bytes_per_second: None,
            eta_seconds: None,
            waits_for: None,
        }));
        output.write(&end());
        assert_eq!(receiver.len(), PROGRESS_LIMIT + 2);
    }
}
