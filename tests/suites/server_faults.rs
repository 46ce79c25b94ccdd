//! Servers that die under a copy, and disks that are full. The same command again completes.

use std::collections::BTreeSet;
use std::time::Duration;

use pg_e2e::cluster::Setup;
use pg_e2e::fault::{Locked, signal, wait_until};
use pg_e2e::tool::Tool;
use pg_e2e::{Cluster, Database, Disk, Majors, Pipeline, Ran, rows};
use tempfile::TempDir;

use crate::recorded::{file, migrate};
use crate::scene::{BY_HAND, Scene, skip};

const LIMIT: Duration = Duration::from_secs(20);

const LARGE: &str = "
    create table \"lar'ge\" (id integer, t text);
    insert into \"lar'ge\" select n, repeat(md5(n::text), 4) from generate_series(1, 20000) n;
    create table small (id integer primary key);
    insert into small values (1), (2);";

/// A server of its own, newest version.
fn server(conf: &str) -> &'static Cluster {
    let setup = Setup {
        conf,
        ..Setup::default()
    };
    Box::leak(Box::new(Cluster::start(Majors::newest(), setup)))
}

/// What a script makes, between two servers; pre-data is applied and on the target's disk.
fn begun(source: &'static Cluster, target: &'static Cluster, sql: &str) -> (Scene, String) {
    let source = Database::create(source, "dies").with(sql);
    let scene = Scene {
        target: source.twin(target),
        source,
        dir: TempDir::new().expect("a temporary directory can be made"),
    };
    let plan = scene.plan();
    let pre = scene.tool(BY_HAND[1]).input(plan.clone()).run();
    pre.ends_with(0);
    scene.target.run("checkpoint");
    (scene, plan)
}

fn copy(scene: &Scene, plan: &str) -> Tool {
    scene
        .tool(&["pg-copy", "--split-size", "1MB", "--jobs", "2", "-"])
        .input(plan.to_owned())
}

/// Waits until a worker waits for the lock on the large table; gives its backend.
fn waits(scene: &Scene) -> u32 {
    let waiting = "select pid from pg_locks where not granted \
                   and relation = '\"lar''ge\"'::regclass limit 1";
    wait_until("the copy waits for the lock", LIMIT, || {
        !scene.target.ask(waiting).is_empty()
    });
    let pid = scene.target.ask_one(waiting);
    pid.parse().expect("it is a number")
}

/// Has commits that do not wait for the disk stay in memory until another one does.
const LAZY: &str = "wal_writer_delay = 10s\nwal_writer_flush_after = 1GB\nwal_buffers = 128MB\n\
                    checkpoint_timeout = 1h\nautovacuum = off";

#[test]
fn what_a_copy_says_is_done_outlives_the_target() {
    let (scene, plan) = begun(server(""), server(LAZY), LARGE);
    copy(&scene, &plan).run().ends_with(0);
    scene.target.cluster.kill();
    scene.target.cluster.start_again();
    rows::are_equal(&scene.source, &scene.target);
}

#[test]
fn a_target_that_dies_under_a_copy_makes_no_table_whole_that_is_not() {
    let (scene, plan) = begun(server(""), server(LAZY), LARGE);
    let locked = Locked::table(&scene.target, "\"lar'ge\"");
    let running = copy(&scene, &plan).spawn();
    waits(&scene);
    // What has been planned is on the disk, and what comes now is not.
    scene.target.run("checkpoint");
    let mut holder = scene.target.connect();
    holder
        .batch_execute("begin; select from pgmig.chunk where part = 3 for update")
        .expect("the third part is nobody's");
    drop(locked);
    wait_until("all others are in", LIMIT, || {
        scene
            .target
            .ask_one("select count(*) from pgmig.chunk where done_at is null")
            == "1"
    });
    scene.target.cluster.kill();
    scene.target.cluster.start_again();
    let undone = "select count(*) > 1 from pgmig.chunk where done_at is null";
    assert_eq!(scene.target.ask_one(undone), "t", "else it proves nothing");
    let ran = running.wait();
    assert!([0, 4].contains(&ran.status), "{ran}");
    let again = copy(&scene, &plan).run();
    again.ends_with(0);
    rows::are_equal(&scene.source, &scene.target);
    // The second run has compared what it tells with the source.
    let told = |ran: &Ran| -> BTreeSet<String> {
        let stream = ran.stream();
        let all = stream.of("copied");
        let told = all.map(|one| {
            let (rows, checksum) = (one.number("rows"), one.text("checksum"));
            format!("{} {rows} {checksum}", one.relation())
        });
        told.collect()
    };
    assert_eq!(told(&again).len(), 2, "{again}");
    assert!(told(&ran).is_subset(&told(&again)), "{ran}\n{again}");
}

