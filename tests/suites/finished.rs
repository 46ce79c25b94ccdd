//! `pg-migstate finish`: killed anywhere it is finished by the next one, and at no moment is
//! there no database of that name.

use std::fs;
use std::time::Duration;

use pg_e2e::fault::{signal, wait_until};
use pg_e2e::proxy::Proxy;
use pg_e2e::{Database, Pair, Tool};

use crate::recorded::{file, migrate};
use crate::scene::{Scene, same_to_pg_dump};

const LIMIT: Duration = Duration::from_secs(20);

/// How much more goes over the line before each kill, in bytes: less than any step says.
const STRIDE: u64 = 400;

fn finish(scene: &Scene, name: &str) -> Tool {
    Tool::new("pg-migstate")
        .args(["finish", name])
        .env("PGMIG_STATE_DIR", scene.state_dir())
}

/// Sets overwrite in a migration file.
fn overwriting(path: &str) {
    let text = fs::read_to_string(path).expect("the file is ours");
    let text = text.replace("\"overwrite\":false", "\"overwrite\":true");
    fs::write(path, text).expect("the file is ours");
}

/// Whether the new database is in place; the old one is whole where it is not.
fn is_swapped(target: &Database) -> bool {
    assert!(target.exists(), "there is no moment without it");
    let tables = target.ask("select relname from pg_class where relkind = 'r' and oid >= 16384 and relnamespace = 'public'::regnamespace order by 1");
    match tables
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["old"] => {
            assert_eq!(target.ask("select sum(a) from old"), ["5050"]);
            false
        }
        ["other", "t"] => {
            assert_eq!(target.ask("select count(*) from t"), ["10"]);
            true
        }
        other => panic!("what is this? {other:?}"),
    }
}

#[test]
fn a_finish_that_is_killed_at_any_byte_is_finished_by_the_next_one() {
    let scene = Scene::plain(Pair::newest());
    scene
        .target
        .run("create table old as select generate_series(1, 100) as a");
    let proxy = Proxy::before(scene.target.cluster);
    let target = proxy.conninfo(scene.target.cluster, "postgres");
    let source = scene.source.cluster.conninfo("postgres");
    let path = scene
        .migration_file("struck", &source, &target)
        .display()
        .to_string();
    overwriting(&path);
    migrate(&scene, &["--hold", &path]).ends_with(0);
    let (mut bytes, mut before, mut after) = (STRIDE, 0, 0);
    loop {
        proxy.hold_after(bytes);
        let mut running = finish(&scene, "struck").spawn();
        wait_until("it is held, or has ended", LIMIT, || {
            proxy.holds() || !running.is_alive()
        });
        if !running.is_alive() {
            proxy.release();
            running.wait().ends_with(0);
            break;
        }
        signal(running.pid(), "KILL");
        running.wait();
        proxy.cut();
        if is_swapped(&scene.target) {
            after += 1;
        } else {
            before += 1;
        }
        bytes += STRIDE;
    }
    assert!(
        before > 10 && after > 0,
        "kills: {before} before the swap, {after} after it"
    );
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
    let left = format!(
        "select datname from pg_database where datname like '{}\\_\\_pgmig%'",
        scene.target.name
    );
    assert_eq!(scene.target.ask(&left), Vec::<String>::new());
    let list = scene
        .tool(&["pg-migstate", "list", "--format", "csv"])
        .run();
    assert!(list.text().contains("Succeeded"), "{list}");
    finish(&scene, "struck").run().ends_with(0);
}

#[test]
fn what_is_killed_while_it_is_put_in_place_is_resumed_like_all_else() {
    let scene = Scene::plain(Pair::newest());
    scene.target.drop_now();
    let proxy = Proxy::before(scene.target.cluster);
    let target = proxy.conninfo(scene.target.cluster, "postgres");
    let source = scene.source.cluster.conninfo("postgres");
    let path = scene.migration_file("goes-on", &source, &target);
    migrate(&scene, &["--hold", &path.display().to_string()]).ends_with(0);
    let completes = || {
        let show = ["pg-migstate", "show", "goes-on", "--format", "ndjson"];
        scene
            .tool(&show)
            .run()
            .text()
            .contains("CompletingMigration")
    };
    let mut bytes = STRIDE;
    while !completes() {
        proxy.hold_after(bytes);
        let mut running = finish(&scene, "goes-on").spawn();
        wait_until("it is held, or too far", LIMIT, || {
            proxy.holds() || !running.is_alive()
        });
        assert!(running.is_alive(), "it has ended before it was held");
        signal(running.pid(), "KILL");
        running.wait();
        proxy.cut();
        bytes += STRIDE;
    }
    let held = migrate(&scene, &["--resume", "--hold", "goes-on"]);
    held.ends_with(7).says(&["the swap of goes-on has begun"]);
    for _ in 0..2 {
        migrate(&scene, &["--resume", "goes-on"]).ends_with(0);
        same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
    }
}

#[test]
fn two_migrations_of_one_database_load_side_by_side_and_only_one_is_put_in_place() {
    let scene = Scene::plain(Pair::newest());
    scene.target.drop_now();
    for name in ["first", "second"] {
        migrate(&scene, &["--hold", &file(&scene, name)]).ends_with(0);
    }
    finish(&scene, "second").run().ends_with(0);
    let refused = finish(&scene, "first").run();
    refused.fails_clearly(7, &[&scene.target.name, "already"]);
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
    let cancel = scene.tool(&["pg-migstate", "cancel", "first"]).run();
    cancel.ends_with(0);
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
}
