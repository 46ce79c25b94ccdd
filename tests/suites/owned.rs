//! What tools write down is for its owner, whatever the umask says.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use pg_e2e::tool::binaries;
use pg_e2e::{Pair, Ran, Tool};
use tempfile::TempDir;

use crate::scene::Scene;

/// Runs a tool of the scene under a umask that takes nothing away.
fn careless(scene: &Scene, words: &[&str]) -> Ran {
    Tool::program(words[0], Path::new("/bin/sh"))
        .args(["-c", "umask 000; exec \"$@\"", "sh"])
        .arg(binaries().join(words[0]))
        .args(&words[1..])
        .env("PGMIG_SOURCE", scene.source.conninfo())
        .env("PGMIG_TARGET", scene.target.conninfo())
        .env("PGMIG_STATE_DIR", scene.state_dir())
        .run()
}

/// All that is below a directory, with its mode.
fn modes(directory: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("it is there").flatten() {
        let mode = entry.metadata().expect("it is there").permissions().mode();
        found.push((entry.path().display().to_string(), mode & 0o777));
        if entry.path().is_dir() {
            found.extend(modes(&entry.path()));
        }
    }
    found
}

#[test]
fn files_are_for_their_owner_whatever_the_umask() {
    let scene = Scene::plain(Pair::newest());
    scene.by_hand().run().succeeds();
    scene.target.run("update t set name = 'x' where id = 3");
    let file = |name: &str| scene.dir.path().join(name).display().to_string();
    let made = [
        "repair.sql",
        "history.csv",
        "fix.sql",
        "page.html",
        "metrics",
    ];
    let [repair, history, fix, page, metrics] = made.map(file);
    let verify = [
        "pg-verify",
        "--repair-sql",
        &repair,
        "--history",
        &history,
        "--metrics",
        &metrics,
    ];
    careless(&scene, &verify).ends_with(1);
    careless(&scene, &["pg-validate", "--fix-sql", &fix]);
    let migration = scene.migration_file(
        "owned",
        &format!("{} password=x", scene.source.conninfo()),
        &scene.target.cluster.conninfo("postgres"),
    );
    let migration = migration.display().to_string();
    careless(&scene, &["pg-migstate", "begin", &migration]).ends_with(0);
    // A file beside the page that somebody else has laid there.
    let elsewhere = scene.dir.path().join("elsewhere");
    fs::write(&elsewhere, "of somebody else").expect("the directory is ours");
    symlink(&elsewhere, file("page.html.new")).expect("the directory is ours");
    careless(&scene, &["pg-migstate", "report", "owned", "--html", &page]).ends_with(0);
    let untouched = fs::read_to_string(&elsewhere).expect("it is there");
    assert_eq!(untouched, "of somebody else");
    let mode = |path: &str| {
        let metadata = fs::metadata(path).expect("it was written");
        format!("{:o}", metadata.permissions().mode() & 0o777)
    };
    for path in [&repair, &history, &fix, &page] {
        assert_eq!(mode(path), "600", "{path}");
    }
    assert_eq!(mode(&metrics), "644", "the collector is somebody else");
    let kept = modes(&scene.state_dir());
    assert!(
        kept.iter().any(|(path, _)| path.ends_with(".pgpass")),
        "{kept:?}"
    );
    for (path, mode) in kept {
        assert!([0o600, 0o700].contains(&mode), "{path} has mode {mode:o}");
    }
}

#[test]
fn a_state_directory_in_which_others_can_write_is_refused() {
    let dir = TempDir::new().expect("a temporary directory can be made");
    let state = dir.path().join("state");
    let target = state.join("0123456789ab");
    fs::create_dir_all(&target).expect("the directory is ours");
    let file = dir.path().join("file.json");
    let text = r#"{"name":"m","option":"Migrate","mode":"Offline","source_type":"OnPremises",
        "source":"host=/nowhere","target":"host=/nowhere","databases":["shop"],"overwrite":false}"#;
    fs::write(&file, text).expect("the directory is ours");
    let file = file.display().to_string();
    let shown = state.display().to_string();
    let refused = |hint: &str| {
        for words in [&["list"][..], &["cancel", "m"], &["begin", &file]] {
            let tool = Tool::new("pg-migstate").env("PGMIG_STATE_DIR", &state);
            let ran = tool.args(words).run();
            ran.fails_clearly(2, &["state directory", &shown])
                .says(&[hint]);
        }
    };
    let set = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    for (mode, hint) in [
        (0o770, "chmod go-w"),
        (0o707, "chmod go-w"),
        (0o1777, "--state-dir"),
    ] {
        set(&state, mode);
        refused(hint);
    }
    set(&state, 0o755);
    let whose = fs::metadata(&state).expect("it is there").uid();
    // Only root gives something away.
    if chown(&state, Some(65_534), None).is_ok() {
        refused("chown -R 0");
        chown(&state, Some(whose), None).expect("root can take it back");
    }
    set(&target, 0o777);
    let list = || {
        Tool::new("pg-migstate")
            .env("PGMIG_STATE_DIR", &state)
            .arg("list")
            .run()
    };
    let told = target.display().to_string();
    list().fails_clearly(2, &[&told]).says(&["chmod go-w"]);
    set(&target, 0o755);
    list().ends_with(0);
    let left: Vec<_> = fs::read_dir(&state)
        .expect("it is there")
        .flatten()
        .collect();
    assert_eq!(left.len(), 1, "nothing was begun: {left:?}");
}
