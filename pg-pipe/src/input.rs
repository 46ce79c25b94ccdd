//! Reading a stream: lines are checked, forwarded as they are, and handed to the tool, by a
//! thread of its own. What the tool does not pull is still forwarded.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use serde::Deserialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::notice::Notice;
use crate::output::Output;
use crate::record::{Record, Scope, ValidationStatus};

/// Bytes that a line may have: no server takes a longer statement (MaxAllocSize), and a line
/// is kept in memory.
const LONGEST_LINE: u64 = 1 << 30;

/// One record of the input.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// A record of a kind that we know.
    Known(Box<Record>),
    /// A record of a kind that we do not know: forwarded, nothing else.
    Unknown(String),
}

/// A stream that is being read. Yields lines; the last item is an error when the stream was
/// not whole or was stopped further up.
pub struct Input {
    lines: Receiver<Result<Line, Failure>>,
    ended: Receiver<()>,
    partial: Arc<AtomicBool>,
}

impl Input {
    /// Opens the operand: `-` is stdin, anything else a file.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(crate) fn open(operand: &Path, output: Output, notice: Notice) -> Result<Self, Failure> {
        let (name, reader): (PathBuf, Box<dyn Read + Send>) = if operand == Path::new("-") {
            (PathBuf::from("standard input"), Box::new(io::stdin()))
        } else {
            let file = File::open(operand).map_err(|error| {
                Failure::input(format!("cannot open {}: {error}", operand.display()))
                    .hint("Give the file of a stream, or - for standard input.")
            })?;
            (operand.to_owned(), Box::new(file))
        };
        Self::start(name.display().to_string(), reader, output, notice)
    }

    /// A stream out of any reader; `name` is what it is called in messages.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        name: String,
        reader: impl Read + Send + 'static,
        output: Output,
        notice: Notice,
    ) -> Result<Self, Failure> {
        let (line_sender, lines) = unbounded();
        let (end_sender, ended) = bounded(0);
        let partial = Arc::new(AtomicBool::new(false));
        let reading = Reading::new(name, output, notice, Arc::clone(&partial));
        thread::Builder::new()
            .name("stdin".to_owned())
            .spawn(move || {
                let _ended_when_dropped = end_sender;
                reading.run(BufReader::new(reader), &line_sender);
            })
            .map_err(|error| Failure::bug(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            lines,
            ended,
            partial,
        })
    }

    /// The channel behind the iterator, for tools that wait for several things at once.
    pub fn channel(&self) -> &Receiver<Result<Line, Failure>> {
        &self.lines
    }

    /// What waits for the end of upstream after the tool has given its input away.
    pub(crate) fn drain_handle(&self) -> Drain {
        Drain {
            ended: self.ended.clone(),
            partial: Arc::clone(&self.partial),
        }
    }
}

/// Waits for the end of upstream.
pub(crate) struct Drain {
    ended: Receiver<()>,
    partial: Arc<AtomicBool>,
}

impl Drain {
    /// Waits until upstream has ended and all of it is forwarded, `limit` at most.
    pub(crate) fn wait(&self, limit: Duration) {
        // Nothing is ever sent: the channel closes when the reading thread ends.
        let _closed = self.ended.recv_timeout(limit);
    }

    /// Whether a tool upstream ended with items that failed.
    pub(crate) fn is_partial(&self) -> bool {
        self.partial.load(Ordering::Relaxed)
    }
}

impl Iterator for Input {
    type Item = Result<Line, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.lines.recv().ok()
    }
}

/// What must be remembered while reading.
struct Reading {
    name: String,
    /// See [`LONGEST_LINE`].
    longest: u64,
    output: Output,
    notice: Notice,
    number: u64,
    begun: bool,
    /// Ids and tools whose `end` has not come, the nearest first: a tool writes its own
    /// `begin` before it forwards those of the others.
    open: Vec<(String, String)>,
    stopped: Option<(String, Exit)>,
    partial: Arc<AtomicBool>,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
}

