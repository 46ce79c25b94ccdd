//! What pg-schema-dump tells, and what its flags leave out: keys in two steps, roles with
//! everything, filters, other names for roles, statistics.

use pg_e2e::wire::Stream;
use pg_e2e::{Majors, Pair, Pipeline};

use crate::scene::{BY_HAND, Scene, skip};

const LONG: &str = "k\u{e9}y \"'.;\n-- of exactly 63 bytes, as long as a name may be .......";

/// Keys with all that a key can have; `NULLS` where the server knows it.
fn keys(nulls: &str) -> String {
    let long = LONG.replace('"', "\"\"");
    format!(
        "create schema \"S. \"\"q\";
         create table plain (a integer not null, b text, c integer not null, d integer);
         alter table plain add constraint plain_pkey primary key (a) include (b) with (fillfactor = 70);
         alter table plain add constraint plain_c unique {nulls} (c);
         alter table plain add constraint plain_d unique (d, b) deferrable initially deferred;
         alter table plain add constraint plain_e unique (a, b) deferrable;
         alter table plain cluster on plain_pkey;
         alter table plain replica identity using index plain_c;
         alter index plain_pkey set (fillfactor = 55);
         comment on constraint plain_pkey on plain is 'it''s; a key';
         comment on index plain_c is 'and its index';
         create index plain_sum on plain ((a + c));
         alter index plain_sum alter column 1 set statistics 77;
         create table \"S. \"\"q\".\"T;\"\"x\" (\"A.\"\"b\" text collate \"C\", \"primary key (\" integer,
            constraint \"PRIMARY KEY (); \"\"'\" primary key (\"A.\"\"b\"),
            constraint \"{long}\" unique (\"primary key (\"));
         comment on constraint \"{long}\" on \"S. \"\"q\".\"T;\"\"x\" is 'long';
         create table parted (a integer, b integer, primary key (a), unique (a, b)) partition by range (a);
         create table part_1 partition of parted for values from (0) to (10);
         create table part_2 (a integer not null, b integer, constraint part_2_own primary key (a));
         alter table parted attach partition part_2 for values from (10) to (20);
         create table parent (a integer primary key);
         create table child (primary key (a)) inherits (parent);
         create table refers (a integer references plain, b integer references parted, c integer references plain (c));
         create unlogged table fast (a integer primary key);
         create table ranges (r int4range, exclude using gist (r with &&));
         create view grouped as select a, b from plain group by a;
         insert into plain select n, n::text, n, n from generate_series(1, 100) as n;
         insert into parted values (1, 1), (11, 2);
         insert into refers values (1, 11, 7);"
    )
}

/// The constraints of a stream with what they say.
fn constraints(stream: &Stream) -> Vec<(&str, &str)> {
    stream
        .of("object")
        .filter(|object| object.text("kind") == "CONSTRAINT")
        .map(|object| (object.text("name"), object.text("sql")))
        .collect()
}

#[test]
fn keys_arrive_in_two_steps_with_everything_that_they_had() {
    let scene = Scene::of(Pair::newest(), "keys", &keys("nulls not distinct"));
    let ran = scene.tool(&["pg-schema-dump"]).run();
    ran.ends_with(0);
    let stream = ran.stream();
    let whole: Vec<&str> = constraints(&stream)
        .into_iter()
        .filter(|(_, sql)| !sql.contains(" USING INDEX "))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        whole,
        // Of partitioned tables, of exclusion, and those whose NOT NULL may be a parent's.
        [
            "child child_pkey",
            "parted parted_a_b_key",
            "parted parted_pkey",
            "part_1 part_1_pkey",
            "part_2 part_2_own",
            "ranges ranges_r_excl"
        ],
        "{ran}"
    );
    for object in stream.of("object") {
        let waits = object.field("depends_on").map(ToString::to_string);
        let index = stream.of("object").find(|index| {
            index.text("kind") == "INDEX"
                && object.text("schema") == index.text("schema")
                && object
                    .text("name")
                    .ends_with(&format!(" {}", index.text("name")))
        });
        if object.text("sql").contains(" USING INDEX ") && object.text("kind") == "CONSTRAINT" {
            let id = index.expect("a key has an index").number("id").to_string();
            assert!(
                waits.unwrap_or_default().contains(&id),
                "it waits for its index: {}",
                object.line
            );
        }
    }
    scene.by_hand().run().succeeds();
    scene.is_the_same_to_pg_dump();
}

