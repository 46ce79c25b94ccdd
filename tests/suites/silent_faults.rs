//! Faults with which other tools end well and have lost, doubled or changed something. Rows
//! are compared by SQL of the tests, never by what pg-copy or pg-verify say of them.
//!
//! | Fault | Tests |
//! |-------|-------|
//! | A1 a split table loses rows when it is resumed | `copying::a_split_table_goes_on_with_the_parts_that_are_missing`, `torture::a_copy_is_struck_at_a_hundred_moments` |
//! | A2, A3 the key −1 means «none», keys overflow | [`keys_at_both_ends_are_keys_like_others`], [`keys_of_an_old_server_are_keys_like_others`] |
//! | A4 bounds are taken outside of the snapshot | [`what_is_deleted_meanwhile_is_still_copied`] |
//! | A5 what a server has set changes values | [`values_are_the_same_whatever_servers_databases_and_roles_have_set`], `copying::text_is_the_same_whatever_a_database_has_set` |
//! | A6 policies hide rows | [`rows_that_a_policy_hides_are_not_left_out_in_silence`] |
//! | A7 OIDs of the source arrive as numbers | [`names_of_objects_arrive_as_names`], `copying::each_table_goes_in_the_format_that_is_safe_for_it` |
//! | A8 names of schemas with a meaning | [`no_name_of_a_schema_has_a_meaning`] |
//! | A9 a second run appends | [`a_role_that_may_not_truncate_copies_once`], [`rows_that_nobody_knows_are_refused`] |
//! | A10 what hangs on an index is lost | `torture::the_torture_schema_of_13_goes_to_15` and its like |
//! | A11 TRUNCATE and ALTER between snapshot and copy | [`a_table_that_is_being_copied_cannot_be_emptied_or_altered`], [`a_table_that_was_emptied_after_the_dump_is_refused`], [`a_holder_that_is_lost_fails_the_run`] |
//! | A12 the answer to a COMMIT is lost | [`rows_whose_commit_is_not_answered_are_there_once`] |
//! | A13 a new session lacks its settings | [`sessions_that_are_opened_again_write_values_the_same_way`] |

use std::time::Duration;

use pg_e2e::cluster::Setup;
use pg_e2e::database::identifier;
use pg_e2e::fault::{Locked, wait_until};
use pg_e2e::proxy::{AtCommit, Proxy};
use pg_e2e::running::Running;
use pg_e2e::{Cluster, Database, Majors, Pair, Record, Tool, rows};
use tempfile::TempDir;

use crate::scene::{BY_HAND, Scene, skip};

const LIMIT: Duration = Duration::from_secs(20);

/// pg-copy with flags.
fn copy(scene: &Scene, flags: &[&str], plan: &str) -> Tool {
    scene
        .tool(&["pg-copy", "-"])
        .args(flags)
        .input(plan.to_owned())
}

/// Copies what a script makes, and compares.
#[track_caller]
fn arrives(pair: Pair, sql: &str, flags: &[&str]) {
    let (scene, plan) = begun(Scene::of(pair, "Ar\"rives ' \\", sql));
    copy(&scene, flags, &plan).run().ends_with(0);
    rows::are_equal(&scene.source, &scene.target);
}

/// A scene whose pre-data is applied, and its plan.
fn begun(scene: Scene) -> (Scene, String) {
    let plan = scene.plan();
    let pre = scene.tool(BY_HAND[1]).input(plan.clone()).run();
    pre.ends_with(0);
    (scene, plan)
}

/// Starts pg-copy and waits until a worker waits for a lock on a table of the target.
fn held_up(scene: &Scene, table: &str, flags: &[&str], plan: &str) -> (Running, Locked) {
    let locked = Locked::table(&scene.target, table);
    let running = copy(scene, flags, plan).spawn();
    waits_for(scene, table);
    (running, locked)
}

fn waits_for(scene: &Scene, table: &str) {
    let sql = format!(
        "select count(*) > 0 from pg_locks where not granted and relation = '{}'::regclass",
        table.replace('\'', "''")
    );
    wait_until("the copy waits for the lock", LIMIT, || {
        scene.target.ask_one(&sql) == "t"
    });
}

