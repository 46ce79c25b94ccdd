//! The software bill of materials of `make dist`: what is built into the tools, as CycloneDX
//! 1.5 in JSON, made of what `cargo metadata` says and the checksums of Cargo.lock.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// The bill of all members of a workspace but `without` (the tests), with the crates that they
/// need to be built or to run; crates for tests alone are none of it.
pub fn of(metadata: &Value, lock: &str, without: &str) -> Value {
    let packages: BTreeMap<&str, &Value> = list(metadata, "packages")
        .map(|package| (text(package, "id"), package))
        .collect();
    let needs: BTreeMap<&str, BTreeSet<&str>> = list(&metadata["resolve"], "nodes")
        .map(|node| (text(node, "id"), needed(node)))
        .collect();
    let members = list(metadata, "workspace_members").filter_map(Value::as_str);
    let mut open: Vec<&str> = members
        .filter(|id| {
            packages
                .get(id)
                .is_some_and(|package| text(package, "name") != without)
        })
        .collect();
    let mut reached = BTreeSet::new();
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(needs.get(id).into_iter().flatten());
        }
    }
    let checksums = checksums(lock);
    let found = reached.iter().filter_map(|id| packages.get(id));
    let components: Vec<Value> = found.map(|one| component(one, &checksums)).collect();
    let name = |id: &&str| packages.get(id).map(|package| reference(package));
    let dependencies: Vec<Value> = reached
        .iter()
        .filter_map(|id| {
            let on: Vec<String> = needs
                .get(id)
                .into_iter()
                .flatten()
                .filter_map(name)
                .collect();
            Some(json!({"ref": name(id)?, "dependsOn": on}))
        })
        .collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "pgmig"}},
        "components": components,
        "dependencies": dependencies,
    })
}

/// What a node needs other than for its own tests.
fn needed(node: &Value) -> BTreeSet<&str> {
    list(node, "deps")
        .filter(|dependency| list(dependency, "dep_kinds").any(|kind| kind["kind"] != "dev"))
        .map(|dependency| text(dependency, "pkg"))
        .collect()
}

/// The package URL of a crate, which is also what it is called in the bill.
fn reference(package: &Value) -> String {
    format!(
        "pkg:cargo/{}@{}",
        text(package, "name"),
        text(package, "version")
    )
}

fn component(package: &Value, checksums: &BTreeMap<(String, String), String>) -> Value {
    let (name, version) = (text(package, "name"), text(package, "version"));
    let purl = reference(package);
    let mut fields = Map::new();
    let mut set = |key: &str, value: Value| fields.insert(key.to_owned(), value);
    set("type", json!("library"));
    set("bom-ref", json!(purl));
    set("name", json!(name));
    set("version", json!(version));
    set("purl", json!(purl));
    // Old crates divide two licences by a slash.
    if let Some(license) = package["license"].as_str() {
        let expression = license.replace('/', " OR ").replace("  ", " ");
        set("licenses", json!([{"expression": expression}]));
    }
    if let Some(hash) = checksums.get(&(name.to_owned(), version.to_owned())) {
        set("hashes", json!([{"alg": "SHA-256", "content": hash}]));
    }
    Value::Object(fields)
}

/// Name and version of each package in Cargo.lock, with its checksum; ours have none.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim_matches('"').to_owned())
    };
    lock.split("[[package]]")
        .filter_map(|block| {
            let key = (value(block, "name = ")?, value(block, "version = ")?);
            Some((key, value(block, "checksum = ")?))
        })
        .collect()
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value[key].as_array().into_iter().flatten()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;
    use std::process::Command;

    fn cargo(words: &[&str]) -> String {
        let output = Command::new(env!("CARGO"))
            .args(words)
            .args(["--offline", "--locked"])
            .current_dir(workspace())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// cargo tree has its own way of finding what belongs to a build.
    #[test]
    fn a_bill_has_what_cargo_builds_the_tools_of_and_nothing_else() {
        let version = cargo(&["--version"]);
        assert!(version.starts_with("cargo "), "{version}");
        let host = std::env::consts::ARCH;
        let target = format!("{host}-unknown-linux-gnu");
        let metadata = cargo(&[
            "metadata",
            "--format-version",
            "1",
            "--filter-platform",
            &target,
        ]);
        let metadata: Value = serde_json::from_str(&metadata).unwrap();
        let lock = std::fs::read_to_string(workspace().join("Cargo.lock")).unwrap();
        let bill = of(&metadata, &lock, "pg-e2e");
        let components: BTreeSet<String> = list(&bill, "components")
            .map(|one| format!("{} v{}", text(one, "name"), text(one, "version")))
            .collect();
        let tree = cargo(&[
            "tree",
            "--workspace",
            "--exclude",
            "pg-e2e",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--target",
            &target,
        ]);
        let built: BTreeSet<String> = tree
            .lines()
            .filter_map(|line| {
                Some(
                    line.split_whitespace()
                        .take(2)
                        .collect::<Vec<_>>()
                        .join(" "),
                )
                .filter(|line| !line.is_empty())
            })
            .collect();
        let lost: Vec<_> = built.difference(&components).collect();
        assert!(lost.is_empty(), "{lost:?}");
        assert!(!components.iter().any(|one| one.starts_with("proptest ")));
        for one in list(&bill, "components") {
            let is_ours = text(one, "name").starts_with("pg-");
            assert_eq!(one["hashes"].is_null(), is_ours, "{one}");
            assert!(!one["licenses"].is_null(), "{one}");
        }
    }
}
