//! Checks that need servers, flags or a stream of their own: each with a run in which it is
//! quiet and one in which it fires.
#![expect(
    clippy::unnecessary_wraps,
    reason = "some of the runs need a server that may be missing"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use pg_e2e::cluster::{CANARY, Side};
use pg_e2e::database::identifier;
use pg_e2e::{Cluster, Database, Pair, Ran, Tool};

use super::ways::server;
use super::{check, fires, is_quiet};
use crate::scene::Scene;

/// Id, what it names, the quiet run and the loud one; `None` where a server is missing.
type Alone = (&'static str, &'static str, fn() -> Option<[Ran; 2]>);

pub(super) const ALONE: &[Alone] = &[
    ("ver.target_min", "older than", too_old_a_target),
    ("conn.same_cluster", "the same database", the_same_database),
    ("conn.tls", "without TLS", over_a_network),
    ("tgt.read_only", "read_only", a_target_that_takes_no_writes),
    ("db.encoding", "LATIN1", another_encoding),
    ("db.locale_missing", "sorts and compares", another_locale),
    (
        "db.locale_provider",
        "too old",
        a_provider_that_is_not_there,
    ),
    ("size.disk", "should be free", too_little_space),
    ("src.write_activity", "written within", somebody_writes),
    ("tgt.other_sessions", "pid ", somebody_uses_what_is_replaced),
    (
        "schema.rehearsal",
        "(58P01, func.c)",
        a_statement_is_refused,
    ),
];

fn validate(source: &str, target: &str, more: &[&str]) -> Ran {
    Tool::new("pg-validate")
        .args(["--source", source, "--target", target])
        .args(more)
        .run()
}

/// Quiet with one target, loud with another.
fn two_targets(source: &Database, quiet: &Database, loud: &Database, id: &str) -> [Ran; 2] {
    let run = |target: &Database| validate(&source.conninfo(), &target.conninfo(), &["--only", id]);
    [run(quiet), run(loud)]
}

fn too_old_a_target() -> Option<[Ran; 2]> {
    let old = Database::create(server(10, Side::Source)?, "old");
    let scene = Scene::plain(Pair::newest());
    let id = "ver.target_min";
    Some(two_targets(&scene.source, &scene.target, &old, id))
}

fn the_same_database() -> Option<[Ran; 2]> {
    let scene = Scene::plain(Pair::newest());
    let id = "conn.same_cluster";
    Some(two_targets(&scene.source, &scene.target, &scene.source, id))
}

fn over_a_network() -> Option<[Ran; 2]> {
    let scene = Scene::plain(Pair::newest());
    let far = scene
        .source
        .tcp_conninfo()
        .replace("host=127.0.0.1", "host=db.example hostaddr=127.0.0.1");
    let run = |source: &str| {
        Tool::new("pg-validate")
            .args(["--source", source, "--target", &scene.target.conninfo()])
            .args(["--only", "conn.tls"])
            .env("PGMIG_SOURCE_PASSWORD", CANARY)
            .run()
    };
    Some([run(&scene.source.conninfo()), run(&far)])
}

fn a_target_that_takes_no_writes() -> Option<[Ran; 2]> {
    let scene = Scene::plain(Pair::newest());
    let closed = Database::create(scene.target.cluster, "closed");
    let name = identifier(&closed.name);
    closed.run(&format!(
        "alter database {name} set default_transaction_read_only = on"
    ));
    let id = "tgt.read_only";
    Some(two_targets(&scene.source, &scene.target, &closed, id))
}

fn another_encoding() -> Option<[Ran; 2]> {
    let scene = Scene::plain(Pair::newest());
    let latin = Database::encoded(scene.target.cluster, "latin", "LATIN1");
    Some(two_targets(
        &scene.source,
        &scene.target,
        &latin,
        "db.encoding",
    ))
}

/// A database with a locale of PostgreSQL itself.
fn built_in(scene: &Scene) -> Database {
    let cluster = scene.source.cluster;
    let name = format!("{}_built_in", scene.source.name);
    let sql = format!(
        "create database {} template template0 locale_provider builtin builtin_locale 'C.UTF-8'",
        identifier(&name)
    );
    scene.source.run(&sql);
    Database { cluster, name }
}