#[test]
fn keys_of_an_old_server_arrive_on_a_new_one() {
    let scene = Scene::of(Pair::widest(), "old keys", &keys(""));
    scene.by_hand().run().succeeds();
    scene.is_the_same_to_pg_dump();
}

#[test]
fn temporal_keys_stay_as_they_are() {
    if Majors::newest() < 18 {
        return skip("no server knows WITHOUT OVERLAPS");
    }
    let scene = Scene::of(
        Pair::newest(),
        "temporal",
        "create table t (r int4range, d daterange, primary key (r, d without overlaps));
         insert into t values ('[1,2)', '[2026-01-01,2026-02-01)')",
    );
    let stream = scene.tool(&["pg-schema-dump"]).run().stream();
    let all = constraints(&stream);
    assert!(all.iter().all(|(_, sql)| sql.contains("WITHOUT OVERLAPS")));
    scene.by_hand().run().succeeds();
    scene.is_the_same_to_pg_dump();
}

#[test]
fn a_role_is_told_with_settings_and_memberships_and_without_its_password() {
    let scene = Scene::of(
        Pair::newest(),
        "roles",
        "create role dumped_group;
         create role \"Dumped \"\"x\" login connection limit 3 valid until '2030-01-01' password 'canary';
         grant dumped_group to \"Dumped \"\"x\" with admin option;
         alter role \"Dumped \"\"x\" set search_path to \"$user\", public, 'a,b';
         alter role \"Dumped \"\"x\" set application_name to 'it''s = \\';
         comment on role \"Dumped \"\"x\" is 'who';
         create role dumped_setting; create role dumped_policy; create role dumped_default;
         create table t (a integer);
         alter table t owner to \"Dumped \"\"x\";
         create policy p on t to dumped_policy;
         alter default privileges grant select on tables to dumped_default;",
    );
    let name = &scene.source.name;
    scene.source.run(&format!(
        "alter role dumped_setting in database \"{name}\" set work_mem to '7MB'"
    ));
    let ran = scene.tool(&["pg-schema-dump"]).run();
    ran.ends_with(0);
    assert!(!ran.text().contains("canary") && !ran.text().contains("SCRAM"));
    let stream = ran.stream();
    let role = |name: &str| stream.of("role").find(|role| role.text("name") == name);
    let rich = role("Dumped \"x").expect("owners are told");
    assert_eq!(
        rich.field("settings").map(ToString::to_string).as_deref(),
        Some(
            r#"["SET \"search_path\" TO '$user', 'public', 'a,b'","SET \"application_name\" TO E'it''s = \\\\'"]"#
        ),
        "{}",
        rich.line
    );
    assert_eq!(rich.text("comment"), "who");
    for part in [
        "CONNECTION LIMIT 3",
        "VALID UNTIL '2030-01-01",
        "\"role\":\"dumped_group\",\"admin\":true",
    ] {
        assert!(rich.line.contains(part), "{part}: {}", rich.line);
    }
    for name in [
        "dumped_group",
        "dumped_setting",
        "dumped_policy",
        "dumped_default",
    ] {
        assert!(role(name).is_some(), "{name}\n{ran}");
    }
    // Settings for this database come once, with the database.
    assert_eq!(ran.text().matches("work_mem").count(), 1, "{ran}");
}

#[test]
fn roles_get_other_names_and_nothing_else_does() {
    let scene = Scene::of(
        Pair::newest(),
        "role map",
        "create role dumped_old; create role \"Dumped old 2\";
         create schema dumped_old authorization dumped_old;
         create table dumped_old.dumped_old (dumped_old integer default 1);
         comment on table dumped_old.dumped_old is 'OWNER TO dumped_old;';
         alter table dumped_old.dumped_old owner to dumped_old;
         grant select (dumped_old) on dumped_old.dumped_old to \"Dumped old 2\" with grant option;
         create policy dumped_old on dumped_old.dumped_old for select to dumped_old, \"Dumped old 2\";
         alter default privileges for role dumped_old grant select on tables to \"Dumped old 2\";
         create function dumped_old.f() returns text language sql as 'select ''GRANT x TO dumped_old''';
         create foreign data wrapper dumped_fdw;
         create server dumped_old foreign data wrapper dumped_fdw;
         create user mapping for dumped_old server dumped_old;",
    );
    let map = [
        "--role-map",
        "dumped_old=Dumped \"new",
        "--role-map",
        "Dumped old 2=dumped_new_2",
    ];
    let dump = scene.tool(&["pg-schema-dump"]).args(map);
    Pipeline::of([dump])
        .append(scene.tools(&BY_HAND[1..]))
        .run()
        .succeeds();
    let asked = |sql: &str| scene.target.ask_one(sql);
    assert_eq!(
        asked("select count(*) from pg_roles where rolname in ('dumped_old', 'Dumped old 2')"),
        "0"
    );
    assert_eq!(
        asked("select relowner::regrole from pg_class where relname = 'dumped_old'"),
        "\"Dumped \"\"new\""
    );
    assert_eq!(
        asked(
            "select attacl from pg_attribute where attacl is not null and attname = 'dumped_old'"
        ),
        "{\"dumped_new_2=r*/\\\"Dumped \\\"\\\"new\\\"\"}"
    );
    assert_eq!(
        asked("select roles from pg_policies"),
        "{\"Dumped \\\"new\",dumped_new_2}"
    );
    assert_eq!(
        asked("select usename from pg_user_mappings"),
        "Dumped \"new"
    );
    assert_eq!(asked("select dumped_old.f()"), "GRANT x TO dumped_old");
    assert_eq!(
        asked("select obj_description('dumped_old.dumped_old'::regclass)"),
        "OWNER TO dumped_old;"
    );
}

