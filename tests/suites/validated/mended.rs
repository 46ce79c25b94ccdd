//! The SQL that mends does that and no more, and what needs no mending is not told.

use pg_e2e::cluster::Side;
use pg_e2e::{Cluster, Database, Majors, Pair, Tool};

use super::check;
use super::ways::server;
use crate::scene::Scene;

/// Checks whose finding its own SQL takes away.
const MENDED: &[&str] = &[
    "acl.catalog_grants",
    "con.not_valid",
    "con.fk_triggers_disabled",
    "idx.invalid",
    "role.missing",
    "tbl.reloptions",
    "type.shell",
];

#[test]
fn the_sql_that_mends_does_mend_and_no_more() {
    let scene = Scene::of(
        Pair::newest(),
        "mend",
        "create type half; create table \"P'\" (a integer primary key) with (autovacuum_enabled = off);
         create table c (a integer constraint \"F\"\"k\" references \"P'\");
         create trigger mine before update on c for each row execute function suppress_redundant_updates_trigger();
         alter table c disable trigger all; alter table \"P'\" disable trigger all;
         alter table c add constraint \"N\" check (a > 0) not valid;
         create index \"i\ndrop table c; --\" on c (a);
         update pg_index set indisvalid = false where indexrelid::regclass::text ~ 'drop table c';
         do $$ begin create role \"mend\nme\" login createdb noinherit; exception when duplicate_object then null; end $$;
         alter type half owner to \"mend\nme\"; grant update on pg_am to public",
    );
    let file = scene.dir.path().join("fix.sql");
    let file = file.display().to_string();
    let only = MENDED.join(",");
    let words = ["pg-validate", "--only", &only, "--fix-sql", &file];
    let before = scene.tool(&words).run();
    for id in MENDED {
        let told = check(&before, id);
        assert!(told.field("fix").is_some(), "{id}\n{before}");
        let objects = told.field("objects").and_then(|list| list.as_array());
        assert_eq!(objects.map(Vec::len), Some(1), "{id}\n{before}");
    }
    let sql = std::fs::read_to_string(&file).expect("the file is written");
    let (of_source, of_target) = sql
        .split_once("-- ===== On the target =====")
        .expect("a part for each server");
    scene.source.run(of_source);
    scene.target.run(of_target);
    let after = scene.tool(&["pg-validate", "--only", &only]).run();
    let stream = after.stream();
    let left: Vec<&str> = stream
        .of("check")
        .filter(|check| check.text("status") == "Warning")
        .map(|check| check.text("id"))
        .collect();
    assert!(left.is_empty(), "{left:?}\n{after}");
    let kept = "select concat(tgenabled, ' ', has_table_privilege('public', 'pg_am', 'select')) from pg_trigger where tgname = 'mine'";
    assert_eq!(scene.source.ask_one(kept), "D t", "{sql}");
    let role = "select rolcanlogin and rolcreatedb and not rolinherit from pg_roles where rolname = E'mend\nme'";
    assert_eq!(scene.target.ask_one(role), "t", "{sql}");
    for side in [&scene.source, &scene.target] {
        side.run("drop owned by \"mend\nme\"; drop role \"mend\nme\"");
    }
}

/// What looks like a finding, is none, and must not be told.
#[test]
fn what_only_looks_wrong_is_not_told() {
    let scene = Scene::of(
        Pair::newest(),
        "right",
        "create table unwatched (a integer, constraint rule check (a > 0) not enforced);
         create sequence down increment -1; create table counting (a integer default nextval('down'));
         alter sequence down owned by counting.a; insert into counting default values; insert into counting default values;
         create function acting() returns integer language sql set role = 'postgres' as 'select 1';
         create table labelled (a integer);
         insert into pg_seclabel values ('labelled'::regclass, 'pg_class'::regclass, 0, 'auto_explain', 'x')",
    );
    let name = |database: &Database| pg_e2e::database::identifier(&database.name);
    scene.source.run(&format!(
        "alter database {} set role = 'postgres'",
        name(&scene.source)
    ));
    scene.target.run(&format!(
        "alter database {} set session_preload_libraries = 'auto_explain'",
        name(&scene.target)
    ));
    let mut other = scene.source.connect();
    other
        .batch_execute("create temp table passing (a serial)")
        .expect("tables can be made");
    let ids = [
        "con.not_valid",
        "seq.behind_max",
        "db.settings_unknown",
        "func.proconfig_unknown",
        "sec.labels",
    ];
    let words = ["pg-validate", "--deep", "--only", &ids.join(",")];
    let ran = scene.tool(&words).run();
    for id in ids {
        let told = check(&ran, id);
        assert_eq!(told.text("status"), "Succeeded", "{}", told.line);
        assert!(told.field("objects").is_none(), "{}", told.line);
    }
}

/// A large table of an old server is told unless pg-copy can cut it.
#[test]
fn a_table_that_is_cut_by_a_key_is_not_told_as_one_that_is_not() {
    let Some(old) = server(10, Side::Source) else {
        return;
    };
    let source = Database::create(old, "cut").with(
        "create table by_number (a integer primary key); create table by_interval (a interval primary key);
         update pg_class set relpages = 200000 where relname ~ '^by_(number|interval)$'",
    );
    let target = Database::create(Cluster::of(Majors::newest(), Side::Target), "cut");
    let ran = Tool::new("pg-validate")
        .args(["--only", "tbl.no_split_key"])
        .args(["--source", &source.conninfo()])
        .args(["--target", &target.conninfo()])
        .run();
    let told = check(&ran, "tbl.no_split_key");
    assert!(
        told.line.contains("by_interval") && !told.line.contains("by_number"),
        "{}",
        told.line
    );
}