/// Tables whose keys others have taken for signs, or added up.
const KEYS: &str = r#"
    create table from_minus_one (id bigint primary key, t text);
    insert into from_minus_one select n, repeat(md5(n::text), 12) from generate_series(-1, 9000) n;
    create table "sym'metric" ("i""d" bigint primary key, t text);
    insert into "sym'metric" select n, repeat(md5(n::text), 12) from generate_series(-5000, 5000) n;
    create table extremes (id bigint primary key, t text);
    insert into extremes select n, repeat(md5(n::text), 12) from generate_series(-3000, 3000) n;
    insert into extremes values
        (-9223372036854775808, 'least'), (-9223372036854775807, 'next'),
        (9223372036854775806, 'last but one'), (9223372036854775807, 'greatest');
    create table small_extremes (id smallint primary key, t text);
    insert into small_extremes select n, repeat(md5(n::text), 12) from generate_series(-32768, 32767, 7) n;
    create table all_minus (id integer primary key, t text);
    insert into all_minus select -n, repeat(md5(n::text), 12) from generate_series(1, 9000) n;
    analyze;"#;

const SPLIT: &[&str] = &["--split-size", "1MB", "--jobs", "2"];

#[test]
fn keys_at_both_ends_are_keys_like_others() {
    arrives(Pair::newest(), KEYS, SPLIT);
}

#[test]
fn keys_of_an_old_server_are_keys_like_others() {
    if !Majors::probed().contains_key(&13) {
        return skip("PostgreSQL 13 is not here");
    }
    let pair = Pair {
        source: 13,
        target: Majors::newest(),
    };
    arrives(pair, KEYS, SPLIT);
}

#[test]
fn what_is_deleted_meanwhile_is_still_copied() {
    let (scene, plan) = begun(Scene::of(Pair::newest(), "deleted", KEYS));
    let before = rows::held(&scene.source);
    let (running, locked) = held_up(&scene, "\"sym'metric\"", SPLIT, &plan);
    scene.source.run(
        "delete from from_minus_one where id < 500 or id > 8500;
         delete from \"sym'metric\" where \"i\"\"d\" < 0;
         update extremes set id = id + 1 where id = 9223372036854775806 - 1;
         delete from extremes where id in (-9223372036854775808, 9223372036854775807);
         insert into small_extremes values (0, 'new') on conflict do nothing;
         delete from all_minus where id % 2 = 0",
    );
    scene.source.run("vacuum all_minus");
    drop(locked);
    running.wait().ends_with(0);
    assert_eq!(rows::held(&scene.target), before);
}

/// Values whose text depends on what is set.
const WRITTEN: &str = r#"
    create domain "Do'main" as date;
    create type "pa""ir" as (d date, f float8);
    create table written (id integer primary key, d date, ts timestamp, tz timestamptz, s interval,
        f float4, g float8, b bytea, m money, dd "Do'main"[], p "pa""ir", x xml, r daterange, t time with time zone);
    insert into written values
        (1, '2024-03-04', '2024-12-11 01:02:03.456789', '2024-12-11 01:02:03+05:45', '-1 days -02:03:04',
         0.1, 0.1::float8 + 0.2::float8, '\x00ff5c27', 1234.56, array['2024-03-04']::"Do'main"[],
         row('2024-03-04', 0.1::float8 + 0.2::float8), '<a/>', '[2024-03-04,2024-12-11)', '01:02:03+05:45'),
        (2, '0044-03-15 BC', 'infinity', '-infinity', '1 year -1 month 2 days -3 seconds',
         '-0', 'NaN', '', -7.00, '{}', null, 'a <b>c</b>', 'empty', '23:59:59.999999-12'),
        (3, null, null, null, null, null, 1e-300, null, null, null, row(null, 'infinity'), null, null, null);
    create table "fills ""up""" (id integer, d date);
    insert into "fills ""up""" select n, '2024-01-01'::date + n % 300 from generate_series(1, 4000) n;"#;

