//! Where a comparison is easily wrong: encodings, collations, wide tables, locks, privileges.

use pg_e2e::cluster::Side;
use pg_e2e::{Cluster, Database, Majors, Pair, Ran, Tool};

use crate::drilled::{found, run_repair, twins};
use crate::scene::{Scene, skip};

fn verify(scene: &Scene, more: &[&str]) -> Ran {
    scene.tool(&["pg-verify"]).args(more).run()
}

#[test]
fn encodings_do_not_matter_and_keys_are_found_across_them() {
    let pair = Pair::newest();
    let sql = "create table t (k text primary key, a text);
        insert into t values ('é', 'ü'), ('z', 'ß'), ('a', 'x');";
    let source = Database::encoded(pair.source(), "latin", "LATIN1").with(sql);
    let target = Database::create(pair.target(), "unicode").with(sql);
    let run = || {
        Tool::new("pg-verify")
            .args([
                "--source",
                &source.conninfo(),
                "--target",
                &target.conninfo(),
            ])
            .run()
    };
    run().ends_with(0);
    target.run("update t set a = 'u' where k = 'é'; update t set k = 'e' where k = 'z'");
    let ran = run();
    ran.ends_with(1);
    assert_eq!(
        found(&ran),
        ["t changed k=é a", "t extra k=e", "t missing k=z"],
        "{ran}"
    );
}

/// A pair of servers that know ICU, on both sides.
fn with_icu() -> Option<Pair> {
    let has = |major: &u32| {
        let database = Database::create(Cluster::of(*major, Side::Source), "icu");
        database.ask_one("select count(*) from pg_collation where collname = 'und-x-icu'") == "1"
    };
    let major = *Majors::available().keys().rev().find(|major| has(major))?;
    Some(Pair {
        source: major,
        target: major,
    })
}

/// Both sides sort the key in their own way, in tables that are read in parts.
#[test]
fn text_keys_are_found_whatever_each_side_sorts_them_by() {
    let Some(pair) = with_icu() else {
        return skip("no server with ICU");
    };
    let sql = |collation: &str| {
        format!(
            "create table t (k text collate {collation} primary key, a text);
             insert into t select (array['a', 'B', 'a-b', 'é', 'Z', '_', 'ab', 'A'])[1 + n % 8] || n, repeat('x', 100)
             from generate_series(1, 30000) n order by 1;"
        )
    };
    for (there, here) in [
        ("\"C\"", "\"und-x-icu\""),
        ("\"und-x-icu\"", "\"C\""),
        ("\"C\"", "\"C\""),
        ("\"und-x-icu\"", "\"und-x-icu\""),
    ] {
        let source = Database::create(pair.source(), "sorted");
        source.run(&sql(there));
        let target = Database::create(pair.target(), "sorted").with(&sql(here));
        let run = |more: &[&str]| {
            Tool::new("pg-verify")
                .args([
                    "--source",
                    &source.conninfo(),
                    "--target",
                    &target.conninfo(),
                ])
                .args(["--split-size", "1MB"])
                .args(more)
                .run()
        };
        run(&[]).ends_with(0);
        target.run(
            "update t set a = 'y' where k in ('é3', 'B20001'); delete from t where k = 'a-b10';
             insert into t values ('ÿ', ''), ('!', '')",
        );
        let ran = run(&[]);
        ran.ends_with(1);
        assert_eq!(
            found(&ran),
            [
                "t changed k=B20001 a",
                "t changed k=é3 a",
                "t extra k=!",
                "t extra k=ÿ",
                "t missing k=a-b10"
            ],
            "{there} and {here}\n{ran}"
        );
    }
}

#[test]
fn a_collation_to_which_a_is_b_hides_no_difference() {
    let Some(pair) = with_icu() else {
        return skip("no server with ICU");
    };
    let sql = "create collation blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        create table t (k text collate blind primary key, a text collate blind);
        insert into t values ('x', 'A'), ('y', 'b');";
    let scene = twins(pair, "blind", sql);
    scene
        .target
        .run("update t set a = 'a' where k = 'x'; update t set k = 'Y' where k = 'y'");
    let ran = verify(&scene, &[]);
    ran.ends_with(1);
    assert_eq!(
        found(&ran),
        ["t changed k=x a", "t extra k=Y", "t missing k=y"],
        "{ran}"
    );
    let file = scene.dir.path().join("repair.sql");
    verify(&scene, &["--repair-sql", file.to_str().expect("text")]).ends_with(1);
    run_repair(&scene, &file);
    verify(&scene, &[]).ends_with(0);
}

