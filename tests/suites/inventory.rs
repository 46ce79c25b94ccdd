//! Objects of every kind are compared one by one, with owner and grants.

use pg_e2e::{Cluster, Database, Pair, Ran};

use crate::recorded::{file, migrate};
use crate::scene::Scene;

fn objects(scene: &Scene) -> Ran {
    scene.tool(&["pg-verify", "--objects"]).run()
}

/// What is told of objects, as `schema.kind name: verdict`.
fn told(ran: &Ran) -> Vec<String> {
    let stream = ran.stream();
    let mut told: Vec<String> = stream
        .of("verified")
        .filter(|one| one.text("kind") == "object")
        .map(|one| format!("{}: {}", one.relation(), one.text("verdict")))
        .collect();
    told.sort();
    told
}

#[test]
fn all_objects_of_a_migrated_database_are_equal() {
    let scene = Scene::small(Pair::newest());
    scene.by_hand().run().succeeds();
    let ran = objects(&scene);
    assert_eq!(told(&ran), Vec::<String>::new(), "{ran}");
    ran.ends_with(0);
    assert!(
        ran.stream().the("verification").number("objects") > 100,
        "{ran}"
    );
}

#[test]
fn between_versions_nothing_is_called_different_that_only_reads_differently() {
    let scene = Scene::small(Pair::widest());
    scene.by_hand().run().succeeds();
    let ran = objects(&scene);
    let told = told(&ran);
    assert!(
        told.iter().all(|one| one.ends_with(": unverified")),
        "{told:#?}\n{ran}"
    );
}

/// A change of the target, and what must be told of it.
const CHANGES: &[(&str, &str)] = &[
    (
        "create or replace function sales.doubled(integer) returns integer language sql immutable as 'select $1 + $1'",
        "FUNCTION doubled(integer): mismatch",
    ),
    (
        "create or replace view sales.rich as select id, name, credit from sales.customer where credit > 101",
        "VIEW rich: mismatch",
    ),
    (
        "alter view sales.rich owner to e2e_reader",
        "VIEW rich: mismatch",
    ),
    (
        "revoke select on sales.customer from e2e_reader",
        "ACL TABLE customer: missing",
    ),
    (
        "revoke usage on schema sales from e2e_reader",
        "ACL SCHEMA sales: missing",
    ),
    (
        "grant create on schema sales to public",
        "ACL SCHEMA sales: mismatch",
    ),
    (
        "alter table sales.customer disable trigger stamp",
        "TRIGGER customer stamp: mismatch",
    ),
    (
        "drop trigger stamp on sales.customer",
        "TRIGGER customer stamp: missing",
    ),
    (
        "drop policy writers on sales.customer",
        "POLICY customer writers: missing",
    ),
    (
        "drop index sales.event_amount_idx",
        "INDEX event_amount_idx: missing",
    ),
    (
        "create index more on sales.customer (credit)",
        "INDEX more: extra",
    ),
    (
        "drop rule no_delete on sales.no_key",
        "RULE no_key no_delete: missing",
    ),
    (
        "alter table sales.customer alter column credit set default 77",
        "TABLE customer: mismatch",
    ),
    (
        "alter table sales.customer add check (credit < 1e9)",
        "customer: mismatch",
    ),
    (
        "alter domain sales.positive drop constraint \"is positive\"",
        "DOMAIN positive: mismatch",
    ),
    (
        "alter type sales.mood add value 'new'",
        "TYPE mood: mismatch",
    ),
    (
        "alter sequence sales.number_sequence increment by 8",
        "SEQUENCE number_sequence: mismatch",
    ),
    (
        "comment on schema sales is 'other'",
        "COMMENT SCHEMA sales: mismatch",
    ),
    (
        "drop statistics sales.order_statistics",
        "STATISTICS order_statistics: missing",
    ),
    (
        "alter table sales.customer_order alter column note set statistics 501",
        "customer_order: mismatch",
    ),
    (
        "alter table sales.no_key replica identity full",
        "no_key: mismatch",
    ),
    (
        "alter default privileges in schema sales revoke select on tables from e2e_reader",
        "DEFAULT PRIVILEGES FOR TABLES: missing",
    ),
    (
        "drop materialized view sales.never_filled",
        "MATERIALIZED VIEW never_filled: missing",
    ),
    (
        "revoke select on large object 4712 from e2e_reader",
        "LARGE OBJECTS",
    ),
    (
        "do $$ begin execute format('alter database %I set work_mem = ''7MB''', current_database()); end $$",
        "DATABASE PROPERTIES DATABASE_NAME: ",
    ),
    ("create extension citext", "EXTENSION citext: extra"),
    ("create schema more", "SCHEMA more: extra"),
];