/// What a server, a database or a role may have set. Names that a server does not know, and
/// locales that a machine lacks, are left out.
const HOSTILE: &[(&str, &str)] = &[
    ("datestyle", "SQL, DMY"),
    ("intervalstyle", "sql_standard"),
    ("extra_float_digits", "0"),
    ("bytea_output", "escape"),
    ("timezone", "Asia/Kathmandu"),
    ("xmlbinary", "hex"),
    ("xmloption", "document"),
    ("lc_monetary", "de_DE.UTF-8"),
    ("statement_timeout", "900ms"),
    ("idle_in_transaction_session_timeout", "300ms"),
    ("default_transaction_isolation", "serializable"),
    ("default_transaction_deferrable", "on"),
    ("row_security", "off"),
    ("search_path", "nowhere"),
    ("client_encoding", "LATIN1"),
    ("standard_conforming_strings", "off"),
    ("array_nulls", "off"),
    ("transform_null_equals", "on"),
    ("default_tablespace", "nowhere"),
    ("session_replication_role", "local"),
];

/// What would hinder the test itself, which comes as another role.
fn is_for_role(name: &str) -> bool {
    name.ends_with("timeout")
}

/// Sets for a database or a role what can be set.
fn set_hostile(database: &Database, whom: &str) {
    let pairs: Vec<String> = HOSTILE
        .iter()
        .filter(|(name, _)| *name != "default_tablespace")
        .filter(|(name, _)| whom.starts_with("role") || !is_for_role(name))
        .map(|(name, value)| format!("('{name}', '{value}')"))
        .collect();
    database.run(&format!(
        "do $$ declare name text; value text; begin
            for name, value in values {} loop
                begin
                    execute format('alter {whom} set %s = %L', name, value);
                exception when others then raise warning '% %', name, sqlerrm;
                end;
            end loop;
         end $$",
        pairs.join(", ")
    ));
}

/// A server that has hostile settings for everybody.
fn hostile_server(major: u32) -> &'static Cluster {
    let conf: Vec<String> = HOSTILE
        .iter()
        .filter(|(name, _)| !["lc_monetary", "default_tablespace"].contains(name))
        .filter(|(name, _)| !is_for_role(name))
        .map(|(name, value)| format!("{name} = '{value}'"))
        .collect();
    let setup = Setup {
        conf: &conf.join("\n"),
        ..Setup::default()
    };
    Box::leak(Box::new(Cluster::start(major, setup)))
}

/// A scene of [`WRITTEN`] whose sessions of the tools meet hostile settings of server, database
/// and role on both sides.
fn hostile(major: u32) -> Scene {
    let (from, to) = (hostile_server(major), hostile_server(Majors::newest()));
    let source = Database::create(from, "hostile");
    let mut client = source.connect();
    let own = "set datestyle = 'ISO, YMD'; set xmloption = 'content'; set search_path = public;
               set array_nulls = on; set standard_conforming_strings = on; set client_encoding = 'UTF8'";
    for sql in [own, WRITTEN] {
        client
            .batch_execute(sql)
            .expect("with settings of its own it reads the script");
    }
    let target = source.twin(to);
    for database in [&source, &target] {
        database.run("create role hostile superuser login");
        set_hostile(database, "role hostile");
        set_hostile(
            database,
            &format!("database {}", identifier(&database.name)),
        );
    }
    Scene {
        source,
        target,
        dir: TempDir::new().expect("a temporary directory can be made"),
    }
}

/// The same tool as the role whose settings are hostile.
fn as_hostile(tool: Tool, scene: &Scene) -> Tool {
    let by_role =
        |database: &Database| database.conninfo().replace("user=postgres", "user=hostile");
    tool.env("PGMIG_SOURCE", by_role(&scene.source))
        .env("PGMIG_TARGET", by_role(&scene.target))
}

#[test]
fn values_are_the_same_whatever_servers_databases_and_roles_have_set() {
    for format in ["auto", "text"] {
        let scene = hostile(Majors::newest());
        let plan = as_hostile(scene.tool(&["pg-schema-dump"]), &scene).run();
        plan.ends_with(0);
        let pre = as_hostile(scene.tool(BY_HAND[1]), &scene).input(plan.text());
        pre.run().ends_with(0);
        let ran = copy(&scene, &["--copy-format", format], &plan.text());
        as_hostile(ran, &scene).run().ends_with(0);
        rows::are_equal(&scene.source, &scene.target);
        let day = "select to_char(d, 'YYYY-MM-DD') from public.written where id = 1";
        assert_eq!(scene.target.ask_one(day), "2024-03-04");
    }
}

