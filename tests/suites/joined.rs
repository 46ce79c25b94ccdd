//! `pg-copy worker`: processes that take part in a copy which another has begun.

use std::time::Duration;

use pg_e2e::Tool;
use pg_e2e::fault::{signal, wait_until};
use pg_e2e::running::Running;

use crate::scene::{BY_HAND, Scene};

const LIMIT: Duration = Duration::from_secs(20);

const ROWS: &str = "
    create table large (id integer primary key, t text);
    insert into large select n, repeat(md5(n::text), 6) from generate_series(1, 30000) n;
    create table other (id integer primary key, t text);
    insert into other select n, repeat(md5(n::text), 6) from generate_series(1, 10000) n;";

/// A copy that has one slow job, in parts of 1 MB.
fn slow_copy(scene: &Scene, plan: &str) -> Running {
    let flags = [
        "--rate-limit",
        "1MB/s",
        "--jobs",
        "1",
        "--split-size",
        "1MB",
    ];
    let where_clause = ["--where", "public.other=id > 100"];
    let running = scene
        .tool(&["pg-copy"])
        .args(flags)
        .args(where_clause)
        .arg("-")
        .input(plan.to_owned())
        .spawn();
    wait_until("it copies", LIMIT, || {
        scene
            .target
            .ask_one("select (count(*) > 0)::text from pgmig.attempt")
            == "true"
    });
    running
}

fn worker(scene: &Scene, flags: &[&str]) -> Tool {
    scene.tool(&["pg-copy", "worker"]).args(flags)
}

/// A slow worker that waits so many seconds for a copy, and has something in hand.
fn taking_part(scene: &Scene, wait: &str) -> Running {
    let flags = ["--jobs", "1", "--rate-limit", "1MB", "--wait", wait];
    let joined = worker(scene, &flags).spawn();
    wait_until("it takes part", LIMIT, || {
        scene
            .target
            .ask_one("select count(distinct worker)::text from pgmig.attempt")
            == "2"
    });
    joined
}

/// Rows of both sides, compared by SQL alone.
#[track_caller]
fn is_all_there(scene: &Scene) {
    for (table, condition) in [("large", "true"), ("other", "id > 100")] {
        let sum = |condition: &str| {
            format!(
                "select count(*) || ' ' || md5(string_agg(id || t, ',' order by id)) \
                 from {table} where {condition}"
            )
        };
        assert_eq!(
            scene.target.ask_one(&sum("true")),
            scene.source.ask_one(&sum(condition)),
            "{table}"
        );
    }
}

#[test]
fn workers_share_one_copy_and_its_beginner_tells_of_each_table_once() {
    let (scene, plan) = Scene::begun("shared", ROWS);
    let running = slow_copy(&scene, &plan);
    let workers: Vec<Running> = (0..2)
        .map(|_| worker(&scene, &["--jobs", "1"]).spawn())
        .collect();
    for worker in workers {
        let ran = worker.wait();
        ran.ends_with(0);
        ran.says(&["joined the copy"]);
        let stream = ran.stream();
        assert!(stream.of("chunk").count() > 0, "{ran}");
        assert_eq!(stream.of("copied").count(), 0, "{ran}");
    }
    let ran = running.wait();
    ran.ends_with(0);
    let stream = ran.stream();
    assert_eq!(stream.of("copied").count(), 2, "{ran}");
    let processes =
        "select (count(distinct split_part(worker, '/', 2)) = 3)::text from pgmig.chunk";
    assert_eq!(scene.target.ask_one(processes), "true");
    let chunks: usize = scene
        .target
        .ask_one("select count(*)::text from pgmig.chunk")
        .parse()
        .expect("it is a number");
    assert_eq!(stream.of("chunk").count(), chunks);
    is_all_there(&scene);
    scene.tool(BY_HAND[3]).input(ran.text()).run().ends_with(0);
}

#[test]
fn there_must_be_a_copy_to_join() {
    let (scene, plan) = Scene::begun("alone", ROWS);
    let flags = ["--wait", "0"];
    worker(&scene, &flags)
        .run()
        .fails_clearly(7, &["no copy into this database"]);
    let flags = ["--wait", "1", "--migration", "nobody's"];
    worker(&scene, &flags)
        .run()
        .fails_clearly(7, &["no copy of migration nobody's"]);
    worker(&scene, &["--wait", "soon"])
        .run()
        .fails_clearly(2, &["--wait"]);
    // One that has ended is none to join.
    scene.tool(&["pg-copy", "-"]).input(plan).run().ends_with(0);
    worker(&scene, &flags[..2])
        .run()
        .fails_clearly(7, &["no copy into this database"]);
}

#[test]
fn a_worker_ends_when_the_copy_is_killed_and_the_next_run_takes_over() {
    let (scene, plan) = Scene::begun("left alone", ROWS);
    let running = slow_copy(&scene, &plan);
    let joined = taking_part(&scene, "3");
    signal(running.pid(), "KILL");
    running.wait().ends_with(137);
    joined
        .wait()
        .fails_clearly(7, &["has ended before all was in"]);
    let flags = [
        "--split-size",
        "1MB",
        "--where",
        "public.other=id > 100",
        "-",
    ];
    let ran = scene.tool(&["pg-copy"]).args(flags).input(plan).run();
    ran.ends_with(0);
    is_all_there(&scene);
}

#[test]
fn a_worker_of_an_earlier_run_joins_the_next_one() {
    let (scene, plan) = Scene::begun("taken over", ROWS);
    let running = slow_copy(&scene, &plan);
    let joined = taking_part(&scene, "30");
    signal(running.pid(), "KILL");
    running.wait().ends_with(137);
    // A row that the first run cannot have seen: no chunk may be of its snapshot.
    scene.source.run("insert into large values (0, 'new')");
    let next = slow_copy(&scene, &plan);
    let ran = joined.wait();
    ran.ends_with(0);
    next.wait().ends_with(0);
    is_all_there(&scene);
}

#[test]
fn workers_stop_with_the_copy_that_was_stopped() {
    let (scene, plan) = Scene::begun("stopped", ROWS);
    let running = slow_copy(&scene, &plan);
    let joined = taking_part(&scene, "1");
    signal(running.pid(), "TERM");
    running.wait().ends_with(143);
    joined
        .wait()
        .fails_clearly(7, &["has ended before all was in"]);
}

#[test]
fn what_a_stopped_worker_had_in_hand_does_not_come_into_the_next_run() {
    let (scene, plan) = Scene::begun("asleep", ROWS);
    let running = slow_copy(&scene, &plan);
    let joined = taking_part(&scene, "1");
    signal(joined.pid(), "STOP");
    signal(running.pid(), "KILL");
    running.wait().ends_with(137);
    scene.source.run("update large set t = 'new ' || t");
    let flags = [
        "--split-size",
        "1MB",
        "--where",
        "public.other=id > 100",
        "-",
    ];
    let ran = scene.tool(&["pg-copy"]).args(flags).input(plan).run();
    ran.ends_with(0);
    signal(joined.pid(), "CONT");
    joined.wait().fails_clearly(7, &["copy"]);
    is_all_there(&scene);
}

#[test]
fn a_worker_with_another_source_says_so() {
    let (scene, plan) = Scene::begun("another source", ROWS);
    let running = slow_copy(&scene, &plan);
    let other = scene.target.cluster.conninfo("postgres");
    for source in [other, scene.source.cluster.conninfo("postgres")] {
        worker(&scene, &["--wait", "1", "--source", &source])
            .run()
            .fails_clearly(7, &["has no snapshot"]);
    }
    running.wait().ends_with(0);
    is_all_there(&scene);
}
