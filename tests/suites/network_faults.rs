//! Networks that are cut or stall while rows are under way: what was under way is copied again,
//! and all of it is there once.

use std::thread;
use std::time::{Duration, Instant};

use pg_e2e::fault::wait_until;
use pg_e2e::proxy::Proxy;
use pg_e2e::running::Running;
use pg_e2e::{Tool, rows};

use crate::scene::Scene;

const LIMIT: Duration = Duration::from_secs(30);

/// About 20 MB in one table, and small ones.
const ROWS: &str = "
    create table \"lar'ge\" (id integer primary key, t text);
    insert into \"lar'ge\"
        select n, (select string_agg(md5((n * 1000 + m)::text), '') from generate_series(1, 60) m)
        from generate_series(1, 10000) n;
    create table small (id integer);
    insert into small select generate_series(1, 100);
    create sequence s start 42;
    select lo_from_bytea(77, 'seventy-seven');";

/// Which of the two servers is behind a bad network.
#[derive(Clone, Copy, Debug)]
enum Behind {
    Source,
    Target,
}

/// A scene, with a proxy before one of its servers, and pg-copy that goes through it.
fn begun(behind: Behind, flags: &[&str]) -> (Scene, Proxy, Tool) {
    let (scene, plan) = Scene::begun("network", ROWS);
    let (database, variable) = match behind {
        Behind::Source => (&scene.source, "PGMIG_SOURCE"),
        Behind::Target => (&scene.target, "PGMIG_TARGET"),
    };
    let proxy = Proxy::before(database.cluster);
    let through = proxy.conninfo(database.cluster, &database.name);
    let tool = scene.tool(&["pg-copy", "-"]).args(flags).input(plan);
    let tool = tool.env(variable, through);
    (scene, proxy, tool)
}

/// Starts it, and has the network stand still in the middle of the rows.
fn stands_still(proxy: &Proxy, tool: Tool) -> Running {
    proxy.hold_after(5 << 20);
    let running = tool.timeout(Duration::from_mins(3)).spawn();
    wait_until("the rows are under way", LIMIT, || proxy.holds());
    running
}

/// Expects the run to have ended well, or its second one to.
#[track_caller]
fn is_complete(scene: &Scene) {
    rows::are_equal(&scene.source, &scene.target);
    let objects = "select string_agg(lo_get(oid)::text, ',') from pg_largeobject_metadata";
    assert_eq!(scene.source.ask(objects), scene.target.ask(objects));
    assert_eq!(scene.target.ask_one("select last_value from s"), "42");
}

fn is_cut(behind: Behind, flags: &[&str]) {
    let (scene, proxy, tool) = begun(behind, flags);
    let running = stands_still(&proxy, tool);
    proxy.cut();
    let ran = running.wait();
    // All sessions went, also those that held the snapshot or the ledger.
    assert!([0, 4].contains(&ran.status), "{behind:?}\n{ran}");
    ran.stream();
    if ran.status != 0 {
        ran.fails_clearly(4, &[]);
        let again = scene
            .tool(&["pg-copy", "-"])
            .args(flags)
            .input(scene.plan());
        again.run().ends_with(0);
    }
    is_complete(&scene);
}

#[test]
fn a_network_that_is_cut_before_the_source_loses_no_row() {
    is_cut(Behind::Source, &[]);
    is_cut(Behind::Source, &["--split-size", "2MB", "--jobs", "2"]);
}

#[test]
fn a_network_that_is_cut_before_the_target_loses_no_row() {
    is_cut(Behind::Target, &["--copy-format", "text"]);
    is_cut(Behind::Target, &["--split-size", "2MB", "--jobs", "2"]);
}

/// Stands still for a time, and goes on.
fn stalls(behind: Behind, time: Duration) {
    let (scene, proxy, tool) = begun(behind, &["--jobs", "2"]);
    let running = stands_still(&proxy, tool);
    let began = Instant::now();
    thread::sleep(time);
    proxy.release();
    let ran = running.wait();
    ran.ends_with(0);
    assert!(!ran.stderr.contains("lost"), "no row goes twice\n{ran}");
    assert!(began.elapsed() >= time);
    is_complete(&scene);
}

#[test]
fn a_stall_of_three_seconds_is_waited_out() {
    stalls(Behind::Source, Duration::from_secs(3));
    stalls(Behind::Target, Duration::from_secs(3));
}

#[test]
#[ignore = "long: make torture runs it"]
fn a_stall_of_thirty_seconds_is_waited_out() {
    stalls(Behind::Source, Duration::from_secs(30));
    stalls(Behind::Target, Duration::from_secs(30));
}
