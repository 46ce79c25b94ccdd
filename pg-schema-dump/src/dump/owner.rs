//! Owners as objects of their own: everything belongs to the migrating role until the last
//! step, as managed servers want it.

use libpgdump::Entry;
use pg_pipe::record::{Object, Section};
use pg_session::quote;

/// Kinds that have an owner of their own, as pg_restore's list has them.
const OWNED: &[&str] = &[
    "AGGREGATE",
    "COLLATION",
    "CONVERSION",
    "DOMAIN",
    "EVENT TRIGGER",
    "FOREIGN DATA WRAPPER",
    "FOREIGN TABLE",
    "FUNCTION",
    "MATERIALIZED VIEW",
    "OPERATOR",
    "OPERATOR CLASS",
    "OPERATOR FAMILY",
    "PROCEDURAL LANGUAGE",
    "PROCEDURE",
    "PUBLICATION",
    "SCHEMA",
    "SEQUENCE",
    "SERVER",
    "STATISTICS",
    "SUBSCRIPTION",
    "TABLE",
    "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY",
    "TYPE",
    "VIEW",
];

/// Collects owners.
pub(crate) struct Owners {
    last_id: i64,
    objects: Vec<Object>,
}

impl Owners {
    /// Gives ids after `last_id`.
    pub(crate) fn after(last_id: i64) -> Self {
        Self {
            last_id,
            objects: Vec::new(),
        }
    }

    /// Notes the owner of an entry, if its kind has one.
    pub(crate) fn note(&mut self, entry: &Entry) {
        let kind = entry.desc.as_str();
        let owner = entry.owner.as_deref().unwrap_or_default();
        let drop = entry.drop_stmt.as_deref().unwrap_or_default();
        let name = quote::identifier(entry.tag.as_deref().unwrap_or_default());
        let object = match dropped_object(kind, drop) {
            Some(object) => object.to_owned(),
            // Schema public is neither created nor dropped, but it may have another owner.
            None if kind == "SCHEMA" => format!("SCHEMA {name}"),
            None => return,
        };
        if owner.is_empty() {
            return;
        }
        self.last_id += 1;
        self.objects.push(Object {
            id: self.last_id,
            kind: "OWNER".to_owned(),
            schema: entry.namespace.clone().filter(|schema| !schema.is_empty()),
            name: format!("{kind} {}", entry.tag.as_deref().unwrap_or_default()),
            owner: Some(owner.to_owned()),
            section: if kind == "EVENT TRIGGER" {
                Section::Final
            } else {
                Section::Acl
            },
            access_method: None,
            tablespace: None,
            version: None,
            sql: format!("ALTER {object} OWNER TO {};\n", quote::identifier(owner)),
            depends_on: vec![i64::from(entry.dump_id)],
        });
    }

    /// The `OWNER` objects, in the order of the archive.
    pub(crate) fn into_objects(self) -> Vec<Object> {
        self.objects
    }
}

/// `DROP FUNCTION public.f(integer);` names the object as ALTER wants it, quoted by pg_dump.
fn dropped_object<'a>(kind: &str, drop: &'a str) -> Option<&'a str> {
    if !OWNED.contains(&kind) {
        return None;
    }
    let object = drop.strip_prefix("DROP ")?.trim_end().strip_suffix(';')?;
    // Base types are dropped with their functions.
    let object = object.strip_suffix(" CASCADE").unwrap_or(object);
    object.starts_with(kind).then_some(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drop_statement_names_the_object() {
        assert_eq!(
            dropped_object("FUNCTION", "DROP FUNCTION public.\"f;\"(integer);\n"),
            Some("FUNCTION public.\"f;\"(integer)")
        );
        assert_eq!(
            dropped_object("TYPE", "DROP TYPE public.int42 CASCADE;\n"),
            Some("TYPE public.int42")
        );
        assert_eq!(dropped_object("INDEX", "DROP INDEX public.i;\n"), None);
        assert_eq!(dropped_object("TABLE", ""), None);
    }
}