#[test]
fn a_role_map_that_makes_no_sense_is_refused() {
    let scene = Scene::plain(Pair::newest());
    let ran = scene
        .tool(&["pg-schema-dump", "--role-map", "nothing"])
        .run();
    ran.ends_with(2);
    let twice = ["pg-schema-dump", "--role-map", "a=b", "--role-map", "a=c"];
    scene
        .tool(&twice)
        .run()
        .fails_clearly(2, &["role a", "more than once"]);
}

const SHOP: &str = "
    create schema sales; create schema stock;
    create table sales.orders (id serial primary key, n integer generated always as identity);
    create table sales.lines (id integer primary key, orders integer references sales.orders);
    create table sales.log (id integer primary key);
    create table stock.items (id bigserial primary key);
    create materialized view sales.sums as select count(*) from sales.orders;
    insert into sales.orders select from generate_series(1, 3);
    insert into sales.lines values (1, 1);
    insert into sales.log values (1);
    insert into stock.items select from generate_series(1, 3);
    select lo_from_bytea(0, 'large');";

/// Names of the relations that records of a kind are about.
fn relations(stream: &Stream, kind: &str) -> Vec<String> {
    let mut names: Vec<String> = stream
        .of(kind)
        .map(pg_e2e::wire::Record::relation)
        .collect();
    names.sort();
    names
}

#[test]
fn a_filtered_dump_has_the_data_of_what_it_has_and_applies() {
    for (flags, tables, sequences, objects) in [
        (
            &["-n", "sales"][..],
            &["sales.lines", "sales.log", "sales.orders"][..],
            &["sales.orders_id_seq", "sales.orders_n_seq"][..],
            0,
        ),
        (
            &["--exclude-schema=s*s", "--exclude-table", "stock.none*"],
            &["stock.items"],
            &["stock.items_id_seq"],
            1,
        ),
        (
            &["--exclude-table-data", "sales.L*"],
            &["sales.orders", "stock.items"],
            &[
                "sales.orders_id_seq",
                "sales.orders_n_seq",
                "stock.items_id_seq",
            ],
            1,
        ),
    ] {
        let scene = Scene::of(Pair::newest(), "filter", SHOP);
        let dump = || scene.tool(&["pg-schema-dump"]).args(flags);
        let ran = dump().run();
        ran.ends_with(0);
        let stream = ran.stream();
        assert_eq!(relations(&stream, "table"), tables, "{flags:?}");
        assert_eq!(relations(&stream, "sequence"), sequences, "{flags:?}");
        assert_eq!(stream.of("large_objects").count(), objects, "{flags:?}");
        let joined = Pipeline::of([dump()])
            .append(scene.tools(&BY_HAND[1..4]))
            .run();
        joined.succeeds();
    }
}

#[test]
fn one_table_is_dumped_alone_and_by_case() {
    let scene = Scene::of(
        Pair::newest(),
        "one table",
        "create table \"Odd.*\" (a serial primary key); create table odd (a integer);
         insert into \"Odd.*\" values (1), (2)",
    );
    let dump = scene.tool(&["pg-schema-dump", "-t", "\"Odd.*\""]);
    let joined = Pipeline::of([dump])
        .append(scene.tools(&BY_HAND[1..4]))
        .run();
    joined.succeeds();
    assert_eq!(scene.target.ask_one("select count(*) from \"Odd.*\""), "2");
    assert_eq!(
        scene.target.ask_one("select to_regclass('odd') is null"),
        "t"
    );
}