impl Reading {
    fn new(name: String, output: Output, notice: Notice, partial: Arc<AtomicBool>) -> Self {
        Self {
            name,
            longest: LONGEST_LINE,
            output,
            notice,
            number: 0,
            begun: false,
            open: Vec::new(),
            stopped: None,
            partial,
        }
    }

    fn run(mut self, mut reader: impl BufRead, lines: &Sender<Result<Line, Failure>>) {
        loop {
            let mut bytes = Vec::new();
            let mut line = reader.by_ref().take(self.longest);
            let item = match line.read_until(b'\n', &mut bytes) {
                Ok(0) => break,
                Ok(_) if line.limit() == 0 && bytes.last() != Some(&b'\n') => Err(self.too_long()),
                Ok(_) => self.take(bytes),
                Err(error) => Err(Failure::input(format!(
                    "cannot read {}: {error}",
                    self.name
                ))),
            };
            let failed = item.is_err();
            // A tool that has stopped listening still wants its input forwarded.
            drop(lines.send(item));
            if failed {
                return;
            }
        }
        if let Some(failure) = self.finish() {
            drop(lines.send(Err(failure)));
        }
    }

    /// Checks, notes and forwards one line.
    fn take(&mut self, mut bytes: Vec<u8>) -> Result<Line, Failure> {
        self.number += 1;
        let whole = bytes.last() == Some(&b'\n');
        while matches!(bytes.last(), Some(b'\n' | b'\r')) {
            bytes.pop();
        }
        let line = parse(&bytes).map_err(|why| self.bad_line(&bytes, whole, &why))?;
        if let Line::Known(record) = &line {
            self.note(record);
        }
        self.output.forward(bytes);
        Ok(line)
    }

    fn too_long(&self) -> Failure {
        let (name, number) = (&self.name, self.number + 1);
        Failure::input(format!(
            "{name}, line {number} is longer than {} MiB",
            self.longest >> 20
        ))
        .hint("No record is: look at who wrote it; nothing was done.")
    }

    fn bad_line(&self, bytes: &[u8], whole: bool, why: &str) -> Failure {
        let start: String = String::from_utf8_lossy(bytes)
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(80)
            .collect();
        let (name, number) = (&self.name, self.number);
        if whole {
            Failure::input(format!(
                "{name}, line {number} is not a record ({why}): {start}"
            ))
            .hint("Each line must be one JSON object with a \"type\"; nothing was done.")
        } else {
            Failure::input(format!(
                "{name} is cut in the middle of line {number}: {start}"
            ))
            .hint("Run the writer again; nothing was done.")
        }
    }

    fn note(&mut self, record: &Record) {
        match record {
            Record::Begin(begin) => {
                self.begun = true;
                self.open.push((begin.id.clone(), begin.tool.clone()));
            }
            Record::End(end) => {
                self.open.retain(|(id, _)| *id != end.id);
                let exit = Exit::from_code(end.exit);
                if exit == Exit::Partial {
                    self.partial.store(true, Ordering::Relaxed);
                }
                if exit.stops_stream() {
                    self.stop(&end.tool, exit);
                }
            }
            Record::Error(error) if error.scope == Scope::Stream => {
                self.stop(&error.tool, Exit::from_code(error.exit));
            }
            Record::Validation(validation) if validation.status == ValidationStatus::Failed => {
                self.stop("pg-validate", Exit::No);
            }
            _ => {}
        }
    }

    fn stop(&mut self, tool: &str, exit: Exit) {
        if self.stopped.is_none() {
            self.stopped = Some((tool.to_owned(), exit));
        }
    }

