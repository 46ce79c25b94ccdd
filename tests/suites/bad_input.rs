//! Bad input: one clear line that says what, where and what next, the right exit status,
//! and an untouched target.

use std::path::Path;

use pg_e2e::cluster::CANARY;
use pg_e2e::{Pair, Ran, Tool, fault};

use crate::scene::{READERS, Scene, private, shown};

/// A tool, its words, and the sides that it connects to.
struct Case {
    words: &'static [&'static str],
    sides: &'static [&'static str],
}

/// Tools that connect; those that end in `-` are given the plan of the source.
const CASES: &[Case] = &[
    Case {
        words: &["pg-probe"],
        sides: &["source", "target"],
    },
    Case {
        words: &["pg-validate"],
        sides: &["source", "target"],
    },
    Case {
        words: &["pg-schema-dump"],
        sides: &["source"],
    },
    Case {
        words: &["pg-schema-apply", "--section", "pre-data", "-"],
        sides: &["target"],
    },
    Case {
        words: &["pg-verify"],
        sides: &["source", "target"],
    },
    Case {
        words: &["pg-copy", "-"],
        sides: &["source", "target"],
    },
];

/// Runs every tool with one side replaced, and hands each run to `check`.
fn with_bad_side(scene: &Scene, bad: &str, check: impl Fn(&str, &Ran)) {
    let plan = scene.plan();
    for case in CASES {
        for side in case.sides {
            let (flag, last) = (format!("--{side}"), case.words.last());
            let mut tool = scene.tool(case.words).args([&flag, bad]);
            if last == Some(&"-") {
                tool = tool.input(plan.clone());
            }
            let ran = scene.target_is_untouched_by(|| tool.run());
            check(side, &ran);
            let stream = ran.stream();
            let error = stream.of("error").next();
            assert!(
                error.is_some_and(|error| error.text("scope") == "stream"),
                "{ran}"
            );
        }
    }
}

#[test]
fn a_connection_string_that_does_not_parse_is_shown_as_usage() {
    let scene = Scene::plain(Pair::newest());
    for bad in [
        "host='unclosed",
        "postgres://h:notaport/db",
        "nonsense",
        "colour=red",
    ] {
        with_bad_side(&scene, bad, |side, ran| {
            ran.fails_clearly(2, &[side]);
        });
    }
}

#[test]
fn a_server_that_is_not_there_is_named_with_host_and_port() {
    let scene = Scene::plain(Pair::newest());
    let nobody = fault::nobody_there();
    let port = nobody.split(['=', ' ']).nth(3).expect("a port").to_owned();
    with_bad_side(&scene, &nobody, |_, ran| {
        ran.fails_clearly(4, &["127.0.0.1", &port]);
    });
}

#[test]
fn a_host_that_does_not_resolve_and_a_socket_that_is_not_there_are_named() {
    let scene = Scene::plain(Pair::newest());
    for bad in [
        "host=no-such-host.invalid dbname=d user=u",
        "host=/no/such/socket dbname=d user=u",
    ] {
        let host = bad.split(['=', ' ']).nth(1).expect("a host").to_owned();
        with_bad_side(&scene, bad, |_, ran| {
            ran.fails_clearly(4, &[&host]);
        });
    }
}

#[test]
fn a_wrong_password_is_an_authentication_error_and_is_not_shown() {
    let scene = Scene::plain(Pair::newest());
    for side in [&scene.source, &scene.target] {
        let plan = scene.plan();
        let wrong = format!("{} password='wrong-9e1'", side.tcp_conninfo());
        let flag = if std::ptr::eq(side, &raw const scene.source) {
            "source"
        } else {
            "target"
        };
        for case in CASES.iter().filter(|case| case.sides.contains(&flag)) {
            let tool = scene.tool(case.words).args([&format!("--{flag}"), &wrong]);
            let ran = scene.target_is_untouched_by(|| tool.input(plan.clone()).run());
            ran.fails_clearly(4, &["password", "canary_user"]);
            assert!(
                !ran.to_string()
                    .replace(&ran.command, "")
                    .contains("wrong-9e1"),
                "{ran}"
            );
            assert!(
                ran.text().contains("\"28P01\""),
                "the SQLSTATE is in the record\n{ran}"
            );
        }
    }
}

#[test]
fn a_missing_password_says_how_to_give_it() {
    let scene = Scene::plain(Pair::newest());
    for case in CASES.iter().filter(|case| case.sides.contains(&"target")) {
        let tool = scene
            .tool(case.words)
            .args(["--target", &scene.target.tcp_conninfo()]);
        let ran = scene.target_is_untouched_by(|| tool.input(scene.plan()).run());
        ran.fails_clearly(4, &["password"]);
        ran.says(&["PGMIG_TARGET_PASSWORD"]);
    }
}

