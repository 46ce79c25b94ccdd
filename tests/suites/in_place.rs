//! `--in-place`: an empty database of the target is loaded as it is, and nothing is renamed.

use std::thread;
use std::time::Duration;

use pg_e2e::cluster::Setup;
use pg_e2e::fault::{signal, wait_until};
use pg_e2e::proxy::Proxy;
use pg_e2e::{Cluster, Database, Majors, Pair, Ran};

use crate::canceled::{begun, cancel, own_target, same};
use crate::recorded::{file, migrate};
use crate::scene::{Scene, fixture, same_to_pg_dump};
use pg_e2e::schema::dumpall;

const LITTLE: &str = "create table t (id serial primary key); insert into t default values";

/// What is altered in every database, and what depends on each other in a circle.
const ALTERED: &str = r#"
    create role "Only 'There'";
    alter schema public owner to "E2E Owner";
    comment on schema public is 'source''s';
    comment on extension plpgsql is 'source''s, too';
    grant create on schema public to e2e_reader with grant option;
    revoke usage on schema public from public;
    grant execute on function pg_catalog.pg_read_file(text) to e2e_reader;
    grant select (rolpassword), select on pg_catalog.pg_authid to e2e_writer;
    revoke usage on language plpgsql from public;
    alter default privileges revoke execute on functions from public;
    alter default privileges for role "E2E Owner" grant select on tables to "Only 'There'";
    do $$ declare d text := quote_ident(current_database()); begin
        execute format('alter database %s set work_mem to ''7MB''', d);
        execute format('alter database %s set search_path to "a, b", public', d);
        execute format('alter role e2e_reader in database %s set lock_timeout to ''1s''', d);
        execute format('alter database %s connection limit 77', d);
        execute format('grant temporary on database %s to e2e_reader', d);
        execute format('comment on database %s is ''source''''s''', d);
    end $$;
    create table "one ""way" (id integer primary key, other integer);
    create table other_way (id integer primary key, one integer references "one ""way");
    alter table "one ""way" add foreign key (other) references other_way;
    create table ring (id integer);
    create function around(ring) returns boolean language sql immutable as 'select $1.id > 0';
    alter table ring add check (around(ring.*));
    create publication "all" for table ring, other_way;
    create subscription sub connection 'host=nowhere.invalid' publication "all" with (connect = false);
    create function noticed() returns event_trigger language plpgsql as 'begin end';
    create event trigger "Event" on ddl_command_end execute function noticed();
    create type even; create function even_in(cstring) returns even language internal immutable strict as 'int4in';
    create function even_out(even) returns cstring language internal immutable strict as 'int4out';
    create type even (input = even_in, output = even_out, like = integer);
    create type pair as (a integer, b text); create table of_pairs (p pair, q pair[]); create table typed of pair;
    create foreign data wrapper "w"; create server s foreign data wrapper w; create user mapping for public server s;
    create text search configuration words (copy = simple);
    create access method "am" type index handler bthandler;"#;

/// What the user of the target has set in the empty database.
const OWN: &str = r#"
    create extension tablefunc;
    create role "User's own";
    comment on schema public is 'target''s';
    grant create on schema public to "User's own";
    grant execute on function pg_catalog.pg_ls_dir(text) to "User's own";
    alter default privileges for role "User's own" grant select on sequences to public;
    do $$ declare d text := quote_ident(current_database()); begin
        execute format('alter database %s set work_mem to ''9MB''', d);
        execute format('alter role "User''s own" in database %s set search_path to "x y", "$user"', d);
        execute format('grant create on database %s to "User''s own"', d);
        execute format('comment on database %s is ''target''''s "own"''', d);
    end $$;"#;

/// The comment of a database, or nothing.
fn comment(database: &Database) -> String {
    database.ask_one(
        "select coalesce(shobj_description(oid, 'pg_database'), '') from pg_database \
         where datname = current_database()",
    )
}

fn set_comment(database: &Database, text: &str) {
    let name = pg_e2e::database::identifier(&database.name);
    database.run(&format!("comment on database {name} is $c${text}$c$"));
}

fn finish(scene: &Scene, name: &str) -> Ran {
    scene.tool(&["pg-migstate", "finish", name]).run()
}

/// The schema pgmig is gone, and so is every mark.
#[track_caller]
fn nothing_of_ours_is_left(database: &Database) {
    assert_eq!(
        database.ask_one("select to_regnamespace('pgmig') is null"),
        "t"
    );
    assert!(!comment(database).contains("pgmig"));
}

