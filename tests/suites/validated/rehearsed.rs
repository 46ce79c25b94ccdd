//! `--rehearse`: what the target refuses is found beforehand, and nothing is left of it.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use pg_e2e::cluster::Side;
use pg_e2e::{Cluster, Database, Majors, Pair, Ran, fault};

use super::cases::{At, cases};
use super::ways::{Way, server};
use super::{check, make_fire};
use crate::recorded::migrate;
use crate::scene::{Scene, skip};

const REHEARSE: &[&str] = &["pg-validate", "--rehearse", "--only", "schema.rehearsal"];

/// What PostgreSQL 18 and others of its kind refuse of what 10 has, and the check that says
/// why: every case of the way from 10 that makes an object which is refused.
const REFUSED: &[(&str, &str)] = &[
    (
        "AGGREGATE public.collect(anyelement)",
        "func.anyarray_polymorphic",
    ),
    ("CONVERSION public.converts", "conv.user"),
    ("FUNCTION public.opq()", "func.opaque"),
    ("OPERATOR public.!!!", "op.postfix"),
    ("TABLE public.timed", "type.removed"),
    ("VIEW public.boxes", "builtin.vanished"),
    ("VIEW public.sources", "view.catalog_refs"),
];

/// Objects of the rehearsal's check.
fn refused(ran: &Ran) -> Vec<String> {
    let check = check(ran, "schema.rehearsal");
    let objects = check
        .field("objects")
        .and_then(|list| list.as_array())
        .cloned();
    let objects = objects.unwrap_or_default();
    objects
        .iter()
        .filter_map(|one| one.as_str().map(str::to_owned))
        .collect()
}

