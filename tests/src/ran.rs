//! What a process did, and what is expected of it. A failed expectation shows everything.

use std::fmt;
use std::time::Duration;

use crate::wire::Stream;

/// How much of an output a failed expectation prints.
const SHOWN_BYTES: usize = 6_000;

/// What a process did.
#[derive(Debug)]
pub struct Ran {
    /// Name of the tool.
    pub name: String,
    /// The command, with variables and arguments.
    pub command: String,
    /// Exit status as a shell shows it.
    pub status: i32,
    /// Its stdout, when captured.
    pub stdout: Vec<u8>,
    /// Its stderr.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

impl Ran {
    /// Its stdout as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Expects an exit status.
    #[track_caller]
    pub fn ends_with(&self, status: i32) -> &Self {
        assert!(self.status == status, "expected status {status}\n{self}");
        self
    }

    /// Expects words on stderr.
    #[track_caller]
    pub fn says(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(
                self.stderr.contains(word),
                "expected {word:?} on stderr\n{self}"
            );
        }
        self
    }

    /// Expects a failure that a person can act on: the status, one line that names tool and
    /// error and has these words in it, and a hint that is a sentence.
    #[track_caller]
    pub fn fails_clearly(&self, status: i32, words: &[&str]) -> &Self {
        self.ends_with(status);
        let opening = format!("{}: error: ", self.name);
        let errors: Vec<&str> = self.lines_with(&opening).collect();
        let [error] = errors.as_slice() else {
            panic!("expected one line «{opening}…» on stderr\n{self}")
        };
        for word in words {
            assert!(
                error.contains(word),
                "expected {word:?} in the error\n{self}"
            );
        }
        let hint = self.lines_with("hint: ").next().unwrap_or_default();
        let is_sentence = hint.starts_with(|c: char| c.is_lowercase())
            && hint
                .trim_start_matches("hint: ")
                .starts_with(char::is_uppercase)
            && hint.split_whitespace().count() > 3;
        assert!(is_sentence, "expected a hint that is a sentence\n{self}");
        self
    }

    fn lines_with<'r>(&'r self, opening: &str) -> impl Iterator<Item = &'r str> {
        self.stderr
            .lines()
            .filter(move |line| line.starts_with(opening))
    }

    /// Its stdout as a stream, strictly read. A tool that was not killed has closed its
    /// part, with the status that it really ended with.
    #[track_caller]
    pub fn stream(&self) -> Stream {
        self.stream_with(&[])
    }

    /// The same, with kinds of records that the contract does not have.
    #[track_caller]
    pub fn stream_with(&self, foreign: &[&str]) -> Stream {
        let stream = match Stream::decode(&self.stdout, foreign) {
            Ok(stream) => stream,
            Err(why) => panic!("stdout breaks the stream's contract: {why}\n{self}"),
        };
        let end = stream.of("end").rfind(|end| end.text("tool") == self.name);
        let exit = end.map(|end| end.number("exit"));
        assert!(
            exit == Some(i64::from(self.status)),
            "expected an end record of {} with exit {}\n{self}",
            self.name,
            self.status
        );
        stream
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "command: {}", self.command)?;
        writeln!(formatter, "status:  {} after {:?}", self.status, self.took)?;
        writeln!(formatter, "stdout:\n{}", shortened(&self.text()))?;
        write!(formatter, "stderr:\n{}", shortened(&self.stderr))
    }
}

/// The start and the end of a long text.
fn shortened(text: &str) -> String {
    if text.len() <= SHOWN_BYTES {
        return text.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    let half = (SHOWN_BYTES / 2).min(characters.len() / 2);
    let start: String = characters.iter().take(half).collect();
    let end: String = characters.iter().skip(characters.len() - half).collect();
    format!("{start}\n[… {} bytes in all …]\n{end}", text.len())
}
