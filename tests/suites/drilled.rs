//! Where a table differs, the very rows are named, by any key and without one; and the SQL that
//! is written for them makes both sides equal.

use std::path::PathBuf;

use pg_e2e::{Majors, Pair, Ran, Record, Tool};

use crate::scene::{BY_HAND, Scene};

/// A source and a target that hold the same.
pub(crate) fn twins(pair: Pair, stem: &str, sql: &str) -> Scene {
    let scene = Scene::of(pair, stem, sql);
    scene.target.run(sql);
    scene
}

/// Each row that was found, as `table fault key columns`, sorted.
pub(crate) fn found(ran: &Ran) -> Vec<String> {
    let stream = ran.stream();
    let mut rows: Vec<String> = stream.of("difference").map(one_line).collect();
    rows.sort();
    rows
}

fn one_line(row: &Record) -> String {
    let key = row.field("key").map_or_else(String::new, |key| {
        let fields = key.as_object().expect("an object");
        let parts: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or("NULL")))
            .collect();
        parts.join(",")
    });
    let columns: Vec<&str> = row.field("columns").map_or_else(Vec::new, |columns| {
        let columns = columns.as_array().expect("a list");
        columns.iter().filter_map(|one| one.as_str()).collect()
    });
    let times = row
        .field("times")
        .map_or_else(String::new, |times| format!(" {times} times"));
    let text = format!(
        "{} {} {key} {}{times}",
        row.text("name"),
        row.text("fault"),
        columns.join(",")
    );
    text.trim_end().to_owned()
}

fn verify(scene: &Scene, more: &[&str]) -> Ran {
    scene.tool(&["pg-verify"]).args(more).run()
}

