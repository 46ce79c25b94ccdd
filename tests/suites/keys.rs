//! Large tables of servers that cannot read a range of blocks: in parts by the values of a key.

use std::collections::BTreeMap;

use pg_e2e::cluster::Side;
use pg_e2e::{Cluster, Majors, Pair};

use crate::scene::{BY_HAND, Scene, skip};

/// The newest version that is cut by keys.
const BY_KEYS: u32 = 13;

const KEYS: &str = r#"
    create table negative (id bigint primary key, t text);
    insert into negative select n - 4000, repeat('x', 600) from generate_series(1, 4000) n;
    create table extremes (id bigint primary key, t text);
    insert into extremes select n, repeat('x', 600) from generate_series(-2000, 2000) n;
    insert into extremes values (-9223372036854775808, 'least'), (9223372036854775807, 'most');
    create table outlier (id integer primary key, t text);
    insert into outlier select n, repeat('x', 600) from generate_series(1, 4000) n;
    insert into outlier values (2147483647, 'far off');
    create table nulls (id integer unique, t text);
    insert into nulls select case when n % 7 > 0 then n end, repeat('x', 600) from generate_series(1, 4000) n;
    create table only_nulls (id integer unique, t text);
    insert into only_nulls select null, repeat('x', 600) from generate_series(1, 4000) n;
    create table empty (id integer primary key, t text);
    insert into empty select n, repeat('x', 600) from generate_series(1, 4000) n;
    delete from empty;
    create table one_row (id integer primary key, t text);
    alter table one_row alter t set storage external;
    insert into one_row values (-1, repeat('x', 3000000));
    create table composite (customer integer, id integer, t text, primary key (customer, id));
    insert into composite select n % 5, n, repeat('x', 600) from generate_series(1, 4000) n;
    create table same (a integer, id integer, t text, unique (a, id));
    insert into same select 7, n, repeat('x', 600) from generate_series(1, 4000) n;
    create table "it's ""hostile""" ("the ""key's""" text collate "en-x-icu" primary key, t text);
    insert into "it's ""hostile"""
        select (array['a', 'B', 'ä', 'Ä', ' ', '''', '"', '\', E'\n', '%', '-'])[1 + n % 11] || n,
            repeat('x', 600)
        from generate_series(1, 4000) n;
    create table dates (d date primary key, t text);
    insert into dates select date '0001-01-01 BC' + n * 300, repeat('x', 600) from generate_series(1, 4000) n;
    insert into dates values ('-infinity', 'first'), ('infinity', 'last');
    create table moments (m timestamptz(3) primary key, t text);
    insert into moments
        select timestamptz '2020-02-29 12:00+05:45' + n * interval '1.001 s', repeat('x', 600)
        from generate_series(1, 4000) n;
    create table uuids (u uuid primary key, t text);
    insert into uuids select md5(n::text)::uuid, repeat('x', 600) from generate_series(1, 4000) n;
    create table numbers (n numeric primary key, t text);
    insert into numbers select n / 7.0, repeat('x', 600) from generate_series(-2000, 2000) n;
    insert into numbers values ('NaN', 'last');
    create table keyless (id integer, t text);
    insert into keyless select n, repeat('x', 600) from generate_series(1, 4000) n;
    create table partial (id integer, t text);
    create unique index on partial (id) where id > 0;
    insert into partial select n, repeat('x', 600) from generate_series(1, 4000) n;
    create table flags (f boolean, id integer, t text, unique (f, id));
    insert into flags select n % 2 = 0, n, repeat('x', 600) from generate_series(1, 4000) n;
"#;

/// A server that sorts as people do, which not all are built for; else the newest.
fn target() -> u32 {
    let known = "select count(*) from pg_collation where collname = 'en-x-icu'";
    let knows = |major: &&u32| {
        let mut client = Cluster::of(**major, Side::Target).connect("postgres");
        let row = client.query_one(known, &[]);
        row.is_ok_and(|row| row.get::<_, i64>(0) > 0)
    };
    let knowing = Majors::available().keys().find(knows);
    knowing.copied().unwrap_or_else(Majors::newest)
}

/// Between a server that is cut by keys and a newer one, with the plan; pre-data is applied.
fn begun(stem: &str, sql: &str) -> Option<(Scene, String)> {
    if !Majors::probed().contains_key(&BY_KEYS) {
        skip("no server is here that is too old for ranges of blocks");
        return None;
    }
    let pair = Pair {
        source: BY_KEYS,
        target: target(),
    };
    let scene = Scene::of(pair, stem, sql);
    let plan = scene.plan();
    let pre_data = scene.tool(BY_HAND[1]).input(plan.clone()).run();
    pre_data.ends_with(0);
    Some((scene, plan))
}

const COPY: &[&str] = &["pg-copy", "--jobs", "2", "--split-size", "1MB", "-"];

/// Method and number of parts of each table, by the ledger.
fn parts(scene: &Scene) -> BTreeMap<String, (String, usize)> {
    let rows = scene
        .target
        .ask("select method || ' ' || parts || ' ' || table_name from pgmig.chunk");
    let split = |row: &String| {
        let mut words = row.splitn(3, ' ').map(str::to_owned);
        let (method, parts) = (words.next()?, words.next()?.parse().ok()?);
        Some((words.next()?, (method, parts)))
    };
    rows.iter().filter_map(split).collect()
}

#[test]
fn every_row_goes_once_whatever_its_key() {
    let Some((scene, plan)) = begun("keys", KEYS) else {
        return;
    };
    let ran = scene.tool(COPY).input(plan).run();
    ran.ends_with(0);
    let parts = parts(&scene);
    for (table, (method, count)) in &parts {
        let (expected, least) = match table.as_str() {
            "keyless" | "partial" | "flags" | "only_nulls" | "empty" => ("table", 1),
            "one_row" | "same" => ("key", 2),
            _ => ("key", 3),
        };
        assert_eq!(method, expected, "{table}");
        assert!(*count >= least, "{table}: {count}");
    }
    assert_eq!(parts.len(), 17);
    scene.tool(BY_HAND[3]).input(ran.text()).run().ends_with(0);
    scene.is_the_same_to_pg_dump();
    scene.tool(&["pg-verify"]).run().ends_with(0);
}

#[test]
fn a_sample_needs_no_statistics_and_parts_are_about_equal() {
    let sql = "
        create table t (id bigint primary key, pad text) with (autovacuum_enabled = false);
        insert into t select n * n * n, repeat('x', 100) from generate_series(1::bigint, 60000) n;";
    let Some((scene, plan)) = begun("equal parts", sql) else {
        return;
    };
    let words = ["pg-copy", "--split-size", "2MB", "-"];
    scene.tool(&words).input(plan).run().ends_with(0);
    let rows = scene
        .target
        .ask("select rows::text from pgmig.chunk order by part");
    let rows: Vec<u32> = rows.iter().map(|rows| rows.parse().unwrap()).collect();
    let share = 60_000 / u32::try_from(rows.len()).unwrap();
    assert!(rows.len() > 3, "{rows:?}");
    assert!(
        rows.iter()
            .all(|rows| *rows > share / 2 && *rows < share * 2),
        "{rows:?}"
    );
}

#[test]
fn a_run_goes_on_with_the_keys_that_are_missing() {
    let sql = "
        create table t (k text collate \"en-x-icu\" unique, pad text);
        insert into t select nullif(md5(n::text), md5('7')), repeat('x', 100)
            from generate_series(1, 20000) n;";
    for change in [None, Some("update t set pad = 'new' where k = md5('9')")] {
        let Some((scene, plan)) = begun("missing keys", sql) else {
            return;
        };
        // One row in the way: the part that it belongs to fails, all others are in.
        scene
            .target
            .run("alter table t add constraint no check (k <> md5('2'))");
        let ran = scene.tool(COPY).input(plan.clone()).run();
        ran.ends_with(6);
        let undone = "select count(*)::text from pgmig.chunk where done_at is null";
        assert_eq!(scene.target.ask_one(undone), "1");
        scene.target.run("alter table t drop constraint no");
        if let Some(change) = change {
            scene.source.run(change);
        }
        let ran = scene.tool(COPY).input(plan).run();
        ran.ends_with(0);
        let copied = ran.stream().of("chunk").count();
        assert_eq!(copied == 1, change.is_none(), "{copied} parts");
        scene.tool(BY_HAND[3]).input(ran.text()).run().ends_with(0);
        scene.tool(&["pg-verify"]).run().ends_with(0);
    }
}