/// What a rehearsal may leave nothing of.
fn state(cluster: &Cluster) -> Vec<String> {
    let mut client = cluster.connect("postgres");
    let sql = "select 'role ' || rolname from pg_catalog.pg_roles
               union all select 'member ' || roleid::regrole || ' ' || member::regrole from pg_catalog.pg_auth_members
               union all select 'setting ' || setconfig::text from pg_catalog.pg_db_role_setting
               order by 1";
    let rows = client.query(sql, &[]).expect("catalogs can be read");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Scratch databases for a database.
fn scratch(database: &Database) -> Vec<String> {
    let sql = "select datname from pg_catalog.pg_database where left(datname, length($1)) = $1";
    let stem = format!("{}__pgmig_", database.name);
    let rows = database.cluster.connect("postgres").query(sql, &[&stem]);
    rows.expect("databases can be listed")
        .iter()
        .map(|row| row.get(0))
        .collect()
}

#[test]
fn what_a_new_server_refuses_of_an_old_one_is_found_with_its_reason_no_more_and_no_less() {
    let Some(old) = server(10, Side::Source) else {
        return;
    };
    if Majors::clients().is_none() || Majors::newest() < 18 {
        return skip("no pg_dump, or no server that refuses all of it");
    }
    let source = Database::create(old, "refused");
    for case in cases()
        .iter()
        .filter(|case| case.way == Way::Old && case.at == At::Source)
    {
        make_fire(&source, case);
    }
    // An owner, a grantee and a policy whose roles are missing on the target.
    source.run(
        "create role left_behind; create table left_one (a integer); alter table left_one owner to left_behind;
         grant select on left_one to left_behind; alter table left_one enable row level security;
         create policy p on left_one to left_behind using (true)",
    );
    let target = Database::create(Cluster::of(Majors::newest(), Side::Target), "refused");
    let ran = pg_e2e::Tool::new(REHEARSE[0])
        .args(&REHEARSE[1..])
        .args([
            "--source",
            &source.conninfo(),
            "--target",
            &target.conninfo(),
        ])
        .run();
    ran.ends_with(1);
    let found = refused(&ran);
    let found: BTreeSet<(&str, bool)> = found
        .iter()
        .filter_map(|one| {
            let (object, why) = one.split_once(": ")?;
            let expected = REFUSED.iter().find(|(name, _)| *name == object)?;
            Some((expected.0, why.contains(&format!(", {})", expected.1))))
        })
        .collect();
    let expected: BTreeSet<(&str, bool)> = REFUSED.iter().map(|(name, _)| (*name, true)).collect();
    assert_eq!(found, expected, "{ran}");
    assert_eq!(refused(&ran).len(), REFUSED.len(), "{ran}");
    assert!(scratch(&target).is_empty(), "{ran}");
    source.run("drop owned by left_behind; drop role left_behind");
}

#[test]
fn every_kind_of_object_is_taken_and_the_target_is_as_before() {
    let scene = Scene::small(Pair::newest());
    let before = state(scene.target.cluster);
    let ran = scene.target_is_untouched_by(|| scene.tool(REHEARSE).run());
    ran.ends_with(0);
    let told = check(&ran, "schema.rehearsal");
    assert_eq!(told.text("status"), "Succeeded", "{ran}");
    assert!(
        told.text("message").contains("statements, rehearsed"),
        "{ran}"
    );
    assert!(scratch(&scene.target).is_empty(), "{ran}");
    // Other tests make roles at the same time, but none of what this one could make.
    let new: Vec<String> = state(scene.target.cluster)
        .into_iter()
        .filter(|one| !before.contains(one) && one.contains("small_"))
        .collect();
    assert!(new.is_empty(), "{new:?}");
}

#[test]
fn a_role_that_may_only_create_databases_can_rehearse_what_belongs_to_others() {
    let scene = Scene::of(
        Pair::newest(),
        "modest",
        "do $$ begin create role far_owner; exception when duplicate_object then null; end $$;
         create table owned (a integer); alter table owned owner to far_owner; grant select on owned to far_owner",
    );
    scene.target.run("create role modest_one login createdb");
    let target = scene
        .target
        .conninfo()
        .replace("user=postgres", "user=modest_one");
    let ran = scene.tool(REHEARSE).env("PGMIG_TARGET", &target).run();
    ran.ends_with(0);
    assert_eq!(
        check(&ran, "schema.rehearsal").text("status"),
        "Succeeded",
        "{ran}"
    );
    assert!(scratch(&scene.target).is_empty(), "{ran}");
    scene.target.run("drop role modest_one");
}

#[test]
fn a_role_that_no_other_can_stand_for_is_named() {
    let scene = Scene::of(
        Pair::newest(),
        "equals",
        "do $$ begin create role \"odd=one\"; exception when duplicate_object then null; end $$;
         create table owned (a integer); alter table owned owner to \"odd=one\"",
    );
    let ran = scene.tool(REHEARSE).run();
    ran.ends_with(0);
    let told = check(&ran, "schema.rehearsal");
    assert_eq!(told.text("status"), "Skipped", "{ran}");
    assert!(
        told.text("message").contains("stand for \"odd=one\""),
        "{ran}"
    );
    assert!(scratch(&scene.target).is_empty(), "{ran}");
}

/// Waits until a scratch database is there.
fn appears(database: &Database) {
    let began = Instant::now();
    while scratch(database).is_empty() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "no scratch database appears"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a table is in it, before which is all that pg_dump has on the database itself, and
/// lets nothing more come until the session ends.
fn held_up(target: &Cluster, scratch: &str) -> postgres::Client {
    let began = Instant::now();
    let sql = "begin; lock table sales.customer in access exclusive mode";
    loop {
        let client = target.try_connect(scratch);
        let locked = client.and_then(|mut client| client.batch_execute(sql).map(|()| client));
        if let Ok(client) = locked {
            return client;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "no table is made in the scratch database"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_a_killed_rehearsal_left_is_dropped_by_the_next_one() {
    let scene = Scene::small(Pair::newest());
    // What the mark is, too.
    let comment = format!(
        "comment on database {} is 'A shop'",
        pg_e2e::database::identifier(&scene.source.name)
    );
    scene.source.run(&comment);
    let running = scene.tool(REHEARSE).spawn();
    appears(&scene.target);
    let name = scratch(&scene.target).remove(0);
    let locked = held_up(scene.target.cluster, &name);
    fault::signal(running.pid(), "KILL");
    drop(running);
    drop(locked);
    assert_eq!(
        scratch(&scene.target).len(),
        1,
        "the killed run dropped nothing"
    );
    let began = Instant::now();
    // The server may take a moment to notice that the lock's holder is gone.
    let ran = loop {
        let ran = scene.tool(REHEARSE).run();
        let status = check(&ran, "schema.rehearsal").text("status").to_owned();
        if status != "Skipped" || began.elapsed() > Duration::from_secs(20) {
            break ran;
        }
    };
    assert_eq!(
        check(&ran, "schema.rehearsal").text("status"),
        "Succeeded",
        "{ran}"
    );
    assert!(scratch(&scene.target).is_empty(), "{ran}");
}

#[test]
fn a_rehearsal_that_is_stopped_drops_its_database() {
    let scene = Scene::small(Pair::newest());
    let running = scene.tool(REHEARSE).spawn();
    appears(&scene.target);
    fault::signal(running.pid(), "TERM");
    running.wait().ends_with(143);
    assert!(scratch(&scene.target).is_empty());
}

#[test]
fn a_database_of_that_name_that_is_not_ours_is_left_alone() {
    let scene = Scene::plain(Pair::newest());
    let running = scene.tool(REHEARSE).spawn();
    appears(&scene.target);
    let name = scratch(&scene.target).remove(0);
    running.wait().ends_with(0);
    let foreign = Database {
        cluster: scene.target.cluster,
        name: name.clone(),
    };
    scene.target.run(&format!("create database \"{name}\""));
    foreign.run("create table precious (a integer)");
    let ran = scene.tool(REHEARSE).run();
    ran.ends_with(0);
    let told = check(&ran, "schema.rehearsal");
    assert_eq!(told.text("status"), "Skipped", "{ran}");
    assert!(told.text("message").contains("not of a rehearsal"), "{ran}");
    assert_eq!(foreign.ask_one("select count(*) from precious"), "0");
}

#[test]
fn a_migration_rehearses_unless_told_not_to() {
    let scene = Scene::of(
        Pair::newest(),
        "rehearsed",
        "create table t (a integer primary key); insert into t values (1);
         create function lost() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';
         update pg_proc set probin = '$libdir/gone' where proname = 'lost'",
    );
    let conninfo = |database: &Database| database.cluster.conninfo("postgres");
    let file = scene.migration_file(
        "rehearse",
        &conninfo(&scene.source),
        &conninfo(&scene.target),
    );
    let file = file.display().to_string();
    let ran = migrate(&scene, &[&file]);
    ran.ends_with(1);
    ran.says(&["schema.rehearsal", "FUNCTION public.lost()", "func.c"]);
    assert!(
        scratch(&scene.target).is_empty(),
        "nothing was staged\n{ran}"
    );
    let ran = migrate(&scene, &["--no-rehearse", "--resume", &file]);
    ran.ends_with(6);
    ran.says(&["lost()"]);
}
