//! `./migrate`: its flags, signals, and what dies in the middle.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use pg_e2e::fault::{Locked, signal, wait_until};
use pg_e2e::running::Running;
use pg_e2e::tool::Stdin;
use pg_e2e::{Database, Pair, Process, Tool};

use crate::recorded::{add_database, file, migrate, script};
use crate::scene::{Scene, same_to_pg_dump};

const LIMIT: Duration = Duration::from_secs(20);

/// The tools of the pipeline in order, by their names and a word of their command line.
const PROCESSES: &[(&str, &str)] = &[
    ("pg-migstate", "begin"),
    ("pg-probe", "-"),
    ("pg-validate", "-"),
    ("pg-schema-dump", "-"),
    ("pg-schema-apply", "pre-data"),
    ("pg-copy", "-"),
    ("pg-schema-apply", "post-data"),
    ("pg-verify", "-"),
    ("pg-migstate", "record"),
];

fn spawned(scene: &Scene, words: &[&str]) -> Running {
    Tool::program("migrate", &script(scene))
        .env("PGMIG_STATE_DIR", scene.state_dir())
        .args(words)
        .stdin(Stdin::Silent)
        .spawn()
}

/// The process of a tool that works with a state directory.
fn process_of(state: &Path, (tool, word): (&str, &str)) -> Option<u32> {
    Process::with("PGMIG_STATE_DIR", &state.display().to_string())
        .into_iter()
        .find(|process| process.is(tool, word))
        .map(|process| process.pid)
}

#[test]
fn each_process_of_the_pipeline_is_killed_in_turn_and_the_migration_resumed_by_name() {
    let scene = Scene::plain(Pair::newest());
    for (place, process) in PROCESSES.iter().enumerate() {
        scene.target.drop_now();
        let name = format!("killed-{place}");
        let file = file(&scene, &name);
        let mut running = spawned(&scene, &["--quiet", &file]);
        let mut pid = None;
        wait_until("the tool runs, or has run", LIMIT, || {
            pid = process_of(&scene.state_dir(), *process);
            pid.is_some() || place == 0 || !running.is_alive()
        });
        if let Some(pid) = pid {
            // Wherever it is then.
            thread::sleep(Duration::from_millis(
                40 * u64::try_from(place).unwrap_or(0),
            ));
            if Path::new(&format!("/proc/{pid}")).exists() {
                signal(pid, "KILL");
            }
        }
        let ran = running.wait();
        if ran.status != 0 {
            let known = fs::read_dir(scene.state_dir()).is_ok();
            let again = migrate(&scene, &["--resume", if known { &name } else { &file }]);
            // What was killed while it swapped, or after that, is told as such.
            assert!(
                [0, 7].contains(&again.status),
                "{process:?}\n{ran}\n{again}"
            );
        }
        same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
    }
}

/// Stops a run that waits for a lock on the source, and resumes it by its name.
fn stopped(name: &str, status: i32, stop: impl Fn(u32)) {
    let scene = Scene::plain(Pair::newest());
    scene.target.drop_now();
    let file = file(&scene, name);
    let mut client = scene.source.connect();
    client
        .batch_execute("begin; lock table t in access exclusive mode")
        .expect("it can be locked");
    // A session of its own is what a terminal gives.
    let running = Tool::program("setsid", "/usr/bin/setsid".as_ref())
        .arg(script(&scene))
        .arg(file)
        .env("PGMIG_STATE_DIR", scene.state_dir())
        .stdin(Stdin::Silent)
        .spawn();
    wait_until("pg_dump waits", LIMIT, || {
        scene.source.ask_one("select count(*) > 0 from pg_stat_activity where datname = current_database() and application_name like '%/pg_dump' and wait_event_type = 'Lock'") == "t"
    });
    stop(running.pid());
    let ran = running.wait();
    ran.ends_with(status);
    ran.says(&[&format!("./migrate --resume {name}")]);
    assert!(ran.took < Duration::from_secs(20), "{ran}");
    for process in PROCESSES {
        assert_eq!(
            process_of(&scene.state_dir(), *process),
            None,
            "{process:?}"
        );
    }
    drop(client);
    migrate(&scene, &["--resume", name]).ends_with(0);
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
}

#[test]
fn a_script_that_is_told_to_end_stops_all_tools_and_says_how_to_resume() {
    stopped("terminated", 143, |pid| signal(pid, "TERM"));
}

