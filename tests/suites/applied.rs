//! pg-schema-apply: what runs at the same time, in which order, and what becomes of what the
//! server refuses.

use std::time::{Duration, Instant};

use pg_e2e::database::identifier;
use pg_e2e::fault::{signal, wait_until};
use pg_e2e::{Majors, Pair, Pipeline, Ran, Record};

use crate::scene::{Scene, skip};

/// 200 tables with indexes and triggers, each with foreign keys to three others.
const MESH: &str = "
    create function nothing() returns trigger language plpgsql as $$ begin return new; end $$;
    do $$
    begin
        for n in 0..199 loop
            execute format(
                'create table t%s (id integer primary key, a integer, b integer, c integer, u text unique)', n);
            execute format(
                'insert into t%s select n, n, n, n, n::text from generate_series(1, 20) as n', n);
        end loop;
        for n in 0..199 loop
            execute format('create index on t%s (a)', n);
            execute format('create index on t%s (b, c)', n);
            execute format('create trigger g before update on t%s for each row execute function nothing()', n);
            execute format('alter table t%s add foreign key (a) references t%s', n, (n * 7 + 1) % 200);
            execute format('alter table t%s add foreign key (b) references t%s', n, (n * 3 + 50) % 200);
            execute format('alter table t%s add foreign key (c) references t%s', n, (n + 199) % 200);
        end loop;
    end $$;";

/// The tools from dump to post-data, with so many connections.
fn applied(scene: &Scene, jobs: &str) -> Pipeline {
    Pipeline::of([
        scene.tool(&["pg-schema-dump"]),
        scene.tool(&["pg-schema-apply", "--section", "pre-data", "-"]),
        scene.tool(&["pg-copy", "--jobs", jobs, "-"]),
        scene.tool(&[
            "pg-schema-apply",
            "--section",
            "post-data",
            "--jobs",
            jobs,
            "-",
        ]),
    ])
}

fn status_of(records: &[&Record], kind: &str, name: &str) -> String {
    let is_it = |record: &&&Record| record.text("kind") == kind && record.text("name") == name;
    let found: Vec<&&Record> = records.iter().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{kind} {name} has one record");
    found[0].text("status").to_owned()
}

/// What the target's log has of sessions that waited for a table.
fn lock_waits(scene: &Scene) -> Vec<String> {
    let oid = "select oid from pg_database where datname = current_database()";
    let place = format!("of database {}", scene.target.ask_one(oid));
    let log = scene.target.cluster.home().join("log");
    let log = std::fs::read(log).expect("the server writes a log");
    String::from_utf8_lossy(&log)
        .lines()
        .filter(|line| line.contains("still waiting for") && line.contains(" on relation "))
        .filter(|line| line.contains(&place))
        .map(str::to_owned)
        .collect()
}

/// Applies the mesh so many times; nobody waits for a lock, and the server counts no deadlock.
#[track_caller]
fn mesh(times: usize) {
    let scene = Scene::of(Pair::newest(), "mesh", MESH);
    for _ in 0..times {
        scene.target.drop_now();
        let name = identifier(&scene.target.name);
        scene
            .target
            .cluster
            .connect("postgres")
            .batch_execute(&format!("create database {name} template template0"))
            .expect("a database can be created");
        scene.target.run(&format!(
            "alter database {name} set log_lock_waits = on;
             alter database {name} set deadlock_timeout = '20ms'"
        ));
        applied(&scene, "8").run().succeeds();
        assert_eq!(lock_waits(&scene), Vec::<String>::new());
        let deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
        assert_eq!(scene.target.ask_one(deadlocks), "0");
        let open = "select count(*) filter (where not convalidated), count(*) from pg_constraint where contype = 'f'";
        assert_eq!(scene.target.ask_one(open), "0|600");
    }
}

#[test]
fn tables_that_refer_to_each_other_do_not_deadlock() {
    mesh(3);
}

#[test]
#[ignore = "takes minutes"]
fn tables_that_refer_to_each_other_do_not_deadlock_ever() {
    mesh(50);
}

