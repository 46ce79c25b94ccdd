//! Relations that hold rows, with their columns, in two queries whatever their number.

use std::collections::{BTreeMap, BTreeSet};

use postgres::Row;

use crate::error::Error;
use crate::quote;
use crate::relation::{Binary, Canonical, ColumnFacts, Relation, RelationName};
use crate::session::Session;

const GUARDED: &str = include_str!("sql/guarded_list.sql");
const RELATIONS: &str = include_str!("sql/relation_list.sql");
const COLUMNS: &str = include_str!("sql/column_list.sql");
const BLOCKS: &str = include_str!("sql/block_list.sql");
const FREEZABLE: &str = include_str!("sql/freezable_list.sql");
const ROUTED: &str = include_str!("sql/routed_list.sql");

/// Lists the relations that hold rows, except those of the schemas in `without`, sorted by
/// schema and name.
///
/// # Errors
/// What the server says.
pub fn list_relations(session: &mut Session, without: &[&str]) -> Result<Vec<Relation>, Error> {
    let rows = session.query(RELATIONS, &[&without])?;
    let oids: Vec<u32> = rows.iter().map(|row| row.get("oid")).collect();
    let mut columns = list_columns(session, &oids)?;
    Ok(rows
        .iter()
        .map(|row| {
            let own = columns.remove(&row.get("oid")).unwrap_or_default();
            relation(row, own)
        })
        .collect())
}

/// Lists the tables that COPY can load with frozen rows.
///
/// # Errors
/// What the server says.
pub fn list_freezable(session: &mut Session) -> Result<BTreeSet<RelationName>, Error> {
    let rows = session.query(FREEZABLE, &[])?;
    Ok(rows
        .iter()
        .map(|row| RelationName::new(row.get::<_, String>("schema"), row.get::<_, String>("name")))
        .collect())
}

/// Lists the leaf partitions whose rows belong in another leaf on another server, each with the
/// partitioned table that finds it.
///
/// # Errors
/// What the server says.
pub fn list_routed(session: &mut Session) -> Result<BTreeMap<RelationName, RelationName>, Error> {
    let name = |row: &Row, schema: &str, name: &str| {
        RelationName::new(row.get::<_, String>(schema), row.get::<_, String>(name))
    };
    let rows = session.query(ROUTED, &[])?;
    Ok(rows
        .iter()
        .map(|row| {
            let leaf = name(row, "leaf_schema", "leaf_name");
            (leaf, name(row, "root_schema", "root_name"))
        })
        .collect())
}

/// The blocks of those of some relations, by OID, whose rows can be read by ranges of blocks.
///
/// # Errors
/// What the server says.
pub fn list_blocks(session: &mut Session, oids: &[u32]) -> Result<BTreeMap<u32, i64>, Error> {
    let rows = session.query(BLOCKS, &[&oids])?;
    Ok(rows
        .iter()
        .map(|row| (row.get("oid"), row.get("blocks")))
        .collect())
}

fn relation(row: &Row, columns: Vec<ColumnFacts>) -> Relation {
    let parent: Option<String> = row.get("parent_schema");
    let is_config: bool = row.get("extension_config");
    let condition: String = row.get("condition");
    let estimate: Option<f64> = row.get("rows_estimate");
    Relation {
        oid: row.get("oid"),
        name: RelationName::new(row.get::<_, String>("schema"), row.get::<_, String>("name")),
        columns,
        key: row.get("key"),
        bytes: row.get("bytes"),
        rows_estimate: estimate.map(rounded),
        unlogged: row.get("unlogged"),
        parent: parent.map(|schema| RelationName::new(schema, row.get::<_, String>("parent_name"))),
        condition: is_config.then_some(condition),
        filenode: row.get("filenode"),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "an estimate; `as` saturates at the ends of i64"
)]
fn rounded(estimate: f64) -> i64 {
    estimate.round() as i64
}

fn list_columns(
    session: &mut Session,
    oids: &[u32],
) -> Result<BTreeMap<u32, Vec<ColumnFacts>>, Error> {
    let mut columns: BTreeMap<u32, Vec<ColumnFacts>> = BTreeMap::new();
    for row in session.query(COLUMNS, &[&oids])? {
        columns
            .entry(row.get("relation"))
            .or_default()
            .push(ColumnFacts {
                name: row.get("name"),
                data_type: row.get("data_type"),
                canonical: canonical(&row),
                binary: binary(&row),
            });
    }
    Ok(columns)
}

