//! From the oldest server that is here to the newest, back, and between neighbours; and what
//! pg-probe says of servers that are too old to be migrated from.

use std::fs;

use pg_e2e::cluster::Setup;
use pg_e2e::{Cluster, Database, Majors, Pair, Tool};

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

/// What a database may have set, and what a session of a tool has all the same.
const SETTINGS: &[(&str, &str, &str)] = &[
    ("DateStyle", "'German'", "ISO, YMD"),
    ("IntervalStyle", "'sql_standard'", "postgres"),
    ("TimeZone", "'Asia/Kolkata'", "UTC"),
    ("bytea_output", "'escape'", "hex"),
    ("extra_float_digits", "'-10'", "3"),
    ("statement_timeout", "'2h'", "0"),
    ("lock_timeout", "'2h'", "0"),
    ("search_path", "'public'", "pg_catalog"),
    ("row_security", "'on'", "off"),
    ("default_transaction_read_only", "'off'", "on"),
];

/// A server of a major that lets its system views be replaced; `None`, and said so, without
/// one.
fn server(major: u32) -> Option<&'static Cluster> {
    if !Majors::probed().contains_key(&major) {
        skip(&format!("PostgreSQL {major} is not here"));
        return None;
    }
    let setup = Setup {
        conf: "allow_system_table_mods = on",
        ..Setup::default()
    };
    Some(Box::leak(Box::new(Cluster::start(major, setup))))
}

fn probe(database: &Database, user: &str) -> Tool {
    let conninfo = database.conninfo();
    let conninfo = conninfo.replace("user=postgres", &format!("user={user}"));
    Tool::new("pg-probe").args(["--source", &conninfo])
}

/// Expects facts about a server of a major, as its superuser and as somebody who may little.
fn is_probed(major: u32) {
    let Some(cluster) = server(major) else { return };
    let database = Database::encoded(cluster, "old", "LATIN1");
    database.run("create role builder login createdb createrole; create role guest login");
    let version = database.ask_one("show server_version_num");
    for (user, superuser, maker) in [
        ("postgres", true, true),
        ("builder", false, true),
        ("guest", false, false),
    ] {
        let ran = probe(&database, user).run();
        ran.ends_with(0);
        let stream = ran.stream();
        assert!(stream.of("probe").all(|step| step.is("ok")), "{ran}");
        let steps: Vec<&str> = stream.of("probe").map(|step| step.text("step")).collect();
        for step in ["resolve", "tcp", "auth", "session", "privileges"] {
            assert!(steps.contains(&step), "{step}\n{ran}");
        }
        let endpoint = stream.the("endpoint");
        assert_eq!(endpoint.number("version_num").to_string(), version, "{ran}");
        assert_eq!(endpoint.number("version_num") / 10_000, i64::from(major));
        assert_eq!(endpoint.text("encoding"), "LATIN1", "{ran}");
        assert_eq!(endpoint.text("user"), user, "{ran}");
        assert_eq!(endpoint.is("superuser"), superuser, "{ran}");
        assert_eq!(endpoint.is("create_db"), maker, "{ran}");
        assert_eq!(endpoint.is("create_role"), maker, "{ran}");
    }
    pins_settings(&database);
}

/// Has the server write down name and settings of a session that reads `pg_settings`. The last
/// time counts: the first is when a tool looks which settings there are.
fn pins_settings(database: &Database) {
    for (name, value, _) in SETTINGS {
        database.run(&format!(
            "alter database {} set {name} to {value}",
            database.name
        ));
    }
    let shown: Vec<String> = SETTINGS
        .iter()
        .map(|(name, ..)| format!("pg_catalog.current_setting('{name}')"))
        .collect();
    database.run(&format!(
        "create function public.told() returns boolean language plpgsql as $$ begin
             raise log 'settings of %: %', current_setting('application_name'),
                 array_to_string(array[{}], '|');
             return true;
         end $$;
         create or replace view pg_catalog.pg_settings as
         select a.* from pg_catalog.pg_show_all_settings() as a where public.told()",
        shown.join(", ")
    ));
    let ran = probe(database, "postgres").run();
    ran.ends_with(0);
    let log = fs::read(database.cluster.home().join("log")).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let (_, told) = log
        .rsplit_once("settings of pgmig/pg-probe: ")
        .unwrap_or_else(|| panic!("pg-probe has not read pg_settings\n{ran}"));
    let told: Vec<&str> = told.lines().next().unwrap_or_default().split('|').collect();
    for ((name, _, pinned), told) in SETTINGS.iter().zip(told) {
        assert_eq!(told, *pinned, "{name} on {}", database.cluster.major);
    }
}

#[test]
fn a_server_10_is_probed() {
    is_probed(10);
}

#[test]
fn a_server_13_is_probed() {
    is_probed(13);
}

#[test]
fn a_server_15_is_probed() {
    is_probed(15);
}

#[test]
fn a_server_17_is_probed() {
    is_probed(17);
}

#[test]
fn a_server_18_is_probed() {
    is_probed(18);
}
