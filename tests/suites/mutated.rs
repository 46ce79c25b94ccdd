//! One value changed in a table of every type is always found, and the row is named; what is
//! equal is equal under every version and setting.

mod types;

use std::fmt::Write;

use pg_e2e::{Majors, Pair, Ran};

use self::types::{SINCE_14, TYPES};
use crate::drilled::{found, twins};
use crate::scene::{Scene, skip};

const KINDS: &str = "
    create schema kinds;
    create type kinds.mood as enum ('sad', 'happy', 'Sad');
    create type kinds.pair as (a integer, b text);
    create domain kinds.short as varchar(5);
    create type kinds.floats as range (subtype = double precision);
    create extension citext schema public; create extension hstore schema public;
    create extension ltree schema public; create extension cube schema public;";

/// Settings of a server that nobody has thought of, and types whose OIDs are others.
const HOSTILE: &str = "
    do $$ declare setting text; begin
        foreach setting in array array['timezone = ''Asia/Tokyo''', 'datestyle = ''German, DMY''',
            'intervalstyle = ''sql_standard''', 'extra_float_digits = -5', 'bytea_output = ''escape''',
            'search_path = ''kinds''', 'xmloption = ''document''', 'standard_conforming_strings = off',
            'quote_all_identifiers = on', 'enable_seqscan = off', 'default_transaction_read_only = off', 'jit = on',
            'statement_timeout = ''50ms''', 'work_mem = ''64kB''']
        loop execute format('alter database %I set %s', current_database(), setting); end loop;
    end $$;
    create schema before; create type before.one as enum ('x'); create type before.two as (a integer);
    create table before_one (a integer); drop table before_one; drop schema before cascade;";

/// A literal, whatever `standard_conforming_strings` says.
fn literal(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('\'', "\\'");
    format!("E'{escaped}'")
}

fn column(place: usize) -> String {
    format!("c{place:02}")
}

