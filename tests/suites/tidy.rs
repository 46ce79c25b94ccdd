//! The rules that no compiler checks: sizes, headers, names, SQL in files of its own, papers.

use std::fs;
use std::path::{Path, PathBuf};

use pg_e2e::workspace;

use crate::scene::say;

const SOFT_LINES: usize = 300;
const HARD_LINES: usize = 600;
const MAIN_LINES: usize = 12;

/// Names that say nothing.
const NAMELESS: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc"];

/// Files with an ending, those of the build left out.
pub(crate) fn files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![workspace()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("it can be read").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if path.is_dir() && name != "target" && (name == ".ci" || !name.starts_with('.')) {
                open.push(path);
            } else if path.is_file() && name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no file ends with {ending}");
    found
}

pub(crate) fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The path below the workspace, for messages.
fn short(path: &Path) -> String {
    path.strip_prefix(workspace())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// A Rust file without its unit tests.
pub(crate) fn code(text: &str) -> &str {
    text.split_once("\n#[cfg(test)]\nmod ")
        .map_or(text, |(code, _)| code)
}

/// Fails with every breach, not with the first.
#[track_caller]
pub(crate) fn none(breaches: Vec<String>) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn files_are_short() {
    let lengths = files(".rs")
        .into_iter()
        .map(|path| (code(&text(&path)).lines().count(), path));
    let (hard, soft): (Vec<_>, Vec<_>) = lengths
        .filter(|(lines, _)| *lines > SOFT_LINES)
        .partition(|(lines, _)| *lines > HARD_LINES);
    for (lines, path) in soft {
        say(&format!(
            "tidy: {} has {lines} lines: think of a second file",
            short(&path)
        ));
    }
    none(
        hard.iter()
            .map(|(lines, path)| format!("{} has {lines} lines", short(path)))
            .collect(),
    );
}

#[test]
fn every_rust_file_opens_with_its_purpose() {
    let without = |path: &PathBuf| !text(path).starts_with("//! ");
    none(
        files(".rs")
            .iter()
            .filter(|path| without(path))
            .map(|path| short(path))
            .collect(),
    );
}

#[test]
fn every_sql_file_opens_with_its_purpose() {
    let without = |path: &PathBuf| !text(path).starts_with("-- ");
    none(
        files(".sql")
            .iter()
            .filter(|path| without(path))
            .map(|path| short(path))
            .collect(),
    );
}

/// A server refuses a comment, too, whose characters its encoding lacks.
#[test]
fn sql_that_a_server_reads_is_ascii() {
    let is_sent = |file: &&PathBuf| file.components().any(|part| part.as_os_str() == "src");
    none(
        files(".sql")
            .iter()
            .filter(is_sent)
            .filter(|file| !text(file).is_ascii())
            .map(|file| format!("{} is not ASCII", short(file)))
            .collect(),
    );
}

#[test]
fn main_files_only_call_the_library() {
    let long = |path: &PathBuf| {
        let bin = path.ends_with("src/main.rs")
            || path.parent().is_some_and(|dir| dir.ends_with("src/bin"));
        bin && text(path).lines().count() > MAIN_LINES
    };
    none(
        files(".rs")
            .iter()
            .filter(|path| long(path))
            .map(|path| short(path))
            .collect(),
    );
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    let nameless = |path: &PathBuf| {
        path.components().any(|part| {
            let part = part.as_os_str().to_string_lossy();
            NAMELESS.contains(&part.trim_end_matches(".rs"))
        })
    };
    let below: Vec<PathBuf> = files(".rs").iter().map(|path| short(path).into()).collect();
    none(
        below
            .iter()
            .filter(|path| nameless(path))
            .map(|path| short(path))
            .collect(),
    );
}

#[test]
fn every_sql_file_of_a_crate_is_included_somewhere() {
    let rust: Vec<(PathBuf, String)> = files(".rs")
        .into_iter()
        .map(|path| (path.clone(), text(&path)))
        .collect();
    let mut unused = Vec::new();
    for sql in files(".sql")
        .into_iter()
        .filter(|path| short(path).contains("/src/"))
    {
        let name = sql
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let crate_name = short(&sql).split('/').next().unwrap_or_default().to_owned();
        let used = rust.iter().any(|(path, text)| {
            let mentions =
                text.contains(&format!("/{name}\"")) || text.contains(&format!("\"{name}\""));
            mentions && short(path).starts_with(&crate_name)
        });
        if !used {
            unused.push(short(&sql));
        }
    }
    none(unused);
}

#[test]
fn server_versions_are_compared_in_version_rs_only() {
    let mut breaches = Vec::new();
    for path in files(".rs")
        .into_iter()
        .filter(|path| !path.ends_with("version.rs"))
    {
        if short(&path).starts_with("tests/") {
            continue;
        }
        for (number, line) in code(&text(&path)).lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            let has_version =
                numbers(line).any(|value| (90_000..300_000).contains(&value) && value % 100 == 0);
            if has_version && !is_comment {
                breaches.push(format!("{}:{}: {}", short(&path), number + 1, line.trim()));
            }
        }
    }
    none(breaches);
}

/// The whole numbers of a line of code, its strings left out.
fn numbers(line: &str) -> impl Iterator<Item = u64> {
    let outside: String = line.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    outside
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter_map(|word| word.replace('_', "").parse().ok())
        .collect::<Vec<_>>()
        .into_iter()
}

#[test]
fn nothing_unfinished_and_no_path_of_one_machine_is_left() {
    let unfinished = [
        concat!("todo", "!("),
        concat!("dbg", "!("),
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
    ];
    let machine = [
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
    ];
    let mut breaches = Vec::new();
    for ending in [
        ".rs", ".sql", ".toml", ".md", "Makefile", "migrate", "servers", "run",
    ] {
        for path in files(ending) {
            for (number, line) in text(&path).lines().enumerate() {
                let found = unfinished
                    .iter()
                    .chain(&machine)
                    .find(|word| line.contains(*word));
                if let Some(word) = found {
                    breaches.push(format!("{}:{}: {word}", short(&path), number + 1));
                }
            }
        }
    }
    none(breaches);
}

#[test]
fn error_messages_are_fragments_and_hints_are_sentences() {
    let mut breaches = Vec::new();
    for path in files(".rs")
        .into_iter()
        .filter(|path| !short(path).starts_with("tests/"))
    {
        for (number, line) in code(&text(&path)).lines().enumerate() {
            let place = || format!("{}:{}: {}", short(&path), number + 1, line.trim());
            let message = line.split_once("#[error(\"").map(|(_, rest)| rest);
            if message
                .is_some_and(|text| text.ends_with(".\")]") || text.starts_with(char::is_uppercase))
            {
                breaches.push(place());
            }
            let hint = line
                .split_once("hint(\"")
                .and_then(|(_, rest)| rest.rsplit_once("\")"));
            if hint
                .is_some_and(|(text, _)| !text.starts_with(|c: char| c.is_uppercase() || c == '-'))
            {
                breaches.push(place());
            }
        }
    }
    none(breaches);
}

#[test]
fn papers_are_there() {
    let changelog = text(&workspace().join("CHANGELOG.md"));
    assert!(
        changelog.contains("## Unreleased") || changelog.contains("## [Unreleased]"),
        "CHANGELOG.md"
    );
    for paper in ["README.md", "LICENSE", "Makefile"] {
        assert!(
            !text(&workspace().join(paper)).trim().is_empty(),
            "{paper} is empty"
        );
    }
}