#[test]
fn ctrl_c_stops_all_tools_and_says_how_to_resume() {
    stopped("interrupted", 130, |pid| {
        // The terminal signals the whole group.
        let kill = format!("kill -s INT -- -{pid}");
        Tool::program("sh", "/bin/sh".as_ref())
            .args(["-c", &kill])
            .run()
            .ends_with(0);
    });
}

#[test]
fn ten_databases_go_in_one_run_and_are_put_in_place_together() {
    let scene = Scene::plain(Pair::newest());
    scene.target.drop_now();
    let file = file(&scene, "ten");
    let mut others = Vec::new();
    for number in 2..=10 {
        let name = if number == 2 { "odd ,'\"$(x)\n" } else { "ten" };
        let source = Database::create(scene.source.cluster, name).with(&format!(
            "create table t as select generate_series(1, {number}) as n"
        ));
        add_database(&file, &source.name);
        others.push(source);
    }
    migrate(
        &scene,
        &["--parallel-databases", "3", "--jobs", "1", "--quiet", &file],
    )
    .ends_with(0);
    for source in others {
        let target = Database {
            cluster: scene.target.cluster,
            name: source.name.clone(),
        };
        assert_eq!(
            source.ask("select sum(n) from t"),
            target.ask("select sum(n) from t")
        );
    }
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
}

#[test]
fn flags_choose_option_name_target_and_databases() {
    let scene = Scene::plain(Pair::newest());
    scene.target.drop_now();
    let path = file(&scene, "in-file");
    add_database(&path, "not_there");
    let only = format!("--databases={}", scene.source.name);
    for (option, exists) in [
        ("Validate", false),
        ("Migrate", true),
        ("ValidateAndMigrate", true),
    ] {
        let words = ["--name", option, "--option", option, &only, &path];
        migrate(&scene, &words).ends_with(0);
        assert_eq!(scene.target.exists(), exists, "{option}");
        let shown = scene
            .tool(&["pg-migstate", "show", option, "--format", "csv"])
            .run();
        assert!(shown.text().contains("Succeeded"), "{shown}");
        scene.target.drop_now();
    }
    let refused = migrate(&scene, &["--option", "Sideways", &path]);
    refused.ends_with(2);
    refused.says(&["Sideways"]);
    for flags in [
        ["--jobs", "x"],
        ["--parallel-databases", "0"],
        // What "$UNSET" gives is no wish for the file's.
        ["--databases", ""],
        ["--target-server", ""],
        ["--name=", "--quiet"],
    ] {
        let refused = migrate(&scene, &[&flags[..], &[&path]].concat());
        refused.ends_with(2);
        refused.says(&[flags[0].trim_end_matches('=')]);
    }
}

#[test]
fn a_dry_run_tells_the_plan_and_leaves_nothing() {
    let scene = Scene::plain(Pair::newest());
    let path = file(&scene, "dry");
    let ran = scene.target_is_untouched_by(|| migrate(&scene, &["--dry-run", &path]));
    ran.ends_with(0);
    for word in ["public.other", "__pgmig_", &scene.source.name] {
        assert!(ran.text().contains(word), "{word} is not in\n{ran}");
    }
    let list = scene
        .tool(&["pg-migstate", "list", "--format", "csv"])
        .run();
    assert!(!list.text().contains("dry"), "{list}");
}

#[test]
fn finish_ends_clients_that_connect_again_and_again_only_when_told_to() {
    let scene = Scene::plain(Pair::newest());
    scene.target.run("create table old (a integer)");
    let path = file(&scene, "in-use");
    let text = fs::read_to_string(&path).expect("the file is ours");
    fs::write(
        &path,
        text.replace("\"overwrite\":false", "\"overwrite\":true"),
    )
    .expect("the file is ours");
    let held = Locked::table(&scene.target, "old");
    let refused = migrate(&scene, &[&path]);
    refused.ends_with(7);
    refused.says(&["pid ", "--terminate"]);
    assert_eq!(
        scene.target.ask("select count(*) from old"),
        ["0"],
        "the old one is in place"
    );
    let finish = scene
        .tool(&["pg-migstate", "finish", "in-use", "--terminate"])
        .run();
    finish.ends_with(0);
    drop(held);
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
}