#[test]
fn sessions_that_are_opened_again_write_values_the_same_way() {
    let scene = hostile(Majors::newest());
    let plan = scene.plan();
    scene
        .tool(BY_HAND[1])
        .input(plan.clone())
        .run()
        .ends_with(0);
    let flags = ["--copy-format", "text", "--jobs", "1"];
    let locked = Locked::table(&scene.target, "public.\"fills \"\"up\"\"\"");
    let tool = copy(&scene, &flags, &plan);
    let running = as_hostile(tool, &scene).spawn();
    let worker = "select pid from pg_locks where not granted \
                  and relation = 'public.\"fills \"\"up\"\"\"'::regclass";
    wait_until("the copy waits for the lock", LIMIT, || {
        !scene.target.ask(worker).is_empty()
    });
    let pid = scene.target.ask_one(worker);
    scene
        .target
        .ask(&format!("select pg_terminate_backend({pid})"));
    wait_until("another session waits for it", LIMIT, || {
        scene.target.ask(worker).iter().any(|other| *other != pid)
    });
    drop(locked);
    let ran = running.wait();
    ran.ends_with(0).says(&["trying again"]);
    rows::are_equal(&scene.source, &scene.target);
}

#[test]
fn rows_that_a_policy_hides_are_not_left_out_in_silence() {
    let (scene, plan) = begun(Scene::of(
        Pair::newest(),
        "policies",
        "create table \"half 'seen'\" (id integer primary key);
         insert into \"half 'seen'\" select generate_series(1, 1000);
         alter table \"half 'seen'\" enable row level security;
         create policy even on \"half 'seen'\" using (id % 2 = 0);
         create table whole (id integer primary key);
         insert into whole select generate_series(1, 10);
         do $$ begin create role half_blind login; exception when duplicate_object then null; end $$;
         grant select on all tables in schema public to half_blind;",
    ));
    let reader = scene
        .source
        .conninfo()
        .replace("user=postgres", "user=half_blind");
    let ran = copy(&scene, &[], &plan).env("PGMIG_SOURCE", reader).run();
    ran.ends_with(6);
    let stream = ran.stream();
    let error = stream.the("error");
    assert_eq!(error.text("sqlstate"), "42501", "{ran}");
    assert!(error.text("object").contains("half 'seen'"), "{ran}");
    let half = scene.target.ask_one("select count(*) from \"half 'seen'\"");
    assert_eq!(half, "0", "{ran}");
    assert_eq!(scene.target.ask_one("select count(*) from whole"), "10");
    // As somebody who may see all, the same command completes.
    copy(&scene, &[], &plan).run().ends_with(0);
    rows::are_equal(&scene.source, &scene.target);
}

/// Columns of every type that is a number inside, alone and inside of others. What the source
/// had before makes its OIDs others than those of the target.
const NAMED: &str = r#"
    create table gone (a integer); create table gone_too (a integer); drop table gone, gone_too;
    create schema "s'1"; create schema s2;
    create function "s'1"."f""1"(integer) returns integer language sql as 'select 1';
    create table "s'1"."t'1" (a integer);
    create sequence "s'1".seq;
    create type "s'1".mood as enum ('a');
    create operator "s'1".=== (leftarg = integer, rightarg = integer, function = int4eq);
    create domain "s'1".known as regclass;
    create type "s'1".both as (c regclass, n integer);
    create text search configuration "s'1".words (copy = simple);
    create text search dictionary "s'1".dict (template = simple);
    create table "named ""things""" (id integer primary key, c regclass, p regproc, pp regprocedure,
        o regoper, oo regoperator, t regtype, r regrole, n regnamespace, g regconfig, d regdictionary,
        ca regclass[], pa regprocedure[], k "s'1".known, ka "s'1".known[], b "s'1".both, ba "s'1".both[]);
    insert into "named ""things""" values
        (1, '"s''1"."t''1"', '"s''1"."f""1"', '"s''1"."f""1"(integer)', '"s''1".===',
         '"s''1".===(integer,integer)', '"s''1".mood', '"named ''role''"', '"s''1"', '"s''1".words', '"s''1".dict',
         array['"s''1"."t''1"', 'pg_class', '"s''1".seq']::regclass[], array['"s''1"."f""1"(integer)']::regprocedure[],
         '"s''1".seq', array['"s''1"."t''1"', null]::"s'1".known[], row('"s''1"."t''1"', 7),
         array[row('"s''1".seq', 8)]::"s'1".both[]),
        (2, '-', '-', '-', '0', '0', '-', '-', '-', '-', '-', null, '{}', null, null, null, null);"#;

