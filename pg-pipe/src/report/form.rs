//! What a field looks like in a table for people. The other formats have it as it is.

use serde_json::Value;

use super::text_of;
use crate::record::Record;
use crate::shown;

/// Items of a list that a table shows.
const MOST_ITEMS: usize = 3;

/// Characters of a cell that a table shows.
const MOST_CHARACTERS: usize = 90;

/// What a field looks like in a table.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// As it is; long lists and long texts are cut and say so.
    Plain,
    /// All of it, in lines of so many characters at the most; words are not cut.
    Wrapped(usize),
    /// A truth, in one of two words.
    Words(&'static str, &'static str),
    /// A number, with so many decimals.
    Decimals(usize),
    /// Bytes, as pg_size_pretty() writes them.
    Size,
    /// Bytes a second, written alike.
    Rate,
    /// Seconds, as `HH:MM:SS`.
    Clock,
    /// The values head the columns of the table, which is turned: a line a field, a column a
    /// record.
    Across,
    /// Lines instead of a table, made of all records.
    Lines(fn(&[Record]) -> Vec<String>),
}

impl Form {
    /// A truth as yes or no.
    pub const YES_NO: Self = Self::Words("yes", "no");

    /// The lines of a cell. Text from servers and files may hold escapes and newlines: they
    /// are shown, not obeyed.
    pub(super) fn lines(self, value: &Value) -> Vec<String> {
        match self {
            Self::Wrapped(width) => wrap(&shown::line(&text_of(value)), width),
            Self::Words(yes, no) => vec![match value.as_bool() {
                Some(true) => yes.to_owned(),
                Some(false) => no.to_owned(),
                None => shown::line(&text_of(value)),
            }],
            Self::Decimals(count) => vec![value.as_f64().map_or_else(
                || shown::line(&text_of(value)),
                |number| decimals(number, count),
            )],
            Self::Size => vec![number(value, size)],
            Self::Rate => vec![number(value, |bytes| format!("{}/s", size(bytes)))],
            Self::Clock => vec![number(value, clock)],
            Self::Plain | Self::Across | Self::Lines(_) => vec![shown::line(&short(value))],
        }
    }
}

/// Bytes as pg_size_pretty() writes them.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 10 * 1024 {
        return format!("{bytes} bytes");
    }
    // In halves, so that it can be rounded at the end.
    let mut halves = u128::from(bytes) * 2;
    let mut shown = String::new();
    for unit in UNITS {
        halves /= 1024;
        shown = format!("{} {unit}", halves.div_ceil(2));
        if halves < 20 * 1024 - 1 {
            break;
        }
    }
    shown
}

/// Seconds as `HH:MM:SS`.
pub fn clock(seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)
}

/// Words in lines of at most `width` characters; a longer word has a line of its own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

fn number(value: &Value, shown: impl FnOnce(u64) -> String) -> String {
    value
        .as_u64()
        .map_or_else(|| shown::line(&text_of(value)), shown)
}

/// A number that is rounded to nothing has no sign.
fn decimals(number: f64, count: usize) -> String {
    let text = format!("{number:.count$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        _ => text,
    }
}

/// Long lists and long texts are cut and say so.
fn short(value: &Value) -> String {
    let text = match value {
        Value::Array(items) if items.len() > MOST_ITEMS => {
            let first = Value::from(items.get(..MOST_ITEMS).unwrap_or_default());
            let rest = items.len() - MOST_ITEMS;
            format!("{} and {rest} more", text_of(&first))
        }
        value => text_of(value),
    };
    if text.chars().count() <= MOST_CHARACTERS {
        return text;
    }
    text.chars()
        .take(MOST_CHARACTERS - 1)
        .chain(['…'])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(form: Form, value: Value) -> String {
        form.lines(&value).join("\n")
    }

    #[test]
    fn sizes_are_those_of_pg_size_pretty() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (10_239, "10239 bytes"),
            (10_240, "10 kB"),
            (10_485_247, "10239 kB"),
            (10_485_248, "10 MB"),
            (132_070_244_351, "123 GB"),
            (u64::MAX, "16384 PB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
        assert_eq!(shown(Form::Rate, json!(50_331_648)), "48 MB/s");
    }

    #[test]
    fn seconds_are_a_clock_that_goes_beyond_a_day() {
        assert_eq!(clock(2_530), "00:42:10");
        assert_eq!(clock(360_000), "100:00:00");
    }

    #[test]
    fn truths_and_numbers_are_for_people() {
        assert_eq!(shown(Form::YES_NO, json!(true)), "yes");
        assert_eq!(shown(Form::Words("ok", "FAILED"), json!(false)), "FAILED");
        assert_eq!(shown(Form::Decimals(1), json!(51.957)), "52.0");
        assert_eq!(shown(Form::Decimals(2), json!(-0.001)), "0.00");
        assert_eq!(shown(Form::Decimals(2), json!(-1.5)), "-1.50");
        assert_eq!(shown(Form::Size, Value::Null), "");
    }

    #[test]
    fn long_texts_are_cut_or_wrapped_and_escapes_are_shown() {
        let list = json!(["a", "b", "c", "d", "e"]);
        assert_eq!(shown(Form::Plain, list), "a, b, c and 2 more");
        let long = shown(Form::Plain, json!("x".repeat(200)));
        assert_eq!(long.chars().count(), MOST_CHARACTERS);
        assert_eq!(
            shown(Form::Wrapped(6), json!("ab cd efghijkl m")),
            "ab cd\nefghijkl\nm"
        );
        assert_eq!(
            shown(Form::Wrapped(9), json!("a\nb\u{1b}c")),
            "a\\nb\\u{1b}c"
        );
    }
}
