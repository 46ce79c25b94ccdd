//! The row checksum `b64s/1`: one definition for pg-copy and pg-verify.
//!
//! A row's hash is `hash_array_extended` over the bytes of `record_send`, a table's checksum
//! the sum of them. Sums do not depend on order; `hash_record_extended` would be cheaper and
//! is wrong, because it is linear: values swapped between rows would cancel out.

pub mod hash;
mod large_object;
mod oids;
mod row;
mod stream;
mod tally;
mod total;

pub use large_object::{
    LargeObjectSum, NO_LARGE_OBJECTS, PIECE, PieceHasher, Pieces, merge_large_objects,
    sum_large_objects, sum_these_large_objects,
};
pub use row::RowHasher;
pub use stream::{stream_large_objects, stream_on_wire};
pub use tally::Tally;
pub use total::{Sum, Total, merge};

use crate::error::{Class, Error};
use crate::quote;
use crate::relation::{Canonical, ColumnFacts, Relation};
use crate::session::Session;
use crate::staging;
use crate::wire::Wire;

/// Seed of the hash: part of the definition.
const SEED: i64 = 0x0070_676d_6967_0001;

/// `hash_array_extended(array[record_send(row(1, 'a'::text))], SEED)` on every server that
/// we know: 11 to 18, little-endian.
const KNOWN_ANSWER: i64 = -3_660_984_462_066_369_509;

/// Asks the server for a hash whose value we know.
///
/// # Errors
/// [`Class::Unsupported`] when it has no such hash (before 11) or computes another
/// (big-endian machines, forks).
pub fn check_known_answer(session: &mut Session) -> Result<(), Error> {
    let version = session.version();
    if !version.has_extended_hashes() {
        return Err(Error::new(
            Class::Unsupported,
            format!("a server of version {version} has no hash to checksum rows with"),
        )
        .with_hint(
            "Servers before 11 send their rows to be hashed here: leave --method at auto, or give \
             --method stream.",
        ));
    }
    let answer: i64 = session
        .query_one(&format!("select {}", row_hash("1, 'a'::text")), &[])?
        .get(0);
    if answer == KNOWN_ANSWER {
        Ok(())
    } else {
        Err(Error::new(
            Class::Unsupported,
            "the server's hash function is not the one that checksums are made of",
        )
        .with_hint("Have the rows sent and hashed here: --method auto or --method stream."))
    }
}

/// Whether the server computes the hash that we know; where not, the same checksum is made of
/// what it sends: [`stream_on_wire`].
///
/// # Errors
/// What the server says.
pub fn is_hashed_by(session: &mut Session) -> Result<bool, Error> {
    match check_known_answer(session) {
        Ok(()) => Ok(true),
        Err(error) if error.class() == Class::Unsupported => Ok(false),
        Err(error) => Err(error),
    }
}

/// Counts and checksums a relation's own rows, those of its children left out.
///
/// # Errors
/// What the server says.
pub fn sum_relation(session: &mut Session, relation: &Relation) -> Result<Sum, Error> {
    sum_where(session, relation, None)
}

/// Counts and checksums those of a relation's own rows that a condition holds for, such as a
/// range of the key or of `ctid`. The sums of parts [`merge`] into that of the whole.
///
/// # Errors
/// What the server says.
pub fn sum_where(
    session: &mut Session,
    relation: &Relation,
    filter: Option<&str>,
) -> Result<Sum, Error> {
    let row = session.query_one(&sum_query(relation, filter), &[])?;
    let total: String = row.get("checksum");
    Ok(Sum::new(row.get("rows"), &digest(relation), total))
}

/// The same on a wire.
///
/// # Errors
/// What the server says.
pub fn sum_on_wire(
    wire: &mut Wire,
    relation: &Relation,
    filter: Option<&str>,
) -> Result<Sum, Error> {
    let row = wire.rows(&sum_query(relation, filter))?.into_iter().next();
    let sum = match row.as_deref() {
        Some([Some(rows), Some(total)]) => rows
            .parse()
            .ok()
            .map(|rows| Sum::new(rows, &digest(relation), total)),
        _ => None,
    };
    sum.ok_or_else(|| Error::new(Class::Lost, "the server gave no checksum"))
}

