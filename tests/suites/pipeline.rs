//! The whole pipeline by hand, judged by pg_dump and by SQL.

use pg_e2e::{Pair, Pipeline, Stream, Tool};

use crate::scene::{BY_HAND, Scene};

#[test]
fn every_kind_of_object_and_every_name_arrives_by_hand() {
    let scene = Scene::small(Pair::newest());
    let joined = scene.by_hand().run();
    joined.succeeds();
    let stream = joined.last().stream();
    assert_eq!(
        stream.the("verification").text("status"),
        "equal",
        "{joined}"
    );
    scene.is_the_same_to_pg_dump();
    assert_eq!(
        scene
            .target
            .ask("select count(*) from pg_namespace where nspname like 'pgmig%'"),
        ["0"]
    );
}

#[test]
fn every_tool_alone_writes_a_stream_that_keeps_the_contract() {
    let scene = Scene::small(Pair::newest());
    let mut input = String::new();
    for tool in scene.tools(BY_HAND) {
        let ran = tool.input(input).run();
        ran.ends_with(0);
        let stream = ran.stream();
        assert_eq!(stream.of("error").count(), 0, "{ran}");
        input = ran.text();
    }
    let stream = Stream::decode(input.as_bytes(), &[]).expect("a stream");
    let relations = |kind: &str| {
        let mut names: Vec<String> = stream.of(kind).map(pg_e2e::Record::relation).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(
        relations("table"),
        relations("copied"),
        "each table is copied, once"
    );
    let failed = stream
        .of("applied")
        .filter(|one| one.text("status") != "applied" && one.text("kind") != "ROLE");
    assert_eq!(failed.count(), 0, "every object is applied, once");
    for record in stream.of("copied") {
        let name = format!(
            "\"{}\".\"{}\"",
            record.text("schema").replace('"', "\"\""),
            record.text("table").replace('"', "\"\"")
        );
        let rows = scene
            .source
            .ask_one(&format!("select count(*) from only {name}"));
        assert_eq!(record.number("rows").to_string(), rows, "rows of {name}");
    }
}

/// A change of the target that pg-verify must find, and the name that it must say.
const CHANGES: &[(&str, &str)] = &[
    (
        "update sales.customer_order set amount = amount + 0.01 where id = 500",
        "customer_order",
    ),
    (
        "delete from sales.hashed_1 where id = (select min(id) from sales.hashed_1)",
        "hashed_1",
    ),
    (
        "insert into sales.nothing_in_it values (1, null)",
        "nothing_in_it",
    ),
    (
        "update sales.customer_order set note = '' where id = (select min(id) from sales.customer_order where note is null)",
        "customer_order",
    ),
    (
        "update sales.extremes set exact = 0.0 where key = 4",
        "extremes",
    ),
    (
        "update sales.extremes set double = 0 where key = 4; update sales.extremes set single = 0 where key = 4",
        "extremes",
    ),
    (
        "insert into sales.no_key select * from sales.no_key limit 1",
        "no_key",
    ),
    (
        "update sales.extremes set document = '{\"a\": 1, \"a\":  2}' where key = 2",
        "extremes",
    ),
    (
        "update \"Odd \"\"Schema\"\"; drop schema sales\".\"select\" set \"a \"\"b\"\" 'c' \\d\" = 'y' where \"from\" = 1",
        "select",
    ),
    (
        "select setval('sales.number_sequence', 78, true)",
        "number_sequence",
    ),
    ("select lo_put(4711, 1, '\\x00')", "large objects"),
    ("select lo_unlink(4713)", "large objects"),
    ("drop table sales.nothing_in_it", "nothing_in_it"),
    ("create table sales.extra_one (a integer)", "extra_one"),
];

#[test]
fn each_change_on_the_target_is_found_and_the_table_is_named() {
    let scene = Scene::small(Pair::newest());
    scene.by_hand().run().succeeds();
    let quiet = scene
        .tool(&["pg-verify", "--quiet", "--format", "table"])
        .run();
    quiet.ends_with(0);
    assert_eq!(
        (quiet.text().as_str(), quiet.stderr.as_str()),
        ("", ""),
        "cron wants silence"
    );
    for (change, name) in CHANGES {
        let copy = copy_of(&scene);
        copy.run(&format!("set lock_timeout = 0; {change}"));
        let ran = scene
            .tool(&["pg-verify", "--target"])
            .arg(copy.conninfo())
            .run();
        ran.ends_with(1);
        ran.says(&[name]);
        let stream = ran.stream();
        assert_eq!(
            stream.the("verification").text("status"),
            "different",
            "{change}\n{ran}"
        );
        let unequal: Vec<_> = stream
            .of("verified")
            .filter(|one| one.text("verdict") != "match")
            .collect();
        assert!(
            unequal.iter().any(|one| one.text("name") == *name),
            "{change}\n{ran}"
        );
        assert_eq!(
            unequal.len(),
            1,
            "nothing else differs after {change}\n{ran}"
        );
    }
}

/// A second target that is equal to the first.
pub(crate) fn copy_of(scene: &Scene) -> pg_e2e::Database {
    let copy = pg_e2e::Database::reserve(scene.target.cluster, "changed");
    let sql = format!(
        "create database {} template \"{}\"",
        copy.name, scene.target.name
    );
    pg_e2e::fault::wait_until(
        "nobody uses the template",
        std::time::Duration::from_secs(5),
        || copy.cluster.connect("postgres").batch_execute(&sql).is_ok(),
    );
    copy
}

#[test]
fn records_may_be_taken_out_of_the_stream_by_other_programs() {
    let scene = Scene::plain(Pair::newest());
    let out = r#"^{"type":"table","schema":"public","name":"other"#;
    let grep = Tool::program("grep", "/bin/grep".as_ref()).args(["-v", out]);
    let joined = Pipeline::of([scene.tool(BY_HAND[0]), grep])
        .pipe(scene.tool(BY_HAND[1]))
        .pipe(scene.tool(BY_HAND[2]))
        .run();
    joined.succeeds();
    let copied: Vec<String> = joined
        .last()
        .stream()
        .of("copied")
        .map(pg_e2e::Record::relation)
        .collect();
    assert_eq!(copied, ["public.t"], "{joined}");
    assert_eq!(scene.target.ask("select count(*) from t"), ["10"]);
    assert_eq!(scene.target.ask("select count(*) from other"), ["0"]);
}

#[test]
fn a_plan_that_was_saved_can_be_replayed_from_its_file() {
    let scene = Scene::plain(Pair::newest());
    let plan = scene.dir.path().join("plan.ndjson");
    let tee = Tool::program("tee", "/usr/bin/tee".as_ref()).arg(&plan);
    Pipeline::of([scene.tool(BY_HAND[0]), tee, scene.tool(BY_HAND[1])])
        .run()
        .succeeds();
    let target = scene.target.conninfo();
    let ran = scene
        .tool(&["pg-copy", "--target", &target])
        .arg(&plan)
        .run();
    ran.ends_with(0);
    assert_eq!(ran.stream().of("copied").count(), 2, "{ran}");
    let after = scene.dir.path().join("after.ndjson");
    std::fs::write(&after, ran.text()).expect("the directory is ours");
    scene
        .tool(&["pg-schema-apply", "--section", "post-data"])
        .arg(&after)
        .run()
        .ends_with(0);
    scene.is_the_same_to_pg_dump();
}

#[test]
fn a_plan_without_begin_and_end_is_taken_as_it_is() {
    let scene = Scene::plain(Pair::newest());
    let plan = scene.tool(BY_HAND[0]).run().stream();
    let bare = plan.filtered(|record| !["begin", "end"].contains(&record.kind()));
    let mut tools = scene.tools(&BY_HAND[1..]);
    let first = tools.next().expect("a pipeline has tools").input(bare);
    Pipeline::of([first].into_iter().chain(tools))
        .run()
        .succeeds();
    scene.is_the_same_to_pg_dump();
}

#[test]
fn a_second_run_on_the_same_target_is_a_conflict_and_changes_nothing() {
    let scene = Scene::plain(Pair::newest());
    scene.by_hand().run().succeeds();
    let joined = scene.target_is_untouched_by(|| scene.by_hand().run());
    assert_eq!(joined.statuses(), [0, 7, 7, 7, 7], "{joined}");
    joined.parts[1].fails_clearly(7, &[&scene.target.name]);
}

#[test]
fn the_source_is_only_read() {
    let scene = Scene::small(Pair::newest());
    let before = scene.source.fingerprint();
    scene.by_hand().run().succeeds();
    scene.tool(&["pg-validate"]).run();
    scene.tool(&["pg-probe"]).run().ends_with(0);
    assert_eq!(before, scene.source.fingerprint());
}

#[test]
fn a_source_that_is_written_to_after_the_copy_makes_no_false_difference_in_the_pipeline() {
    let scene = Scene::plain(Pair::newest());
    let mut stream = String::new();
    for tool in scene.tools(&BY_HAND[..4]) {
        let ran = tool.input(stream).run();
        ran.ends_with(0);
        stream = ran.text();
    }
    scene
        .source
        .run("update t set name = 'later' where id = 1; delete from other where t = 2");
    scene
        .tool(&["pg-verify", "-"])
        .input(stream)
        .run()
        .ends_with(0);
    let alone = scene.tool(&["pg-verify"]).run();
    alone.ends_with(1);
    alone.says(&["other", "t"]);
}

#[test]
fn a_target_that_was_changed_after_the_copy_is_found_in_the_pipeline() {
    let scene = Scene::plain(Pair::newest());
    let mut stream = String::new();
    for tool in scene.tools(&BY_HAND[..4]) {
        stream = tool.input(stream).run().text();
    }
    scene.target.run("update t set name = 'other' where id = 1");
    let ran = scene.tool(&["pg-verify", "-"]).input(stream).run();
    ran.ends_with(1);
    let stream = ran.stream();
    let unequal: Vec<_> = stream
        .of("verified")
        .filter(|one| one.text("verdict") != "match")
        .collect();
    assert_eq!(unequal.len(), 1, "{ran}");
    assert_eq!(unequal[0].relation(), "public.t", "{ran}");
}
