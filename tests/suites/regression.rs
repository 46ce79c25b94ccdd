//! Faults that were found once, each by the test that shows it.

use std::time::Duration;

use pg_e2e::fault::{self, Locked, wait_until};
use pg_e2e::tool::Stdout;
use pg_e2e::{Database, Pair, Tool};
use tempfile::TempDir;

use crate::recorded::migrate;
use crate::scene::{Scene, same_to_pg_dump};

const LIMIT: Duration = Duration::from_secs(20);

/// A source of an encoding, and only a name on the target.
fn encoded(encoding: &str, sql: &str) -> Scene {
    let pair = Pair::newest();
    let source = Database::encoded(pair.source(), "encoded", encoding).with(sql);
    let target = Database {
        cluster: pair.target(),
        name: source.name.clone(),
    };
    Scene {
        source,
        target,
        dir: TempDir::new().expect("a temporary directory can be made"),
    }
}

/// Migrates the source's database.
#[track_caller]
fn migrated(scene: &Scene, target: &str) {
    let source = scene.source.cluster.conninfo("postgres");
    let file = scene.migration_file("found", &source, target);
    migrate(scene, &[&file.display().to_string()]).ends_with(0);
}

#[track_caller]
fn migrated_as_superuser(scene: &Scene) {
    migrated(scene, &scene.target.cluster.conninfo("postgres"));
}

#[test]
fn a_latin1_database_arrives_as_one() {
    let scene = encoded(
        "LATIN1",
        "create table \"t\u{e9}\" (v text default '\u{fc}'); insert into \"t\u{e9}\" values ('\u{e9}\u{df}'), (default);
         comment on table \"t\u{e9}\" is '\u{e4}';",
    );
    migrated_as_superuser(&scene);
    assert_eq!(scene.target.ask_one("show server_encoding"), "LATIN1");
    scene.is_the_same_to_pg_dump();
}

#[test]
fn bytes_without_an_encoding_arrive_as_they_are() {
    let scene = encoded(
        "SQL_ASCII",
        "create table t (v text); insert into t values (E'\\xe9\\xff'), (E'\\xc3\\xa9');",
    );
    migrated_as_superuser(&scene);
    let bytes =
        "select string_agg(encode(convert_to(v, 'SQL_ASCII'), 'hex'), ',' order by v) from t";
    assert_eq!(scene.target.ask_one(bytes), "c3a9,e9ff");
}

#[test]
fn a_client_encoding_that_the_database_sets_does_not_change_its_schema() {
    let scene = Scene::of(
        Pair::newest(),
        "client_encoding",
        "create table t (v text default '\u{c3}\u{a9}'); create view w as select '\u{2603}'::text as v;",
    );
    let name = scene.source.name.clone();
    scene.source.run(&format!(
        "alter database \"{name}\" set client_encoding = 'LATIN1'"
    ));
    scene.source.run("create table u (v text default '\u{e9}')");
    migrated_as_superuser(&scene);
    assert_eq!(
        scene.target.ask_one("set client_encoding = 'UTF8'; select string_agg(pg_get_expr(adbin, adrelid), ' ' order by adrelid::regclass::text) from pg_attrdef"),
        "'\u{c3}\u{a9}'::text '\u{e9}'::text"
    );
    scene.is_the_same_to_pg_dump();
}

#[test]
fn comments_of_other_databases_are_not_ours_to_read() {
    let pair = Pair::newest();
    let stranger = Database::encoded(pair.source(), "stranger", "LATIN1");
    stranger.run(&format!(
        "comment on database \"{}\" is '\u{e9}'",
        stranger.name
    ));
    let scene = Scene::plain(pair);
    let ran = scene.tool(&["pg-probe"]).run();
    ran.ends_with(0);
    let ascii = Database::encoded(pair.source(), "ascii", "SQL_ASCII");
    Tool::new("pg-probe")
        .args(["--source", &ascii.conninfo()])
        .run()
        .ends_with(0);
}

#[test]
fn event_triggers_of_the_user_do_not_notice_us() {
    let scene = Scene::of(
        Pair::newest(),
        "event",
        "create table audit (what text);
         create function noticed() returns event_trigger language plpgsql
            as $$ begin insert into public.audit values (tg_tag); end $$;
         create event trigger drops on sql_drop execute function noticed();
         create event trigger starts on ddl_command_start execute function noticed();
         create table t (id integer primary key); insert into t values (1);
         create materialized view m as select * from t;
         drop table if exists nothing;",
    );
    migrated_as_superuser(&scene);
    let audit = "select string_agg(what, ',' order by what) from audit";
    assert_eq!(scene.target.ask_one(audit), scene.source.ask_one(audit));
    scene.is_the_same_to_pg_dump();
}

#[test]
fn an_empty_stream_is_not_a_plan() {
    let scene = Scene::plain(Pair::newest());
    for words in [
        &["pg-copy", "-"][..],
        &["pg-schema-apply", "--section", "pre-data", "-"],
        &["pg-verify", "-"],
    ] {
        let ran = scene.target_is_untouched_by(|| scene.tool(words).input("").run());
        ran.fails_clearly(3, &["empty"]);
    }
}