#[test]
fn an_empty_database_is_loaded_in_place_and_keeps_its_comment_and_its_oid() {
    for target in [Majors::newest(), 15] {
        if !Majors::available().contains_key(&target) {
            continue;
        }
        let pair = Pair {
            source: Majors::oldest(),
            target,
        };
        let scene = Scene::small(pair);
        set_comment(&scene.target, "it's \"mine\"");
        let oid = "select oid from pg_database where datname = current_database()";
        let before = scene.target.ask_one(oid);
        let name = format!("in-place-{target}");
        let file = file(&scene, &name);
        migrate(&scene, &["--in-place", "--hold", &file]).ends_with(0);
        assert!(comment(&scene.target).contains("\"in_place\":true"));
        finish(&scene, &name).ends_with(0);
        assert_eq!(scene.target.ask_one(oid), before);
        assert_eq!(comment(&scene.target), "it's \"mine\"");
        nothing_of_ours_is_left(&scene.target);
        set_comment(&scene.target, "");
        same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
        finish(&scene, &name).ends_with(0);
    }
}

#[test]
fn postgres_is_loaded_in_place_without_being_asked_to() {
    let own = |side: &str| -> &'static Cluster {
        let setup = Setup {
            conf: &format!("cluster_name = '{side}'"),
            ..Setup::default()
        };
        Box::leak(Box::new(Cluster::start(Majors::newest(), setup)))
    };
    let postgres = |cluster| Database {
        cluster,
        name: "postgres".to_owned(),
    };
    let scene = Scene {
        source: postgres(own("source")),
        target: postgres(own("target")),
        dir: tempfile::TempDir::new().expect("a temporary directory can be made"),
    };
    scene
        .source
        .run(&(fixture("roles.sql") + &fixture("small.sql")));
    let file = file(&scene, "the-one");
    let ran = migrate(&scene, &[&file]);
    ran.ends_with(0);
    ran.says(&["postgres is loaded in place"]);
    nothing_of_ours_is_left(&scene.target);
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
}

#[test]
fn only_an_empty_database_that_is_nobody_elses_is_loaded_in_place() {
    let scene = Scene::of(Pair::newest(), "refusing", LITTLE);
    let refused = |name: &str, words: &[&str], says: &[&str], status: i32| {
        let file = file(&scene, name);
        let words: Vec<&str> = words.iter().copied().chain(["--in-place", &file]).collect();
        let ran = migrate(&scene, &words);
        ran.ends_with(status);
        ran.says(says);
    };
    let blind: &[&str] = &["--option", "Migrate"];
    scene.target.run("create table theirs (id integer)");
    let not_empty = [scene.target.name.as_str(), "not empty"];
    scene.target_is_untouched_by(|| {
        refused("full", &[], &not_empty, 1);
        refused("full-unseen", blind, &not_empty, 7);
        ""
    });
    scene.target.run("drop table theirs");
    set_comment(&scene.target, "theirs");
    let first = file(&scene, "first");
    migrate(&scene, &["--in-place", "--hold", &first]).ends_with(0);
    scene.target_is_untouched_by(|| {
        refused("second", &[], &["another migration", "first"], 1);
        refused("second-unseen", blind, &["another migration", "first"], 7);
        // Without the flag the same migration would be another one.
        let ran = migrate(&scene, &["--resume", &first]);
        ran.ends_with(7);
        ran.says(&["first was begun before with --in-place"]);
        ran
    });
    finish(&scene, "first").ends_with(0);
    scene.target.drop_now();
    let missing = [scene.target.name.as_str(), "no database", "createdb"];
    refused("missing", &[], &missing, 7);
    refused("missing-unseen", blind, &missing, 7);
    assert!(!scene.target.exists());
}

/// A source with everything, and an empty database of the same name on a server of its own.
fn altered() -> Scene {
    let cluster = Cluster::start(Majors::newest(), Setup::default());
    let source = Database::create(Box::leak(Box::new(cluster)), "Altered 'Shop'");
    source.run(&(fixture("roles.sql") + &fixture("small.sql") + ALTERED));
    let target = source.twin(own_target());
    target.run(OWN);
    Scene {
        source,
        target,
        dir: tempfile::TempDir::new().expect("a temporary directory can be made"),
    }
}

/// All that a target is: what pg_dumpall says, and what stands in the database.
fn all(scene: &Scene) -> Vec<String> {
    let mut all = dumpall(scene.target.cluster);
    all.extend(scene.target.fingerprint());
    all
}

