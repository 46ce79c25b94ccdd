//! Migrations with a journal: loaded aside, swapped in by `finish`, through `./migrate`.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use pg_e2e::tool::Stdin;
use pg_e2e::{Database, Pair, Pipeline, Ran, Tool, workspace};

use crate::scene::{Scene, private, same_to_pg_dump};

/// What is read between the two ends of the journal.
const BETWEEN: &[&[&str]] = &[
    &["pg-probe", "-"],
    &["pg-validate", "-"],
    &["pg-schema-dump", "-"],
    &["pg-schema-apply", "--section", "pre-data", "-"],
    &["pg-copy", "-"],
    &["pg-schema-apply", "--section", "post-data", "-"],
    &["pg-verify", "-"],
];

/// A tool that knows the state directory and no server.
fn bare(scene: &Scene, words: &[&str]) -> Tool {
    Tool::new(words[0])
        .args(&words[1..])
        .env("PGMIG_STATE_DIR", scene.state_dir())
}

/// The whole pipeline, the journal at both ends.
fn recorded(scene: &Scene, name: &str) -> Pipeline {
    let file = file(scene, name);
    Pipeline::of([bare(scene, &["pg-migstate", "begin", &file])])
        .append(BETWEEN.iter().map(|words| bare(scene, words)))
        .pipe(bare(scene, &["pg-migstate", "record", "-"]))
}

#[test]
fn a_copy_that_is_killed_stops_the_pipeline_and_is_resumed() {
    let scene = Scene::small(Pair::newest());
    scene.target.drop_now();
    let file = file(&scene, "killed");
    let script = "pg-copy - | head -n 250; kill -9 $$";
    let killed = || Tool::program("sh", "/bin/sh".as_ref()).args(["-c", script]);
    let joined = Pipeline::of([bare(&scene, &["pg-migstate", "begin", &file])])
        .append(BETWEEN[..4].iter().map(|words| bare(&scene, words)))
        .pipe(killed())
        .append(BETWEEN[5..].iter().map(|words| bare(&scene, words)))
        .pipe(bare(&scene, &["pg-migstate", "record", "-"]))
        .run();
    assert_eq!(joined.statuses(), [0, 0, 0, 0, 0, 137, 3, 3, 3], "{joined}");
    let show = bare(
        &scene,
        &["pg-migstate", "show", "killed", "--format", "json"],
    )
    .run();
    assert!(show.text().contains("Failed"), "{show}");
    let finish = bare(&scene, &["pg-migstate", "finish", "killed"]).run();
    finish.fails_clearly(7, &[&scene.source.name]);
    assert!(!scene.target.exists(), "{finish}");
    migrate(&scene, &["--resume", &file]).ends_with(0);
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
}

#[test]
fn a_recorded_migration_is_loaded_aside_and_swapped_in_by_finish() {
    let scene = Scene::small(Pair::newest());
    scene.target.drop_now();
    let joined = recorded(&scene, "swap").run();
    joined.succeeds();
    joined.last().stream();
    assert!(
        !scene.target.exists(),
        "nothing has its name before finish\n{joined}"
    );
    let finish = scene.tool(&["pg-migstate", "finish", "swap"]).run();
    finish.ends_with(0);
    assert!(scene.target.exists(), "{finish}");
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
    let show = scene
        .tool(&["pg-migstate", "show", "swap", "--format", "json"])
        .run();
    assert!(
        show.text().contains("Succeeded") && show.text().contains("Completed"),
        "{show}"
    );
    let list = scene
        .tool(&["pg-migstate", "list", "--format", "csv"])
        .run();
    assert!(
        list.text().contains("swap") && list.text().contains("Succeeded"),
        "{list}"
    );
    let left =
        "select datname from pg_database where datname like '%pgmig%' and datname like 'Small%'";
    assert_eq!(
        scene.target.ask(left),
        Vec::<String>::new(),
        "no staging database is left"
    );
}

#[test]
fn a_locale_that_the_target_lacks_is_named_with_those_that_it_has() {
    let scene = Scene::plain(Pair::newest());
    scene.target.drop_now();
    let option = scene.dir.path().join("migrate-only.json");
    let text = std::fs::read_to_string(file(&scene, "elsewhere")).expect("the file is ours");
    std::fs::write(&option, text.replace("ValidateAndMigrate", "Migrate")).expect("ours");
    private(&option);
    let option = option.display().to_string();
    let head = Pipeline::of([bare(&scene, &["pg-migstate", "begin", &option])])
        .append([BETWEEN[0], BETWEEN[2]].map(|words| bare(&scene, words)))
        .run();
    head.succeeds();
    let foreign = head.last().text().lines().fold(String::new(), |all, line| {
        let mut record: serde_json::Value = serde_json::from_str(line).expect("JSON");
        if record["type"] == "database" {
            record["collate"] = "xx_YY.UTF-8".into();
            record["encoding"] = "LATIN1".into();
        }
        format!("{all}{record}\n")
    });
    let ran = bare(&scene, BETWEEN[3]).input(foreign).run();
    ran.ends_with(5);
    ran.says(&[
        &scene.source.name,
        "xx_YY.UTF-8",
        "hint: It has C, ",
        "localedef",
        "--encoding LATIN1 --locale LOCALE",
    ]);
}