#[test]
fn items_that_failed_upstream_make_the_last_status() {
    let scene = Scene::plain(Pair::newest());
    let stream = "{\"type\":\"begin\",\"tool\":\"pg-copy\",\"version\":\"1\",\"format\":1,\"id\":\"a\"}\n\
                  {\"type\":\"end\",\"tool\":\"pg-copy\",\"id\":\"a\",\"exit\":6}\n";
    scene
        .tool(&["pg-probe", "-"])
        .input(stream)
        .run()
        .ends_with(6);
}

#[test]
fn a_wrong_flag_is_one_line_that_begins_with_the_tool() {
    let ran = Tool::new("pg-copy").arg("--formt").run();
    ran.ends_with(2);
    let stderr = ran.to_string();
    assert!(
        stderr.contains("pg-copy: error: unexpected argument '--formt' found\nhint: "),
        "{ran}"
    );
}

#[test]
fn a_chunk_that_another_session_holds_is_waited_for() {
    let scene = Scene::plain(Pair::newest());
    // Small tables go together; this one goes alone.
    scene
        .source
        .run("insert into t select n, 'name ' || n from generate_series(11, 5000) n");
    let plan = scene.plan();
    scene
        .tool(&["pg-schema-apply", "--section", "pre-data", "-"])
        .input(plan.clone())
        .run()
        .ends_with(0);
    let first = Locked::table(&scene.target, "t");
    let mut copy = scene
        .tool(&["pg-copy", "--jobs", "1", "-"])
        .input(plan)
        .spawn();
    wait_until("the plan is written and t is waited for", LIMIT, || {
        scene.target.ask_one(
            "select count(*) from pg_stat_activity where datname = current_database() \
             and wait_event_type = 'Lock' and query ilike 'copy%'",
        ) == "1"
    });
    let mut holder = scene.target.connect();
    holder
        .batch_execute("begin; select from pgmig.chunk where table_name = 'other' for update")
        .expect("the other chunk is free");
    drop(first);
    std::thread::sleep(Duration::from_secs(2));
    assert!(
        copy.is_alive(),
        "pg-copy must not end with a table that is not copied"
    );
    drop(holder);
    copy.wait().ends_with(0);
    assert_eq!(scene.target.ask_one("select count(*) from other"), "3");
}

#[test]
fn a_base_type_gets_its_owner() {
    let scene = Scene::of(
        Pair::newest(),
        "base type",
        "create type int42;
         create function int42_in(cstring) returns int42 as 'int4in' language internal strict immutable;
         create function int42_out(int42) returns cstring as 'int4out' language internal strict immutable;
         create type int42 (internallength = 4, input = int42_in, output = int42_out,
            alignment = int4, passedbyvalue);
         create table t (v int42); insert into t values ('7');",
    );
    scene.by_hand().run().succeeds();
    scene.is_the_same_to_pg_dump();
}

#[test]
fn a_role_that_is_no_superuser_gives_objects_to_their_owners() {
    let pair = Pair::newest();
    let roles = "do $$ begin
            if not exists (select from pg_roles where rolname = 'regression_owner') then
                create role regression_owner;
            end if;
         end $$;";
    let scene = Scene::of(
        pair,
        "owned",
        &format!(
            "{roles} create schema s authorization regression_owner;
             create table s.t (id integer primary key); insert into s.t values (1);
             alter table s.t owner to regression_owner;
             create materialized view s.m as select * from s.t;
             alter materialized view s.m owner to regression_owner;"
        ),
    );
    let name = &scene.source.name;
    let given = format!("alter database \"{name}\" owner to regression_owner");
    scene.source.run(&given);
    pair.target()
        .connect("postgres")
        .batch_execute(
            "do $$ begin
                if not exists (select from pg_roles where rolname = 'regression_admin') then
                    create role regression_admin login createdb createrole;
                end if;
             end $$;",
        )
        .expect("a role can be created");
    scene.target.drop_now();
    let target = format!(
        "{} user=regression_admin",
        pair.target().conninfo("postgres")
    );
    migrated(&scene, &target);
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
    let left = "select count(*) from pg_auth_members a join pg_roles m on m.oid = a.member \
                where m.rolname = 'regression_admin' and not a.admin_option";
    assert_eq!(
        scene.target.ask_one(left),
        "0",
        "memberships are taken back"
    );
}

#[test]
fn a_full_disk_under_a_child_process_is_still_a_full_disk() {
    let scene = Scene::plain(Pair::newest());
    for words in [&["pg-schema-dump"][..], &["pg-validate"]] {
        let ran = scene
            .tool(words)
            .stdout(Stdout::File(fault::full_disk()))
            .run();
        ran.fails_clearly(3, &["cannot write standard output"]);
    }
}