/// A hash by which rows are told apart while those that differ are looked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RowHash {
    /// The one that checksums are made of, for servers that give the known answer.
    Checksum,
    /// Half of an MD5, for both sides where one does not. It costs more, and is part of no
    /// checksum.
    Md5,
}

/// The expression of a row's hash over some of its columns, in the order of their names.
pub fn hash_expression(columns: &[ColumnFacts], hash: RowHash) -> String {
    match hash {
        RowHash::Checksum => row_hash(&values(by_name(columns))),
        RowHash::Md5 => format!(
            "('x' || substr(md5({}), 1, 16))::bit(64)::bigint",
            bytes_expression(columns)
        ),
    }
}

/// The expression of the bytes that are hashed: what `record_send` makes of the columns, in
/// the order of their names. Rows are equal exactly when these bytes are.
pub fn bytes_expression(columns: &[ColumnFacts]) -> String {
    format!("record_send(row({}))", values(by_name(columns)))
}

fn values(columns: Vec<&ColumnFacts>) -> String {
    let values: Vec<String> = columns.into_iter().map(expression).collect();
    values.join(", ")
}

fn row_hash(values: &str) -> String {
    format!("hash_array_extended(array[record_send(row({values}))], {SEED})")
}

fn sorted(relation: &Relation) -> Vec<&ColumnFacts> {
    by_name(&relation.columns)
}

/// Columns in the order in which they are hashed.
pub fn by_name<'c>(columns: impl IntoIterator<Item = &'c ColumnFacts>) -> Vec<&'c ColumnFacts> {
    let mut columns: Vec<&ColumnFacts> = columns.into_iter().collect();
    columns.sort_by(|a, b| a.name.cmp(&b.name));
    columns
}

fn sum_query(relation: &Relation, filter: Option<&str>) -> String {
    format!(
        "select count(*) as rows, coalesce(sum(h), 0)::text as checksum \
         from (select {} as h from {}) as hashed",
        hash_expression(&relation.columns, RowHash::Checksum),
        rows(relation, filter),
    )
}

/// What stands behind FROM for a relation's own rows, or those of them that a filter wants.
pub fn rows(relation: &Relation, filter: Option<&str>) -> String {
    let name = relation.name.sql();
    match (condition(relation).as_str(), filter) {
        (condition, None) => format!("only {name}{condition}"),
        ("", Some(filter)) => format!("only {name} where ({filter})"),
        // An extension's condition is a clause of its own, which nothing can be put into.
        (condition, Some(filter)) => {
            format!("(select ctid, * from only {name}{condition}) as own where ({filter})")
        }
    }
}

/// The WHERE clause of an extension's configuration table, or nothing.
pub fn condition(relation: &Relation) -> String {
    match relation.condition.as_deref() {
        // pg_extension stores the condition with its own WHERE.
        Some(condition) if !condition.is_empty() => format!(" {condition}"),
        _ => String::new(),
    }
}

fn expression(column: &ColumnFacts) -> String {
    let name = quote::identifier(&column.name);
    match &column.canonical {
        Canonical::Raw => name,
        Canonical::Base(base) => format!("{name}::{base}"),
        Canonical::Float(base) => {
            format!("case when {name}::{base} = 'NaN' then 'NaN' else {name}::{base} end")
        }
        // The flag is in the last of its four bytes, behind the number of dimensions (arrayfuncs.c).
        Canonical::Array(base) => match base.as_str() {
            "real[]" | "double precision[]" => {
                format!("set_byte(array_send(array_replace({name}::{base}, 'NaN', 'NaN')), 7, 0)")
            }
            _ => format!("set_byte(array_send({name}::{base}), 7, 0)"),
        },
        Canonical::Text => format!("{name}::text"),
        Canonical::Output { function, base } => {
            format!("textin({function}({}))", in_base(name, base.as_deref()))
        }
        Canonical::Send { function, base } => {
            format!("{function}({})", in_base(name, base.as_deref()))
        }
    }
}

/// A domain's value in its base type: functions over enums do not take domains, and nobody's
/// function over the domain itself may be taken for the type's own.
fn in_base(name: String, base: Option<&str>) -> String {
    match base {
        Some(base) => format!("{name}::{base}"),
        None => name,
    }
}