    /// The verdict at the end of input.
    fn finish(&self) -> Option<Failure> {
        if self.number == 0 {
            return Some(Failure::input(format!("{} is empty", self.name)).hint(
                "The tool before this one wrote nothing: look at what it said; nothing was done.",
            ));
        }
        if let Some((_, tool)) = self.open.first() {
            return Some(
                Failure::input(format!(
                    "{} is cut: {tool} began and never ended (after line {})",
                    self.name, self.number
                ))
                .hint(format!(
                    "Look at what {tool} said on stderr and run the pipeline again; nothing was done."
                )),
            );
        }
        if !self.begun {
            self.notice.note(&format!(
                "{} has no begin record: taken as written by hand, its end cannot be checked",
                self.name
            ));
        }
        self.stopped
            .as_ref()
            .map(|(tool, exit)| Failure::upstream(tool, *exit))
    }
}

fn parse(bytes: &[u8]) -> Result<Line, String> {
    let text = std::str::from_utf8(bytes).map_err(|_invalid| "not UTF-8".to_owned())?;
    let head: Head = serde_json::from_str(text).map_err(|error| plain(&error))?;
    if Record::KINDS.contains(&head.kind.as_str()) {
        serde_json::from_str(text)
            .map(|record| Line::Known(Box::new(record)))
            .map_err(|error| plain(&error))
    } else {
        Ok(Line::Unknown(head.kind))
    }
}

