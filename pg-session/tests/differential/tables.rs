//! The tables that are hashed on both sides.

use std::io::Write;

use pg_session::Session;

use crate::values::Kind;

/// Extensions whose types go through their send functions; only where the server has them.
const EXTENSIONS: &[(&str, &str, &str)] = &[
    ("citext", "citext", "array['', 'Ä', 'x y z 0123456789']"),
    ("hstore", "hstore", "array['', 'a=>1, b=>NULL', 'ü=>\"\"']"),
    ("ltree", "ltree", "array['', 'a.b', 'Top.Science']"),
];

/// Encodings of NaN that no literal gives: of either sign, with bits set, signalling.
const NANS: &[(u32, u64)] = &[
    (0x7fc0_0000, 0x7ff8_0000_0000_0000),
    (0xffc0_0000, 0xfff8_0000_0000_0000),
    (0x7fc0_0001, 0x7ff8_0000_0000_0001),
    (0xffff_ffff, 0xffff_ffff_ffff_ffff),
    (0x7f80_0001, 0x7ff0_0000_0000_0001),
    (0xff80_0001, 0xfff4_0000_0000_0000),
];

/// A table a type: the type, its arrays, and domains over both.
pub(crate) fn one_a_type(session: &mut Session, kinds: &[Kind]) {
    for (number, kind) in kinds.iter().enumerate() {
        let data_type = kind.data_type;
        let mut rows: Vec<String> = kind
            .values
            .iter()
            .map(|v| format!("{v}, array[{v}, null, {v}]::{data_type}[]"))
            .collect();
        let (first, last) = (&kind.values[0], kind.values.last().unwrap());
        rows.push("null, null".to_owned());
        rows.push(format!("{last}, '{{}}'"));
        rows.push(format!(
            "null, array[array[{first}], array[{last}]]::{data_type}[]"
        ));
        let inserts: Vec<String> = rows
            .iter()
            .enumerate()
            .map(|(row, values)| {
                format!("insert into k.t{number} (id, own, list) values ({row}, {values});")
            })
            .collect();
        session
            .batch(&format!(
                "create domain k.own{number} as {data_type};
                 create domain k.list{number} as {data_type}[];
                 create table k.t{number} (own {data_type}, list {data_type}[],
                     d k.own{number}, \"D\" k.list{number}, id integer);
                 {} update k.t{number} set d = own, \"D\" = list;",
                inserts.join("\n")
            ))
            .unwrap_or_else(|error| panic!("{data_type}: {error}"));
    }
}

/// All types in one row, each column null in one row of them.
pub(crate) fn one_of_all(session: &mut Session, kinds: &[Kind]) {
    // Names that sort otherwise than the columns stand.
    let columns: Vec<String> = kinds
        .iter()
        .enumerate()
        .map(|(number, kind)| {
            format!(
                "\"{}c{number}\" {}",
                ["z", "Ä", "a"][number % 3],
                kind.data_type
            )
        })
        .collect();
    let mut sql = format!("create table k.everything ({});", columns.join(", "));
    for row in 0..=kinds.len() {
        let values: Vec<&str> = kinds
            .iter()
            .enumerate()
            .map(|(column, kind)| {
                let value = &kind.values[(row + column) % kind.values.len()];
                if row == column { "null" } else { value }
            })
            .collect();
        sql.push_str(&format!(
            "insert into k.everything values ({});",
            values.join(", ")
        ));
    }
    session.batch(&sql).unwrap();
}

/// Enums, NaNs that only binary COPY brings, names to quote, no columns at all.
pub(crate) fn others(session: &mut Session) {
    session
        .batch(
            "create type k.mood as enum ('', 'sad', 'glücklich, sehr');
             create domain k.dmood as k.mood;
             create table k.moods (m k.mood, d k.dmood, g integer default 1);
             insert into k.moods values ('', 'sad'), ('glücklich, sehr', ''), (null, null);
             create table k.nothing ();
             insert into k.nothing default values;
             insert into k.nothing default values;
             create table k.empty (a integer);
             create table k.\"quo\"\"ted\" (\"a \"\"b\" integer, \"B\" text, \"a\" text);
             insert into k.\"quo\"\"ted\" values (1, 'x', 'y'), (2, 'y', 'x');
             create domain k.f as double precision;
             create table k.nans (four real, eight double precision, d k.f);",
        )
        .unwrap();
    let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for (four, eight) in NANS {
        bytes.extend([0, 3, 0, 0, 0, 4]);
        bytes.extend(four.to_be_bytes());
        for _ in 0..2 {
            bytes.extend([0, 0, 0, 8]);
            bytes.extend(eight.to_be_bytes());
        }
    }
    bytes.extend([0xff, 0xff]);
    let mut writer = session
        .copy_in("copy k.nans from stdin (format binary)")
        .unwrap();
    writer.write_all(&bytes).unwrap();
    Session::finish_copy(writer).unwrap();
}

/// Types of extensions; gives how many there are.
pub(crate) fn of_extensions(session: &mut Session) -> usize {
    let mut made = 0;
    for (extension, data_type, values) in EXTENSIONS {
        let known = "select from pg_available_extensions where name = $1";
        if session.query(known, &[extension]).unwrap().is_empty() {
            continue;
        }
        session
            .batch(&format!(
                "create extension {extension} schema public;
                 create domain k.d{extension} as public.{data_type};
                 create table k.e{extension} (v public.{data_type}, d k.d{extension});
                 insert into k.e{extension}
                 select v::public.{data_type}, v::public.{data_type} from unnest({values}) v;
                 insert into k.e{extension} values (null, null);"
            ))
            .unwrap();
        made += 1;
    }
    made
}

/// Tables that must be left to the server: what they send is not what is compared.
pub(crate) fn left_to_the_server(session: &mut Session) {
    session
        .batch(
            "create schema left_to_server;
             set search_path = left_to_server;
             create type pair as (a integer, b text);
             create type mood as enum ('a');
             create type span as range (subtype = time);
             create domain dpair as pair;
             create table a (v regclass); create table b (v pair); create table c (v mood[]);
             create table d (v span); create table e (v dpair); create table f (v pair[]);
             create table g (v regtype[]); create table h (v aclitem);
             set search_path = pg_catalog;",
        )
        .unwrap();
}
