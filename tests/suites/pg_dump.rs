//! Bad pg_dumps: too old, not there, failing.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use pg_e2e::fault::wait_until;
use pg_e2e::{Majors, Pair, Pipeline, fault};

use crate::scene::{BY_HAND, Scene, skip};

#[test]
fn a_pg_dump_that_is_too_old_is_refused_with_its_version() {
    let scene = Scene::plain(Pair::newest());
    let old = "echo 'pg_dump (PostgreSQL) 9.6.0'";
    let fake = fault::script(scene.dir.path(), "pg_dump", old);
    let ran = scene
        .tool(&["pg-schema-dump", "--pg-dump"])
        .arg(&fake)
        .run();
    ran.fails_clearly(2, &["9.6", &Majors::newest().to_string()]);
    ran.says(&["--pg-dump"]);
    assert_eq!(ran.stream().of("object").count(), 0);
    let missing = scene.dir.path().join("not-there");
    let ran = scene
        .tool(&["pg-schema-dump", "--pg-dump"])
        .arg(&missing)
        .run();
    ran.fails_clearly(2, &["not-there"]);
}

#[test]
fn a_path_without_a_fitting_pg_dump_is_refused_and_the_pipeline_stops() {
    let newest = Majors::newest();
    if Path::new(&format!("/usr/lib/postgresql/{newest}/bin/pg_dump")).exists() {
        return skip("the newest pg_dump is in a place that needs no PATH");
    }
    let scene = Scene::plain(Pair::newest());
    fault::script(
        scene.dir.path(),
        "pg_dump",
        "echo 'pg_dump (PostgreSQL) 9.6.0'",
    );
    let tools = scene.tools(BY_HAND);
    let joined = scene.target_is_untouched_by(|| {
        Pipeline::of(tools.map(|tool| tool.env("PATH", scene.dir.path()))).run()
    });
    assert_eq!(joined.statuses(), [2; 5], "{joined}");
    joined.parts[0].fails_clearly(2, &["pg_dump", "9.6"]);
}

#[test]
fn a_pg_dump_that_fails_stops_the_pipeline_with_what_it_said() {
    let scene = Scene::plain(Pair::newest());
    let body = format!(
        "case $* in *--version*) echo 'pg_dump (PostgreSQL) {}.1' ;; *) echo 'pg_dump: error: no luck' >&2; exit 1 ;; esac",
        Majors::newest()
    );
    let fake = fault::script(scene.dir.path(), "pg_dump", &body);
    let ran = scene
        .tool(&["pg-schema-dump", "--pg-dump"])
        .arg(&fake)
        .run();
    ran.fails_clearly(5, &["no luck"]);
}

#[test]
fn a_dump_that_is_killed_leaves_no_file() {
    let scene = Scene::plain(Pair::newest());
    let temporary = scene.dir.path().join("temporary");
    fs::create_dir(&temporary).expect("the directory is ours");
    let begun = scene.dir.path().join("begun");
    let body = format!(
        "case $* in *--version*) echo 'pg_dump (PostgreSQL) {}.1' ;; *) echo >'{}'; exec sleep 5 ;; esac",
        Majors::newest(),
        begun.display()
    );
    let fake = fault::script(scene.dir.path(), "pg_dump", &body);
    let running = scene
        .tool(&["pg-schema-dump", "--pg-dump"])
        .arg(&fake)
        .env("TMPDIR", &temporary)
        .spawn();
    let began = Instant::now();
    while !begun.exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "no pg_dump runs");
        thread::sleep(Duration::from_millis(5));
    }
    fault::signal(running.pid(), "KILL");
    drop(running);
    let left = fs::read_dir(&temporary).expect("the directory is there");
    assert_eq!(left.count(), 0);
}

/// The PATH, with the scene's directory before all others.
fn first_in_path(scene: &Scene) -> OsString {
    let mut path = scene.dir.path().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

#[test]
fn a_dump_ends_with_the_tool_that_asked_for_it_through_another() {
    let scene = Scene::plain(Pair::newest());
    let begun = scene.dir.path().join("begun");
    let body = format!(
        "case $* in *--version*) echo 'pg_dump (PostgreSQL) {}.99' ;; *) echo $$ >'{}'; exec sleep 60 ;; esac",
        Majors::newest(),
        begun.display()
    );
    fault::script(scene.dir.path(), "pg_dump", &body);
    let path = first_in_path(&scene);
    let limit = Duration::from_secs(30);
    for words in [
        &["pg-validate", "--only", "schema.rehearsal", "--rehearse"][..],
        &["pg-verify", "--objects"],
    ] {
        drop(fs::remove_file(&begun));
        let running = scene.tool(words).env("PATH", &path).spawn();
        let process = || fs::read_to_string(&begun).unwrap_or_default();
        wait_until("pg_dump runs", limit, || process().ends_with('\n'));
        fault::signal(running.pid(), "INT");
        running.wait().ends_with(130);
        let place = Path::new("/proc").join(process().trim());
        wait_until("pg_dump has ended", Duration::from_secs(10), || {
            !place.exists()
        });
    }
}

#[test]
fn a_rehearsal_whose_session_is_ended_leaves_no_database() {
    let scene = Scene::plain(Pair::newest());
    let name = &scene.target.name;
    let cluster = scene.target.cluster;
    // It ends the session that holds the rehearsal's lock, as an administrator may at any moment.
    let body = format!(
        "case $* in *--version*) echo 'pg_dump (PostgreSQL) {}.99' ;; *) '{}' -XAtqc \"select pg_terminate_backend(l.pid) \
         from pg_locks l join pg_database d on d.oid = l.database where l.locktype = 'advisory' and d.datname = '{name}'\" \
         -d \"{}\" >&2; exit 1 ;; esac",
        Majors::newest(),
        cluster.bin.join("psql").display(),
        cluster.conninfo("postgres"),
    );
    fault::script(scene.dir.path(), "pg_dump", &body);
    let path = first_in_path(&scene);
    let ran = scene
        .tool(&["pg-validate", "--only", "schema.rehearsal", "--rehearse"])
        .env("PATH", &path)
        .run();
    assert!(
        !ran.says(&["could not be answered"])
            .to_string()
            .contains("is still there"),
        "{ran}"
    );
    let left = format!("select count(*) from pg_database where datname like '{name}\\_\\_pgmig%'");
    assert_eq!(scene.target.ask_one(&left), "0");
}
