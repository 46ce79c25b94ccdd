//! Hashes a table on both sides, row by row and as a whole.

use std::io::Read;

use pg_session::checksum::{RowHasher, Sum, Total, merge, stream_on_wire, sum_relation, sum_where};
use pg_session::{Purpose, Relation, Session, catalog, quote};

use crate::cluster::{Cluster, installed};
use crate::{tables, values};

/// Built-in types that have a send function and no place in tables, or hold OIDs.
const NOT_FOR_TABLES: &[&str] = &[
    "pg_brin_bloom_summary",
    "pg_brin_minmax_multi_summary",
    "pg_dependencies",
    "pg_mcv_list",
    "pg_ndistinct",
    "pg_node_tree",
];

#[test]
fn the_client_hashes_rows_as_every_server_does() {
    for (major, bin) in installed() {
        let cluster = Cluster::start(&bin);
        let mut session = cluster.connect();
        let kinds = values::of_major(major);
        session.batch("create schema k").unwrap();
        tables::one_a_type(&mut session, &kinds);
        tables::one_of_all(&mut session, &kinds);
        tables::others(&mut session);
        let extensions = tables::of_extensions(&mut session);
        tables::left_to_the_server(&mut session);
        let relations = catalog::list_relations(&mut session, &[]).unwrap();
        let (hashed, left): (Vec<_>, Vec<_>) = relations
            .iter()
            .partition(|relation| RowHasher::for_relation(relation).is_some());
        for relation in &left {
            assert_eq!(relation.name.schema, "left_to_server", "{}", relation.name);
        }
        assert_eq!(
            (left.len(), hashed.len()),
            (8, kinds.len() + 6 + extensions)
        );
        let rows: usize = hashed
            .iter()
            .map(|relation| compare(&mut session, relation))
            .sum();
        every_type_is_there(&mut session, &kinds);
        what_is_sent_is_hashed_alike(&cluster, &mut session, &relations);
        filters_stand_beside_conditions(&mut session, &relations);
        println!("{major}: {} tables, {rows} rows", hashed.len());
    }
}

/// Compares what a server hashes with what it sends to be hashed, of all tables and of large
/// objects.
fn what_is_sent_is_hashed_alike(cluster: &Cluster, session: &mut Session, relations: &[Relation]) {
    let endpoint = cluster.endpoint();
    let mut wire = endpoint
        .wire(session.way(), Purpose::Load, "pgmig/test")
        .unwrap();
    for relation in relations {
        let sent = stream_on_wire(&mut wire, relation, None).unwrap();
        assert_eq!(
            sent,
            sum_relation(session, relation).unwrap(),
            "{relation:?}"
        );
    }
    let none = relations.first().unwrap();
    let sent = stream_on_wire(&mut wire, none, Some("false")).unwrap();
    assert_eq!(sent, sum_where(session, none, Some("false")).unwrap());
}

/// Compares a table; gives its rows.
fn compare(session: &mut Session, relation: &Relation) -> usize {
    let name = relation.name.sql();
    let mut hasher = RowHasher::for_relation(relation).unwrap();
    let columns: Vec<String> = hasher
        .columns()
        .iter()
        .map(|c| quote::identifier(c))
        .collect();
    let sql = format!(
        "copy (select {} from only {name}) to stdout (format binary)",
        columns.join(", ")
    );
    let mut bytes = Vec::new();
    session
        .copy_out(&sql)
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    let ctids: Vec<String> = session
        .query(&format!("select ctid::text from only {name}"), &[])
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    let tuples = tuples(&bytes);
    assert_eq!(tuples.len(), ctids.len(), "{name}");
    let mut total = Total::default();
    let mut parts = vec![Total::default().checksum(relation)];
    for (tuple, ctid) in tuples.iter().zip(&ctids) {
        let mut own = Total::default();
        own.add(hasher.row(tuple).unwrap());
        let filter = format!("ctid = '{ctid}'");
        let theirs = sum_where(session, relation, Some(&filter)).unwrap();
        assert_eq!(own.checksum(relation), theirs, "{relation:?} at {ctid}");
        total.merge(own);
        hasher.add(tuple).unwrap();
        parts.push(theirs);
    }
    let whole = sum_relation(session, relation).unwrap();
    assert_eq!(total.checksum(relation), whole, "{name}");
    assert_eq!(hasher.finish(), total, "{name}");
    assert_eq!(hasher.finish(), Total::default(), "{name}");
    assert_eq!(merge(&parts), Some(whole), "{name}");
    tuples.len()
}

/// The tuples of a binary COPY, without its header and trailer.
fn tuples(copy: &[u8]) -> Vec<&[u8]> {
    let mut rest = copy
        .strip_prefix(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0")
        .unwrap();
    let mut tuples = Vec::new();
    loop {
        let fields = i16::from_be_bytes(*rest.first_chunk().unwrap());
        if fields < 0 {
            assert_eq!(rest.len(), 2);
            return tuples;
        }
        let mut end = 2;
        for _ in 0..fields {
            let length = i32::from_be_bytes(*rest[end..].first_chunk().unwrap());
            end += 4 + usize::try_from(length).unwrap_or(0);
        }
        let (tuple, more) = rest.split_at(end);
        tuples.push(tuple);
        rest = more;
    }
}

/// A type that a later server has must come with values, or be left out on purpose.
fn every_type_is_there(session: &mut Session, kinds: &[values::Kind]) {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.data_type).collect();
    let missing: Vec<String> = session
        .query(
            "select typname::text from pg_type
             where oid < 10000 and typtype in ('b', 'r', 'm') and typsend::oid <> 0
               and typinput <> 'array_in'::regproc and typname !~ '^reg(?!ister|cursor)'
               and oid <> all (select unnest($1::text[])::regtype::oid) and typname <> all ($2::text[])",
            &[&names, &NOT_FOR_TABLES],
        )
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(missing, [""; 0]);
}

/// The parts of a table with an extension's condition are those of what the condition leaves.
fn filters_stand_beside_conditions(session: &mut Session, relations: &[Relation]) {
    let mut table = relations
        .iter()
        .find(|relation| relation.name.name == "t0")
        .unwrap()
        .clone();
    let mut sum = |table: &Relation, filter: Option<&str>| -> Sum {
        sum_where(session, table, filter).unwrap()
    };
    let by_filter = sum(&table, Some("id = 1 or id > 2"))
        .parts()
        .map(|(_, sum)| sum);
    table.condition = Some("WHERE id = 1 or id > 2".to_owned());
    let whole = sum(&table, None);
    assert_eq!(whole.parts().map(|(_, sum)| sum), by_filter);
    let parts = [
        sum(&table, Some("ctid < '(0,4)' or false")),
        sum(&table, Some("ctid >= '(0,4)'")),
    ];
    assert_eq!(merge(&parts), Some(whole.clone()));
    let parts = [sum(&table, Some("id < 3")), sum(&table, Some("id >= 3"))];
    assert_eq!(merge(&parts), Some(whole));
}