const NAMED_ROLE: &str = "do $$ begin
        create role \"named 'role'\"; exception when duplicate_object then null;
    end $$;";

#[test]
fn names_of_objects_arrive_as_names() {
    for flags in [&[][..], &["--copy-format", "binary"]] {
        let scene = Scene::of(Pair::newest(), "named", &format!("{NAMED_ROLE}{NAMED}"));
        // Nothing belongs to it, so that no dump has it.
        scene.target.run(NAMED_ROLE);
        let (scene, plan) = begun(scene);
        copy(&scene, flags, &plan).run().ends_with(0);
        let oid = "select c::oid from \"named \"\"things\"\"\" where id = 1";
        assert_ne!(
            scene.source.ask(oid),
            scene.target.ask(oid),
            "else it proves nothing"
        );
        rows::are_equal(&scene.source, &scene.target);
    }
}

#[test]
fn no_name_of_a_schema_has_a_meaning() {
    let names = [
        "pgmig_app",
        "my_pgmig",
        "PGMIG",
        "pgcopydb",
        "pgcopydb_app",
        "pg",
        "information_schema2",
        "it's \"odd\"",
        "new\nline",
        "%s",
        "$1",
        "back\\slash",
        "schéma",
        "a.b",
        "-",
        "null",
    ];
    let mut sql = String::new();
    for name in names.map(identifier) {
        sql.push_str(&format!(
            "create schema {name}; create table {name}.t (id integer primary key);
             insert into {name}.t select generate_series(1, 100);"
        ));
    }
    arrives(Pair::newest(), &sql, &[]);
}

#[test]
fn a_role_that_may_not_truncate_copies_once() {
    let (scene, plan) = begun(Scene::of(Pair::newest(), "no truncate", KEYS));
    scene.target.run(&format!(
        "do $$ begin create role only_inserts login; exception when duplicate_object then null; end $$;
         grant select, insert on all tables in schema public to only_inserts;
         grant create on database {} to only_inserts;
         grant all on schema pgmig to only_inserts;
         grant select, insert, update, delete on all tables in schema pgmig to only_inserts;
         grant usage on all sequences in schema pgmig to only_inserts",
        identifier(&scene.target.name)
    ));
    let loader = scene
        .target
        .conninfo()
        .replace("user=postgres", "user=only_inserts");
    for _ in 0..3 {
        let ran = copy(&scene, SPLIT, &plan)
            .env("PGMIG_TARGET", &loader)
            .run();
        ran.ends_with(0);
        rows::are_equal(&scene.source, &scene.target);
    }
}

#[test]
fn rows_that_nobody_knows_are_refused() {
    let (scene, plan) = begun(Scene::of(Pair::newest(), "unknown rows", KEYS));
    scene.target.run("insert into all_minus values (1, 'mine')");
    let before = rows::held(&scene.target);
    let ran = copy(&scene, &[], &plan).run();
    ran.fails_clearly(7, &["all_minus", "does not know"]);
    assert_eq!(rows::held(&scene.target), before, "{ran}");
    scene.target.run("delete from all_minus");
    copy(&scene, &[], &plan).run().ends_with(0);
    rows::are_equal(&scene.source, &scene.target);
}

