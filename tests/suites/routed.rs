//! Partitions by a hash that each server computes otherwise: their rows go through the
//! partitioned table, and are compared in it.

use std::collections::BTreeSet;

use pg_e2e::{Majors, Pair, Ran};

use crate::scene::{BY_HAND, Scene, skip};

const SQL: &str = r#"
    create type "it's a ""type""" as enum ('a');
    create table "Tall ""one""" (region integer not null, m mood, n integer)
        partition by list (region);
    create table plain partition of "Tall ""one""" for values in (1);
    create table "by mood" partition of "Tall ""one""" for values in (2) partition by hash (m);
    create table "mood 0" partition of "by mood" for values with (modulus 3, remainder 0);
    create table "mood 1" partition of "by mood" for values with (modulus 3, remainder 1);
    create table "mood 2" partition of "by mood" for values with (modulus 3, remainder 2)
        partition by hash (n);
    create table "mood 2 n" partition of "mood 2" for values with (modulus 1, remainder 0);
    create table steady (n integer, t text) partition by hash (n, t);
    create table "steady 0" partition of steady for values with (modulus 2, remainder 0);
    create table "steady 1" partition of steady for values with (modulus 2, remainder 1);
    create table lists (m mood) partition by list (m);
    create table sad partition of lists for values in ('sad');
    insert into "Tall ""one"""
        select 1 + n % 2, (enum_range(null::mood))[1 + n % 41], n from generate_series(1, 400) n;
    insert into "Tall ""one""" values (2, null, null);
    insert into steady select n, 't' || n from generate_series(1, 100) n;
    insert into lists values ('sad');
    create table seen (relation text);
    create function see() returns trigger language plpgsql as
        'begin insert into public.seen values (tg_relname); return null; end';
    create trigger see after insert on "mood 0" for each row execute function see();
"#;

/// Between two majors, so that the OIDs of labels differ; pre-data is applied.
fn begun(stem: &str) -> Option<(Scene, String)> {
    let pair = Pair {
        source: 15,
        target: Majors::newest(),
    };
    if !Majors::available().contains_key(&pair.source) {
        skip("PostgreSQL 15 is not here");
        return None;
    }
    // A label of another OID may have the same remainder by chance; so many do not.
    let more: Vec<String> = (0..40).map(|n| format!("'it''s {n}'")).collect();
    let labels = more.join(",");
    let mood = format!("create type mood as enum ('sad', {labels});");
    let scene = Scene::of(pair, stem, &format!("{mood}{SQL}"));
    let plan = scene.plan();
    let pre_data = scene.tool(BY_HAND[1]).input(plan.clone()).run();
    pre_data.ends_with(0);
    Some((scene, plan))
}

const LEAVES: &[&str] = &["mood 0", "mood 1", "mood 2 n"];

/// Rows of the leaves, on both sides.
fn placed(scene: &Scene) -> [Vec<String>; 2] {
    let sql = "select tableoid::regclass::text || ' ' || count(*) from \"by mood\" \
               group by tableoid order by 1";
    [scene.source.ask(sql), scene.target.ask(sql)]
}

fn tables(ran: &Ran, kind: &str) -> BTreeSet<String> {
    let key = if kind == "verified" { "name" } else { "table" };
    let stream = ran.stream();
    stream
        .of(kind)
        .map(|record| record.text(key).to_owned())
        .collect()
}

fn is_of(tables: &BTreeSet<String>, leaf: &str) -> bool {
    tables.contains(leaf)
}

#[test]
fn rows_that_belong_elsewhere_on_the_target_go_there() {
    let Some((scene, plan)) = begun("routed") else {
        return;
    };
    let copy = scene
        .tool(&["pg-copy", "--jobs", "3", "-"])
        .input(plan)
        .run();
    copy.ends_with(0);
    let methods = scene
        .target
        .ask("select table_name from pgmig.chunk where method = 'root' order by 1");
    assert_eq!(methods, LEAVES, "and no others");
    let [there, here] = placed(&scene);
    assert_ne!(
        there, here,
        "labels hash alike by chance: more of them are needed"
    );
    let post_data = scene.tool(BY_HAND[3]).input(copy.text()).run();
    post_data.ends_with(0);
    assert_eq!(scene.target.ask_one("select count(*)::text from seen"), "0");
    let verify = scene
        .tool(&["pg-verify", "-"])
        .input(post_data.text())
        .run();
    verify.ends_with(0);
    let verified = tables(&verify, "verified");
    assert!(
        is_of(&verified, "by mood") && is_of(&verified, "steady 0"),
        "{verified:?}"
    );
    assert!(
        !LEAVES.iter().any(|leaf| is_of(&verified, leaf)),
        "{verified:?}"
    );
    scene.tool(&["pg-verify"]).run().ends_with(0);
    scene
        .target
        .run("alter table \"mood 0\" disable trigger all");
    scene
        .target
        .run("update \"by mood\" set n = n + 1 where n = (select max(n) from \"by mood\")");
    scene
        .tool(&["pg-verify"])
        .run()
        .ends_with(1)
        .says(&["by mood"]);
    scene
        .tool(&["pg-verify", "-"])
        .input(post_data.text())
        .run()
        .ends_with(1);
}