#[test]
fn a_database_in_place_is_as_it_was_whenever_it_is_canceled() {
    let scene = altered();
    let before = all(&scene);
    let blind = ["--in-place", "--hold", "--option", "Migrate"];
    let held = file(&scene, "held");
    let words: Vec<&str> = blind.iter().copied().chain([held.as_str()]).collect();
    let migrated = migrate(&scene, &words);
    migrated.ends_with(0);
    // All of it has arrived, and is not what was there.
    let loaded = all(&scene).join("\n");
    for word in [
        "COMMENT ON SCHEMA public IS 'source''s'",
        "pg_read_file",
        "rolpassword",
        "work_mem TO '7MB'",
        "CREATE EVENT TRIGGER",
        "REVOKE ALL ON LANGUAGE plpgsql FROM PUBLIC",
        "CREATE SUBSCRIPTION",
        "CREATE TYPE public.even (",
        "CREATE TYPE public.pair AS (",
        "CONNECTION LIMIT = 77",
        "large object|4711",
    ] {
        assert!(loaded.contains(word), "{word}: {loaded}");
        assert!(!before.join("\n").contains(word), "{word}");
    }
    let ran = cancel(&scene, "held");
    ran.ends_with(0);
    same(&before, &all(&scene), &ran);
    for (number, moment) in [0, 900, 1600, 2400].into_iter().enumerate() {
        let name = format!("moment-{number}");
        let running = begun(&scene, &name, &blind);
        thread::sleep(Duration::from_millis(moment));
        let ran = cancel(&scene, &name);
        ran.ends_with(0);
        let migrate = running.wait();
        same(&before, &all(&scene), &migrate);
    }
    migrate(&scene, &["--resume", &held, "--in-place"]).ends_with(7);
    same(&before, &all(&scene), &ran);
}

#[test]
fn what_others_have_made_meanwhile_stays_and_is_told() {
    let scene = Scene::of(
        Pair::newest(),
        "others",
        "create table a (id integer primary key); create table p (k integer) partition by list (k);
         create schema s; create table s.b (a integer references a); create view v as select id from a;",
    );
    let before = scene.target.fingerprint();
    migrate(&scene, &["--in-place", "--hold", &file(&scene, "others")]).ends_with(0);
    scene.target.run(
        "create view theirs as select id from v; create table p1 partition of p for values in (1); \
         insert into p1 values (1); create table s.c (id integer); insert into s.c values (3)",
    );
    for _ in 0..2 {
        let ran = cancel(&scene, "others");
        ran.fails_clearly(6, &["table public.p", "schema s", "view public.v"]);
        assert_eq!(
            scene.target.ask("table p1 union all table s.c order by 1"),
            ["1", "3"]
        );
        assert_eq!(
            scene.target.ask_one("select to_regclass('s.b') is null"),
            "t"
        );
    }
    scene.target.run(
        "drop view theirs; drop table p1; drop table s.c; create type \"it's\" as (a integer)",
    );
    let ran = cancel(&scene, "others");
    ran.ends_with(0);
    ran.says(&["type public.\"it's\" stays, it is not of the migration"]);
    scene.target.run("drop type \"it's\"");
    assert_eq!(before, scene.target.fingerprint());
}

/// Runs a command of `pg-migstate` that is killed whenever `stride` bytes more have gone over the
/// line, until it ends; gives how often it was killed.
fn struck(scene: &Scene, proxy: &Proxy, words: &[&str], stride: u64) -> u32 {
    let limit = Duration::from_mins(1);
    let mut bytes = stride;
    let mut kills = 0;
    loop {
        proxy.hold_after(bytes);
        let mut running = scene.tool(words).spawn();
        wait_until("it is held, or has ended", limit, || {
            proxy.holds() || !running.is_alive()
        });
        if !running.is_alive() {
            proxy.release();
            running.wait().ends_with(0);
            return kills;
        }
        signal(running.pid(), "KILL");
        running.wait();
        proxy.cut();
        kills += 1;
        bytes += stride;
    }
}

#[test]
fn a_cancel_and_a_finish_that_are_killed_are_ended_by_the_next_one() {
    let scene = Scene::of(Pair::newest(), "struck", LITTLE);
    set_comment(&scene.target, "it's mine");
    let before = scene.target.fingerprint();
    let proxy = Proxy::before(scene.target.cluster);
    let source = scene.source.cluster.conninfo("postgres");
    let target = proxy.conninfo(scene.target.cluster, "postgres");
    let load = |name: &str| {
        let file = scene.migration_file(name, &source, &target);
        let file = file.display().to_string();
        migrate(&scene, &["--in-place", "--hold", &file]).ends_with(0);
    };
    load("given-up");
    let cancel = ["pg-migstate", "cancel", "given-up"];
    assert!(struck(&scene, &proxy, &cancel, 5000) > 2);
    assert_eq!(before, scene.target.fingerprint());
    load("wanted");
    let finish = ["pg-migstate", "finish", "wanted"];
    assert!(struck(&scene, &proxy, &finish, 800) > 2);
    assert_eq!(comment(&scene.target), "it's mine");
    nothing_of_ours_is_left(&scene.target);
    set_comment(&scene.target, "");
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
}
