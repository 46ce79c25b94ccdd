//! The same checksum of servers that have no hash for it: what others would hash is copied to
//! the client in binary, canonical expressions and all, and hashed here.

use super::{
    RowHasher, Sum, Tally, Total, expression, large_object, oids, rows, sorted, without_modifier,
};
use crate::error::{Class, Error};
use crate::quote;
use crate::relation::{Canonical, ColumnFacts, Relation};
use crate::wire::{Copied, Wire};

const PIECES: &str = include_str!("../catalog/sql/large_object_pieces.sql");

/// Counts and checksums a relation's own rows, or those that a condition holds for, as
/// [`super::sum_where`] does, on any server from 10 on.
///
/// # Errors
/// What the server says.
pub fn stream_on_wire(
    wire: &mut Wire,
    relation: &Relation,
    filter: Option<&str>,
) -> Result<Sum, Error> {
    let columns = sorted(relation);
    let types: Vec<u32> = columns
        .iter()
        .map(|column| type_oid(wire, column))
        .collect::<Result<_, _>>()?;
    let values: Vec<String> = columns.into_iter().map(expression).collect();
    let query = format!(
        "select {} from {}",
        values.join(", "),
        rows(relation, filter)
    );
    Ok(hash(wire, &query, &types)?.checksum(relation))
}

/// Counts and checksums all large objects, as [`super::sum_large_objects`] does. The wire must
/// be in a transaction.
///
/// # Errors
/// What the server says.
pub fn stream_large_objects(wire: &mut Wire) -> Result<Sum, Error> {
    let total = hash(wire, PIECES, &[oids::BIGINT, oids::BIGINT, oids::BYTEA])?;
    let count = wire.value("select count(*) from pg_largeobject_metadata")?;
    let count = count.and_then(|count| count.parse().ok());
    let count = count.ok_or_else(|| Error::new(Class::Lost, "the server gave no count"))?;
    Ok(Sum::new(count, large_object::DIGEST, total.sum))
}

/// Hashes the rows of a query whose columns have types of these OIDs.
fn hash(wire: &mut Wire, query: &str, types: &[u32]) -> Result<Total, Error> {
    let query = query.trim_end();
    let mut tally = Tally::new(RowHasher::of_types(types)?);
    wire.begin_copy_out(&format!("copy ({query}\n) to stdout (format binary)"))?;
    while let Copied::Frames(frames) = wire.read_copy()? {
        tally.take(frames);
    }
    tally.finish().ok_or_else(|| {
        Error::new(
            Class::Unsupported,
            "the server's binary COPY cannot be read",
        )
    })
}

/// OID of the type that a column's canonical expression has, as `record_send` would write it.
fn type_oid(wire: &mut Wire, column: &ColumnFacts) -> Result<u32, Error> {
    let name = match &column.canonical {
        Canonical::Raw => without_modifier(&column.data_type),
        Canonical::Base(base) | Canonical::Float(base) => base.clone(),
        Canonical::Text | Canonical::Output { .. } => return Ok(oids::TEXT),
        Canonical::Array(_) | Canonical::Send { .. } => return Ok(oids::BYTEA),
    };
    if let Some(oid) = oids::of_type(&name) {
        return Ok(oid);
    }
    let sql = format!("select {}::regtype::oid", quote::literal(&name));
    let oid = wire.value(&sql)?.and_then(|oid| oid.parse().ok());
    oid.ok_or_else(|| Error::new(Class::Unsupported, format!("type {name} has no OID")))
}