/// 8 hex digits over names and the way each is compared; types as text are all alike.
fn digest(relation: &Relation) -> String {
    let mut parts = vec![condition(relation)];
    for column in sorted(relation) {
        parts.push(column.name.clone());
        parts.push(match &column.canonical {
            Canonical::Raw => format!("raw {}", without_modifier(&column.data_type)),
            Canonical::Base(base) => format!("raw {base}"),
            Canonical::Float(base) => format!("float {base}"),
            Canonical::Array(base) => format!("array {base}"),
            Canonical::Text | Canonical::Output { .. } => "text".to_owned(),
            Canonical::Send { function, .. } => format!("send {function}"),
        });
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    staging::hex(&parts, 8)
}

/// `numeric(10,2)` and `numeric` have the same bytes; `timestamp(3) with time zone` too.
fn without_modifier(data_type: &str) -> String {
    let mut text = String::new();
    let mut depth = 0_u32;
    for c in data_type.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            other if depth == 0 => text.push(other),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relation::{Binary, RelationName};

    pub(super) fn relation(columns: &[(&str, &str, Canonical)]) -> Relation {
        Relation {
            oid: 1,
            name: RelationName::new("s", "t"),
            columns: columns
                .iter()
                .map(|(name, data_type, canonical)| ColumnFacts {
                    name: (*name).to_owned(),
                    data_type: (*data_type).to_owned(),
                    canonical: canonical.clone(),
                    binary: Binary::Safe,
                })
                .collect(),
            key: Vec::new(),
            bytes: 0,
            rows_estimate: None,
            unlogged: false,
            parent: None,
            condition: None,
            filenode: None,
        }
    }

    #[test]
    fn columns_are_hashed_in_the_order_of_their_names() {
        let table = relation(&[
            ("b", "integer", Canonical::Raw),
            ("A", "text", Canonical::Text),
        ]);
        let sql = sum_query(&table, None);
        assert!(sql.contains("row(\"A\"::text, \"b\")"), "{sql}");
        assert!(sql.contains("from only \"s\".\"t\""), "{sql}");
    }

    #[test]
    fn the_digest_sees_types_but_not_their_length() {
        let of = |data_type| digest(&relation(&[("a", data_type, Canonical::Raw)]));
        assert_eq!(of("numeric(10,2)"), of("numeric"));
        assert_ne!(of("integer"), of("bigint"));
        assert_ne!(
            digest(&relation(&[("a", "integer", Canonical::Raw)])),
            digest(&relation(&[("b", "integer", Canonical::Raw)]))
        );
    }

    #[test]
    fn a_domain_goes_through_its_base_type_and_text_is_alike_however_it_is_made() {
        let output = |base: Option<&str>| Canonical::Output {
            function: "\"pg_catalog\".\"enum_out\"".to_owned(),
            base: base.map(str::to_owned),
        };
        let domain = relation(&[("a", "s.d", output(Some("s.mood")))]);
        let sql = sum_query(&domain, None);
        assert!(
            sql.contains("row(textin(\"pg_catalog\".\"enum_out\"(\"a\"::s.mood)))"),
            "{sql}"
        );
        let of = |canonical| digest(&relation(&[("a", "s.mood", canonical)]));
        assert_eq!(of(output(None)), of(Canonical::Text));
        assert_ne!(of(output(None)), of(Canonical::Raw));
    }

    #[test]
    fn a_table_without_columns_has_a_hash_too() {
        assert!(sum_query(&relation(&[]), None).contains("row()"));
    }

    #[test]
    fn a_filter_stands_beside_the_condition_of_an_extension() {
        let mut table = relation(&[("a", "integer", Canonical::Raw)]);
        let sql = sum_query(&table, Some("a > 1 or a < 0"));
        assert!(
            sql.contains("from only \"s\".\"t\" where (a > 1 or a < 0))"),
            "{sql}"
        );
        table.condition = Some("WHERE b or c".to_owned());
        let sql = sum_query(&table, Some("a > 1"));
        let inner = "(select ctid, * from only \"s\".\"t\" WHERE b or c) as own where (a > 1)";
        assert!(sql.contains(inner), "{sql}");
    }
}
