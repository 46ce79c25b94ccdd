//! How long it takes to hash rows of binary COPY as they pass: `make bench`.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use pg_session::checksum::RowHasher;
use pg_session::relation::{Binary, Canonical, ColumnFacts, Relation, RelationName};

/// A column's type and a value of it, as binary COPY has it.
type Value = (&'static str, Option<Vec<u8>>);

fn narrow() -> Vec<Value> {
    vec![
        ("integer", Some(vec![0, 1, 2, 3])),
        ("integer", Some(vec![0, 0, 0, 7])),
        ("bigint", Some(vec![9; 8])),
    ]
}

fn mixed() -> Vec<Value> {
    vec![
        ("bigint", Some(vec![1; 8])),
        ("timestamp with time zone", Some(vec![2; 8])),
        ("numeric", Some(vec![0, 2, 0, 0, 0, 0, 0, 2, 0, 77, 3, 4])),
        (
            "text",
            Some(b"a comment of some words, as people write them".to_vec()),
        ),
        (
            "jsonb",
            Some(b"\x01{\"lang\": \"en\", \"theme\": {\"dark\": true}}".to_vec()),
        ),
        ("uuid", Some(vec![5; 16])),
        ("boolean", Some(vec![1])),
        ("text", None),
    ]
}

fn wide() -> Vec<Value> {
    vec![
        ("bigint", Some(vec![1; 8])),
        ("bytea", Some((0..=u8::MAX).cycle().take(8192).collect())),
    ]
}

/// A table with these columns.
fn relation(row: &[Value]) -> Relation {
    let column = |(nth, (data_type, _)): (usize, &Value)| ColumnFacts {
        name: format!("c{nth}"),
        data_type: (*data_type).to_owned(),
        canonical: Canonical::Raw,
        binary: Binary::Safe,
    };
    Relation {
        oid: 1,
        name: RelationName::new("s", "t"),
        columns: row.iter().enumerate().map(column).collect(),
        key: Vec::new(),
        bytes: 0,
        rows_estimate: None,
        unlogged: false,
        parent: None,
        condition: None,
        filenode: None,
    }
}

/// A tuple of binary COPY.
fn tuple(row: &[Value]) -> Vec<u8> {
    let count = i16::try_from(row.len()).unwrap_or_default();
    let mut bytes = count.to_be_bytes().to_vec();
    for (_, value) in row {
        let length = value
            .as_ref()
            .map_or(Ok(-1), |value| i32::try_from(value.len()));
        bytes.extend(length.unwrap_or_default().to_be_bytes());
        bytes.extend(value.iter().flatten());
    }
    bytes
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("hash of a row in passing");
    for (name, row) in [("narrow", narrow()), ("mixed", mixed()), ("8 kB", wide())] {
        let tuple = tuple(&row);
        let bytes = u64::try_from(tuple.len()).unwrap_or_default();
        group.throughput(Throughput::Bytes(bytes));
        let Some(mut hasher) = RowHasher::for_relation(&relation(&row)) else {
            continue;
        };
        group.bench_function(name, |bencher| {
            bencher.iter(|| hasher.add(black_box(&tuple)).is_ok());
        });
        assert!(hasher.finish().rows > 0, "no row of {name} was hashed");
    }
    group.finish();
    criterion.final_summary();
}
