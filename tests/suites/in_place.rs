//! `--in-place`: an empty database of the target is loaded as it is, and nothing is renamed.

use pg_e2e::cluster::Setup;
use pg_e2e::{Cluster, Database, Majors, Pair, Ran};

use crate::recorded::{file, migrate};
use crate::scene::{Scene, fixture, same_to_pg_dump};

/// The comment of a database, or nothing.
fn comment(database: &Database) -> String {
    database.ask_one(
        "select coalesce(shobj_description(oid, 'pg_database'), '') from pg_database \
         where datname = current_database()",
    )
}

fn set_comment(database: &Database, text: &str) {
    let name = pg_e2e::database::identifier(&database.name);
    database.run(&format!("comment on database {name} is $c${text}$c$"));
}

fn finish(scene: &Scene, name: &str) -> Ran {
    scene.tool(&["pg-migstate", "finish", name]).run()
}

/// The schema pgmig is gone, and so is every mark.
#[track_caller]
fn nothing_of_ours_is_left(database: &Database) {
    assert_eq!(
        database.ask_one("select to_regnamespace('pgmig') is null"),
        "t"
    );
    assert!(!comment(database).contains("pgmig"));
}

#[test]
fn an_empty_database_is_loaded_in_place_and_keeps_its_comment_and_its_oid() {
    for target in [Majors::newest(), 15] {
        if !Majors::available().contains_key(&target) {
            continue;
        }
        let pair = Pair {
            source: Majors::oldest(),
            target,
        };
        let scene = Scene::small(pair);
        set_comment(&scene.target, "it's \"mine\"");
        let oid = "select oid from pg_database where datname = current_database()";
        let before = scene.target.ask_one(oid);
        let name = format!("in-place-{target}");
        let file = file(&scene, &name);
        migrate(&scene, &["--in-place", "--hold", &file]).ends_with(0);
        assert!(comment(&scene.target).contains("\"in_place\":true"));
        finish(&scene, &name).ends_with(0);
        assert_eq!(scene.target.ask_one(oid), before);
        assert_eq!(comment(&scene.target), "it's \"mine\"");
        nothing_of_ours_is_left(&scene.target);
        set_comment(&scene.target, "");
        same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
        finish(&scene, &name).ends_with(0);
    }
}

#[test]
fn postgres_is_loaded_in_place_without_being_asked_to() {
    let own = |side: &str| -> &'static Cluster {
        let setup = Setup {
            conf: &format!("cluster_name = '{side}'"),
            ..Setup::default()
        };
        Box::leak(Box::new(Cluster::start(Majors::newest(), setup)))
    };
    let postgres = |cluster| Database {
        cluster,
        name: "postgres".to_owned(),
    };
    let scene = Scene {
        source: postgres(own("source")),
        target: postgres(own("target")),
        dir: tempfile::TempDir::new().expect("a temporary directory can be made"),
    };
    scene
        .source
        .run(&(fixture("roles.sql") + &fixture("small.sql")));
    let file = file(&scene, "the-one");
    let ran = migrate(&scene, &[&file]);
    ran.ends_with(0);
    ran.says(&["postgres is loaded in place"]);
    nothing_of_ours_is_left(&scene.target);
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
}

#[test]
fn only_an_empty_database_that_is_nobody_elses_is_loaded_in_place() {
    let scene = Scene::plain(Pair::newest());
    let refused = |name: &str, words: &[&str], says: &[&str], status: i32| {
        let file = file(&scene, name);
        let words: Vec<&str> = words.iter().copied().chain(["--in-place", &file]).collect();
        let ran = migrate(&scene, &words);
        ran.ends_with(status);
        ran.says(says);
    };
    let blind: &[&str] = &["--option", "Migrate"];
    scene.target.run("create table theirs (id integer)");
    let not_empty = [scene.target.name.as_str(), "not empty"];
    scene.target_is_untouched_by(|| {
        refused("full", &[], &not_empty, 1);
        refused("full-unseen", blind, &not_empty, 7);
        ""
    });
    scene.target.run("drop table theirs");
    set_comment(&scene.target, "theirs");
    let first = file(&scene, "first");
    migrate(&scene, &["--in-place", "--hold", &first]).ends_with(0);
    scene.target_is_untouched_by(|| {
        refused("second", &[], &["another migration", "first"], 1);
        refused("second-unseen", blind, &["another migration", "first"], 7);
        // Without the flag the same migration would be another one.
        let ran = migrate(&scene, &["--resume", &first]);
        ran.ends_with(7);
        ran.says(&["first was begun before with --in-place"]);
        ran
    });
    finish(&scene, "first").ends_with(0);
    scene.target.drop_now();
    let missing = [scene.target.name.as_str(), "no database", "createdb"];
    refused("missing", &[], &missing, 7);
    refused("missing-unseen", blind, &missing, 7);
    assert!(!scene.target.exists());
}
