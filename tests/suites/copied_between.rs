//! Rows of many types between servers of different versions, in both formats, compared by SQL
//! of the test.

use pg_e2e::{Majors, Pair, rows};

use crate::scene::{BY_HAND, Scene, skip};

/// What every server from 10 on has.
const TYPES: &str = r#"
    create type "mo'od" as enum ('sad', 'it''s "ok"');
    create domain amount as numeric(12, 3) check (value is distinct from 'NaN');
    create type "pa""ir" as (a integer, "b'" text);
    create type span as range (subtype = float8);
    create table "many ""types"" '" (
        id bigint, i2 smallint, i4 integer, f4 real, f8 double precision, n numeric, n2 numeric(1000, 500),
        m money, b boolean, t text, v varchar(10), c char(5), "c1" "char", na name, by bytea,
        d date, ts timestamp, tz timestamptz, ti time, tt timetz, iv interval, ts3 timestamp(3),
        u uuid, j json, jb jsonb, x xml, bi bit(5), bv bit varying, i inet, ci cidr, ma macaddr, m8 macaddr8,
        po point, li line, ls lseg, bo box, pa path, pg polygon, ce circle, tv tsvector, tq tsquery,
        ir int4range, nr numrange, tr tstzrange, dr daterange, sp span, o oid, rc regclass, rt regtype,
        e "mo'od", am amount, pr "pa""ir", ia integer[], ta text[], ea "mo'od"[], pra "pa""ir"[], ja jsonb[],
        ts2 timestamptz[], na2 numeric[][], aa amount[], lsn pg_lsn, snap txid_snapshot, "näme with 'q""" text);
    insert into "many ""types"" '" values (
        9223372036854775807, -32768, -2147483648, 1.1754944e-38, 5e-324, 123456789012345678901234567890.123456789,
        repeat('9', 500)::numeric + 0.1, -92233720368547758.08, true, E'tab\tnew\nline\\ \r "quote" é 😀', 'ten chars!', 'ab',
        'x', 'a name', '\x00010203ff5c', '4713-01-01 BC', '294276-12-31 23:59:59.999999', '2024-03-31 01:30:00+02',
        '24:00:00', '23:59:59.999999+15:59', '-178000000 years -1 mons +3 days -00:00:00.000001', '2000-01-01 00:00:00.1236',
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"b": 1, "a" :  [null, 1.0e5], "b": 2}', '{"b": 1e400, "a": "\u00e9\n"}',
        '<a b="c">d &amp; e</a>', B'10101', B'1', '::ffff:1.2.3.4/100', '10.1.0.0/16', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05',
        '(1e-300,-0)', '{1,-1,0}', '[(0,0),(1,1e300)]', '(1,1),(0,0)', '[(0,0),(1,1)]', '((0,0),(1,1),(2,0))', '<(0,0),1.5>',
        'a:1A b:2,3B ''it''''s'':4', '''it''''s'' & (b:AB | !c:*)', '[1,5)', '(,1.5]', '["2024-01-01 00:00+00",infinity]',
        'empty', '(-infinity,1e-5]', 4294967295, 'pg_class', 'bigint[]', 'it''s "ok"', 123456789.125, row(1, E'x,"y"\\ (z)'),
        '[-1:1]={1,NULL,3}', array['', null, 'NULL', 'a"b\c,{}'], array['sad', null]::"mo'od"[],
        array[row(1, null), null, row(null, '')]::"pa""ir"[], array['{"a": 1}', 'null', null]::jsonb[],
        array['infinity', '0001-01-01 00:00:00+00 BC']::timestamptz[], '{{1.10,NaN},{-0.00,1e-20}}', array[1.5, null]::amount[],
        'FFFFFFFF/FFFFFFFF', '10:20:10,14,15', 'x');
    insert into "many ""types"" '" (id, f4, f8, n, d, ts, tz, t, ia, by)
        values (-9223372036854775808, 'NaN', '-Infinity', 'NaN', 'infinity', '-infinity', 'infinity', '', '{}', ''),
               (0, '-0', 'Infinity', 0.000, '-infinity', 'infinity', '4714-11-24 00:00:00+00 BC', repeat('wide ', 5000), null, null);
    insert into "many ""types"" '" (id) values (1), (null);
    create table "no columns" ();
    insert into "no columns" default values;
    insert into "no columns" default values;
    insert into "no columns" default values;
    create table "dropped 'columns" (a integer, gone text, b text, gone_too integer);
    insert into "dropped 'columns" values (1, 'x', 'one', 2), (2, null, 'two', null);
    alter table "dropped 'columns" drop gone, drop gone_too, add later integer default 7;
    create table "parent" (id integer, t text) partition by range (id);
    create table "child '1" partition of parent for values from (0) to (10);
    create table "child ""2" partition of parent for values from (10) to (20);
    insert into parent select n, md5(n::text) from generate_series(0, 19) n;
    create table base (id integer, t text); create table derived (more text) inherits (base);
    insert into base values (1, 'base'); insert into derived values (2, 'derived', 'more');"#;

/// The script without what one of the servers lacks: arrays of domains came with 11, and what
/// pg_dump says of ranges is for servers from 14 on.
fn types(pair: Pair) -> String {
    let mut types = TYPES.to_owned();
    let mut without = |parts: &[&str]| {
        for part in parts {
            assert!(types.contains(part), "{part}");
            types = types.replace(part, "");
        }
    };
    if pair.source < 11 {
        without(&[", aa amount[]", " array[1.5, null]::amount[],"]);
    }
    if pair.target < 14 {
        let made = "create type span as range (subtype = float8);";
        without(&[made, ", sp span", "'(-infinity,1e-5]', "]);
    }
    types
}

fn goes(source: u32, target: u32) {
    for major in [source, target] {
        if !Majors::probed().contains_key(&major) {
            return skip(&format!("PostgreSQL {major} is not here"));
        }
    }
    for format in ["auto", "text"] {
        let pair = Pair { source, target };
        let scene = Scene::of(pair, "Be'tween", &types(pair));
        let plan = scene.plan();
        let pre = scene.tool(BY_HAND[1]).input(plan.clone()).run();
        pre.ends_with(0);
        let words = ["pg-copy", "--copy-format", format, "-"];
        scene.tool(&words).input(plan).run().ends_with(0);
        rows::are_equal(&scene.source, &scene.target);
    }
}

#[test]
fn rows_of_13_go_to_15() {
    goes(13, 15);
}

#[test]
fn rows_of_13_go_to_18() {
    goes(13, 18);
}

#[test]
fn rows_of_15_go_to_13() {
    goes(15, 13);
}

#[test]
fn rows_of_15_go_to_17() {
    goes(15, 17);
}

#[test]
fn rows_of_17_go_to_18() {
    goes(17, 18);
}

#[test]
fn rows_of_18_go_to_18() {
    goes(18, 18);
}

#[test]
fn rows_of_18_go_back_to_15() {
    goes(18, 15);
}

#[test]
fn rows_of_18_go_back_to_13() {
    goes(18, 13);
}

#[test]
fn rows_of_10_go_to_15() {
    if !Majors::probed().contains_key(&10) || !Majors::probed().contains_key(&15) {
        return skip("PostgreSQL 10 or 15 is not here");
    }
    let pair = Pair {
        source: 10,
        target: 15,
    };
    let scene = Scene::of(pair, "fr'om 10", &types(pair));
    let plan = scene.plan();
    let pre = scene.tool(BY_HAND[1]).input(plan.clone()).run();
    pre.ends_with(0);
    let ran = scene.tool(&["pg-copy", "-"]).input(plan).run();
    ran.ends_with(0);
    rows::are_equal(&scene.source, &scene.target);
}