#[test]
fn a_source_that_dies_under_a_copy_is_told_and_the_next_run_completes() {
    let (scene, plan) = begun(server(""), server(""), LARGE);
    let locked = Locked::table(&scene.target, "\"lar'ge\"");
    let running = copy(&scene, &plan).spawn();
    waits(&scene);
    scene.source.cluster.kill();
    drop(locked);
    scene.source.cluster.start_again();
    let ran = running.wait();
    ran.fails_clearly(4, &[]);
    copy(&scene, &plan).run().ends_with(0);
    rows::are_equal(&scene.source, &scene.target);
}

#[test]
fn a_server_process_that_is_killed_takes_no_row_with_it() {
    let (scene, plan) = begun(server(""), server(""), LARGE);
    let locked = Locked::table(&scene.target, "\"lar'ge\"");
    let running = copy(&scene, &plan).spawn();
    let pid = waits(&scene);
    // The server ends all others with it, and starts anew.
    signal(pid, "KILL");
    drop(locked);
    let ran = running.wait();
    assert!([0, 4].contains(&ran.status), "{ran}");
    copy(&scene, &plan).run().ends_with(0);
    rows::are_equal(&scene.source, &scene.target);
}

#[test]
fn a_disk_that_is_full_is_told_and_the_same_command_completes_when_there_is_room() {
    let (source, target) = (server(""), server(""));
    let home = target.home().join("small disk");
    let Some(disk) = Disk::mounted(&home, 2 << 20) else {
        return skip("nothing can be mounted here");
    };
    let place = home.display().to_string().replace('\'', "''");
    target
        .connect("postgres")
        .batch_execute(&format!("create tablespace small_disk location '{place}'"))
        .expect("the directory is the server's");
    let (scene, plan) = begun(source, target, LARGE);
    scene
        .target
        .run("alter table \"lar'ge\" set tablespace small_disk");
    let words = ["pg-copy", "--jobs", "2", "-"];
    let ran = scene.tool(&words).input(plan.clone()).run();
    ran.fails_clearly(6, &["lar'ge", "53100"]);
    let stream = ran.stream();
    let error = stream.the("error");
    assert_eq!(error.text("sqlstate"), "53100", "{ran}");
    assert!(error.text("object").contains("lar'ge"), "{ran}");
    assert_eq!(scene.target.ask_one("select count(*) from \"lar'ge\""), "0");
    assert_eq!(scene.target.ask_one("select count(*) from small"), "2");
    assert!(disk.resize(64 << 20), "it can be made larger");
    scene.tool(&words).input(plan).run().ends_with(0);
    rows::are_equal(&scene.source, &scene.target);
}

#[test]
fn unlogged_tables_that_a_crash_of_the_target_has_emptied_are_copied_again() {
    const UNLOGGED: &str = "
        create unlogged table lost (id integer primary key);
        insert into lost select generate_series(1, 1000);
        create unlogged table empty (id integer);
        create table kept (id integer primary key);
        insert into kept values (1)";
    let source = Database::create(server(""), "unlogged").with(UNLOGGED);
    let target = server("");
    let scene = Scene::into_new(source, target);
    let file = file(&scene, "crash");
    let words = ["--quiet", "--option", "Migrate", &file];
    migrate(&scene, &[&["--hold"], &words[..]].concat()).ends_with(0);
    target.kill();
    target.start_again();
    let finish = scene.tool(&["pg-migstate", "finish", "crash"]).run();
    finish.fails_clearly(7, &["public.lost", "crashed"]);
    assert!(!scene.target.exists(), "{finish}");
    let again = migrate(&scene, &["--resume", "crash"]);
    again.ends_with(0).says(&["table public.lost is unlogged"]);
    assert!(!again.stderr.contains("table public.kept"), "{again}");
    rows::are_equal(&scene.source, &scene.target);
}

#[test]
fn whose_a_database_is_outlives_a_target_that_dies_right_after_it_was_made() {
    let source = Database::create(server(""), "marked").with("create table t (id integer)");
    let target = server(LAZY);
    let scene = Scene::into_new(source, target);
    let file = file(&scene, "mark");
    let line: [&[&str]; 4] = [
        &["pg-migstate", "begin", &file],
        &["pg-probe", "-"],
        &["pg-schema-dump", "-"],
        &["pg-schema-apply", "--section", "pre-data", "-"],
    ];
    let ran = Pipeline::of(scene.tools(&line)).run();
    ran.last().ends_with(0);
    target.kill();
    target.start_again();
    // What was made in it without the mark would be nobody's, and no resume would go on with it.
    let marked = "select count(*) from pg_database \
                  where shobj_description(oid, 'pg_database') like '{\"pgmig\":1,%'";
    let marked = target.connect("postgres").query_one(marked, &[]);
    assert_eq!(
        marked.expect("the server answers").get::<_, i64>(0),
        1,
        "the mark is lost"
    );
}
