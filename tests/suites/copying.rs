//! The ways that rows go: binary where it is safe, text where it is not, frozen where it is worth
//! it, compressed as was asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use pg_e2e::cluster::Pair;
use pg_e2e::fault::{Locked, signal, wait_until};
use pg_e2e::{Majors, Stream};

use crate::scene::{BY_HAND, Scene};

const LIMIT: Duration = Duration::from_secs(20);

/// Copies, and gives what the ledger says of each table: format and whether it is frozen.
#[track_caller]
fn copied(scene: &Scene, plan: &str, flags: &[&str]) -> (String, BTreeMap<String, String>) {
    let words: Vec<&str> = ["pg-copy"]
        .iter()
        .chain(flags)
        .chain(&["-"])
        .copied()
        .collect();
    let ran = scene.tool(&words).input(plan).run();
    ran.ends_with(0);
    let rows = scene.target.ask(
        "select table_name || ' ' || format || case when frozen then ' frozen' else '' end \
         from pgmig.chunk",
    );
    let ways = rows.iter().filter_map(|row| row.split_once(' '));
    let ways = ways.map(|(name, way)| (name.to_owned(), way.to_owned()));
    (ran.text(), ways.collect())
}

/// The rest of the schema; then both sides are the same to pg_dump, and to pg-verify.
#[track_caller]
fn finished(scene: &Scene, stream: String) {
    scene.tool(BY_HAND[3]).input(stream).run().ends_with(0);
    scene.is_the_same_to_pg_dump();
    scene.tool(&["pg-verify"]).run().ends_with(0);
}