#[test]
fn as_many_columns_as_there_can_be_are_compared_one_by_one() {
    let columns: Vec<String> = (0..1_599).map(|n| format!("c{n} smallint")).collect();
    let sql = format!(
        "create table t (id integer primary key, {}); insert into t (id) values (1), (2);",
        columns.join(", ")
    );
    let scene = twins(Pair::newest(), "wide", &sql);
    verify(&scene, &[]).ends_with(0);
    scene.target.run("update t set c1598 = 0 where id = 2");
    let ran = verify(&scene, &[]);
    ran.ends_with(1);
    assert_eq!(found(&ran), ["t changed id=2 c1598"], "{ran}");
}

#[test]
fn what_is_missing_on_one_side_is_extra_on_the_other() {
    let sql = "create table t (id integer primary key, a text); insert into t select n, 'a' from generate_series(1, 50) n;";
    let scene = twins(Pair::newest(), "sides", sql);
    scene
        .target
        .run("delete from t where id = 3; insert into t values (77, 'b')");
    assert_eq!(
        found(&verify(&scene, &[])),
        ["t extra id=77", "t missing id=3"]
    );
    let turned = Tool::new("pg-verify")
        .args([
            "--source",
            &scene.target.conninfo(),
            "--target",
            &scene.source.conninfo(),
        ])
        .run();
    assert_eq!(found(&turned), ["t extra id=3", "t missing id=77"]);
}

#[test]
fn a_table_that_may_not_be_read_or_was_emptied_meanwhile_is_no_match() {
    let pair = Pair::newest();
    let sql = "create table secret (a integer); create table open (a integer);";
    let scene = twins(pair, "denied", sql);
    let role = format!("pgmig_denied_{}", std::process::id());
    let login = |database: &Database| {
        database.run(&format!(
            "create role {role} login; grant select on open to {role}"
        ));
        database
            .conninfo()
            .replace("user=postgres", &format!("user={role}"))
    };
    let (source, target) = (login(&scene.source), login(&scene.target));
    let run = |more: &[&str]| {
        Tool::new("pg-verify")
            .args(["--source", &source, "--target", &target])
            .args(more)
            .run()
    };
    let ran = run(&[]);
    ran.ends_with(6).says(&["permission denied"]);
    assert_eq!(
        ran.stream().the("verification").text("status"),
        "incomplete"
    );
    run(&["-t", "open"]).ends_with(0);
    for database in [&scene.source, &scene.target] {
        database.run(&format!("drop owned by {role}; drop role {role}"));
    }
}

#[test]
fn a_table_on_which_the_drill_fails_is_different_all_the_same() {
    let sql = "create table t (id integer primary key, a text); insert into t values (1, 'a');";
    let scene = twins(Pair::newest(), "fails", sql);
    scene.target.run("update t set a = 'b'");
    let ran = verify(&scene, &["--max-differences", "0"]);
    ran.ends_with(1);
    // Bytes that are no UTF-8 cannot be shown, and differ.
    let pair = Pair::newest();
    let bytes = "create table t (id integer primary key, a text); insert into t values (1, E'\\\\xff'), (2, 'b');";
    let source = Database::encoded(pair.source(), "ascii", "SQL_ASCII").with(bytes);
    let target = Database::encoded(pair.target(), "ascii", "SQL_ASCII").with(bytes);
    let run = || {
        Tool::new("pg-verify")
            .args([
                "--source",
                &source.conninfo(),
                "--target",
                &target.conninfo(),
            ])
            .run()
    };
    run().ends_with(0);
    target.run("update t set a = E'\\\\xfe' where id = 1");
    run().ends_with(1).says(&["SQL_ASCII"]);
}

#[test]
fn partitions_inheritance_and_unlogged_tables_are_each_compared_by_themselves() {
    let sql = "create table p (k integer primary key, v text) partition by hash (k);
        create table p0 partition of p for values with (modulus 2, remainder 0);
        create table p1 partition of p for values with (modulus 2, remainder 1);
        insert into p select n, 'v' from generate_series(1, 100) n;
        create table parent (a integer); create table child (b integer) inherits (parent);
        insert into parent values (1); insert into child values (1, 2);
        create unlogged table u (a integer); insert into u values (1);";
    let scene = twins(Pair::newest(), "parts", sql);
    verify(&scene, &[]).ends_with(0);
    // A row that has gone from the parent to the child is in another table.
    scene.target.run("delete from only parent; insert into child values (1, null); update p set v = 'w' where k = 7; truncate u");
    let ran = verify(&scene, &[]);
    ran.ends_with(1);
    let found = found(&ran);
    assert!(
        found.contains(&"parent missing   1 times".to_owned()),
        "{ran}"
    );
    assert!(found.contains(&"child extra   1 times".to_owned()), "{ran}");
    assert!(found.contains(&"u missing   1 times".to_owned()), "{ran}");
    assert!(
        found.iter().any(|one| one.ends_with("changed k=7 v")),
        "{ran}"
    );
}
