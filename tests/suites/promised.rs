//! docs/security.md: no promise without a test, and no test that is not there.

use std::path::{Path, PathBuf};

use pg_e2e::workspace;

use crate::tidy::{none, text};

/// Names of tests: words in backticks with colons in them.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.contains("::"))
}

/// The files that a path of modules may mean.
fn places(module: &str) -> Vec<PathBuf> {
    let path = module.replace("::", "/");
    let (first, rest) = path.split_once('/').unwrap_or((&path, "lib"));
    let crates = Path::new(first).join("src").join(rest);
    [Path::new("tests/suites").join(&path), crates]
        .iter()
        .flat_map(|path| [path.with_extension("rs"), path.join("mod.rs")])
        .map(|path| workspace().join(path))
        .filter(|path| path.is_file())
        .collect()
}

fn exists(test: &str) -> bool {
    let (module, name) = test.rsplit_once("::").unwrap_or_default();
    let head = format!("fn {name}() {{");
    places(module).iter().any(|file| {
        let file = text(file);
        let mut lines = file.lines().map(str::trim);
        // Attributes may stand between.
        let is_a_test = |line: &str| line == "#[test]";
        while lines.by_ref().any(is_a_test) {
            if lines.by_ref().find(|line| line.starts_with("fn ")) == Some(head.as_str()) {
                return true;
            }
        }
        false
    })
}

#[test]
fn every_promise_of_security_names_a_test_that_exists() {
    let paper = text(&workspace().join("docs/security.md"));
    assert!(!exists("tls::no_such_test") && !exists("tls::each_fault"));
    let unknown = named(&paper)
        .filter(|test| !exists(test))
        .map(|test| format!("no test {test}"));
    let promises = paper.split("\n- ").skip(1);
    let alone = promises
        .map(|promise| promise.split("\n\n").next().unwrap_or_default())
        .filter(|promise| named(promise).next().is_none())
        .map(|promise| format!("no test for: {promise}"));
    none(unknown.chain(alone).collect());
}