const TYPES: &str = r#"
    create type mood as enum ('sad', 'it''s ok');
    create domain amount as numeric(10, 2) check (value >= 0);
    create type pair as (a integer, b text);
    create table safe (id bigint primary key, t text, j jsonb, n numeric, ts timestamptz,
        u uuid, m mood, d amount, a integer[], f float8, b bytea, r int4range, v varchar(10),
        c char(5), i inet, x bit(3));
    insert into safe values
        (1, E'a\tb\nc\\', '{"a": [1, null]}', 'NaN', 'infinity', gen_random_uuid(), 'it''s ok',
         7.25, '{1,NULL,3}', 'NaN', '\x00ff', '[1,5)', 'v', 'c', '10.0.0.0/8', B'101'),
        (-9223372036854775808, '', 'null', -1e100, '-infinity', null, 'sad',
         0, '{}', '-0', '', 'empty', '', '', '::1', B'000'),
        (0, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
    create table spans (id integer primary key, s interval);
    insert into spans values (1, '-1 days -02:03:04'), (2, '1 mon -1 day');
    create table names (id integer primary key, c regclass, r regtype[]);
    insert into names values (1, 'safe', '{integer,mood}'), (2, 'pg_class', null);
    create table pairs (p pair);
    insert into pairs values ((1, 'x,"y')), (null);
    create table moods (m mood[]);
    insert into moods values ('{sad,"it''s ok"}');
    create table dates (d date, ts timestamp);
    insert into dates values
        ('2024-03-04', '2024-12-11 01:02:03.456789'), ('4713-01-01 BC', 'infinity');
    create table nothing ();
    insert into nothing default values;
    insert into nothing default values;
"#;

#[test]
fn each_table_goes_in_the_format_that_is_safe_for_it() {
    let (scene, plan) = Scene::begun("formats", TYPES);
    let (stream, ways) = copied(&scene, &plan, &[]);
    for (table, way) in [
        ("safe", "binary"),
        ("spans", "binary"),
        ("dates", "binary"),
        ("names", "text"),
        ("pairs", "text"),
        ("moods", "text"),
        ("nothing", "text"),
    ] {
        assert_eq!(ways.get(table).map(String::as_str), Some(way), "{table}");
    }
    assert_eq!(
        scene.target.ask("select c::text from names order by id"),
        ["safe", "pg_class"],
        "names, not the OIDs of the source"
    );
    finished(&scene, stream);
}

const HOSTILE: &str = "do $$ begin
        execute format('alter database %I set datestyle = ''SQL, DMY''', current_database());
        execute format('alter database %I set intervalstyle = ''sql_standard''', current_database());
        execute format('alter database %I set extra_float_digits = -3', current_database());
        execute format('alter database %I set bytea_output = ''escape''', current_database());
        execute format('alter database %I set timezone = ''Asia/Kathmandu''', current_database());
    end $$;";

#[test]
fn text_is_the_same_whatever_a_database_has_set() {
    let (scene, plan) = Scene::begun("hostile", &format!("{TYPES}{HOSTILE}"));
    let (stream, ways) = copied(&scene, &plan, &["--copy-format", "text"]);
    assert!(ways.values().all(|way| way == "text"), "{ways:?}");
    let month = "select extract(month from d)::text from dates where d > '2000-01-01'";
    assert_eq!(scene.target.ask_one(month), "3");
    finished(&scene, stream);
}

#[test]
fn a_column_of_another_type_on_the_target_gets_its_values_as_text() {
    let sql = "create table t (id integer, n integer); insert into t values (1, 7)";
    let (scene, plan) = Scene::begun("other type", sql);
    scene.target.run("alter table t alter n type bigint");
    let (_, ways) = copied(&scene, &plan, &[]);
    assert_eq!(ways.get("t").map(String::as_str), Some("text"));
    assert_eq!(scene.target.ask_one("select n::text from t"), "7");
}

const LARGE: &str = "
    create table large (id integer, t text);
    insert into large select n, repeat(md5(n::text), 4) from generate_series(1, 20000) n;
    create table small (id integer);
    insert into small values (1);";

#[test]
fn large_tables_are_frozen_as_they_come_and_small_ones_are_not_emptied() {
    let (scene, plan) = Scene::begun("frozen", LARGE);
    let (stream, ways) = copied(&scene, &plan, &[]);
    assert_eq!(ways.get("large").map(String::as_str), Some("binary frozen"));
    assert_eq!(ways.get("small").map(String::as_str), Some("binary"));
    scene.target.run("create extension pg_visibility");
    // The file ends with empty pages: from 16 on it grows by many at once.
    let frozen = "select (count(*) > 100 and bool_and(all_visible and all_frozen))::text \
                  from pg_visibility_map('large') \
                  where blkno <= (select max((ctid::text::point)[0]) from large)";
    assert_eq!(scene.target.ask_one(frozen), "true");
    scene.target.run("drop extension pg_visibility");
    finished(&scene, stream);
}

#[test]
fn a_table_that_keys_refer_to_is_not_emptied() {
    let (scene, plan) = Scene::begun("kept", LARGE);
    scene.target.run(
        "alter table large add primary key (id);
         create table referring (id integer references large)",
    );
    let (_, ways) = copied(&scene, &plan, &[]);
    assert_eq!(ways.get("large").map(String::as_str), Some("binary"));
    let rows = scene.target.ask_one("select count(*)::text from large");
    assert_eq!(rows, "20000");
}

#[test]
fn wide_values_are_compressed_as_was_asked_for() {
    let wide = "
        create table wide (id integer primary key, plain text, own text compression pglz);
        insert into wide
            select n, repeat(md5(n::text), 200), repeat(md5(n::text), 200)
            from generate_series(1, 50) n;";
    for (flags, plain) in [
        (&[][..], "lz4"),
        (&["--toast-compression", "pglz"], "pglz"),
        (&["--toast-compression", "server"], "pglz"),
    ] {
        let (scene, plan) = Scene::begun("wide", wide);
        let (stream, _) = copied(&scene, &plan, flags);
        let used = "select distinct pg_column_compression(plain) || ' ' || \
                    pg_column_compression(own) from wide";
        assert_eq!(
            scene.target.ask(used),
            [format!("{plain} pglz")],
            "{flags:?}"
        );
        finished(&scene, stream);
    }
}

#[test]
fn as_many_columns_as_there_can_be_and_many_small_tables() {
    let columns: Vec<String> = (1..=1600).map(|n| format!("c{n} smallint")).collect();
    let values: Vec<String> = (1..=1600).map(|n| n.to_string()).collect();
    let mut sql = format!("create table most ({});", columns.join(","));
    let values = values.join(",");
    sql.push_str(&format!("insert into most values ({values}), ({values});"));
    for n in 1..=120 {
        sql.push_str(&format!(
            "create table t{n} (id integer); insert into t{n} values ({n});"
        ));
    }
    let (scene, plan) = Scene::begun("many", &sql);
    let (stream, ways) = copied(&scene, &plan, &["--jobs", "2"]);
    assert_eq!(ways.len(), 121);
    finished(&scene, stream);
}

/// Splits `large` in parts, all of which are in but the third; pg-copy is killed then.
fn all_but_the_third() -> (Scene, String) {
    let (scene, plan) = Scene::begun("parts", LARGE);
    let locked = Locked::table(&scene.target, "large");
    let copy = scene
        .tool(&["pg-copy", "--jobs", "2", "--split-size", "1MB", "-"])
        .input(plan.clone())
        .spawn();
    wait_until("the plan is written and the copy waits", LIMIT, || {
        let waiting = "select count(*) > 0 from pg_locks where not granted \
                       and relation = 'large'::regclass";
        scene.target.ask_one(waiting) == "t"
    });
    let mut holder = scene.target.connect();
    holder
        .batch_execute(
            "begin; select from pgmig.chunk where table_name = 'large' and part = 3 for update",
        )
        .expect("the third part is nobody's");
    drop(locked);
    wait_until("all others are in", LIMIT, || {
        scene.target.ask_one(
            "select count(*) from pgmig.chunk where table_name = 'large' and done_at is null",
        ) == "1"
    });
    signal(copy.pid(), "KILL");
    copy.wait().ends_with(137);
    drop(holder);
    (scene, plan)
}

/// The numbers of the parts of `large` that a run has copied, and how often it is told to be in.
fn told(stream: &str) -> (Vec<i64>, usize) {
    let stream = Stream::decode(stream.as_bytes(), &[]).expect("it keeps the contract");
    let parts = stream
        .of("chunk")
        .filter(|chunk| chunk.text("table") == "large")
        .map(|chunk| chunk.number("part"))
        .collect();
    let whole = stream
        .of("copied")
        .filter(|copied| copied.text("table") == "large")
        .count();
    (parts, whole)
}

#[test]
fn a_large_table_is_copied_in_parts_and_told_once() {
    let (scene, plan) = Scene::begun("split", LARGE);
    let (stream, ways) = copied(&scene, &plan, &["--split-size", "1MB", "--jobs", "3"]);
    assert_eq!(ways.get("large").map(String::as_str), Some("binary"));
    let (mut parts, whole) = told(&stream);
    parts.sort_unstable();
    let all: Vec<i64> = (1..).take(parts.len()).collect();
    assert!(parts.len() >= 3, "{parts:?}");
    assert_eq!((parts, whole), (all, 1));
    let bounds = scene.target.ask(
        "select coalesce(lower_bound, '-') || ' ' || coalesce(upper_bound, '-') from pgmig.chunk \
         where table_name = 'large' order by part",
    );
    assert!(bounds[0].starts_with("- ") && bounds[bounds.len() - 1].ends_with(" -"));
    finished(&scene, stream);
}

const IN_PARTS: &str = "
    create table large (id integer primary key, t text) with (autovacuum_enabled = false);
    insert into large select n, repeat(md5(n::text), 6) from generate_series(1, 60000) n;";

/// Whether all pages of the table that came in parts are visible, and whether they are frozen.
fn seen_in_parts(scene: &Scene, plan: &str) -> String {
    let (stream, _) = copied(scene, plan, &["--split-size", "3MB", "--jobs", "2"]);
    finished(scene, stream);
    scene.target.run("create extension pg_visibility");
    scene.target.ask_one(
        "select count(*) > 1000 and bool_and(all_visible), bool_and(all_frozen) \
         from pg_visibility_map('large') \
         where blkno <= (select max((ctid::text::point)[0]) from large)",
    )
}

#[test]
fn what_came_in_parts_is_frozen_when_it_is_analyzed() {
    let (scene, plan) = Scene::begun("frozen parts", IN_PARTS);
    assert_eq!(seen_in_parts(&scene, &plan), "t|t");
}

#[test]
fn what_came_in_parts_is_visible_where_it_cannot_be_frozen() {
    let (source, target) = (15, 15);
    if !Majors::available().contains_key(&source) {
        return;
    }
    let scene = Scene::of(Pair { source, target }, "visible parts", IN_PARTS);
    let plan = scene.plan();
    let before = scene.tool(BY_HAND[1]).input(plan.clone()).run();
    before.ends_with(0);
    assert_eq!(seen_in_parts(&scene, &plan), "t|f");
}

#[test]
fn a_split_table_goes_on_with_the_parts_that_are_missing() {
    let (scene, plan) = all_but_the_third();
    let words = ["pg-copy", "--jobs", "2", "--split-size", "1MB", "-"];
    let ran = scene.tool(&words).input(plan).run();
    ran.ends_with(0);
    assert_eq!(told(&ran.text()), (vec![3], 1));
    finished(&scene, ran.text());
}

#[test]
fn a_split_table_that_changed_meanwhile_is_copied_anew() {
    for change in [
        "update large set t = 'changed' where id = 1",
        "delete from large where id = 20000",
        "insert into large values (0, 'more')",
    ] {
        let (scene, plan) = all_but_the_third();
        scene.source.run(change);
        let words = ["pg-copy", "--jobs", "2", "--split-size", "1MB", "-"];
        let ran = scene.tool(&words).input(plan).run();
        ran.ends_with(0);
        let (parts, whole) = told(&ran.text());
        assert!(parts.len() > 1 && whole == 1, "{change}: {parts:?}");
        finished(&scene, ran.text());
    }
}