/// A run in which the rows of one leaf of the source are refused.
fn all_but_one_leaf(stem: &str) -> Option<(Scene, String)> {
    let (scene, plan) = begun(stem)?;
    let leaf = "select n::text from \"mood 1\" order by n limit 1";
    let number = scene.source.ask_one(leaf);
    scene.target.run(&format!(
        "alter table \"by mood\" add constraint no check (n <> {number})"
    ));
    let ran = scene.tool(&["pg-copy", "-"]).input(plan.clone()).run();
    ran.ends_with(6);
    let told = tables(&ran, "copied");
    assert!(
        is_of(&told, "steady 1") && is_of(&told, "plain"),
        "{told:?}"
    );
    assert!(!LEAVES.iter().any(|leaf| is_of(&told, leaf)), "{told:?}");
    scene
        .target
        .run("alter table \"by mood\" drop constraint no");
    Some((scene, plan))
}

#[test]
fn a_leaf_that_is_missing_is_added_to_the_others() {
    let Some((scene, plan)) = all_but_one_leaf("missing leaf") else {
        return;
    };
    let ran = scene.tool(&["pg-copy", "-"]).input(plan).run();
    ran.ends_with(0);
    assert_eq!(tables(&ran, "chunk"), BTreeSet::from(["mood 1".to_owned()]));
    let told = tables(&ran, "copied");
    assert!(LEAVES.iter().all(|leaf| is_of(&told, leaf)), "{told:?}");
    let post_data = scene.tool(BY_HAND[3]).input(ran.text()).run();
    post_data.ends_with(0);
    scene.tool(&["pg-verify"]).run().ends_with(0);
}

#[test]
fn when_one_leaf_has_changed_all_are_copied_again() {
    let Some((scene, plan)) = all_but_one_leaf("changed leaf") else {
        return;
    };
    scene
        .source
        .run("delete from \"mood 0\" where n = (select max(n) from \"mood 0\")");
    let ran = scene.tool(&["pg-copy", "-"]).input(plan).run();
    ran.ends_with(0);
    let copied = tables(&ran, "chunk");
    assert_eq!(
        copied,
        LEAVES.iter().map(|leaf| (*leaf).to_owned()).collect()
    );
    scene.tool(BY_HAND[3]).input(ran.text()).run().ends_with(0);
    scene.tool(&["pg-verify"]).run().ends_with(0);
}

#[test]
fn leaves_are_not_emptied_when_one_of_them_would_not_come_again() {
    let Some((scene, plan)) = all_but_one_leaf("left out leaf") else {
        return;
    };
    scene
        .source
        .run("delete from \"mood 0\" where n = (select max(n) from \"mood 0\")");
    let without =
        |line: &&str| !(line.contains("\"table\"") && line.contains("\"name\":\"mood 2 n\""));
    let less: Vec<&str> = plan.lines().filter(without).collect();
    let rows = "select count(*)::text from \"by mood\"";
    let before = scene.target.ask_one(rows);
    let ran = scene
        .tool(&["pg-copy", "-"])
        .input(less.join("\n") + "\n")
        .run();
    ran.fails_clearly(7, &["by mood", "mood 2 n"]);
    assert_eq!(scene.target.ask_one(rows), before);
    let ran = scene.tool(&["pg-copy", "-"]).input(plan).run();
    ran.ends_with(0);
    scene.tool(BY_HAND[3]).input(ran.text()).run().ends_with(0);
    scene.tool(&["pg-verify"]).run().ends_with(0);
}

#[test]
fn rows_in_any_leaf_that_nobody_knows_are_in_the_way() {
    let Some((scene, plan)) = begun("foreign rows") else {
        return;
    };
    scene
        .target
        .run("insert into \"by mood\" values (2, 'sad', 7)");
    let ran = scene.target_is_untouched_by(|| scene.tool(&["pg-copy", "-"]).input(plan).run());
    ran.fails_clearly(7, &["by mood", "has rows"]);
}