fn another_locale() -> Option<[Ran; 2]> {
    let scene = Scene::plain(Pair::newest());
    let built_in = built_in(&scene);
    let run = |source: &Database| {
        let more = ["--only", "db.locale_missing"];
        validate(&source.conninfo(), &scene.target.conninfo(), &more)
    };
    Some([run(&scene.source), run(&built_in)])
}

fn a_provider_that_is_not_there() -> Option<[Ran; 2]> {
    let scene = Scene::plain(Pair::newest());
    let run = |target: &'static Cluster| {
        // Only a database that is not there has to be made.
        let scene = Scene::into_new(built_in(&scene), target);
        let [there, here] = [scene.source.cluster, target].map(|one| one.conninfo("postgres"));
        let file = scene.migration_file("provider", &there, &here);
        let begin = ["pg-migstate", "begin", &file.display().to_string()];
        let head = scene.tool(&begin).run().text();
        let words = ["pg-validate", "--only", "db.locale_provider", "-"];
        scene.tool(&words).input(head).run()
    };
    Some([run(scene.target.cluster), run(server(14, Side::Target)?)])
}

fn too_little_space() -> Option<[Ran; 2]> {
    let scene = Scene::plain(Pair::newest());
    let run = |free: &str| {
        let more = ["--only", "size.disk", "--target-free", free];
        validate(&scene.source.conninfo(), &scene.target.conninfo(), &more)
    };
    Some([run("1TB"), run("1MB")])
}

fn somebody_writes() -> Option<[Ran; 2]> {
    let scene = Scene::plain(Pair::newest());
    let run = || scene.tool(&["pg-validate"]).run();
    let quiet = run();
    let done = AtomicBool::new(false);
    let loud = thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = scene.source.connect();
            while !done.load(Ordering::Relaxed) {
                client
                    .batch_execute("insert into t select max(id) + 1 from t")
                    .expect("rows can be written");
                thread::sleep(Duration::from_millis(200));
            }
        });
        let loud = run();
        done.store(true, Ordering::Relaxed);
        loud
    });
    Some([quiet, loud])
}

fn somebody_uses_what_is_replaced() -> Option<[Ran; 2]> {
    let scene = Scene::plain(Pair::newest());
    let conninfo = |database: &Database| database.cluster.conninfo("postgres");
    let file = scene.migration_file("used", &conninfo(&scene.source), &conninfo(&scene.target));
    let begun = scene
        .tool(&["pg-migstate", "begin", &file.display().to_string()])
        .run();
    let head = begun
        .text()
        .replace("\"overwrite\":false", "\"overwrite\":true");
    let run = || {
        let words = ["pg-validate", "--only", "tgt.other_sessions", "-"];
        scene.tool(&words).input(head.clone()).run()
    };
    let quiet = run();
    let _user = scene.target.connect();
    Some([quiet, run()])
}

fn a_statement_is_refused() -> Option<[Ran; 2]> {
    let scene = Scene::plain(Pair::newest());
    let run = || {
        scene
            .tool(&["pg-validate", "--rehearse", "--only", "schema.rehearsal"])
            .run()
    };
    let quiet = run();
    scene.source.run(
        "create function lost() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';
         update pg_proc set probin = '$libdir/gone' where proname = 'lost'",
    );
    Some([quiet, run()])
}

#[test]
fn checks_that_need_more_than_a_database_are_quiet_and_fire_too() {
    let mut wrong = Vec::new();
    for (id, names, runs) in ALONE {
        let Some([quiet, loud]) = runs() else {
            continue;
        };
        let (before, after) = (check(&quiet, id), check(&loud, id));
        if !is_quiet(&before, names) {
            wrong.push(format!("{id} is not quiet: {}", before.line));
        }
        if !fires(&after, names) {
            wrong.push(format!("{id} does not fire: {}", after.line));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
