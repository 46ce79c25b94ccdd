//! A stream that was not written by our tools, or was tampered with. Who writes it may have SQL
//! run, as with any script; but what is not a sound record is refused before anything is done,
//! and no record leads into a database or a table that is somebody else's.

use pg_e2e::{Database, Pair, Ran};
use serde_json::{Value, json};

use crate::scene::{READERS, Scene, shown};

const OTHERS: &str = "create table t (id integer primary key, name text); insert into t values (7, 'of somebody else')";

/// The plan with a record put before its end.
fn with(plan: &str, record: &str) -> String {
    let (whole, end) = plan.trim_end().rsplit_once('\n').expect("a plan has lines");
    format!("{whole}\n{record}\n{end}\n")
}

fn run(scene: &Scene, words: &[&str], input: String) -> Ran {
    scene.tool(words).input(input).run()
}

#[test]
fn what_is_no_sound_record_is_refused_before_anything_is_done() {
    let scene = Scene::plain(Pair::newest());
    let plan = scene.plan();
    let deep = |kind: &str| {
        let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
        format!(r#"{{"type":"{kind}","tool":"t","id":"i","exit":0,"x":{open}{close}}}"#)
    };
    for record in [
        deep("end"),
        r#"{"type":"end","type":"begin","tool":"t","id":"i","exit":0}"#.to_owned(),
        r#"{"type":"end","tool":"t","id":"i","exit":0,"exit":1}"#.to_owned(),
        r#"{"type":"end","tool":"t","id":"i","exit":256}"#.to_owned(),
        r#"{"type":"end","tool":["t"],"id":"i","exit":0}"#.to_owned(),
        r#"{"type":"table","schema":"s","name":7,"columns":[],"key":null}"#.to_owned(),
        r#"{"type":"table","schema":"\ud800","name":"n"}"#.to_owned(),
    ] {
        for words in &READERS[3..6] {
            let input = with(&plan, &record);
            let ran = scene.target_is_untouched_by(|| run(&scene, words, input));
            ran.fails_clearly(3, &["is not a record"]);
        }
    }
    // One that nobody knows is forwarded, whatever is in it.
    let odd = [
        deep("remark"),
        format!(r#"{{"type":"remark","x":"{}"}}"#, "y".repeat(30_000_000)),
    ];
    for record in odd {
        let ran = run(&scene, READERS[3], with(&plan, &record));
        ran.ends_with(0);
        assert!(
            ran.text().lines().any(|line| line == record),
            "it is forwarded"
        );
    }
}

#[test]
fn a_stream_that_names_a_database_of_somebody_else_is_refused() {
    let scene = Scene::plain(Pair::newest());
    let plan = scene.plan();
    let victim = Database::create(scene.target.cluster, "victim").with(OTHERS);
    let migration = json!({"type": "migration", "name": "m", "hash": "0123456789ab", "option": "Migrate",
        "mode": "Offline", "source_type": "OnPremises", "databases": [victim.name],
        "database": victim.name, "staging": victim.name, "overwrite": true});
    let before = victim.fingerprint();
    for words in &READERS[3..6] {
        let input = format!("{migration}\n{plan}");
        let ran = scene.target_is_untouched_by(|| run(&scene, words, input));
        ran.fails_clearly(7, &[&victim.name]);
        assert!(victim.fingerprint() == before, "{}\n{ran}", shown(words));
    }
}

/// A record with some of its fields changed.
fn like(plan: &str, kind: &str, fields: &[(&str, Value)]) -> String {
    let line = plan
        .lines()
        .find(|line| line.starts_with(&format!("{{\"type\":\"{kind}\"")));
    let mut record: Value = serde_json::from_str(line.expect("there is one")).expect("JSON");
    for (field, value) in fields {
        record[*field] = value.clone();
    }
    record.to_string()
}

#[test]
fn tables_that_the_dump_does_not_have_are_told_and_those_of_others_stay() {
    let scene = Scene::plain(Pair::newest());
    let plan = scene.plan();
    run(&scene, READERS[3], plan.clone()).ends_with(0);
    scene.target.run("create schema theirs; create table theirs.t (id integer, name text); insert into theirs.t values (7, 'x')");
    scene.source.run("create schema theirs; create table theirs.t (id integer, name text); insert into theirs.t values (8, 'y')");
    for (schema, name, status, word) in [
        ("public", "no_such", 0, "is left out"),
        ("public", "t; drop table t; --", 0, "is left out"),
        ("theirs", "t", 7, "rows"),
        ("pg_catalog", "pg_authid", 7, "it is gone"),
    ] {
        let columns =
            json!([{"name": "id", "data_type": "integer"}, {"name": "name", "data_type": "text"}]);
        let record = json!({"type": "table", "schema": schema, "name": name, "columns": columns, "bytes": 1});
        let ran = run(&scene, READERS[4], with(&plan, &record.to_string()));
        assert_eq!(ran.status, status, "{schema}.{name}\n{ran}");
        ran.says(&[name, word]);
    }
    assert_eq!(scene.target.ask("select id, name from theirs.t"), ["7|x"]);
    assert_eq!(scene.target.ask("select count(*) from t"), ["10"]);
    // What is said to be copied and is not in the plan changes nothing of what is built.
    let copied = run(&scene, READERS[4], plan.clone());
    copied.ends_with(0);
    let more = like(
        &copied.text(),
        "copied",
        &[("schema", json!("theirs")), ("table", json!("t"))],
    );
    let post = run(&scene, READERS[5], with(&copied.text(), &more));
    post.ends_with(0);
    assert_eq!(scene.target.ask("select id, name from theirs.t"), ["7|x"]);
}
