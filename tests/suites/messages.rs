//! docs/messages.md has every message of the source, and no other.
//!
//! Messages are the literals in calls of a few constructors. What is built elsewhere and passed on in
//! a variable is what a server, the operating system or pg_dump said; `Failure::bug` is a bug.

use std::collections::BTreeSet;

use pg_e2e::workspace;

use crate::tidy::{code, files, none, text};

/// How an error is made, and how many literals stand before its message.
const CONSTRUCTORS: &[(&str, usize)] = &[
    ("Failure::usage(", 0),
    ("Failure::input(", 0),
    ("Failure::conflict(", 0),
    ("Failure::new(", 1),
    ("Error::new(", 0),
];

/// More of them in pg-session, for connection strings and authentication.
const OF_SESSION: &[(&str, usize)] = &[("bad(", 0), ("wrong(", 0), ("refused(", 0)];

/// The literals up to the parenthesis that ends a call.
fn literals(call: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = 1;
    let mut letters = call.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '(' => open += 1,
            ')' => open -= 1,
            '"' => found.push(literal(&mut letters)),
            _ => {}
        }
        if open == 0 {
            break;
        }
    }
    found
}

/// A literal whose first quote has been read: `…` for what is put in, lines joined as rustc does.
fn literal(letters: &mut std::str::Chars<'_>) -> String {
    let mut text = String::new();
    let mut is_argument = false;
    while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
        match letter {
            '\\' => match letters.next() {
                Some('\n') => *letters = letters.as_str().trim_start().chars(),
                escaped => text.extend(escaped),
            },
            '{' => is_argument = true,
            '}' => {
                is_argument = false;
                text.push('…');
            }
            _ if is_argument => {}
            _ => text.push(letter),
        }
    }
    text
}

/// The messages that these make in a Rust file.
fn said(constructors: &[(&str, usize)], code: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (constructor, before) in constructors {
        let mut parts = code.split(constructor);
        let mut earlier = parts.next().unwrap_or_default();
        let mut rest = &code[earlier.len()..];
        for part in parts {
            rest = &rest[constructor.len()..];
            let is_call = !earlier.ends_with("fn ")
                && !earlier.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
            let message = literals(rest).into_iter().nth(*before);
            // One that is nothing but what is put in has no words to look for.
            let has_words = |text: &String| text.contains(char::is_alphabetic);
            all.extend(message.filter(|text| is_call && has_words(text)));
            rest = &rest[part.len()..];
            earlier = part;
        }
    }
    all
}

/// What `./migrate` says by itself: `fail 'MESSAGE'`, with `…` for variables.
fn said_by_migrate(script: &str) -> Vec<String> {
    let calls = script.split("fail ").skip(1).filter_map(|call| {
        let quote = call.chars().next().filter(|quote| "'\"".contains(*quote))?;
        call[1..].split_once(quote).map(|(message, _)| message)
    });
    let shown = calls.map(|message| {
        let words = message.split(' ').map(|word| match word.split_once('$') {
            Some((before, _)) => format!("{before}…"),
            None => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    });
    shown.collect()
}

#[test]
fn every_message_is_in_the_table_and_no_other() {
    let sample = "Failure::new(Exit::No, \"class\", format!(\"a \\\"{}\\\" (b)\\\n  c\", x(1))).hint(\"No.\")";
    assert_eq!(said(CONSTRUCTORS, sample), ["a \"…\" (b)c"]);
    let mut spoken = BTreeSet::new();
    for path in files(".rs") {
        let short = path.strip_prefix(workspace()).unwrap_or(&path);
        if short.starts_with("tests") || short.starts_with("fuzz") {
            continue;
        }
        let text = text(&path);
        spoken.extend(said(CONSTRUCTORS, code(&text)));
        if short.starts_with("pg-session") {
            spoken.extend(said(OF_SESSION, code(&text)));
        }
    }
    spoken.extend(said_by_migrate(&text(&workspace().join("migrate"))));
    assert!(
        spoken.len() > 100,
        "messages are made otherwise by now: {spoken:#?}"
    );
    let paper = text(&workspace().join("docs/messages.md"));
    let cells = paper.lines().filter_map(|line| line.strip_prefix("| `"));
    let written: BTreeSet<String> = cells
        .filter_map(|row| row.split_once("` |"))
        .map(|(message, _)| message.to_owned())
        .collect();
    let missing = spoken
        .difference(&written)
        .map(|text| format!("not in docs/messages.md: {text}"));
    let stale = written
        .difference(&spoken)
        .map(|text| format!("nothing says: {text}"));
    none(missing.chain(stale).collect());
}
