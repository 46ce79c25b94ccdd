//! Text for the eyes of people. Names, comments and messages come from servers and files and
//! may hold what moves a cursor, recolours a terminal or turns the order of what stands there:
//! such characters are shown, not obeyed.

use std::io::{self, IsTerminal, Write};

/// Whether a character does something other than stand there: control characters (C0, DEL,
/// C1), and those of Unicode that turn the order of text, separate lines or have no width
/// (Unicode Technical Report 36, «Bidirectional Text Spoofing»). The joiners U+200C and U+200D
/// are letters' business.
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Text in one line.
pub fn line(text: &str) -> String {
    shown(text, |_| false)
}

/// Text of several lines. What follows the first is set in, so that no text can begin a line
/// as if another tool had said it.
pub fn lines(text: &str) -> String {
    shown(text, |c| c == '\n' || c == '\t').replace('\n', "\n  ")
}

fn shown(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) && !stays(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// What the texts written to a [`Screen`] are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Text {
    /// Lines of anything.
    Plain,
    /// JSON, in which an escape has a form of its own, so that it says the same.
    Json,
}

/// Standard output: the bytes as they are, unless it is a terminal.
pub fn standard_output(text: Text) -> Box<dyn Write + Send> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        Box::new(Screen::new(stdout, text))
    } else {
        Box::new(stdout)
    }
}

/// A terminal that shows characters instead of obeying them. One that is cut between two writes
/// is kept until it is whole.
pub struct Screen<W> {
    inner: W,
    text: Text,
    rest: Vec<u8>,
}

impl<W: Write> Screen<W> {
    /// A screen.
    pub fn new(inner: W, text: Text) -> Self {
        Self {
            inner,
            text,
            rest: Vec::new(),
        }
    }

    fn show(&mut self, text: &str) -> io::Result<()> {
        let stays = |c| c == '\n' || c == '\t';
        let safe = match self.text {
            Text::Plain => shown(text, stays),
            Text::Json => text.chars().fold(String::new(), |mut safe, c| {
                if acts(c) && !stays(c) {
                    let mut units = [0; 2];
                    for unit in c.encode_utf16(&mut units) {
                        safe.push_str(&format!("\\u{unit:04x}"));
                    }
                } else {
                    safe.push(c);
                }
                safe
            }),
        };
        self.inner.write_all(safe.as_bytes())
    }
}

impl<W: Write> Write for Screen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.rest);
        let mut chunks = all.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.show(chunk.valid())?;
            if chunks.peek().is_none() {
                // Perhaps the beginning of a character.
                self.rest.extend_from_slice(chunk.invalid());
            } else {
                self.show("\u{fffd}")?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_shown_and_letters_of_all_scripts_stand() {
        assert_eq!(
            line("a\u{1b}[2J\r\u{7}\u{9b}\u{202e}\u{feff}\n"),
            "a\\u{1b}[2J\\r\\u{7}\\u{9b}\\u{202e}\\u{feff}\\n"
        );
        let letters = "é e\u{301} שלום 👩\u{200d}💻 می\u{200c}خواهم";
        assert_eq!(line(letters), letters);
    }

    #[test]
    fn a_second_line_cannot_pass_for_the_word_of_another_tool() {
        assert_eq!(
            lines("no\npg-verify: all is equal"),
            "no\n  pg-verify: all is equal"
        );
    }

    fn screen(text: Text, writes: &[&[u8]]) -> String {
        let mut out = Vec::new();
        let mut screen = Screen::new(&mut out, text);
        for bytes in writes {
            screen.write_all(bytes).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_screen_shows_characters_that_are_cut_between_writes() {
        assert_eq!(
            screen(Text::Plain, &[b"a\xc2", b"\x9b\n\tb\x1b"]),
            "a\\u{9b}\n\tb\\u{1b}"
        );
        assert_eq!(screen(Text::Plain, &[b"\xff", b"!"]), "\u{fffd}!");
    }

    #[test]
    fn json_on_a_screen_says_the_same() {
        let value = serde_json::json!("\u{9b}\u{202e}\u{e0001}\u{7f}é");
        let shown = screen(Text::Json, &[value.to_string().as_bytes()]);
        assert!(!shown.chars().any(acts), "{shown}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            value
        );
    }
}