#[test]
fn a_migration_of_that_name_that_exists_already_is_a_conflict() {
    let scene = Scene::plain(Pair::newest());
    scene.target.drop_now();
    recorded(&scene, "twice").run().succeeds();
    let again = recorded(&scene, "twice").run();
    assert_eq!(again.parts[0].status, 7, "{again}");
    again.parts[0].fails_clearly(7, &["twice"]);
}

#[test]
fn a_database_that_exists_on_the_target_is_not_replaced_unasked() {
    let scene = Scene::plain(Pair::newest());
    scene.target.run("create table precious (a integer)");
    let joined = scene.target_is_untouched_by(|| recorded(&scene, "precious").run());
    assert_eq!(joined.parts[2].status, 1, "validation says no\n{joined}");
    assert!(
        joined.statuses()[3..].iter().all(|status| *status == 1),
        "{joined}"
    );
    let show = scene
        .tool(&["pg-migstate", "show", "precious", "--format", "json"])
        .run();
    assert!(show.text().contains("Validation Failed"), "{show}");
}

/// `./migrate`, through a link, or it would take the tools of an older `make build`.
pub(crate) fn script(scene: &Scene) -> PathBuf {
    let script = scene.dir.path().join("migrate");
    if !script.exists() {
        symlink(workspace().join("migrate"), &script).expect("the directory is ours");
    }
    script
}

/// Runs `./migrate`.
pub(crate) fn migrate(scene: &Scene, words: &[&str]) -> Ran {
    Tool::program("migrate", &script(scene))
        .env("PGMIG_STATE_DIR", scene.state_dir())
        .args(words)
        .stdin(Stdin::Silent)
        .run()
}

/// A migration file between the two servers.
pub(crate) fn file(scene: &Scene, name: &str) -> String {
    let source = scene.source.cluster.conninfo("postgres");
    let target = scene.target.cluster.conninfo("postgres");
    scene
        .migration_file(name, &source, &target)
        .display()
        .to_string()
}

#[test]
fn the_migrate_script_does_all_of_it() {
    let scene = Scene::small(Pair::newest());
    scene.target.drop_now();
    let file = file(&scene, "whole");
    migrate(&scene, &[&file]).ends_with(0);
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
    let show = scene.tool(&["pg-migstate", "show", "whole"]).run();
    assert!(show.text().contains("Succeeded"), "{show}");
    let again = migrate(&scene, &[&file]);
    again.ends_with(7);
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
}

#[test]
fn the_migrate_script_names_a_file_that_is_missing_and_a_flag_that_it_does_not_know() {
    let scene = Scene::plain(Pair::newest());
    for (words, name) in [
        (["no-such-file.json"], "no-such-file.json"),
        (["--no-such-flag"], "--no-such-flag"),
    ] {
        let ran = migrate(&scene, &words);
        ran.ends_with(2);
        ran.says(&[name, "hint: "]);
    }
    assert!(!Path::new("no-such-file.json").exists());
}

/// Adds a second database to a migration file.
pub(crate) fn add_database(file: &str, name: &str) {
    let text = std::fs::read_to_string(file).expect("the file is ours");
    let mut body: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let list = body["databases"].as_array_mut().expect("a list");
    list.push(name.into());
    std::fs::write(file, body.to_string()).expect("the file is ours");
}

#[test]
fn two_databases_are_swapped_in_together() {
    let scene = Scene::plain(Pair::newest());
    let second = Scene::plain(Pair::newest());
    scene.target.drop_now();
    second.target.drop_now();
    let file = file(&scene, "both");
    add_database(&file, &second.source.name);
    migrate(&scene, &[&file]).ends_with(0);
    for one in [&scene, &second] {
        same_to_pg_dump(&one.source.conninfo(), &one.target.conninfo());
    }
}

#[test]
fn one_database_that_fails_keeps_all_of_them_aside() {
    let scene = Scene::plain(Pair::newest());
    scene.target.drop_now();
    let file = file(&scene, "one-fails");
    add_database(&file, "no_such_database");
    let ran = migrate(&scene, &[&file]);
    assert!(ran.status != 0, "{ran}");
    ran.says(&["no_such_database"]);
    assert!(!scene.target.exists(), "nothing is swapped in\n{ran}");
    let finish = scene.tool(&["pg-migstate", "finish", "one-fails"]).run();
    finish.fails_clearly(7, &["no_such_database"]);
    assert!(!scene.target.exists(), "nothing is swapped in\n{finish}");
}

#[test]
fn a_migration_that_failed_goes_on_with_resume() {
    let scene = Scene::plain(Pair::newest());
    scene.target.drop_now();
    let file = file(&scene, "again");
    let late = Database::reserve(scene.source.cluster, "late");
    add_database(&file, &late.name);
    assert!(migrate(&scene, &[&file]).status != 0);
    let sql = format!("create database \"{}\"", late.name);
    scene
        .source
        .cluster
        .connect("postgres")
        .batch_execute(&sql)
        .expect("a database can be created");
    migrate(&scene, &["--resume", &file]).ends_with(0);
    assert!(scene.target.exists());
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
    let twin = Database {
        cluster: scene.target.cluster,
        name: late.name.clone(),
    };
    assert!(twin.exists());
}