#[test]
fn a_password_that_stayed_in_the_url_of_an_earlier_tool_is_told_so() {
    let scene = Scene::plain(Pair::newest());
    let given = format!("{} password={CANARY}", scene.source.tcp_conninfo());
    let probe = scene.tool(&["pg-probe", "--source", &given]).run();
    probe.ends_with(0);
    let ran = scene
        .tool(&["pg-schema-dump", "-"])
        .env("PGMIG_SOURCE", "")
        .input(probe.stdout)
        .run();
    ran.fails_clearly(4, &["password"]);
    ran.says(&["An earlier tool had the password", "PGMIG_SOURCE_PASSWORD"]);
}

#[test]
fn a_database_that_is_not_there_is_named() {
    let scene = Scene::plain(Pair::newest());
    let bad = scene.source.cluster.conninfo("no_such_database");
    with_bad_side(&scene, &bad, |_, ran| {
        assert!([4, 5].contains(&ran.status), "{ran}");
        ran.fails_clearly(ran.status, &["no_such_database"]);
    });
}

#[test]
fn no_server_given_is_usage() {
    for words in READERS.iter().filter(|words| words[0] != "pg-migstate") {
        let table = r#"{"type":"table","schema":"public","name":"t","columns":[],"bytes":0}"#;
        let object = r#"{"type":"object","id":1,"kind":"SCHEMA","name":"s","section":"pre-data","sql":"create schema s"}"#;
        let post = r#"{"type":"object","id":2,"kind":"INDEX","name":"i","section":"post-data","sql":"create index on t (a)"}"#;
        let ran = Tool::new(words[0])
            .args(&words[1..])
            .input(format!("{table}\n{object}\n{post}\n"))
            .run();
        ran.fails_clearly(2, &[]);
        assert!(
            ran.stderr.contains("--source") || ran.stderr.contains("--target"),
            "{}\n{ran}",
            shown(words)
        );
    }
}

#[test]
fn a_target_with_tables_in_it_is_refused_by_validate_apply_and_copy() {
    let scene = Scene::plain(Pair::newest());
    scene
        .target
        .run("create table precious (a integer); insert into precious values (1)");
    let ran = scene.target_is_untouched_by(|| scene.tool(&["pg-validate"]).run());
    ran.ends_with(1);
    let stream = ran.stream();
    assert_eq!(stream.the("validation").text("status"), "Failed", "{ran}");
    let named = stream
        .of("check")
        .any(|check| check.text("status") == "Failed" && check.line.contains("precious"));
    assert!(named, "a failed check names what is there\n{ran}");
    let plan = scene.plan();
    let apply = || scene.tool(READERS[3]).input(plan.clone()).run();
    scene
        .target_is_untouched_by(apply)
        .fails_clearly(7, &[&scene.target.name]);
    // The tables of the plan are not there, which is what pg-copy may say instead.
    let copy = || scene.tool(&["pg-copy", "-"]).input(plan.clone()).run();
    let ran = scene.target_is_untouched_by(copy);
    assert!([5, 7].contains(&ran.status), "{ran}");
    ran.fails_clearly(ran.status, &[]);
}

#[test]
fn rows_that_are_in_the_target_already_are_never_doubled() {
    let scene = Scene::plain(Pair::newest());
    scene
        .target
        .run("create table t (id integer, name text); insert into t values (1, 'mine')");
    scene
        .target
        .run("create table other (id serial primary key, t integer)");
    let plan = scene.plan();
    let ran = scene.target_is_untouched_by(|| scene.tool(&["pg-copy", "-"]).input(plan).run());
    ran.fails_clearly(7, &[]);
}

#[test]
fn a_migration_file_that_is_missing_or_wrong_is_named() {
    let scene = Scene::plain(Pair::newest());
    let begin = |file: &Path| scene.tool(&["pg-migstate", "begin"]).arg(file).run();
    begin(&scene.dir.path().join("not-there.json")).fails_clearly(2, &["not-there.json"]);
    for (name, body) in [
        ("no-json.json", "{"),
        ("no-name.json", "{}"),
        (
            "bad-name.json",
            r#"{"name":"-x","source":"","target":"","databases":["d"]}"#,
        ),
        (
            "no-databases.json",
            r#"{"name":"x","source":"","target":"","databases":[]}"#,
        ),
        (
            "bad-server.json",
            r#"{"name":"x","source":"host='","target":"","databases":["d"]}"#,
        ),
    ] {
        let file = scene.dir.path().join(name);
        std::fs::write(&file, body).expect("the directory is ours");
        private(&file);
        begin(&file).fails_clearly(2, &[name]);
    }
}

#[test]
fn a_migration_nobody_knows_is_refused_by_show_and_finish() {
    let scene = Scene::plain(Pair::newest());
    for action in ["show", "finish"] {
        let ran = scene.tool(&["pg-migstate", action, "nobody-knows"]).run();
        assert!([2, 7].contains(&ran.status), "{ran}");
        ran.fails_clearly(ran.status, &["nobody-knows"]);
    }
}
