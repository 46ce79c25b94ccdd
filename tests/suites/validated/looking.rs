//! How the checks look: on every version, for whoever asks, past locks; and what they say.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use pg_e2e::cluster::Side;
use pg_e2e::{Cluster, Database, Majors, Pair, Ran, Tool};

use super::check;
use super::ways::server;
use crate::scene::Scene;

/// Checks that could not be answered, with what was said.
fn unanswered(ran: &Ran) -> Vec<(String, String)> {
    let stream = ran.stream();
    stream
        .of("check")
        .filter(|check| check.text("message").starts_with("could not be answered"))
        .map(|check| {
            (
                check.text("id").to_owned(),
                check.text("message").to_owned(),
            )
        })
        .collect()
}

#[test]
fn every_check_can_be_answered_whatever_the_version_and_the_names() {
    let mut wrong = Vec::new();
    for major in Majors::probed().keys() {
        let Some(cluster) = server(*major, Side::Source) else {
            continue;
        };
        let source = Database::create(cluster, "Any 'version\"").with(
            "create schema \"S'\n\"; create table \"S'\n\".\"T\\\"\"\"(\"a\u{e4}\" text primary key, b serial check (b > 0));
             create view \"S'\n\".v as select * from \"S'\n\".\"T\\\"\"\"",
        );
        let target = Database::create(Cluster::of(Majors::newest(), Side::Target), "any");
        let ran = Tool::new("pg-validate")
            .args([
                "--source",
                &source.conninfo(),
                "--target",
                &target.conninfo(),
                "--deep",
            ])
            .run();
        wrong.extend(unanswered(&ran).into_iter().map(|one| (*major, one)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn whoever_may_little_is_told_what_could_not_be_answered_and_gets_the_rest() {
    for major in [Majors::oldest(), Majors::newest()] {
        let scene = Scene::plain(Pair {
            source: major,
            target: Majors::newest(),
        });
        let guest = |database: &Database| {
            let run = "do $$ begin create role passer_by login; exception when duplicate_object or unique_violation then null; end $$";
            database.run(run);
            database
                .conninfo()
                .replace("user=postgres", "user=passer_by")
        };
        let ran = Tool::new("pg-validate")
            .args([
                "--source",
                &guest(&scene.source),
                "--target",
                &guest(&scene.target),
            ])
            .run();
        ran.ends_with(1);
        assert_eq!(unanswered(&ran), [], "{ran}");
        assert_eq!(
            check(&ran, "src.role_select").text("status"),
            "Failed",
            "{ran}"
        );
    }
}

#[test]
fn a_locked_catalog_costs_the_checks_that_need_it_and_no_more() {
    let scene = Scene::plain(Pair::newest());
    let mut holder = scene.source.connect();
    holder
        .batch_execute("begin; lock table pg_catalog.pg_ts_dict in access exclusive mode")
        .expect("a superuser may lock it");
    let began = Instant::now();
    let ran = scene
        .tool(&[
            "pg-validate",
            "--only",
            "fts.dict_files,tbl.no_pk,con.not_valid",
        ])
        .run();
    ran.ends_with(0);
    assert!(began.elapsed() < Duration::from_secs(10), "{ran}");
    let skipped = unanswered(&ran);
    assert_eq!(skipped.len(), 1, "{ran}");
    assert!(
        skipped[0].0 == "fts.dict_files" && skipped[0].1.contains("lock timeout"),
        "{ran}"
    );
    assert_eq!(
        ran.stream().the("validation").text("status"),
        "Warning",
        "{ran}"
    );
    let strict = scene
        .tool(&["pg-validate", "--strict", "--only", "fts.dict_files"])
        .run();
    strict.ends_with(1);
}

#[test]
fn a_table_that_somebody_locks_is_told_and_not_waited_for() {
    let scene = Scene::plain(Pair::newest());
    let mut holder = scene.source.connect();
    holder
        .batch_execute("begin; lock table t in access exclusive mode")
        .expect("its owner may lock it");
    let ran = scene.tool(&["pg-validate", "--deep"]).run();
    ran.ends_with(1);
    assert_eq!(
        check(&ran, "src.blocking_locks").text("status"),
        "Failed",
        "{ran}"
    );
    let deep = check(&ran, "idx.deep_duplicates");
    assert_eq!(deep.text("status"), "Skipped", "{ran}");
    assert!(deep.text("message").contains("lock timeout"), "{ran}");
    let ids: BTreeSet<String> = unanswered(&ran).into_iter().map(|(id, _)| id).collect();
    assert!(
        ids.iter()
            .all(|id| id.contains(".deep_") || id == "seq.behind_max"),
        "{ran}"
    );
}

#[test]
fn a_name_that_is_no_text_costs_the_checks_that_would_tell_it_and_no_more() {
    let source = Cluster::of(Majors::newest(), Side::Source);
    let source = Database::encoded(source, "bytes", "SQL_ASCII").with(
        "do $$ begin execute 'create table \"t' || chr(255) || '\" (a integer)'; end $$;
         create table plain (a xid)",
    );
    let target = Cluster::of(Majors::newest(), Side::Target);
    let target = Database::encoded(target, "bytes", "SQL_ASCII");
    let ran = Tool::new("pg-validate")
        .args([
            "--source",
            &source.conninfo(),
            "--target",
            &target.conninfo(),
            "--deep",
        ])
        .run();
    ran.ends_with(0);
    let ids: Vec<String> = unanswered(&ran).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["tbl.no_pk"], "{ran}");
    assert!(
        check(&ran, "type.oid_like").line.contains("public.plain.a"),
        "{ran}"
    );
}

#[test]
fn reading_rows_stops_when_its_time_is_over() {
    let scene = Scene::plain(Pair::newest());
    let ran = scene
        .tool(&[
            "pg-validate",
            "--deep",
            "--deep-time",
            "0",
            "--only",
            "idx.deep_duplicates",
        ])
        .run();
    ran.ends_with(0);
    let told = check(&ran, "idx.deep_duplicates");
    assert_eq!(told.text("status"), "Skipped", "{ran}");
    assert!(
        told.text("message")
            .contains("2 of 2 objects not looked at"),
        "{ran}"
    );
}

#[test]
fn people_get_the_verdict_first_and_as_many_objects_as_they_want() {
    let tables: Vec<String> = (0..9)
        .map(|n| format!("create table t{n} (a xid);"))
        .collect();
    let scene = Scene::of(Pair::newest(), "people", &tables.concat());
    let table = |limit: &str| {
        let words = ["pg-validate", "--format", "table", "--limit", limit];
        let ran = scene.tool(&words).run();
        ran.ends_with(0);
        ran.text()
    };
    let few = table("2");
    assert!(
        few.trim_start().starts_with("validation Warning: "),
        "{few}"
    );
    assert!(
        few.contains("public.t1.a (xid)") && few.contains("and 7 more"),
        "{few}"
    );
    assert!(!few.contains("public.t2.a"), "{few}");
    assert!(table("0").contains("public.t8.a (xid)"));
    let headings = ["\n Warning\n", "\n Succeeded", "\n Left out"];
    let places: Vec<_> = headings.iter().map(|heading| few.find(heading)).collect();
    assert!(places.is_sorted() && places[0].is_some(), "{few}");
}

#[test]
fn programs_get_everything_in_each_format() {
    let scene = Scene::plain(Pair::newest());
    let run = |format: &str| {
        scene
            .tool(&["pg-validate", "--format", format])
            .run()
            .text()
    };
    let json: serde_json::Value = serde_json::from_str(&run("json")).expect("JSON");
    let list = json.as_array().expect("a list");
    let kinds: BTreeSet<&str> = list.iter().filter_map(|one| one["type"].as_str()).collect();
    assert_eq!(kinds, BTreeSet::from(["check", "validation"]));
    let csv = run("csv");
    assert!(
        csv.starts_with("id,database,status,message,objects,fix,azure\n"),
        "{csv}"
    );
    let is_of = |line: &&str| {
        list.iter()
            .any(|one| line.starts_with(&format!("{},", one["id"].as_str().unwrap_or("?"))))
    };
    assert_eq!(
        csv.lines().filter(is_of).count(),
        list.len() - 1,
        "all but the verdict"
    );
}

#[test]
fn a_severity_can_be_chosen() {
    let scene = Scene::of(Pair::newest(), "chosen", "create table t (a xid)");
    for (severity, status, exit) in [
        ("info", "Succeeded", 0),
        ("warning", "Warning", 0),
        ("failed", "Failed", 1),
    ] {
        let given = format!("type.oid_like={severity}");
        let words = [
            "pg-validate",
            "--only",
            "type.oid_like",
            "--severity",
            &given,
        ];
        let ran = scene.tool(&words).run();
        ran.ends_with(exit);
        assert_eq!(check(&ran, "type.oid_like").text("status"), status, "{ran}");
    }
    let words = ["pg-validate", "--severity", "type.oid_like=bad"];
    scene.tool(&words).run().ends_with(2);
    let words = ["pg-validate", "--fix-sql", "/nowhere/at all"];
    scene
        .tool(&words)
        .run()
        .fails_clearly(3, &["/nowhere/at all"]);
    scene
        .tool(&["pg-validate", "--skip", "type.nix"])
        .run()
        .fails_clearly(2, &["type.nix"]);
}

#[test]
fn what_both_sides_are_asked_about_is_told_once_an_object() {
    let scene = Scene::of(
        Pair::newest(),
        "once",
        "create table t (a integer, b integer generated always as (a + 1) stored,
                         c integer generated always as (a + 2) stored)",
    );
    let ran = scene.tool(&["pg-validate", "--only", "gen.columns"]).run();
    let told = check(&ran, "gen.columns");
    let objects = told
        .field("objects")
        .and_then(|list| list.as_array())
        .map(Vec::len);
    assert_eq!(objects, Some(2), "{ran}");
}

#[test]
fn settings_of_the_database_are_no_difference_between_servers() {
    let scene = Scene::plain(Pair::newest());
    let name = pg_e2e::database::identifier(&scene.source.name);
    scene.source.run(&format!(
        "alter database {name} set timezone = 'Asia/Kolkata'"
    ));
    let ran = scene
        .tool(&["pg-validate", "--only", "guc.behaviour_diff"])
        .run();
    assert_eq!(
        check(&ran, "guc.behaviour_diff").text("status"),
        "Succeeded",
        "{ran}"
    );
}

#[test]
fn a_check_explains_itself() {
    let ran = Tool::new("pg-validate")
        .args(["--explain", "op.postfix"])
        .run();
    ran.ends_with(0);
    for part in [
        "op.postfix: ",
        "PostgreSQL 14",
        "-- on the source before 14",
        "from pg_operator",
    ] {
        assert!(ran.text().contains(part), "{part}\n{ran}");
    }
}

#[test]
fn several_databases_are_validated_and_the_servers_once() {
    let scene = Scene::plain(Pair::newest());
    let other = Database::create(scene.source.cluster, "other");
    let words = [
        "pg-validate",
        "--database",
        &scene.source.name,
        "--database",
        &other.name,
        "--database",
        &scene.source.name,
    ];
    let ran = scene.tool(&words).run();
    let stream = ran.stream();
    let of = |id: &str| -> Vec<String> {
        let checks = stream.of("check").filter(|check| check.text("id") == id);
        checks
            .map(|check| check.text("database").to_owned())
            .collect()
    };
    assert_eq!(
        of("tbl.no_pk"),
        [scene.source.name.clone(), other.name.clone()],
        "{ran}"
    );
    assert_eq!(of("conn.tls"), [String::new()], "{ran}");
    // There is a database of that name already, and it is empty.
    assert_eq!(
        check(&ran, "tgt.not_empty").text("status"),
        "Succeeded",
        "{ran}"
    );
}

#[test]
fn a_target_that_holds_nothing_but_what_the_ledger_lists_counts_as_empty() {
    let (scene, _) = Scene::begun(
        "ours",
        "create schema s; create table s.t (a integer); create function s.f(integer) returns integer language sql as 'select 1'",
    );
    let run = || {
        scene
            .tool(&["pg-validate", "--only", "tgt.not_empty"])
            .run()
    };
    assert_eq!(check(&run(), "tgt.not_empty").text("status"), "Succeeded");
    scene.target.run("create table s.foreign_one (a integer)");
    let told = check(&run(), "tgt.not_empty");
    assert_eq!(told.text("status"), "Failed");
    assert!(
        told.line.contains("foreign_one") && !told.line.contains("s.t\""),
        "{}",
        told.line
    );
}