#[test]
fn a_staging_database_that_a_kill_left_without_its_mark_is_taken_up_again() {
    let scene = Scene::plain(Pair::newest());
    let conninfo = |cluster: &pg_e2e::Cluster| cluster.conninfo("postgres");
    let file = scene.migration_file(
        "unmarked",
        &conninfo(scene.source.cluster),
        &conninfo(scene.target.cluster),
    );
    let file = file.display().to_string();
    let begun = scene.tool(&["pg-migstate", "begin", &file]).run();
    begun.ends_with(0);
    let staging = begun.stream().the("migration").text("staging").to_owned();
    scene
        .target
        .run(&format!("create database \"{staging}\" template template0"));
    migrate(&scene, &["--resume", &file]).ends_with(0);
    assert_eq!(scene.target.ask_one("select count(*) from t"), "10");
}

#[test]
fn a_password_file_that_others_can_read_is_ignored_and_that_is_said() {
    let scene = Scene::plain(Pair::newest());
    let file = scene.dir.path().join("passfile");
    std::fs::write(&file, "*:*:*:*:whatever\n").expect("the directory is ours");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&file, mode).expect("the file is ours");
    let source = format!(
        "{} passfile={}",
        scene.source.tcp_conninfo(),
        file.display()
    );
    let ran = Tool::new("pg-probe").args(["--source", &source]).run();
    ran.ends_with(4);
    ran.says(&["hint: The password file is ignored", "chmod 600"]);
}

#[test]
fn passwords_inside_of_sql_are_in_no_record() {
    let scene = Scene::of(
        Pair::newest(),
        "passwords",
        "create foreign data wrapper w;
         create server s foreign data wrapper w;
         create user mapping for public server s options (\"user\" 'somebody', password 'canary-7f3a', other 'canary-7f3a');
         create foreign data wrapper remote options (api_token 'canary-7f3a');
         create server far foreign data wrapper remote options (host 'far', \"Secret Key\" 'canary-7f3a');
         create foreign table there (a integer options (url 'https://u:canary-7f3a@h/', n 'kept'))
            server far options (place 'host=h password=canary-7f3a', n 'kept');
         create subscription sub connection 'host=nowhere password=canary-7f3a dbname=d'
            publication p with (connect = false);",
    );
    let ran = scene.tool(&["pg-schema-dump", "--verbose"]).run();
    ran.ends_with(0);
    let all = ran.to_string();
    assert!(!all.contains("canary-7f3a"), "{ran}");
    assert!(
        all.contains("'somebody'") && all.contains("host=nowhere"),
        "{ran}"
    );
    for kept in ["host 'far'", "n 'kept'"] {
        assert!(all.contains(kept), "{kept}: {ran}");
    }
    ran.says(&[
        "warning: USER MAPPING public SERVER s comes without its options other, password",
        "FOREIGN DATA WRAPPER remote comes without its option api_token",
        "SERVER far comes without its option Secret Key",
        "FOREIGN TABLE public.there comes without its options place, url",
        "SUBSCRIPTION sub comes without its password",
    ]);
    scene
        .source
        .run("alter subscription sub set (slot_name = none); drop subscription sub");
}

#[test]
fn what_somebody_put_before_the_catalog_is_not_run() {
    let pair = Pair::newest();
    let scene = Scene::of(
        pair,
        "shadowed",
        "create table run (what text);
         create table f (v float8 primary key); insert into f values (0.1::float8 + 0.2::float8);
         create function public.set_config(text, text, boolean) returns text language sql
             as $$ insert into public.run values ('set_config'); select $2 $$;
         create function public.lower(text) returns text language sql
             as $$ insert into public.run values ('lower'); select pg_catalog.lower($1) $$;
         create function public.current_setting(text) returns text language sql
             as $$ insert into public.run values ('current_setting'); select '150000' $$;",
    );
    for database in [&scene.source, &scene.target] {
        database.run(&format!(
            "alter database \"{0}\" set search_path = public, pg_catalog;
             alter database \"{0}\" set extra_float_digits = -10",
            database.name
        ));
    }
    scene.by_hand().run().succeeds();
    assert_eq!(
        scene
            .target
            .ask_one("select v = 0.1::float8 + 0.2::float8 from f"),
        "t"
    );
    for database in [&scene.source, &scene.target] {
        assert_eq!(database.ask_one("select count(*) from run"), "0");
    }
}

#[test]
fn backslashes_arrive_from_a_source_that_reads_them_in_strings() {
    let scene = Scene::of(
        Pair::newest(),
        "backslashes",
        "create type e as enum (E'a\\\\b'); create table t (v e); insert into t values (E'a\\\\b');
         comment on table t is E'back\\\\slash \\\\ \'\' ;';",
    );
    let name = &scene.source.name;
    scene.source.run(&format!(
        "alter database \"{name}\" set standard_conforming_strings = off"
    ));
    scene.by_hand().run().succeeds();
    let comment = "select obj_description('t'::regclass)";
    assert_eq!(scene.target.ask_one("select v from t"), "a\\b");
    assert_eq!(scene.target.ask(comment), scene.source.ask(comment));
}