/// A key that its rows break, one that is left open, and what depends on them.
const BROKEN: &str = "create table parent (a integer, b text, primary key (a, b));
         create table child (id integer primary key, a integer, \"B b\" text);
         insert into parent values (1, 'x');
         insert into child values (1, 1, 'x'), (2, 1, 'it''s'), (3, 2, 'y'), (4, 2, 'y'), (5, null, 'y');
         alter table child add constraint broken foreign key (a, \"B b\") references parent not valid;
         update pg_constraint set convalidated = true where conname = 'broken';
         comment on constraint broken on child is 'still told';
         create table open (a integer, b text, foreign key (a, b) references parent);
         alter table open drop constraint open_a_b_fkey;
         insert into open values (7, 'z');
         alter table open add constraint left_open foreign key (a, b) references parent not valid;
         create index child_i on child (a);
         create materialized view m as select * from child;";

#[test]
fn a_key_that_the_data_break_stays_open_and_all_else_is_done() {
    let scene = Scene::of(Pair::newest(), "broken", BROKEN);
    let joined = applied(&scene, "2").run();
    assert_eq!(joined.statuses(), [0, 0, 0, 6], "{joined}");
    let last = joined.last();
    let stream = last.stream();
    let errors: Vec<&Record> = stream.of("error").collect();
    assert_eq!(errors.len(), 1, "{last}");
    let message = errors[0].text("message");
    for part in [
        "cannot validate FK CONSTRAINT public.child broken",
        "no match for (a, \"B b\")=(1, it's), (a, \"B b\")=(2, y): ",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(errors[0].text("sqlstate"), "23503");
    let records: Vec<&Record> = stream.of("applied").collect();
    assert_eq!(
        status_of(&records, "FK CONSTRAINT", "child broken"),
        "failed"
    );
    assert_eq!(
        status_of(&records, "FK CONSTRAINT", "open left_open"),
        "applied"
    );
    assert_eq!(
        status_of(&records, "COMMENT", "CONSTRAINT broken ON child"),
        "applied"
    );
    assert_eq!(status_of(&records, "REFRESH", "m"), "applied");
    let keys = "select string_agg(conname || ' ' || convalidated, ',' order by conname) from pg_constraint where contype = 'f'";
    assert_eq!(scene.target.ask_one(keys), "broken false,left_open false");
    // Mended, the same command finishes what was left.
    scene.target.run("delete from child where id in (2, 3, 4)");
    let plan = last.text();
    let again = scene
        .tool(&["pg-schema-apply", "--section", "post-data", "-"])
        .input(plan)
        .run();
    let stream = again.stream();
    let records: Vec<&Record> = stream.of("applied").collect();
    let of_key = records
        .iter()
        .rev()
        .find(|r| r.text("name") == "child broken");
    assert_eq!(of_key.map(|r| r.text("status")), Some("applied"), "{again}");
    assert_eq!(scene.target.ask_one(keys), "broken true,left_open false");
}

#[test]
fn the_planner_knows_every_table_at_the_end() {
    let scene = Scene::of(
        Pair::newest(),
        "analyzed",
        "create table plain as select n from generate_series(1, 1000) as n;
         create table parent (n integer) partition by range (n);
         create table low partition of parent for values from (0) to (500);
         create table high partition of parent for values from (500) to (2000);
         insert into parent select n from generate_series(1, 1000) as n;
         create table base (n integer); create table child () inherits (base);
         insert into base values (1), (2); insert into child values (3);",
    );
    applied(&scene, "3").run().succeeds();
    let known = "select string_agg(c.relname || ' ' || c.reltuples, ',' order by c.relname)
         from pg_class c where relnamespace = 'public'::regnamespace";
    assert_eq!(
        scene.target.ask_one(known),
        "base 2,child 1,high 501,low 499,parent 1000,plain 1000"
    );
    let inherited = "select string_agg(distinct tablename || ' ' || inherited, ',') from pg_stats
         where schemaname = 'public'";
    assert_eq!(
        scene.target.ask_one(inherited),
        "base false,base true,child false,high false,low false,parent true,plain false"
    );
}

/// A target's role as managed servers give it: no superuser, but all that a migration wants.
fn modest(scene: &Scene, name: &str) -> String {
    let role = format!("{name}_{}", std::process::id());
    let database = identifier(&scene.target.name);
    scene.target.run(&format!(
        "create role {role} login createdb createrole;
         alter database {database} owner to {role};
         alter schema public owner to {role};"
    ));
    scene
        .target
        .conninfo()
        .replace("user=postgres", &format!("user={role}"))
}

/// Applies both sections as a role; gives what each did.
fn applied_as(scene: &Scene, target: &str, more: &[&str]) -> [Ran; 2] {
    let apply = |section: &str, input: String| {
        scene
            .tool(&["pg-schema-apply", "--no-owner", "--section", section])
            .args(["--target", target])
            .args(more)
            .arg("-")
            .input(input)
            .run()
    };
    let pre = apply("pre-data", scene.plan());
    let copy = scene
        .tool(&["pg-copy", "--target", target, "-"])
        .input(pre.text())
        .run();
    let post = apply("post-data", copy.text());
    [pre, post]
}

fn refused(ran: &Ran) -> Vec<String> {
    ran.stream()
        .of("applied")
        .filter(|record| record.text("status") == "refused")
        .map(|record| format!("{} {}", record.text("kind"), record.text("name")))
        .collect()
}

#[test]
fn what_a_managed_server_keeps_to_itself_is_a_warning() {
    let scene = Scene::of(
        Pair::newest(),
        "managed",
        "create extension pgcrypto; comment on extension pgcrypto is 'ours';
         grant execute on function gen_salt(text) to pg_monitor;
         revoke execute on function gen_salt(text) from public;
         create table t (id integer primary key); insert into t values (1);
         grant select on t to pg_monitor;",
    );
    // The extension is there, of somebody else, as on a server that lists it.
    let target = modest(&scene, "managed");
    scene
        .target
        .run("create extension pgcrypto; revoke execute on function gen_salt(text) from public");
    let [pre, post] = applied_as(&scene, &target, &[]);
    pre.ends_with(0);
    post.ends_with(0);
    assert_eq!(refused(&pre), ["COMMENT EXTENSION pgcrypto"], "{pre}");
    // What upstream said is forwarded.
    let both = ["COMMENT EXTENSION pgcrypto", "ACL FUNCTION gen_salt(text)"];
    assert_eq!(refused(&post), both, "{post}");
    let said = pre.to_string();
    assert!(
        said.contains("it was: COMMENT ON EXTENSION pgcrypto IS 'ours'"),
        "{said}"
    );
}

#[test]
fn a_grant_that_the_server_takes_without_doing_it_is_a_warning_too() {
    let scene = Scene::of(
        Pair::newest(),
        "withheld",
        "create extension pgcrypto; grant execute on function digest(text, text) to pg_monitor;",
    );
    let target = modest(&scene, "withheld");
    // Everybody may run it, so the server warns where it would refuse otherwise.
    scene.target.run("create extension pgcrypto");
    let [_, post] = applied_as(&scene, &target, &[]);
    post.ends_with(0).says(&["no privileges were granted"]);
    let kept = refused(&post);
    let grant = "ACL FUNCTION digest(text, text)".to_owned();
    assert!(kept.contains(&grant), "{post}");
}

#[test]
fn with_strict_what_the_server_keeps_to_itself_is_a_no() {
    let scene = Scene::of(
        Pair::newest(),
        "strict",
        "create extension pgcrypto; comment on extension pgcrypto is 'ours'; create table t (id integer)",
    );
    let target = modest(&scene, "strict");
    scene.target.run("create extension pgcrypto");
    let [pre, _] = applied_as(&scene, &target, &["--strict"]);
    pre.ends_with(1);
}

#[test]
fn a_dry_run_prints_a_script_that_psql_can_run() {
    let scene = Scene::of(
        Pair::newest(),
        "dry",
        "create table parent (id integer primary key);
         create table child (id integer primary key, parent integer references parent);
         create index child_i on child (parent); insert into parent values (1);
         create table \"odd\nname; \\! false\" (n integer);
         create materialized view m as select * from parent;",
    );
    let plan = scene.plan();
    let dry = |section: &str, more: &[&str]| {
        let ran = scene.target_is_untouched_by(|| {
            scene
                .tool(&["pg-schema-apply", "--section", section, "--dry-run"])
                .args(more)
                .arg("-")
                .input(plan.clone())
                .run()
        });
        ran.ends_with(0);
        ran.text()
    };
    let target = scene.target.conninfo();
    let (pre, post) = (
        dry("pre-data", &["--target", &target]),
        dry("post-data", &[]),
    );
    assert!(
        !pre.contains("{\"type\"") && !post.contains("{\"type\""),
        "{pre}{post}"
    );
    let at = |text: &str| {
        post.find(text)
            .unwrap_or_else(|| panic!("no {text} in {post}"))
    };
    assert!(at(" NOT VALID;") < at(" VALIDATE CONSTRAINT "), "{post}");
    assert!(
        at("CREATE INDEX child_i ") < at(" VALIDATE CONSTRAINT "),
        "{post}"
    );
    assert!(
        at(" VALIDATE CONSTRAINT ") < at("REFRESH MATERIALIZED VIEW"),
        "{post}"
    );
    scene.target.run(&pre);
    scene.target.run("insert into parent values (1)");
    scene.target.run(&post);
    scene.is_the_same_to_pg_dump();
}

#[test]
fn a_dry_run_with_a_target_leaves_out_what_is_done() {
    let scene = Scene::plain(Pair::newest());
    let plan = scene.plan();
    let words = ["pg-schema-apply", "--section", "pre-data"];
    scene
        .tool(&words)
        .arg("-")
        .input(plan.clone())
        .run()
        .ends_with(0);
    let target = scene.target.conninfo();
    let ran = scene
        .tool(&words)
        .args(["--dry-run", "--target", &target, "-"])
        .input(plan)
        .run();
    ran.ends_with(0);
    assert!(!ran.text().contains("CREATE TABLE"), "{ran}");
}

#[test]
fn passwords_and_settings_of_roles_arrive_and_are_never_seen() {
    let pair = Pair::newest();
    let number = std::process::id();
    let (login, other) = (format!("login_{number}"), format!("other_{number}"));
    let scene = Scene::of(
        pair,
        "roles",
        &format!(
            "create role {login} login password 'canary-7f3a' in role pg_monitor;
             create role {other};
             alter role {login} set work_mem = '7MB';
             create table t (id integer); alter table t owner to {login}; grant select on t to {other};"
        ),
    );
    let hash = format!("select rolpassword from pg_authid where rolname = '{login}'");
    let expected = scene.source.ask_one(&hash);
    assert!(expected.starts_with("SCRAM-SHA-256$"), "{expected}");
    let plan = scene.plan();
    let ran = scene
        .tool(&[
            "pg-schema-apply",
            "--section",
            "pre-data",
            "--role-passwords",
            "--verbose",
            "-",
        ])
        .input(plan)
        .run();
    ran.ends_with(0);
    assert!(!ran.to_string().contains("SCRAM-SHA-256"), "{ran}");
    let log = scene.target.cluster.home().join("log");
    let logged = std::fs::read(&log).expect("the server writes a log");
    assert!(!String::from_utf8_lossy(&logged).contains(&expected));
    let settings = format!("select rolconfig from pg_roles where rolname = '{login}'");
    let arrived = scene.target.ask_one(&hash);
    let set = scene.target.ask_one(&settings);
    for database in [&scene.target, &scene.source] {
        database.run(&format!(
            "drop owned by {login}, {other}; drop role {login}, {other}"
        ));
    }
    assert_eq!(arrived, expected);
    assert_eq!(set, "{work_mem=7MB}");
}

/// A table with an index whose expression takes its time: 25 rows, 4 s.
const SLOW: &str = "
    create function slow(integer) returns integer immutable language plpgsql
        as $$ begin return $1; end $$;
    create table t (id integer primary key);
    insert into t select n from generate_series(1, 25) as n;
    create index slow_i on t (slow(id));
    create or replace function slow(integer) returns integer immutable language plpgsql
        as $$ begin perform pg_catalog.pg_sleep(0.16); return $1; end $$;";

/// The source's rows are in, and the stream that says so.
fn loaded(stem: &str, sql: &str) -> (Scene, String) {
    let scene = Scene::of(Pair::newest(), stem, sql);
    let joined = Pipeline::of([
        scene.tool(&["pg-schema-dump"]),
        scene.tool(&["pg-schema-apply", "--section", "pre-data", "-"]),
        scene.tool(&["pg-copy", "-"]),
    ])
    .run();
    joined.succeeds();
    let stream = joined.last().text();
    (scene, stream)
}

#[test]
fn a_long_build_shows_how_far_it_is() {
    let (scene, stream) = loaded("slow", SLOW);
    let ran = scene
        .tool(&["pg-schema-apply", "--section", "post-data", "-"])
        .input(stream)
        .run();
    ran.ends_with(0);
    let stream = ran.stream();
    let own: Vec<&Record> = stream
        .of("progress")
        .filter(|record| record.text("phase") == "post-data")
        .collect();
    assert!(own.len() > 2, "{ran}");
    let last = own[own.len() - 1];
    assert_eq!(last.number("done"), last.number("total"));
    assert_eq!(last.number("done_bytes"), last.number("total_bytes"));
    assert!(last.number("total_bytes") > 0);
}

#[test]
fn a_build_is_stopped_within_a_second_and_made_by_the_next_run() {
    let (scene, stream) = loaded("stopped", SLOW);
    let words = ["pg-schema-apply", "--section", "post-data", "-"];
    let running = scene.tool(&words).input(stream.clone()).spawn();
    wait_until("the index is being built", Duration::from_secs(20), || {
        scene
            .target
            .ask_one("select count(*) from pg_stat_progress_create_index")
            != "0"
    });
    let asked = Instant::now();
    signal(running.pid(), "INT");
    running.wait().ends_with(130);
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
    scene.tool(&words).input(stream).run().ends_with(0);
    scene.is_the_same_to_pg_dump();
}

#[test]
fn a_view_is_refreshed_with_the_path_that_the_database_has() {
    // From 17 on REFRESH has a search_path of its own, whatever the session says.
    let Some(major) = [16, 15, 14]
        .into_iter()
        .find(|major| Majors::available().contains_key(major))
    else {
        skip("no server before 17");
        return;
    };
    let pair = Pair {
        source: major,
        target: major,
    };
    let scene = Scene::of(
        pair,
        "path",
        "create schema app; create table app.t (n integer); insert into app.t values (1), (2);
         create function app.total() returns bigint language plpgsql stable
            as $$ begin return (select count(*) from t); end $$;
         do $$ begin execute format('alter database %I set search_path = app, public', current_database()); end $$;
         set search_path = app, public;
         create materialized view app.m as select app.total() as total;",
    );
    applied(&scene, "2").run().succeeds();
    assert_eq!(scene.target.ask_one("select total from app.m"), "2");
}

#[test]
fn keys_of_partitioned_tables_arrive_valid() {
    const SQL: &str = "
        create table parent (id integer primary key) partition by range (id);
        create table p1 partition of parent for values from (0) to (10);
        create table p2 partition of parent for values from (10) to (20);
        insert into parent select n from generate_series(1, 19) as n;
        create table base (id integer primary key); insert into base select n from generate_series(1, 19) as n;
        create table child (n integer references parent, k integer references base, primary key (k)) partition by hash (k);
        create table c0 partition of child for values with (modulus 2, remainder 0);
        create table c1 partition of child for values with (modulus 2, remainder 1);
        insert into child select n, n from generate_series(1, 19) as n;
        create table plain (n integer references parent, m integer references child);
        insert into plain values (1, 1);";
    for major in [Majors::newest(), 15] {
        if !Majors::available().contains_key(&major) {
            skip("no server of that version");
            continue;
        }
        let pair = Pair {
            source: major,
            target: major,
        };
        let scene = Scene::of(pair, "partitioned", SQL);
        applied(&scene, "4").run().succeeds();
        scene.is_the_same_to_pg_dump();
        let open = "select conname from pg_constraint where not convalidated";
        assert_eq!(scene.target.ask(open), Vec::<String>::new());
    }
}

#[test]
fn grants_that_others_gave_arrive_without_a_superuser() {
    for major in [Majors::newest(), 15] {
        if !Majors::available().contains_key(&major) {
            skip("no server of that version");
            continue;
        }
        let scene = Scene::of(
            Pair { source: major, target: major },
            "grantors",
            "create role \"Gave it\"; create role got_it; create table t (a integer);
             grant select on t to \"Gave it\" with grant option;
             set session authorization \"Gave it\"; grant select on t to got_it; reset session authorization;",
        );
        let target = modest(&scene, "grantors");
        let [pre, post] = applied_as(&scene, &target, &[]);
        pre.ends_with(0);
        post.ends_with(0)
            .says(&["role \"Gave it\" was granted to us"]);
        let grants =
            "select string_agg(grantor::regrole || ' ' || grantee::regrole, ',' order by 1)
            from pg_class, aclexplode(relacl) where relname = 't' and grantee <> relowner";
        let grants = scene.target.ask_one(grants);
        assert!(grants.contains("\"Gave it\" got_it"), "{grants}");
    }
}