/// Strict: what cannot be told to be equal by its bytes is compared as text.
fn canonical(row: &Row) -> Canonical {
    let base_type: String = row.get("base_type");
    let base_name: String = row.get("base_name");
    let base_kind: String = row.get("base_kind");
    let base = row.get::<_, bool>("is_domain").then(|| base_type.clone());
    let send = function(row, "send_schema", "send_name");
    let output = || Canonical::Output {
        function: function(row, "output_schema", "output_name").unwrap_or_default(),
        base: base.clone(),
    };
    let raw = || base.clone().map_or(Canonical::Raw, Canonical::Base);
    if row.get("is_array") {
        let same_everywhere = row.get("builtin_element") && !row.get::<_, bool>("reg_element");
        return if same_everywhere {
            Canonical::Array(base_type)
        } else {
            output()
        };
    }
    if !row.get::<_, bool>("is_builtin") {
        let is_sent = base_kind == "b" || row.get("sends_floats");
        return match send.filter(|_| is_sent) {
            Some(function) => Canonical::Send { function, base },
            None => output(),
        };
    }
    match base_name.as_str() {
        "float4" | "float8" => Canonical::Float(base_type),
        // varchar's OID is not text's, so both are cast; name has one spelling.
        "text" | "varchar" | "name" => Canonical::Text,
        // Values that are OIDs, and what has no binary form (aclitem, gtsvector).
        name if name.starts_with("reg") || send.is_none() => output(),
        _ if matches!(base_kind.as_str(), "b" | "r" | "m") => raw(),
        _ => output(),
    }
}

/// Built-in types whose receive function takes what the send function of any server from 10 on
/// gives: no OIDs inside, no text in a format of its own.
const BINARY: &[&str] = &[
    "bool",
    "int2",
    "int4",
    "int8",
    "oid",
    "float4",
    "float8",
    "numeric",
    "money",
    "text",
    "varchar",
    "bpchar",
    "char",
    "name",
    "bytea",
    "json",
    "jsonb",
    "jsonpath",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "uuid",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "bit",
    "varbit",
    "point",
    "lseg",
    "line",
    "box",
    "path",
    "polygon",
    "circle",
    "pg_lsn",
    "int4range",
    "int8range",
    "numrange",
    "daterange",
    "tsrange",
    "tstzrange",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "datemultirange",
    "tsmultirange",
    "tstzmultirange",
];

/// Strict, too: what is not in the list goes as text. Arrays carry the OID of their element's
/// type, so only those of built-in types are safe; labels of enums go as text in either format.
fn binary(row: &Row) -> Binary {
    let of = |name: &str| match name {
        "interval" => Binary::Interval,
        name if BINARY.contains(&name) => Binary::Safe,
        _ => Binary::Unsafe,
    };
    let kind: String = row.get("base_kind");
    if row.get("is_array") {
        let element: String = row.get("element_name");
        return if row.get("builtin_element") {
            of(&element)
        } else {
            Binary::Unsafe
        };
    }
    match (kind.as_str(), row.get("is_builtin")) {
        ("e", _) => Binary::Safe,
        (_, true) => of(&row.get::<_, String>("base_name")),
        _ => Binary::Unsafe,
    }
}

fn function(row: &Row, schema: &str, name: &str) -> Option<String> {
    let schema: Option<String> = row.get(schema);
    let name: Option<String> = row.get(name);
    Some(quote::qualified(&schema?, &name?))
}

/// What would notice rows that are written to a table of the target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Guard {
    /// The user's triggers are on it, and fire.
    pub is_triggered: bool,
    /// Some of them fire in sessions of replicas, too.
    pub is_loud: bool,
    /// A foreign key refers to it.
    pub is_referred_to: bool,
}

/// Tables with triggers of the user's, or to which foreign keys refer.
///
/// # Errors
/// What the server says.
pub fn list_guarded(session: &mut Session) -> Result<BTreeMap<RelationName, Guard>, Error> {
    let rows = session.query(GUARDED, &[])?;
    let guarded = |row: &Row| {
        let name = RelationName::new(row.get::<_, String>("schema"), row.get::<_, String>("name"));
        let guard = Guard {
            is_triggered: row.get("is_triggered"),
            is_loud: row.get("is_loud"),
            is_referred_to: row.get("is_referred_to"),
        };
        (name, guard)
    };
    Ok(rows.iter().map(guarded).collect())
}