const KEYS: &str = "
    create table whole (id bigint primary key, a text, b integer);
    insert into whole select n, 'text ' || n, n from generate_series(1, 60000) n;
    create table text_key (name text primary key, a integer);
    insert into text_key select case n % 4 when 0 then 'B-' when 1 then 'a ' when 2 then 'é' else 'Z' end || n, n
    from generate_series(1, 30000) n;
    create table random_key (id uuid primary key, a integer);
    insert into random_key select md5(n::text)::uuid, n from generate_series(1, 30000) n;
    create table two_keys (region text collate \"C\", number integer, a text, primary key (region, number));
    insert into two_keys select 'r' || n % 7, n, 'a' from generate_series(1, 30000) n;
    create table \"Odd \"\"t\"\"; --\" (\"K\" date not null unique, \"t\" text);
    insert into \"Odd \"\"t\"\"; --\" select date '2000-01-01' + n, 'x''\\y' from generate_series(1, 500) n;
    create table keyless (a integer, b text);
    insert into keyless select n % 100, 'b' from generate_series(1, 5000) n;
    create extension citext;
    create table folded (name citext primary key, a integer);
    insert into folded select 'Name' || n, n from generate_series(1, 300) n;";

const CHANGES: &str = "
    update whole set a = 'other', b = -1 where id = 31000;
    delete from whole where id in (1, 60000);
    insert into whole values (-5, 'x', 1), (99999, 'y', 2);
    update text_key set a = 0 where name = 'Z2003';
    delete from text_key where name = 'é2';
    insert into text_key values ('', 7), ('𝄞', 7);
    update random_key set a = a + 1 where id = md5('77')::uuid;
    update random_key set a = a - 1 where id = md5('78')::uuid;
    delete from random_key where id = md5('30000')::uuid;
    update two_keys set a = null where region = 'r3' and number = 24; update two_keys set a = '' where (region, number) = ('r0', 7);
    insert into two_keys values ('r9', 1, 'b');
    update \"Odd \"\"t\"\"; --\" set \"t\" = 'x''\\\\y' where \"K\" = '2000-02-01';
    insert into keyless values (5, 'b'), (5, 'b'), (5, 'c');
    delete from keyless where ctid = (select min(ctid) from keyless where a = 7);
    update folded set a = 0 where name = 'name7';";

const FOUND: &[&str] = &[
    "Odd \"t\"; -- changed K=2000-02-01 t",
    "folded changed name=Name7 a",
    "keyless extra   1 times",
    "keyless extra   2 times",
    "keyless missing   1 times",
    "random_key changed id=28dd2c79-55ce-9264-5624-0d87b2225f96 a",
    "random_key changed id=35f4a8d4-65e6-e1ed-c05f-3d8ab658c551 a",
    "random_key missing id=5ecc613150de01b7e6824594426f24f4",
    "text_key changed name=Z2003 a",
    "text_key extra name=",
    "text_key extra name=𝄞",
    "text_key missing name=é2",
    "two_keys changed number=24,region=r3 a",
    "two_keys changed number=7,region=r0 a",
    "two_keys extra number=1,region=r9",
    "whole changed id=31000 a,b",
    "whole extra id=-5",
    "whole extra id=99999",
    "whole missing id=1",
    "whole missing id=60000",
];

/// What should be found, with the uuids as the server makes them.
fn expected(scene: &Scene) -> Vec<String> {
    let uuid = |n: &str| {
        scene
            .source
            .ask_one(&format!("select md5('{n}')::uuid::text"))
    };
    let mut rows: Vec<String> = FOUND
        .iter()
        .filter(|row| !row.starts_with("random_key"))
        .map(|row| (*row).to_owned())
        .collect();
    for (fault, n, column) in [
        ("changed", "77", " a"),
        ("changed", "78", " a"),
        ("missing", "30000", ""),
    ] {
        rows.push(format!("random_key {fault} id={}{column}", uuid(n)));
    }
    rows.sort();
    rows
}

/// Rows and checksums of both sides of every table, sorted.
fn sums(ran: &Ran) -> Vec<String> {
    let stream = ran.stream();
    let tables = stream
        .of("verified")
        .filter(|one| one.text("kind") == "table");
    let mut sums: Vec<String> = tables
        .map(|one| {
            format!(
                "{} {} {} {} {}",
                one.relation(),
                one.number("source_rows"),
                one.number("target_rows"),
                one.text("source_checksum"),
                one.text("target_checksum")
            )
        })
        .collect();
    sums.sort();
    sums
}

fn repair_file(scene: &Scene) -> PathBuf {
    scene.dir.path().join("repair 'it'.sql")
}

/// Runs the SQL as a person would.
#[track_caller]
pub(crate) fn run_repair(scene: &Scene, file: &std::path::Path) {
    let clients = Majors::clients().expect("psql lies beside a server");
    let psql = Tool::program("psql", &clients.join("psql"));
    let ran = psql
        .args(["-X", "-q", "-o", "/dev/null", "-d"])
        .arg(scene.target.conninfo())
        .arg("-f")
        .arg(file)
        .run();
    ran.ends_with(0);
    assert_eq!(ran.stderr, "", "{ran}");
}

#[test]
fn rows_are_found_by_any_key_and_without_one_and_the_repair_makes_them_equal() {
    let scene = twins(Pair::widest(), "drilled", KEYS);
    let whole = verify(&scene, &[]);
    whole.ends_with(0);
    let parts = verify(&scene, &["--split-size", "1MB"]);
    parts.ends_with(0);
    // Every row is in one part, and in one only.
    assert_eq!(sums(&whole), sums(&parts), "{parts}");
    scene.target.run(CHANGES);
    let ran = verify(&scene, &[]);
    ran.ends_with(1);
    assert_eq!(found(&ran), expected(&scene), "{ran}");
    // In parts, the same.
    let split = verify(&scene, &["--split-size", "1MB"]);
    assert_eq!(found(&split), expected(&scene), "{split}");
    let file = repair_file(&scene);
    let path = file.to_str().expect("it is text");
    verify(&scene, &["--max-differences", "1", "--repair-sql", path]).ends_with(1);
    let mode = std::fs::metadata(&file).expect("the file is there");
    let mode = std::os::unix::fs::PermissionsExt::mode(&mode.permissions());
    assert_eq!(mode & 0o777, 0o600, "it holds data");
    run_repair(&scene, &file);
    verify(&scene, &[]).ends_with(0);
}

#[test]
fn values_of_both_sides_are_shown_or_hidden() {
    let scene = twins(
        Pair::newest(),
        "values",
        "create table t (id integer primary key, a text, b integer);
         insert into t values (1, 'old secret', 5), (2, null, 5);",
    );
    scene
        .target
        .run("update t set a = 'new secret' where id = 1; update t set a = '', b = 6 where id = 2");
    let ran = verify(&scene, &[]);
    let stream = ran.stream();
    let rows: Vec<&Record> = stream.of("difference").collect();
    let [first, second] = rows.as_slice() else {
        panic!("expected two rows\n{ran}")
    };
    assert_eq!(first.field("source").unwrap()["a"], "old secret", "{ran}");
    assert_eq!(first.field("target").unwrap()["a"], "new secret", "{ran}");
    assert!(
        first.field("source").unwrap().get("b").is_none(),
        "b is equal\n{ran}"
    );
    assert!(second.field("source").unwrap()["a"].is_null(), "{ran}");
    assert_eq!(second.field("target").unwrap()["a"], "", "{ran}");
    assert_eq!(second.field("target").unwrap()["b"], "6", "{ran}");
    let table = stream
        .of("verified")
        .find(|one| one.text("name") == "t")
        .unwrap();
    assert_eq!(table.number("changed"), 2, "{ran}");
    assert_eq!(table.field("keys").unwrap()[0], "id=1", "{ran}");
    let hidden = verify(&scene, &["--no-values", "--format", "ndjson"]);
    hidden.ends_with(1);
    assert!(!hidden.text().contains("secret"), "{hidden}");
    assert_eq!(found(&hidden), found(&ran));
    let shown = verify(&scene, &["--format", "table"]);
    assert!(shown.text().contains("old secret"), "{shown}");
}

#[test]
fn more_rows_than_wanted_are_counted_as_at_least_so_many() {
    let scene = twins(
        Pair::newest(),
        "many",
        "create table t (id integer primary key, a integer);
         insert into t select n, n from generate_series(1, 50000) n;",
    );
    scene.target.run("update t set a = -a");
    let ran = verify(&scene, &["--max-differences", "7"]);
    ran.ends_with(1);
    assert_eq!(found(&ran).len(), 7, "{ran}");
    let stream = ran.stream();
    let table = stream.of("verified").next().unwrap();
    assert!(
        table.is("more") && table.text("message").contains("at least"),
        "{ran}"
    );
    let none = verify(&scene, &["--max-differences", "0"]);
    none.ends_with(1);
    assert!(found(&none).is_empty(), "{none}");
}

const FAMILY: &str = "
    create table parent (id integer primary key, twin integer references parent, u text unique not null);
    create table child (id integer generated always as identity primary key, parent integer not null references parent,
        total numeric generated always as (parent * 2) stored, note text, at timestamptz);
    create table one (id integer primary key, other integer);
    create table two (id integer primary key, other integer references one on delete restrict);
    create table three (id integer primary key, two integer references two on delete cascade, u integer unique);
    alter table one add foreign key (other) references two;
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
    insert into parent values (1, 2, 'a'), (2, 1, 'b'), (3, 3, 'c'), (4, null, 'd');
    insert into child (parent, note, at) values (1, 'x', '2024-01-01 00:00:00.123456+00'), (2, null, 'infinity'), (3, e'tab\\t\\\\ ''q''', null);
    insert into one values (1, null); insert into two values (1, 1); update one set other = 1; insert into three values (1, 1, 1), (2, 1, 2), (3, 1, 3);
    create trigger refuse before insert or update or delete on child for each row execute procedure refuse();
    alter table child enable always trigger refuse;
    create table parts (k integer not null, v text) partition by range (k);
    create table parts_1 partition of parts for values from (0) to (100);
    create table parts_2 partition of parts for values from (100) to (200);
    alter table parts add primary key (k);
    insert into parts select n, 'v' from generate_series(1, 199) n;
    create table no_columns ();
    insert into no_columns default values; insert into no_columns default values;
    create table price (k numeric primary key, v text); insert into price values (1.0, 'a'), (2.0, 'b'), (3, 'c');
    create table priced (id integer primary key, k numeric references price on delete cascade on update cascade);
    create table noted (id integer primary key, k numeric references price on delete set null);
    insert into priced values (1, 1.0), (2, 1.0), (3, 2.0), (4, 3); insert into noted values (1, 1.0), (2, null), (3, 3);
    create sequence lonely; select setval('lonely', 41);";

#[test]
fn a_repair_is_right_with_identity_generated_columns_keys_in_circles_triggers_and_partitions() {
    let scene = twins(Pair::newest(), "family", FAMILY);
    verify(&scene, &[]).ends_with(0);
    scene.target.run(
        "alter table child disable trigger all; alter table parent disable trigger all;
         alter table one disable trigger all; alter table two disable trigger all;
         delete from child where id = 2; delete from parent where id in (1, 2);
         insert into parent values (9, 9, 'a'); update parent set u = 'x' where id = 3; update parent set u = 'c' where id = 4;
         update parent set u = 'd' where id = 3;
         update child set note = 'y' where id = 1;
         insert into child (id, parent) overriding system value values (77, 9);
         delete from one; delete from two; update three set u = 5 where id = 3;
         delete from parts where k in (5, 150); update parts set v = null where k = 99;
         delete from no_columns where ctid = (select min(ctid) from no_columns);
         update priced set k = 2 where id = 3; update price set k = 1.00 where k = 1; update price set k = 2.000, v = 'x' where k = 2;
         delete from noted where k = 3; delete from price where k = 3; insert into price values (7.0, 'g'); insert into priced values (5, 7);
         select setval('lonely', 7);
         alter table child enable trigger all; alter table child enable always trigger refuse;
         alter table parent enable trigger all;
         alter table one enable trigger all; alter table two enable trigger all;",
    );
    let file = repair_file(&scene);
    let path = file.to_str().expect("it is text");
    let before = scene.target.ask(
        "select conname, condeferrable from pg_constraint where contype = 'f' union all
         select tgname, tgenabled <> 'O' from pg_trigger where not tgisinternal order by 1",
    );
    let ran = verify(&scene, &["--repair-sql", path]);
    ran.ends_with(1);
    run_repair(&scene, &file);
    verify(&scene, &[]).ends_with(0);
    let after = scene.target.ask(
        "select conname, condeferrable from pg_constraint where contype = 'f' union all
         select tgname, tgenabled <> 'O' from pg_trigger where not tgisinternal order by 1",
    );
    assert_eq!(before, after, "what was switched off is on again");
}

#[test]
fn nothing_is_written_where_nothing_differs_and_a_place_that_cannot_be_written_is_told_first() {
    let scene = twins(Pair::newest(), "nothing", "create table t (a integer)");
    let file = repair_file(&scene);
    let path = file.to_str().expect("it is text");
    verify(&scene, &["--repair-sql", path]).ends_with(0);
    assert!(!file.exists());
    verify(&scene, &["--repair-sql", "/no/such/place/x.sql"])
        .fails_clearly(2, &["/no/such/place/x.sql"]);
    // A rename would put a file into its place, such as that of /dev/stdout.
    let link = scene.dir.path().join("link");
    std::os::unix::fs::symlink("/dev/null", &link).expect("the directory is ours");
    let path = link.to_str().expect("it is text");
    for flag in ["--repair-sql", "--metrics"] {
        verify(&scene, &[flag, path]).fails_clearly(2, &["no ordinary file"]);
    }
}

#[test]
fn an_index_that_hides_a_row_hides_no_difference() {
    let scene = twins(
        Pair::newest(),
        "hidden",
        "create table t (id integer primary key, a integer) with (autovacuum_enabled = off);
         insert into t select n, n from generate_series(1, 1000) n;",
    );
    // The index knows nothing of rows that come while it is not ready.
    scene
        .target
        .run("update pg_index set indisready = false where indexrelid = 't_pkey'::regclass");
    scene.target.run("insert into t values (500, -1)");
    scene
        .target
        .run("update pg_index set indisready = true where indexrelid = 't_pkey'::regclass");
    let ran = verify(&scene, &[]);
    ran.ends_with(1);
    assert_eq!(found(&ran), ["t extra   1 times"], "{ran}");
}

#[test]
fn the_rows_of_a_table_that_differs_are_found_in_the_pipeline_too() {
    let scene = Scene::plain(Pair::newest());
    let mut stream = String::new();
    for tool in scene.tools(&BY_HAND[..4]) {
        stream = tool.input(stream).run().text();
    }
    scene.target.run("update t set name = 'other' where id = 3");
    let ran = scene.tool(&["pg-verify", "-"]).input(stream.clone()).run();
    ran.ends_with(1);
    assert_eq!(found(&ran), ["t changed id=3 name"], "{ran}");
    let blind = Tool::new("pg-verify")
        .args(["--target", &scene.target.conninfo(), "-"])
        .input(stream.clone())
        .run();
    blind.ends_with(1).says(&["no source is given"]);
    assert!(found(&blind).is_empty(), "{blind}");
    let away = scene
        .tool(&["pg-verify", "--source", &pg_e2e::fault::nobody_there(), "-"])
        .input(stream.clone())
        .run();
    away.ends_with(1).says(&["are not looked for"]);
    // What pg-copy has read says nothing of the source as it is now.
    scene
        .target
        .run("update t set name = 'name 3' where id = 3");
    scene.source.run("update t set name = 'later' where id = 4");
    let run = |more: &[&str]| {
        let tool = scene.tool(&["pg-verify"]).args(more).arg("-");
        tool.input(stream.clone()).run()
    };
    run(&[]).ends_with(0);
    let full = run(&["--full"]);
    full.ends_with(1);
    assert_eq!(found(&full), ["t changed id=4 name"], "{full}");
    run(&["--where", "public.t=id > 4"]).ends_with(0);
    run(&["--where", "public.t=id > 3"]).ends_with(1);
    run(&["--columns", "public.t=id"]).ends_with(0);
    run(&["-t", "other"]).ends_with(0);
    run(&["--quick"]).ends_with(6);
}