#[test]
fn flags_leave_out_what_they_name() {
    let scene = Scene::of(
        Pair::newest(),
        "left out",
        "create role dumped_reader; create role dumped_owner;
         create table t (a integer); comment on table t is 'a comment';
         alter table t owner to dumped_owner; grant select on t to dumped_reader;
         create publication p for table t; comment on publication p is 'another';
         select lo_create(4711); comment on large object 4711 is 'large';
         grant select on large object 4711 to dumped_reader;",
    );
    let flags = [
        "--no-owner",
        "-x",
        "--no-comments",
        "--no-publications",
        "--no-subscriptions",
        "--no-security-labels",
        "--no-tablespaces",
    ];
    let dump = || scene.tool(&["pg-schema-dump"]).args(flags);
    let ran = dump().run();
    ran.ends_with(0);
    let stream = ran.stream();
    let unwanted = ["OWNER", "ACL", "COMMENT", "PUBLICATION", "LARGE OBJECTS"];
    for object in stream.of("object") {
        assert!(
            !unwanted
                .iter()
                .any(|kind| object.text("kind").contains(kind)),
            "{}",
            object.line
        );
        assert_eq!(object.text("owner"), "", "{}", object.line);
    }
    assert_eq!(
        stream.of("role").count(),
        0,
        "nobody is named any more\n{ran}"
    );
    let joined = Pipeline::of([dump()])
        .append(scene.tools(&BY_HAND[1..]))
        .run();
    joined.succeeds();
}

#[test]
fn an_extension_is_told_with_its_version() {
    let pair = Pair::newest();
    let available = "select count(*) from pg_available_extension_versions \
                     where name = 'hstore' and version = '1.7'";
    let scene = Scene::of(pair, "extension", "create table t (a integer)");
    if scene.source.ask_one(available) == "0" {
        return skip("hstore is not beside the server");
    }
    scene.source.run("create extension hstore version '1.7'");
    let stream = scene.tool(&["pg-schema-dump"]).run().stream();
    let extension = stream
        .of("object")
        .find(|object| object.text("kind") == "EXTENSION")
        .expect("it is an object");
    assert_eq!(extension.text("version"), "1.7", "{}", extension.line);
    assert!(!extension.text("sql").contains("1.7"), "{}", extension.line);
}

#[test]
fn statistics_go_to_a_server_that_takes_them() {
    if Majors::newest() < 18 {
        return skip("no server restores statistics");
    }
    let scene = Scene::of(
        Pair::newest(),
        "statistics",
        "create table t (id integer primary key, v integer);
         create index t_sum on t ((id + v));
         insert into t select n, n % 7 from generate_series(1, 1000) as n;
         create materialized view m as select v, count(*) from t group by v;
         analyze;
         insert into t select n, n from generate_series(1001, 1500) as n;",
    );
    let dumped = |flags: &[&str]| {
        let tools = [
            scene.tool(&["pg-probe"]),
            scene.tool(&["pg-schema-dump", "-"]).args(flags),
        ];
        let joined = Pipeline::of(tools).run();
        joined.succeeds();
        joined.last().stream()
    };
    let names = |stream: &Stream| -> Vec<String> {
        let all = stream.of("object");
        let mut names: Vec<String> = all
            .filter(|object| object.text("kind") == "STATISTICS DATA")
            .map(|object| {
                assert_eq!(object.text("section"), "final");
                object.text("name").to_owned()
            })
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&dumped(&[])), ["m", "t", "t_pkey", "t_sum"]);
    assert!(names(&dumped(&["--no-statistics"])).is_empty());
    let by_hand = scene.tool(&["pg-schema-dump"]).run().stream();
    assert!(names(&by_hand).is_empty(), "the target is not known");

    let line = [
        scene.tool(&["pg-probe"]),
        scene.tool(&["pg-schema-dump", "-"]),
    ];
    Pipeline::of(line)
        .append(scene.tools(&BY_HAND[1..]))
        .run()
        .succeeds();
    let estimate = "select reltuples from pg_class where relname = 't'";
    assert_eq!(scene.source.ask_one(estimate), "1000");
    assert_eq!(scene.target.ask_one(estimate), "1000");
    let common = "select most_common_vals from pg_stats where tablename = 't' and attname = 'v'";
    assert_eq!(scene.target.ask_one(common), scene.source.ask_one(common));
}
