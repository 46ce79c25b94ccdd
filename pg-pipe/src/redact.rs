//! Arguments that may hold a password are never repeated: a connection string given in the
//! wrong place must not end in a message, a record or a log.

use std::ffi::OsString;
use std::sync::Arc;

/// What stands in place of a text that is not repeated.
const HIDDEN: &str = "(not shown: it may hold a password)";

/// The texts that are not repeated; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redact(Arc<[String]>);

impl Redact {
    /// Takes the arguments that look like a connection string with a password, and what
    /// follows the `=` of a flag.
    pub(crate) fn of_arguments(arguments: &[OsString]) -> Self {
        let mut texts: Vec<String> = arguments
            .iter()
            .filter_map(|argument| argument.to_str())
            .filter(|argument| may_hold_password(argument))
            .flat_map(|argument| {
                let value = argument
                    .strip_prefix("--")
                    .and_then(|flag| flag.split_once('='))
                    .map(|(_, value)| value);
                [Some(argument), value]
            })
            .flatten()
            .map(str::to_owned)
            .collect();
        // The longest first: a part must not spoil the whole.
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Self(texts.into())
    }

    /// The text without what is not repeated.
    pub(crate) fn apply(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))
    }
}

fn may_hold_password(argument: &str) -> bool {
    argument.contains("://") || argument.contains("password")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(arguments: &[&str], text: &str) -> String {
        let arguments: Vec<OsString> = arguments.iter().map(Into::into).collect();
        Redact::of_arguments(&arguments).apply(text)
    }

    #[test]
    fn a_connection_string_is_not_repeated_wherever_it_was_given() {
        let url = "postgres://u:canary@h/d";
        for argument in [url.to_owned(), format!("--only={url}")] {
            let text = redacted(&[&argument], &format!("cannot open {url}: no such file"));
            assert_eq!(text, format!("cannot open {HIDDEN}: no such file"));
        }
        let pairs = "host=h password=canary";
        assert!(!redacted(&[pairs], &format!("'{pairs}'")).contains("canary"));
    }

    #[test]
    fn other_arguments_are() {
        assert_eq!(
            redacted(&["plan.ndjson"], "cannot open plan.ndjson"),
            "cannot open plan.ndjson"
        );
    }
}