/// A type and values of it.
type Kind = (&'static str, &'static [&'static str]);

/// The first version that has [`SINCE_14`].
const ALL_TYPES: u32 = 14;

/// The types that both servers of a pair have.
fn kinds(pair: Pair) -> Vec<Kind> {
    let more = if pair.source.min(pair.target) < ALL_TYPES {
        &[]
    } else {
        SINCE_14
    };
    TYPES.iter().chain(more).copied().collect()
}

/// The table `types`: a column of each type, and as many rows as a type has values; those with
/// fewer end with NULLs.
fn script(kinds: &[Kind], reversed: bool) -> String {
    let mut places: Vec<usize> = (0..kinds.len()).collect();
    if reversed {
        places.reverse();
    }
    let columns: Vec<String> = places
        .iter()
        .map(|place| format!("{} {}", column(*place), kinds[*place].0))
        .collect();
    let most = kinds
        .iter()
        .map(|(_, values)| values.len())
        .max()
        .unwrap_or(0);
    let mut sql = format!(
        "{KINDS} set search_path = public; create table types (id integer primary key, {});",
        columns.join(", ")
    );
    let mut rows: Vec<usize> = (0..most).collect();
    if reversed {
        rows.reverse();
    }
    for row in rows {
        let values: Vec<String> = places
            .iter()
            .map(|place| {
                kinds[*place]
                    .1
                    .get(row)
                    .map_or_else(|| "NULL".to_owned(), |one| literal(one))
            })
            .collect();
        let names: Vec<String> = places.iter().map(|place| column(*place)).collect();
        write!(
            sql,
            "insert into types (id, {}) values ({row}, {});",
            names.join(", "),
            values.join(", ")
        )
        .expect("a string takes everything");
    }
    sql
}

fn verify(scene: &Scene, more: &[&str]) -> Ran {
    scene.tool(&["pg-verify"]).args(more).run()
}

/// Every change of one cell: to the next value and back, to NULL and from NULL.
fn mutations(kinds: &[Kind]) -> Vec<(usize, usize, String)> {
    let mut all = Vec::new();
    for (place, (_, values)) in kinds.iter().enumerate() {
        for (row, value) in values.iter().enumerate() {
            let next = values[(row + 1) % values.len()];
            all.push((place, row, literal(next)));
            if row % 2 == 0 {
                all.push((place, row, "NULL".to_owned()));
            }
            // The row behind the last value holds NULL.
            if values.len() < 20 && row < 2 {
                all.push((place, values.len(), literal(value)));
            }
        }
    }
    all
}

#[test]
fn every_single_change_of_a_value_of_any_type_is_found_and_the_row_is_named() {
    let majors = Majors::available().keys();
    let oldest = majors.copied().find(|major| *major >= ALL_TYPES);
    let pair = oldest.map_or_else(Pair::newest, |source| Pair {
        source,
        target: Majors::newest(),
    });
    let kinds = kinds(pair);
    let scene = twins(pair, "mutated", &script(&kinds, false));
    let mutations = mutations(&kinds);
    assert!(mutations.len() >= 300, "only {}", mutations.len());
    let mut copies = String::new();
    let mut changes = String::new();
    let mut expected = Vec::new();
    for (number, (place, row, value)) in mutations.iter().enumerate() {
        let table = format!("m{number:03}");
        let column = column(*place);
        write!(
            copies,
            "create table {table} as select * from types; alter table {table} add primary key (id);"
        )
        .expect("a string takes everything");
        write!(
            changes,
            "update {table} set {column} = {value} where id = {row};"
        )
        .expect("a string takes everything");
        expected.push(format!("{table} changed id={row} {column}"));
    }
    for side in [&scene.source, &scene.target] {
        side.run(&copies);
    }
    verify(&scene, &[]).ends_with(0);
    scene.target.run(&changes);
    let ran = verify(&scene, &["-j", "4"]);
    ran.ends_with(1);
    let found = found(&ran);
    let differences: Vec<&String> = expected
        .iter()
        .filter(|one| !found.contains(one))
        .chain(found.iter().filter(|one| !expected.contains(one)))
        .collect();
    assert!(differences.is_empty(), "{differences:#?}\n{ran}");
    let types = ran.stream();
    let types = types.of("verified").find(|one| one.text("name") == "types");
    assert_eq!(types.map(|one| one.text("verdict")), Some("match"));
}

/// The checksums of `types`, which is equal, and hashed by one method on both sides.
fn checksums(ran: &Ran, method: &str) -> [String; 2] {
    ran.ends_with(0);
    let stream = ran.stream();
    let mut tables = stream.of("verified");
    let table = tables.find(|one| one.text("name") == "types");
    let table = table.unwrap_or_else(|| panic!("no table\n{ran}"));
    assert_eq!(table.text("verdict"), "match", "{ran}");
    for side in ["source_method", "target_method"] {
        assert_eq!(table.text(side), method, "{ran}");
    }
    ["source_checksum", "target_checksum"].map(|side| table.text(side).to_owned())
}

#[test]
fn the_same_values_are_equal_under_every_version_and_setting() {
    let majors: Vec<u32> = Majors::available().keys().copied().collect();
    let newest = Majors::newest();
    let mut tried = 0;
    for major in majors.iter().filter(|major| **major >= 13) {
        for (source, target) in [(*major, newest), (newest, *major)] {
            let pair = Pair { source, target };
            let kinds = kinds(pair);
            let scene = Scene::of(pair, "same", &script(&kinds, false));
            // Other OIDs, another order of columns and rows, other settings.
            scene.target.run(HOSTILE);
            scene.target.run(&format!(
                "set statement_timeout = 0; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set xmloption = content; {}",
                script(&kinds, true)
            ));
            // The checksum is one, whoever hashes.
            let server = checksums(&verify(&scene, &["--method", "server"]), "server");
            let stream = checksums(&verify(&scene, &["--method", "stream"]), "stream");
            assert_eq!(server, stream);
            tried += 1;
        }
    }
    if tried == 0 {
        skip("no server that can be checksummed");
    }
}

/// What looks different and is not.
#[test]
fn two_ways_to_write_one_value_are_equal() {
    let scene = Scene::of(
        Pair::newest(),
        "ways",
        "create table t (id integer primary key, a double precision, b char(5), c int4range, d jsonb, e xml);
         insert into t values (1, 'Infinity'::float8 - 'Infinity'::float8, 'ab', '[1,5]', '{\"b\":1,\"a\":2}', null);
         create table e (a integer);
         create domain nans as double precision[];
         create table arrays (id integer primary key, i integer[], s text[], f real[], d nans);
         insert into arrays select n, '[0:1]={1,NULL}', '{{a,NULL}}', array['NaN', null, 1]::real[], array['NaN', 2]::double precision[]
             from generate_series(1, 2) n;
         update arrays set i[1] = 2, s[1][2] = 'b', f[2] = 0, d[2] = 1 where id = 1;",
    );
    scene.target.run(
        "create table t (e xml, d jsonb, dropped text, c int4range, b char(5), a double precision, id integer primary key);
         alter table t drop column dropped;
         insert into t values (null, '{\"a\": 2, \"b\": 1, \"b\": 1}', '[1,6)', 'ab   ', 'NaN', 7);
         update t set id = 1;
         create table e (a integer); insert into e values (1); delete from e;
         create domain nans as double precision[];
         create table arrays (id integer primary key, i integer[], s text[], f real[], d nans);
         insert into arrays select 1, '[0:1]={1,2}', '{{a,b}}', array[nan, 0, 1]::real[], array[nan, 1]
             from (select 'Infinity'::float8 - 'Infinity'::float8 as nan) n;
         insert into arrays values (2, '[0:1]={1,NULL}', '{{a,NULL}}', '{NaN,NULL,1}', '{NaN,2}');",
    );
    for method in ["server", "stream"] {
        verify(&scene, &["--method", method]).ends_with(0);
    }
    // What can be seen differs still.
    scene.target.run("truncate arrays; insert into arrays values (1, '{1,2}', '{{a,b}}', '{NaN,-0,1}', '{NaN,1}'), (2, '[0:1]={1,NULL}', '{a,NULL}', '{NaN,NULL,1}', '{NaN,2}')");
    let ran = verify(&scene, &["-t", "arrays"]);
    ran.ends_with(1);
    assert_eq!(
        found(&ran),
        ["arrays changed id=1 f,i", "arrays changed id=2 s"],
        "{ran}"
    );
}

/// Changes that take more than a cell: name, before, after, what is found.
const SETS: &[(&str, &str, &str, &[&str])] = &[
    (
        "swapped between rows",
        "create table t (id integer primary key, a integer); insert into t values (1, 10), (2, 20), (3, 30)",
        "update t set a = 30 - a where id in (1, 2)",
        &["t changed id=1 a", "t changed id=2 a"],
    ),
    (
        "swapped between columns",
        "create table t (id integer primary key, a integer, b integer); insert into t values (1, 10, 20), (2, 5, 5)",
        "update t set a = b, b = a",
        &["t changed id=1 a,b"],
    ),
    (
        "two errors that cancel",
        "create table t (id integer primary key, a integer); insert into t select n, n from generate_series(1, 9) n",
        "update t set a = a + 1 where id = 3; update t set a = a - 1 where id = 4",
        &["t changed id=3 a", "t changed id=4 a"],
    ),
    (
        "shifted between columns",
        "create table t (id integer primary key, a text, b text); insert into t values (1, 'a', 'bc'), (2, 'a|b', 'c'), (3, E'a\\x1f', 'b')",
        "update t set a = 'ab', b = 'c' where id = 1; update t set a = 'a', b = 'b|c' where id = 2; update t set a = 'a', b = E'\\x1fb' where id = 3",
        &[
            "t changed id=1 a,b",
            "t changed id=2 a,b",
            "t changed id=3 a,b",
        ],
    ),
    (
        "keys exchanged",
        "create table t (id integer primary key, a text); insert into t values (1, 'x'), (2, 'y')",
        "update t set id = -id; update t set id = 3 + id",
        &["t changed id=1 a", "t changed id=2 a"],
    ),
    (
        "a column that is called like the table",
        "create table t (id integer primary key, t text, other text); insert into t values (1, 'x', 'y')",
        "update t set other = 'z'",
        &["t changed id=1 other"],
    ),
    (
        "duplicates in place of others",
        "create table t (a text); insert into t values ('A'), ('A')",
        "update t set a = 'B'",
        &["t extra   2 times", "t missing   2 times"],
    ),
    (
        "one duplicate for another",
        "create table t (a text); insert into t values ('A'), ('A'), ('B')",
        "delete from t; insert into t values ('A'), ('B'), ('B')",
        &["t extra   1 times", "t missing   1 times"],
    ),
    (
        "NULL in a keyless table",
        "create table t (a text); insert into t values (null), (null), ('')",
        "update t set a = '' where ctid = '(0,1)'",
        &["t extra   1 times", "t missing   1 times"],
    ),
    (
        "a key without NOT NULL is none",
        "create table t (a integer unique); insert into t values (null), (null), (1)",
        "delete from t where ctid = '(0,1)'",
        &["t missing   1 times"],
    ),
    (
        "below and above all keys",
        "create table t (id bigint primary key); insert into t values (5)",
        "insert into t values (-9223372036854775808), (9223372036854775807)",
        &[
            "t extra id=-9223372036854775808",
            "t extra id=9223372036854775807",
        ],
    ),
    (
        "all rows gone",
        "create table t (id text primary key); insert into t values ('a'), ('B'), ('a-b'), ('é')",
        "truncate t",
        &[
            "t missing id=B",
            "t missing id=a",
            "t missing id=a-b",
            "t missing id=é",
        ],
    ),
    (
        "a timestamp as a key",
        "create table t (at timestamptz, n numeric, a integer, primary key (at, n)); insert into t values ('infinity', 'NaN', 1), ('2024-01-01 00:00+00', 1.0, 2)",
        "update t set a = 0; update t set n = 1.00 where n = 1",
        &[
            "t changed at=infinity,n=NaN a",
            "t extra at=2024-01-01 00:00:00+00,n=1.00",
            "t missing at=2024-01-01 00:00:00+00,n=1.0",
        ],
    ),
    (
        "an enum as a key",
        "create type public.e as enum ('b', 'a'); create table t (k public.e primary key, a integer); insert into t values ('a', 1), ('b', 2)",
        "update t set a = 3 where k = 'b'",
        &["t changed k=b a"],
    ),
];

#[test]
fn changes_that_take_more_than_a_cell_are_found_row_by_row() {
    for (name, before, after, expected) in SETS {
        let scene = twins(Pair::newest(), "sets", before);
        verify(&scene, &[]).ends_with(0);
        scene.target.run(after);
        let ran = verify(&scene, &[]);
        assert_eq!(found(&ran), *expected, "{name}\n{ran}");
        ran.ends_with(1);
        let file = scene.dir.path().join("repair.sql");
        verify(&scene, &["--repair-sql", file.to_str().expect("text")]).ends_with(1);
        crate::drilled::run_repair(&scene, &file);
        let again = verify(&scene, &[]);
        assert_eq!(again.status, 0, "{name}\n{again}");
    }
}

#[test]
fn no_swap_of_two_values_is_missed() {
    let scene = twins(
        Pair::newest(),
        "swaps",
        "create table t (id integer primary key, a bigint);
         insert into t select n, (n::bigint * 2654435761) % 1000003 from generate_series(1, 4000) n;",
    );
    // Each of 2,000 pairs of rows exchanges its values.
    scene.target.run(
        "update t set a = other.a from (select id, a from t) other
         where other.id = case when t.id % 2 = 0 then t.id - 1 else t.id + 1 end",
    );
    let ran = verify(&scene, &["--max-differences", "10000"]);
    ran.ends_with(1);
    let really = scene
        .target
        .ask_one("select count(*) from t where a <> (id::bigint * 2654435761) % 1000003");
    assert_eq!(found(&ran).len().to_string(), really);
}
