//! Tests of the matching.

use pg_pipe::record::Record;
use pg_pipe::{Failure, Line};
use pg_session::relation::{Binary, Canonical, ColumnFacts};

use super::*;

fn relation(name: &str, columns: &[(&str, &str)], bytes: i64) -> Relation {
    Relation {
        oid: 1,
        name: RelationName::new("s", name),
        columns: columns
            .iter()
            .map(|(name, data_type)| ColumnFacts {
                name: (*name).to_owned(),
                data_type: (*data_type).to_owned(),
                canonical: Canonical::Raw,
                binary: Binary::Safe,
            })
            .collect(),
        key: Vec::new(),
        bytes,
        rows_estimate: None,
        unlogged: false,
        parent: None,
        condition: None,
        filenode: None,
    }
}

fn listing(relations: &[Relation]) -> Listing {
    Listing {
        relations: relations.to_vec(),
        ..Listing::default()
    }
}

fn whole_of(source: Listing, target: Listing) -> Vec<Comparison> {
    whole(source, target, &Scope::default())
}

fn scoped_by(known: &Known, source: Option<Listing>, target: Listing) -> Vec<Comparison> {
    scoped(known, source, target, &Scope::default())
}

fn known(records: &[&str]) -> Known {
    let lines = records.iter().map(|text| -> Result<Line, Failure> {
        let record: Record = serde_json::from_str(text).unwrap();
        Ok(Line::Known(Box::new(record)))
    });
    Known::read(lines).unwrap()
}

fn settled(plan: &[Comparison], name: &str) -> Option<Verdict> {
    let found = plan.iter().find(|c| c.name.name == name).unwrap();
    match &found.course {
        Course::Settled(verdict, _) => Some(*verdict),
        Course::Compare { .. } | Course::Told => None,
    }
}

const A: &str = r#"{"type":"table","schema":"s","name":"a","columns":[{"name":"i","data_type":"integer"}],"bytes":1}"#;
const COPIED: &str = r#"{"type":"copied","schema":"s","table":"a","rows":3,"bytes":9,"checksum":"b64s/1:x:1","milliseconds":1}"#;
const FAILED: &str = r#"{"type":"error","tool":"pg-copy","scope":"item","class":"statement","message":"m","exit":5,"object":"s.a"}"#;
const MIGRATION: &str = r#"{"type":"migration","name":"m","hash":"0","option":"Migrate","mode":"Offline","source_type":"x","databases":["d"],"database":"d","staging":"d__pgmig_0","overwrite":false}"#;

#[test]
fn tables_on_one_side_only_and_of_other_definition_are_never_read() {
    let int = [("i", "integer")];
    let source = listing(&[
        relation("both", &int, 1),
        relation("gone", &int, 1),
        relation("other", &int, 1),
    ]);
    let target = listing(&[
        relation("both", &int, 1),
        relation("new", &int, 1),
        relation("other", &[("i", "bigint")], 1),
    ]);
    let plan = whole_of(source, target);
    assert_eq!(settled(&plan, "both"), None);
    assert_eq!(settled(&plan, "gone"), Some(Verdict::Missing));
    assert_eq!(settled(&plan, "new"), Some(Verdict::Extra));
    assert_eq!(settled(&plan, "other"), Some(Verdict::Mismatch));
}

#[test]
fn what_computes_a_generated_column_is_compared() {
    let side = |definition: &str| {
        let mut side = listing(&[relation("a", &[("i", "integer")], 1)]);
        let columns = Columns::from([("g".to_owned(), definition.to_owned())]);
        side.generated.insert(RelationName::new("s", "a"), columns);
        side
    };
    let plan = whole_of(side("i * 2"), side("i * 3"));
    assert_eq!(settled(&plan, "a"), Some(Verdict::Mismatch));
    assert_eq!(settled(&whole_of(side("i"), side("i")), "a"), None);
    let without = listing(&[relation("a", &[("i", "integer")], 1)]);
    let plan = whole_of(side("i"), without);
    assert_eq!(settled(&plan, "a"), Some(Verdict::Mismatch));
}

#[test]
fn the_largest_table_comes_first_and_large_objects_last() {
    let sides = || listing(&[relation("a", &[], 1), relation("b", &[], 9)]);
    let plan = whole_of(sides(), sides());
    let names: Vec<&str> = plan.iter().map(|c| c.name.name.as_str()).collect();
    assert_eq!(names, ["b", "a", LARGE_OBJECTS]);
    assert_eq!(plan[0].bytes(), 18);
}

#[test]
fn a_table_that_was_copied_is_read_on_the_target_only() {
    let target = listing(&[relation("a", &[("i", "integer")], 7)]);
    let plan = scoped_by(&known(&[A, COPIED]), None, target);
    assert_eq!(plan.len(), 1);
    assert_eq!(plan[0].jobs().map(|job| job.is_some()), [false, true]);
}

#[test]
fn a_table_that_nobody_read_or_that_failed_is_unverified() {
    for records in [&[A][..], &[A, COPIED, FAILED][..]] {
        let target = listing(&[relation("a", &[("i", "integer")], 7)]);
        let plan = scoped_by(&known(records), None, target);
        assert_eq!(settled(&plan, "a"), Some(Verdict::Unverified));
    }
}

#[test]
fn a_table_that_was_copied_and_is_not_there_is_missing() {
    let plan = scoped_by(&known(&[A, COPIED]), None, Listing::default());
    assert_eq!(settled(&plan, "a"), Some(Verdict::Missing));
}

#[test]
fn extra_tables_count_in_a_migration_and_not_in_a_stream_cut_by_hand() {
    let target = || listing(&[relation("a", &[("i", "integer")], 7), relation("b", &[], 7)]);
    let plan = scoped_by(&known(&[A, COPIED]), None, target());
    assert_eq!(plan.len(), 1);
    let plan = scoped_by(&known(&[MIGRATION, A, COPIED]), None, target());
    assert_eq!(settled(&plan, "b"), Some(Verdict::Extra));
}

#[test]
fn a_definition_that_changed_on_the_way_is_a_difference() {
    let target = listing(&[relation("a", &[("i", "bigint")], 7)]);
    let plan = scoped_by(&known(&[A, COPIED]), None, target);
    assert_eq!(settled(&plan, "a"), Some(Verdict::Mismatch));
}

#[test]
fn large_objects_are_compared_when_the_stream_speaks_of_them() {
    let objects = r#"{"type":"large_objects","count":2}"#;
    let plan = scoped_by(&known(&[A, COPIED, objects]), None, Listing::default());
    assert_eq!(settled(&plan, LARGE_OBJECTS), Some(Verdict::Unverified));
    let objects = r#"{"type":"large_objects","count":2,"checksum":"b64s/1:lo:5"}"#;
    let plan = scoped_by(&known(&[A, COPIED, objects]), None, Listing::default());
    assert_eq!(settled(&plan, LARGE_OBJECTS), None);
}
