//! Arrows between crates: who may depend on whom.

use std::path::Path;
use std::process::Command;

use pg_e2e::workspace;
use serde_json::Value;

use crate::tidy::{none, text};

const SHARED: [&str; 2] = ["pg-pipe", "pg-session"];

#[test]
fn arrows_between_crates_point_to_the_two_shared_ones_only() {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(workspace())
        .output()
        .expect("cargo can be run");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let packages = list(&metadata, "packages");
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let ours: Vec<String> = packages.iter().map(name).collect();
    assert_eq!(
        ours.len(),
        9,
        "two shared crates, six tools, one test package: {ours:?}"
    );
    let mut breaches = Vec::new();
    for package in &packages {
        let from = name(package);
        for to in list(package, "dependencies")
            .iter()
            .map(name)
            .filter(|to| ours.contains(to))
        {
            let leaf = SHARED.contains(&from.as_str()) || from == "pg-e2e";
            if leaf || !SHARED.contains(&to.as_str()) {
                breaches.push(format!("{from} depends on {to}"));
            }
        }
        for dependency in list(package, "dependencies") {
            let is_path = dependency["path"].is_string();
            if !is_path && !is_inherited(package, &name(&dependency)) {
                breaches.push(format!(
                    "{from}: {} has a version of its own",
                    name(&dependency)
                ));
            }
        }
    }
    none(breaches);
}

/// Whether a package takes the version of a dependency from the workspace.
fn is_inherited(package: &Value, dependency: &str) -> bool {
    let manifest = text(Path::new(
        package["manifest_path"].as_str().unwrap_or_default(),
    ));
    manifest.lines().any(|line| {
        line.strip_prefix(dependency)
            .is_some_and(|rest| rest.starts_with('.') || rest.starts_with(" = { workspace = true"))
    })
}

#[test]
fn shared_crates_know_only_what_is_theirs() {
    let manifest = |name: &str| text(&workspace().join(name).join("Cargo.toml"));
    for word in ["postgres", "openssl"] {
        assert!(
            !manifest("pg-pipe").contains(word),
            "pg-pipe knows no server, but has {word}"
        );
    }
    for word in ["anyhow", "indicatif", "schemars"] {
        assert!(
            !manifest("pg-session").contains(word),
            "pg-session is a library, but has {word}"
        );
    }
}

#[test]
fn no_crate_may_have_unsafe_code() {
    let lints = text(&workspace().join("Cargo.toml"));
    assert!(lints.contains("\nunsafe_code = \"forbid\"\n"), "Cargo.toml");
    let mut without = Vec::new();
    for entry in std::fs::read_dir(workspace())
        .expect("it is there")
        .flatten()
    {
        let manifest = entry.path().join("Cargo.toml");
        // Built by nobody but `make fuzz`; the entry point of its targets is C's.
        if entry.file_name() == "fuzz" {
            continue;
        }
        if manifest.is_file() && !text(&manifest).contains("\n[lints]\nworkspace = true\n") {
            without.push(manifest.display().to_string());
        }
    }
    none(without);
}

#[test]
fn licences_and_sources_are_looked_at_by_lint() {
    let makefile = text(&workspace().join("Makefile"));
    assert!(makefile.contains("\nlint: deps deny\n"), "Makefile");
    let accepted = text(&workspace().join("deny.toml"));
    for part in ["[advisories]", "[licenses]", "[bans]", "[sources]"] {
        assert!(accepted.contains(part), "deny.toml has no {part}");
    }
}