#[test]
fn each_change_of_an_object_is_found_and_named() {
    let scene = Scene::small(Pair::newest());
    scene.by_hand().run().succeeds();
    let mut missed = Vec::new();
    for (change, word) in CHANGES {
        let copy = crate::pipeline::copy_of(&scene);
        copy.run(change);
        let ran = scene
            .tool(&["pg-verify", "--objects", "--target"])
            .arg(copy.conninfo())
            .run();
        let told = told(&ran);
        if ran.status != 1 || !told.iter().any(|one| one.contains(word)) {
            missed.push(format!(
                "{change}: {told:?} with {}\n{}",
                ran.status, ran.stderr
            ));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

#[test]
fn without_the_dumping_tool_objects_are_not_called_equal() {
    let scene = Scene::plain(Pair::newest());
    scene.by_hand().run().succeeds();
    let ran = scene
        .tool(&["pg-verify", "--objects"])
        .env("PATH", "/no/such/directory")
        .run();
    assert!([2, 5].contains(&ran.status), "{ran}");
}

#[test]
fn sequences_behind_their_column_are_told_though_both_sides_are_equal() {
    let sql = "create table t (id serial primary key, a integer); insert into t (id) values (7);
        create table down (id integer primary key); create sequence s increment by -1 owned by down.id;
        insert into down values (-3);
        create table fine (id integer generated always as identity primary key); insert into fine default values;";
    let scene = crate::drilled::twins(Pair::newest(), "behind", sql);
    let ran = scene.tool(&["pg-verify"]).run();
    ran.ends_with(0)
        .says(&["t_id_seq", "has 7 already", "public.s", "has -3 already"]);
    assert!(!ran.stderr.contains("fine_id_seq"), "{ran}");
    let stream = ran.stream();
    let told = stream
        .of("verified")
        .find(|one| one.text("name") == "t_id_seq");
    assert!(
        told.is_some_and(|one| one.text("message").contains("has 7 already")),
        "{ran}"
    );
    scene.tool(&["pg-verify", "--strict"]).run().ends_with(1);
}

/// `./migrate` has them in its report, though nobody has validated.
fn report_tells_parameters(source: &'static Cluster, target: &'static Cluster) {
    let postgres = |cluster| Database {
        cluster,
        name: "postgres".to_owned(),
    };
    let scene = Scene {
        source: postgres(source),
        target: postgres(target),
        dir: tempfile::TempDir::new().expect("a temporary directory can be made"),
    };
    scene.source.run("create table t as select 1 as id");
    let words = ["--option", "Migrate", &file(&scene, "settings")];
    migrate(&scene, &words).ends_with(0);
    let page = scene.dir.path().join("page.html").display().to_string();
    let report = ["pg-migstate", "report", "settings", "--html", &page];
    scene.tool(&report).run().ends_with(0);
    let page = std::fs::read_to_string(page).expect("the page was written");
    assert!(page.contains("work_mem (12345 on the source"), "{page}");
    assert!(!page.contains("cat secret"));
}

#[test]
fn parameters_that_only_the_source_has_set_come_with_statements_that_set_them() {
    let setup = |conf: &'static str| pg_e2e::cluster::Setup {
        conf,
        ..pg_e2e::cluster::Setup::default()
    };
    let major = pg_e2e::Majors::newest();
    let conf = "work_mem = 12345kB\nsearch_path = '\"odd, name\", public'\nlog_line_prefix = 'it''s %m'\nmax_connections = 77\nssl_passphrase_command = 'cat secret'";
    let own =
        |conf| -> &'static Cluster { Box::leak(Box::new(Cluster::start(major, setup(conf)))) };
    let (source, target) = (own(conf), own(""));
    report_tells_parameters(source, target);
    let run = || {
        pg_e2e::Tool::new("pg-verify")
            .args(["--parameters", "--source", &source.conninfo("postgres")])
            .args(["--target", &target.conninfo("postgres")])
            .run()
    };
    let ran = run();
    ran.ends_with(0);
    assert!(!ran.text().contains("secret"), "{ran}");
    let stream = ran.stream();
    let names: Vec<&str> = stream.of("parameter").map(|one| one.text("name")).collect();
    for name in [
        "work_mem",
        "search_path",
        "log_line_prefix",
        "max_connections",
    ] {
        assert!(names.contains(&name), "{name}\n{ran}");
    }
    assert!(
        !names.contains(&"port") && !names.contains(&"TimeZone"),
        "{ran}"
    );
    // The statements do what they say.
    for one in stream.of("parameter") {
        target
            .connect("postgres")
            .batch_execute(one.text("statement"))
            .unwrap_or_else(|error| panic!("{}: {error}", one.line));
    }
    target
        .connect("postgres")
        .batch_execute("select pg_reload_conf()")
        .expect("a server reads its settings again");
    std::thread::sleep(std::time::Duration::from_millis(500));
    let ran = run();
    let stream = ran.stream();
    let left: Vec<&str> = stream.of("parameter").map(|one| one.text("name")).collect();
    // The rest takes a restart.
    assert!(left.contains(&"max_connections"), "{ran}");
    for name in ["work_mem", "search_path", "log_line_prefix"] {
        assert!(!left.contains(&name), "{name}\n{ran}");
    }
}

#[test]
fn the_dumping_tool_gets_the_password_and_nobody_else_sees_it() {
    let scene = Scene::plain(Pair::newest());
    scene.by_hand().run().succeeds();
    let run = |password: &str| {
        pg_e2e::Tool::new("pg-verify")
            .args(["-v", "--objects", "--source", &scene.source.tcp_conninfo()])
            .args(["--target", &scene.target.tcp_conninfo()])
            .env("PGMIG_SOURCE_PASSWORD", password)
            .env("PGMIG_TARGET_PASSWORD", password)
            .run()
    };
    let ran = run(pg_e2e::cluster::CANARY);
    ran.ends_with(0);
    assert!(
        ran.stream().the("verification").number("objects") > 0,
        "{ran}"
    );
    assert!(!ran.text().contains(pg_e2e::cluster::CANARY), "{ran}");
    assert!(!ran.stderr.contains(pg_e2e::cluster::CANARY), "{ran}");
}