#[test]
fn a_table_that_is_being_copied_cannot_be_emptied_or_altered() {
    let (scene, plan) = begun(Scene::of(Pair::newest(), "locked", KEYS));
    let (running, locked) = held_up(&scene, "extremes", &["--jobs", "1"], &plan);
    for statement in [
        "truncate from_minus_one",
        "truncate \"sym'metric\"",
        "alter table all_minus alter id type bigint",
        "drop table small_extremes",
        "cluster extremes using extremes_pkey",
        "vacuum full extremes",
    ] {
        let mut client = scene.source.connect();
        client
            .batch_execute("set lock_timeout = '200ms'")
            .expect("it can be set");
        let error = client.batch_execute(statement).expect_err(statement);
        let state = error.code().map(|state| state.code().to_owned());
        assert_eq!(state.as_deref(), Some("55P03"), "{statement}: {error}");
    }
    drop(locked);
    running.wait().ends_with(0);
    rows::are_equal(&scene.source, &scene.target);
}

#[test]
fn a_table_that_was_emptied_after_the_dump_is_refused() {
    for change in [
        "truncate extremes",
        "alter table extremes alter t type varchar(2000), alter id type numeric",
        "alter table extremes rename t to u",
        "drop table extremes",
        "vacuum full extremes",
    ] {
        let (scene, plan) = begun(Scene::of(Pair::newest(), "emptied", KEYS));
        scene.source.run(change);
        let act = || copy(&scene, &[], &plan).run();
        let ran = scene.target_is_untouched_by(act);
        assert_ne!(ran.status, 0, "{change}\n{ran}");
        if !change.starts_with("drop") {
            ran.fails_clearly(7, &["extremes"]);
        }
    }
}

#[test]
fn a_holder_that_is_lost_fails_the_run() {
    let (scene, plan) = begun(Scene::of(Pair::newest(), "no holder", KEYS));
    let (running, locked) = held_up(&scene, "extremes", &["--jobs", "1"], &plan);
    // The worker has locked what it has copied, and this table not yet.
    let holder = "select pg_terminate_backend(pid) from pg_locks \
                  where relation = 'extremes'::regclass and pid <> pg_backend_pid()";
    assert_eq!(scene.source.ask_one(holder), "t");
    // Nothing keeps it out any more, and TRUNCATE heeds no snapshot.
    wait_until("the locks are gone", LIMIT, || {
        let mut client = scene.source.connect();
        client
            .batch_execute("set lock_timeout = '100ms'; truncate extremes")
            .is_ok()
    });
    drop(locked);
    let ran = running.wait();
    ran.ends_with(4);
    // What is there now is another table than the one that was dumped.
    let again = copy(&scene, &[], &plan).run();
    again.fails_clearly(7, &["has changed"]);
}

/// Many small tables that go in one transaction, and a large one in parts.
fn many() -> String {
    let mut sql = KEYS.to_owned();
    for n in 1..=40 {
        sql.push_str(&format!(
            "create table \"small '{n}'\" (id integer);
             insert into \"small '{n}'\" select generate_series(1, {n});"
        ));
    }
    sql
}

#[test]
fn rows_whose_commit_is_not_answered_are_there_once() {
    for fault in [
        AtCommit::AnswerLost,
        AtCommit::Lost,
        AtCommit::Late(Duration::from_millis(1200)),
    ] {
        let (scene, plan) = begun(Scene::of(Pair::newest(), "no answer", &many()));
        let proxy = Proxy::before(scene.target.cluster);
        proxy.at_commits(&[fault; 4]);
        let through = proxy.conninfo(scene.target.cluster, &scene.target.name);
        let ran = copy(&scene, SPLIT, &plan)
            .env("PGMIG_TARGET", &through)
            .run();
        assert_eq!(proxy.faults_left(), 0, "{fault:?}\n{ran}");
        ran.ends_with(0);
        rows::are_equal(&scene.source, &scene.target);
        let told: Vec<String> = ran.stream().of("copied").map(Record::relation).collect();
        let once: std::collections::BTreeSet<&String> = told.iter().collect();
        assert_eq!(
            (told.len(), once.len()),
            (45, 45),
            "each table is told, and once, {fault:?}\n{ran}"
        );
    }
}
