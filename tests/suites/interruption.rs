//! Killed, stopped, or left alone: the same command again goes on where it stopped.

use std::time::{Duration, Instant};

use pg_e2e::fault::{Locked, signal, wait_until};
use pg_e2e::running::Running;
use pg_e2e::tool::Stdout;
use pg_e2e::{Pair, Stream};

use crate::scene::{BY_HAND, Scene, closes_with};

const LIMIT: Duration = Duration::from_secs(20);

/// Four tables; copying waits at `stuck` when that is locked on the target.
const FOUR: &str = "
    create table one (id integer primary key, t text);
    create table two (id integer primary key, t text);
    create table three (t text);
    create table stuck (id integer primary key, t text);
    insert into one select n, md5(n::text) from generate_series(1, 5000) as n;
    insert into two select n, md5(n::text) from generate_series(1, 5000) as n;
    insert into three select md5(n::text) from generate_series(1, 5000) as n;
    insert into stuck select n, repeat(md5(n::text), 20) from generate_series(1, 5000) as n;
    create sequence s start 42;
    select lo_from_bytea(77, 'seventy-seven');";

/// A source of four tables, pre-data applied, and the plan.
fn four() -> (Scene, String) {
    Scene::begun("four", FOUR)
}

/// Starts pg-copy and waits until it has done all but the locked table.
fn stuck(scene: &Scene, plan: &str) -> (Running, Locked) {
    let locked = Locked::table(&scene.target, "stuck");
    let copy = scene
        .tool(&["pg-copy", "--jobs", "2", "-"])
        .input(plan)
        .spawn();
    wait_until("three tables are in", LIMIT, || {
        scene
            .target
            .ask("select count(*) from pgmig.chunk where done_at is not null")
            == ["3"]
    });
    let waiting =
        "select count(*) > 0 from pg_locks where not granted and relation = 'stuck'::regclass";
    wait_until("the copy waits for the lock", LIMIT, || {
        scene.target.ask(waiting) == ["t"]
    });
    (copy, locked)
}

/// The same command again, to its end: everything is there, nothing twice.
fn completes(scene: &Scene, plan: &str) {
    let ran = scene
        .tool(&["pg-copy", "--jobs", "2", "-"])
        .input(plan)
        .run();
    ran.ends_with(0);
    let stream = ran.stream();
    let count = |earlier: bool| {
        stream
            .of("copied")
            .filter(|one| one.is("earlier") == earlier)
            .count()
    };
    assert_eq!(
        (count(true), count(false)),
        (3, 1),
        "done tables are told again, not copied\n{ran}"
    );
    let post = scene.tool(BY_HAND[3]).input(ran.text()).run();
    post.ends_with(0);
    scene.is_the_same_to_pg_dump();
    let verify = scene.tool(&["pg-verify"]).run();
    verify.ends_with(0);
}

#[test]
fn a_killed_copy_is_completed_by_the_same_command() {
    let (scene, plan) = four();
    let (copy, locked) = stuck(&scene, &plan);
    signal(copy.pid(), "KILL");
    copy.wait().ends_with(137);
    drop(locked);
    completes(&scene, &plan);
}

#[test]
fn a_terminated_copy_ends_within_two_seconds_with_143_and_can_be_resumed() {
    for (name, status) in [("TERM", 143), ("INT", 130)] {
        let (scene, plan) = four();
        let (copy, locked) = stuck(&scene, &plan);
        let began = Instant::now();
        signal(copy.pid(), name);
        let ran = copy.wait();
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "took {:?}\n{ran}",
            began.elapsed()
        );
        closes_with(&ran, status);
        ran.stream();
        assert_eq!(
            scene.target.ask("select count(*) from stuck"),
            ["0"],
            "rolled back"
        );
        drop(locked);
        completes(&scene, &plan);
    }
}

#[test]
fn a_copy_whose_reader_left_stops_and_can_be_resumed() {
    let (scene, plan) = four();
    let ran = scene
        .tool(&["pg-copy", "-"])
        .input(plan.clone())
        .stdout(Stdout::ReaderGone)
        .run();
    ran.ends_with(141);
    scene.tool(&["pg-copy", "-"]).input(plan).run().ends_with(0);
    assert_eq!(scene.target.ask("select count(*) from one"), ["5000"]);
    assert_eq!(scene.target.ask("select count(*) from three"), ["5000"]);
}

#[test]
fn two_copies_at_once_do_not_copy_twice() {
    let (scene, plan) = four();
    let (copy, locked) = stuck(&scene, &plan);
    let second = scene.tool(&["pg-copy", "-"]).input(plan).run();
    assert!([0, 7].contains(&second.status), "{second}");
    if second.status == 7 {
        second.fails_clearly(7, &[]);
    }
    drop(locked);
    copy.wait().ends_with(0);
    assert_eq!(scene.target.ask("select count(*) from three"), ["5000"]);
    assert_eq!(scene.target.ask("select count(*) from stuck"), ["5000"]);
}

