//! What is written about the tools agrees with what they do.

use std::collections::BTreeMap;

use pg_e2e::contract;
use serde_json::Value;

use crate::cli_contract::STATUSES;

#[test]
fn the_readme_has_every_exit_status_of_the_help() {
    let readme = std::fs::read_to_string(pg_e2e::workspace().join("README.md")).expect("a README");
    for status in STATUSES {
        let row = format!("| {status} | ");
        assert!(readme.contains(&row), "README.md has no row for {status}");
    }
}

#[test]
fn the_documented_schema_has_the_kinds_and_fields_of_our_own_reading() {
    let file = pg_e2e::workspace().join("docs/records.schema.json");
    let text = std::fs::read_to_string(&file).expect("docs/records.schema.json");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let documented: BTreeMap<String, Fields> = schema["oneOf"]
        .as_array()
        .expect("a list of kinds")
        .iter()
        .map(|kind| fields(&schema, kind))
        .collect();
    let ours: BTreeMap<String, Fields> = contract::kinds()
        .map(|(kind, required, optional)| (kind.to_owned(), Fields { required, optional }))
        .collect();
    assert_eq!(
        documented.keys().collect::<Vec<_>>(),
        ours.keys().collect::<Vec<_>>()
    );
    for (kind, fields) in &documented {
        assert_eq!(Some(fields), ours.get(kind), "fields of {kind}");
    }
}

/// The fields of a kind, sorted.
#[derive(Debug, PartialEq)]
struct Fields {
    required: Vec<String>,
    optional: Vec<String>,
}

/// A kind of the schema with its fields, wherever the schema keeps them.
fn fields(schema: &Value, kind: &Value) -> (String, Fields) {
    let referred = kind["$ref"]
        .as_str()
        .and_then(|text| text.rsplit('/').next());
    let shared = referred.map_or(&Value::Null, |name| &schema["$defs"][name]);
    let mut required: Vec<String> = [kind, shared]
        .into_iter()
        .flat_map(|part| part["required"].as_array().cloned().unwrap_or_default())
        .filter_map(|name| name.as_str().map(str::to_owned))
        .filter(|name| name != "type")
        .collect();
    required.sort_unstable();
    let mut optional: Vec<String> = [kind, shared]
        .into_iter()
        .flat_map(|part| part["properties"].as_object().cloned().unwrap_or_default())
        .map(|(name, _)| name)
        .filter(|name| name != "type" && !required.contains(name))
        .collect();
    optional.sort_unstable();
    let name = kind["properties"]["type"]["const"]
        .as_str()
        .unwrap_or_default();
    (name.to_owned(), Fields { required, optional })
}
