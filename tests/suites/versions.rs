//! From the oldest server that is here to the newest, back, and between neighbours.

use pg_e2e::Majors;
use pg_e2e::Pair;

use crate::scene::{Scene, skip};

/// Migrates the small fixture by hand; says what became of it.
fn migrates(pair: Pair) {
    let scene = Scene::small(pair);
    let joined = scene.by_hand().run();
    joined.succeeds();
    scene.is_the_same_to_pg_dump();
}

fn two_majors() -> bool {
    let several = Majors::oldest() < Majors::newest();
    if !several {
        skip("only one major version of PostgreSQL is here");
    }
    several
}

#[test]
fn the_oldest_server_goes_to_the_newest() {
    if two_majors() {
        migrates(Pair::widest());
    }
}

#[test]
fn the_newest_server_goes_back_to_the_oldest_or_is_refused_before_anything_is_changed() {
    if !two_majors() {
        return;
    }
    let scene = Scene::plain(Pair {
        source: Majors::newest(),
        target: Majors::oldest(),
    });
    let validate = scene.target_is_untouched_by(|| scene.tool(&["pg-validate"]).run());
    assert!([0, 1].contains(&validate.status), "{validate}");
    let joined = scene.by_hand().run();
    joined.succeeds();
    scene.is_the_same_to_pg_dump();
}

#[test]
fn facts_about_both_servers_are_right_whatever_their_versions() {
    for pair in [Pair::widest(), Pair::newest()] {
        let scene = Scene::plain(pair);
        let ran = scene.tool(&["pg-probe"]).run();
        ran.ends_with(0);
        let stream = ran.stream();
        for (role, database) in [("source", &scene.source), ("target", &scene.target)] {
            let endpoint = stream.of("endpoint").rfind(|one| one.text("role") == role);
            let endpoint = endpoint.expect("an endpoint record a side");
            let version = database.ask_one("show server_version_num");
            assert_eq!(endpoint.number("version_num").to_string(), version, "{ran}");
            let system = database.ask_one("select system_identifier from pg_control_system()");
            assert_eq!(endpoint.text("system_identifier"), system, "{ran}");
            assert_eq!(endpoint.text("database"), database.name, "{ran}");
            assert!(endpoint.is("superuser"), "{ran}");
        }
    }
}