/// serde's message without its position, which is that within the line.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop::Stop;
    use std::io::{Cursor, Write};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Reads `text`; gives the items and what was forwarded.
    fn read(text: &str) -> (Vec<Result<Line, Failure>>, String) {
        let shared = Shared::default();
        let (output, writer) = Output::stream(shared.clone(), Stop::default()).unwrap();
        let input = Input::start(
            "test".to_owned(),
            Cursor::new(text.to_owned()),
            output,
            Notice::quiet("test"),
        )
        .unwrap();
        let items = input.collect();
        writer.finish().unwrap();
        let forwarded = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        (items, forwarded)
    }

    fn last_error(text: &str) -> Failure {
        read(text).0.pop().unwrap().unwrap_err()
    }

    const BEGIN: &str = r#"{"type":"begin","tool":"pg-copy","version":"1","format":1,"id":"a"}"#;
    const END: &str = r#"{"type":"end","tool":"pg-copy","id":"a","exit":0}"#;

    #[test]
    fn unknown_records_and_unknown_fields_are_forwarded_byte_for_byte() {
        let odd = r#"{ "note":1.50, "type" : "remark","x":{"type":"begin"}}"#;
        let newer = r#"{"type":"end","tool":"t","id":"i","exit":0,"mood":"good"}"#;
        let (items, forwarded) = read(&format!("{odd}\n{newer}\n"));
        assert!(items.iter().all(Result::is_ok));
        assert_eq!(
            items[0].as_ref().unwrap(),
            &Line::Unknown("remark".to_owned())
        );
        assert_eq!(forwarded, format!("{odd}\n{newer}\n"));
    }

    #[test]
    fn a_whole_stream_ends_without_an_error() {
        let (items, _) = read(&format!("{BEGIN}\n{END}\n"));
        assert_eq!(items.len(), 2);
        assert!(items.iter().all(Result::is_ok));
    }

    #[test]
    fn an_empty_stream_is_one_that_nobody_wrote() {
        let failure = last_error("");
        assert_eq!(failure.diagnosis().exit, Exit::Input);
        assert!(failure.to_string().contains("is empty"));
    }

    #[test]
    fn the_nearest_tool_that_did_not_end_is_named() {
        let nearest = BEGIN
            .replace("pg-copy", "pg-verify")
            .replace("\"a\"", "\"z\"");
        let failure = last_error(&format!("{nearest}\n{BEGIN}\n"));
        assert!(
            failure
                .to_string()
                .contains("pg-verify began and never ended")
        );
    }

    #[test]
    fn a_begin_without_its_end_is_a_cut_stream() {
        let failure = last_error(&format!("{BEGIN}\n"));
        assert_eq!(failure.diagnosis().exit, Exit::Input);
        assert!(
            failure
                .to_string()
                .contains("pg-copy began and never ended")
        );
    }

    #[test]
    fn an_end_with_another_id_does_not_close_a_begin() {
        let other = END.replace("\"a\"", "\"b\"");
        let failure = last_error(&format!("{BEGIN}\n{other}\n"));
        assert!(failure.to_string().contains("never ended"));
    }

    #[test]
    fn garbage_is_named_by_line_and_by_its_first_80_characters() {
        let garbage = "x".repeat(200);
        let failure = last_error(&format!("{BEGIN}\n{garbage}\n"));
        let text = failure.to_string();
        assert_eq!(failure.diagnosis().exit, Exit::Input);
        assert!(text.starts_with("test, line 2 is not a record"), "{text}");
        assert!(text.ends_with(&format!(": {}", "x".repeat(80))), "{text}");
    }

    #[test]
    fn a_line_that_never_ends_is_given_up() {
        let notice = Notice::quiet("test");
        let mut reading = Reading::new("test".to_owned(), Output::report(), notice, Arc::default());
        reading.longest = 1 << 20;
        let (sender, lines) = unbounded();
        let endless = Read::chain(Cursor::new(format!("{BEGIN}\n")), io::repeat(b' '));
        reading.run(BufReader::new(endless), &sender);
        drop(sender);
        let last = lines.iter().last().unwrap().unwrap_err();
        assert_eq!(last.diagnosis().exit, Exit::Input);
        assert_eq!(last.to_string(), "test, line 2 is longer than 1 MiB");
    }

    #[test]
    fn an_object_without_type_and_a_known_kind_with_wrong_fields_are_not_records() {
        for line in [
            "{}",
            "[]",
            "\"begin\"",
            "",
            r#"{"type":"end"}"#,
            r#"{"type":7}"#,
        ] {
            let failure = last_error(&format!("{line}\n"));
            assert!(failure.to_string().contains("is not a record"), "{line}");
        }
    }

    #[test]
    fn a_last_line_without_newline_counts_when_it_is_a_record_and_is_a_cut_otherwise() {
        let (items, forwarded) = read(&format!("{BEGIN}\n{END}"));
        assert!(items.iter().all(Result::is_ok));
        assert!(forwarded.ends_with("}\n"));
        let failure = last_error(&format!("{BEGIN}\n{{\"type\":\"en"));
        assert!(failure.to_string().contains("cut in the middle of line 2"));
    }

    #[test]
    fn a_stream_error_upstream_stops_us_with_the_same_status() {
        let error = r#"{"type":"error","tool":"pg-probe","scope":"stream","class":"refused","message":"m","exit":4}"#;
        let end = r#"{"type":"end","tool":"pg-probe","id":"a","exit":4}"#;
        let begin = BEGIN.replace("pg-copy", "pg-probe");
        let failure = last_error(&format!("{begin}\n{error}\n{end}\n"));
        assert!(failure.is_upstream());
        assert_eq!(failure.diagnosis().exit, Exit::Connection);
        assert!(failure.to_string().contains("pg-probe"));
    }

    #[test]
    fn item_errors_and_partial_ends_do_not_stop_us() {
        let error = r#"{"type":"error","tool":"pg-copy","scope":"item","class":"statement","message":"m","exit":5}"#;
        let end = END.replace("\"exit\":0", "\"exit\":6");
        let (items, _) = read(&format!("{BEGIN}\n{error}\n{end}\n"));
        assert!(items.iter().all(Result::is_ok));
    }

    #[test]
    fn a_failed_validation_stops_the_stream() {
        let failed = r#"{"type":"validation","status":"Failed","succeeded":1,"warning":0,"failed":1,"skipped":0}"#;
        let failure = last_error(&format!("{failed}\n"));
        assert!(failure.is_upstream());
        assert_eq!(failure.diagnosis().exit, Exit::No);
    }
}