#[test]
fn a_target_session_that_is_terminated_does_not_lose_or_double_rows() {
    let (scene, plan) = four();
    let (copy, locked) = stuck(&scene, &plan);
    scene.target.ask(
        "select pg_terminate_backend(pid) from pg_stat_activity \
         where datname = current_database() and application_name like 'pgmig/%'",
    );
    drop(locked);
    let ran = copy.wait();
    assert!([0, 4, 6].contains(&ran.status), "{ran}");
    ran.stream();
    let again = scene.tool(&["pg-copy", "-"]).input(plan).run();
    again.ends_with(0);
    assert_eq!(scene.target.ask("select count(*) from three"), ["5000"]);
    assert_eq!(scene.target.ask("select count(*) from stuck"), ["5000"]);
}

#[test]
fn a_table_that_changed_after_the_dump_stops_the_copy_with_its_name() {
    let (scene, plan) = four();
    scene.source.run("alter table two add column later integer");
    let ran = scene.target_is_untouched_by(|| scene.tool(&["pg-copy", "-"]).input(plan).run());
    assert!(ran.status != 0, "{ran}");
    ran.says(&["two"]);
    assert_eq!(scene.target.ask("select count(*) from two"), ["0"]);
}

#[test]
fn rows_that_were_written_between_two_runs_are_copied_and_not_assumed() {
    let (scene, plan) = four();
    let (copy, locked) = stuck(&scene, &plan);
    signal(copy.pid(), "KILL");
    copy.wait();
    drop(locked);
    scene
        .source
        .run("insert into one values (9999, 'late'); delete from two where id = 1");
    scene.tool(&["pg-copy", "-"]).input(plan).run().ends_with(0);
    assert_eq!(scene.target.ask("select count(*) from one"), ["5001"]);
    assert_eq!(scene.target.ask("select count(*) from two"), ["4999"]);
    scene.tool(&["pg-verify"]).run().ends_with(0);
}

#[test]
fn apply_that_was_killed_is_completed_by_the_same_command() {
    let scene = Scene::small(Pair::newest());
    let plan = scene.plan();
    for wait in [40, 120] {
        let apply = scene.tool(BY_HAND[1]).input(plan.clone()).spawn();
        std::thread::sleep(Duration::from_millis(wait));
        signal_if_alive(apply);
    }
    let joined = pg_e2e::Pipeline::of([scene.tool(BY_HAND[1]).input(plan)])
        .append(scene.tools(&BY_HAND[2..]))
        .run();
    joined.succeeds();
    scene.is_the_same_to_pg_dump();
}

fn signal_if_alive(mut running: Running) {
    if running.is_alive() {
        signal(running.pid(), "KILL");
    }
    running.wait();
}

#[test]
fn a_row_that_the_target_refuses_is_an_item_and_the_rest_is_done() {
    let (scene, plan) = four();
    scene
        .target
        .run("alter table two add constraint never check (id <> 4000)");
    let ran = scene.tool(&["pg-copy", "-"]).input(plan).run();
    ran.ends_with(6);
    ran.says(&["two"]);
    let stream: Stream = ran.stream();
    let error = stream.the("error");
    assert_eq!(
        (error.text("scope"), error.text("sqlstate")),
        ("item", "23514"),
        "{ran}"
    );
    assert!(error.text("object").contains("two"), "{ran}");
    assert_eq!(stream.of("copied").count(), 3, "{ran}");
    let post = scene.tool(BY_HAND[3]).input(ran.text()).run();
    post.ends_with(6);
    assert_eq!(scene.target.ask("select count(*) from pg_constraint where contype = 'p' and connamespace = 'public'::regnamespace"), ["2"], "what does not depend on it is done\n{post}");
}

#[test]
fn a_view_that_was_refreshed_before_all_rows_were_in_is_refreshed_again() {
    let (scene, plan) = Scene::begun(
        "refreshed",
        "create table one as select n from generate_series(1, 5) as n;
         create table two as select n from generate_series(1, 7) as n;
         create materialized view both_of_them as select n from one union all select n from two;
         create materialized view how_many as select count(*) as n from both_of_them;",
    );
    let run = || {
        let copied = scene.tool(BY_HAND[2]).input(plan.as_str()).run();
        let applied = scene.tool(BY_HAND[3]).input(copied.text()).run();
        (copied, applied)
    };
    scene
        .target
        .run("alter table two add constraint shut check (n < 0)");
    let (copied, applied) = run();
    copied.ends_with(6);
    applied.ends_with(6);
    scene.target.run("alter table two drop constraint shut");
    let (copied, applied) = run();
    copied.ends_with(0);
    applied.ends_with(0);
    let seen = "select (select count(*) from both_of_them), (select n from how_many)";
    assert_eq!(scene.target.ask_one(seen), "12|12");
}
