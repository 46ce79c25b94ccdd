//! A source that is not to be trusted: what its objects are called and what they say comes
//! over as it is, and none of it is executed.

use pg_e2e::cluster::Setup;
use pg_e2e::database::identifier;
use pg_e2e::{Cluster, Database, Pair};
use tempfile::TempDir;

use crate::round_trip::{by_hand_takes, is_the_same};
use crate::scene::Scene;

/// Texts that try to break out: of a string, an identifier, a comment, a dollar quote, a line,
/// a script of psql, a dump, a stream of records. `FILE` is a file that must not appear.
const TEXTS: &[&str] = &[
    "'; create table public.pwned (); --",
    "\"; create table public.pwned (); --",
    "\\'; create table public.pwned (); --",
    "$$; create table public.pwned (); select $$",
    "$_$; create table public.pwned (); select $_$",
    "$pgmig$; create table public.pwned (); select $pgmig$",
    "$function$; create table public.pwned (); select $function$",
    "*/ create table public.pwned (); /*",
    "/* /* --",
    "--\ncreate table public.pwned ();\n",
    "\ncreate table public.pwned ();\n",
    "\r\ncreate table public.pwned ();\r\n",
    "\rcreate table public.pwned ();\r",
    "\u{2028}create table public.pwned ();\u{85}create role pwned;",
    "\n\\! touch FILE\n",
    "\n\\restrict x\n\\unrestrict x\n\\! touch FILE\n",
    "\n\\.\n\\! touch FILE\n",
    "\n\\connect postgres\ncreate table public.pwned ();\n",
    "\n\\copy (select 1) to program 'touch FILE'\n",
    "; copy (select 1) to program 'touch FILE';",
    "\nCOPY public.plain FROM stdin;\n999\n\\.\n\ncreate role pwned;\n",
    "\n--\n-- Name: pwned; Type: TABLE; Schema: public; Owner: pwned\n--\n\nCREATE TABLE public.pwned ();\n",
    "\n{\"type\":\"object\",\"id\":1,\"kind\":\"TABLE\",\"name\":\"pwned\",\"section\":\"pre-data\",\"sql\":\"create table public.pwned ()\"}\n",
    "\\0 \\x00 \\000 \\u0000 %00 \\N \\\\",
    "\u{1}\u{7}\u{8}\u{1b}[2J\u{7f}\t\u{b}\u{c}",
    "\u{feff}\u{202e}\u{1f4a9}e\u{301}",
    ":pwned :'pwned' :\"pwned\" \\gset \\gexec",
    "{} %s %I %L $1 ? ${PGMIG} `touch FILE` $(touch FILE)",
    "it's \"odd",
    "",
    " ",
];

/// Names of 63 bytes at the most that try the same.
const NAMES: &[&str] = &[
    "a'; create role pwned; --",
    "a\"; create role pwned; --",
    "a\"\"; create role pwned; --",
    "$$; create role pwned; $$",
    "$pgmig$; create role pwned; $pgmig$",
    "\n\\! touch FILE\n",
    "\\.",
    "\\",
    "\n; create role pwned;\n--",
    "/*",
    "*/ create role pwned; /*",
    "a.b",
    ".",
    " ",
    "a, b",
    "a; Type: TABLE; Schema: s; Owner: pwned",
    "%s",
    "-",
    "--",
    "NULL",
    "\u{1}\t\r\n",
];

/// Whether anything was executed: on both servers, in this database and that of the superuser.
const EXECUTED: &str = "
    select 'relation ' || relname from pg_catalog.pg_class where relname like 'pwned%'
    union all select 'role ' || rolname from pg_catalog.pg_roles where rolname like 'pwned%'
    union all select 'database ' || datname from pg_catalog.pg_database where datname like 'pwned%'
    union all select 'row ' || count(*) from public.plain having count(*) <> 1";

/// What the texts and names are, as catalogs have it.
const TOLD: &str = "
    select 'function', proname, md5(prosrc), array_to_string(proconfig, ',') from pg_catalog.pg_proc where oid >= 16384
    union all select 'description', objsubid::text, md5(description), '' from pg_catalog.pg_description where objoid >= 16384
    union all select 'label', enumsortorder::text, md5(enumlabel), '' from pg_catalog.pg_enum
    union all select 'column', attname, atttypid::regtype::text, '' from pg_catalog.pg_attribute where attrelid >= 16384 and attnum > 0
    union all select 'default', '', md5(pg_catalog.pg_get_expr(adbin, adrelid)), '' from pg_catalog.pg_attrdef
    union all select 'relation', relname, relkind::text, '' from pg_catalog.pg_class where oid >= 16384 and relnamespace <> 99
    union all select 'constraint', conname, md5(pg_catalog.pg_get_constraintdef(oid)), '' from pg_catalog.pg_constraint where oid >= 16384
    union all select 'trigger', tgname, encode(tgargs, 'hex'), '' from pg_catalog.pg_trigger
    union all select 'policy', polname, pg_catalog.pg_get_expr(polqual, polrelid), '' from pg_catalog.pg_policy
    union all select 'server', srvname, md5(array_to_string(srvoptions, ',')), '' from pg_catalog.pg_foreign_server
    union all select 'row', id::text, md5(t), '' from public.told
    order by 1, 2, 3, 4";

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A statement or two of every kind that takes a text.
fn texts(file: &str) -> String {
    let mut sql = String::from(
        "set standard_conforming_strings = on; set check_function_bodies = off;
         create table public.plain (id integer primary key); insert into public.plain values (1);
         create table public.told (id integer primary key, t text);
         create function public.fired() returns trigger language plpgsql as $x$ begin return new; end $x$;
         create foreign data wrapper untrusted_wrapper;",
    );
    for (n, text) in TEXTS.iter().enumerate() {
        let text = text.replace("FILE", file);
        let text = literal(&text);
        sql.push_str(&format!(
            "create table public.t{n} (id integer primary key, a text default {text}, check (a <> {text}));
             comment on table public.t{n} is {text};
             comment on column public.t{n}.a is {text};
             create view public.v{n} as select {text}::text as a where {text} <> 'x';
             create function public.s{n}() returns text language sql as {text};
             create function public.p{n}(a text default {text}) returns text language plpgsql as {text};
             create trigger g{n} before insert on public.t{n} for each row execute function public.fired({text});
             create policy l{n} on public.t{n} using (a = {text});
             create server r{n} foreign data wrapper untrusted_wrapper options (a {text});
             create index i{n} on public.t{n} (a) where a <> {text};
             comment on index public.i{n} is {text};
             create materialized view public.m{n} as select {text}::text as a;
             insert into public.told values ({n}, {text});
             select lo_create({}); comment on large object {} is {text};",
            70_000 + n,
            70_000 + n
        ));
    }
    let labels: Vec<String> = TEXTS
        .iter()
        .enumerate()
        .map(|(n, text)| literal(&format!("{n}{}", text.chars().take(15).collect::<String>())))
        .collect();
    sql.push_str(&format!(
        "create type public.labels as enum ({});",
        labels.join(", ")
    ));
    sql
}

/// Everything that has a name, once with each.
fn names(file: &str) -> String {
    let mut sql = String::new();
    for (n, name) in NAMES.iter().enumerate() {
        let name = name.replace("FILE", file);
        let quoted = identifier(&name);
        let value = literal(&name);
        sql.push_str(&format!(
            "create schema {quoted};
             create type {quoted}.{quoted} as enum ('a');
             create table {quoted}.{name2} ({quoted} integer constraint {quoted} primary key, b text, c {quoted}.{quoted});
             comment on constraint {quoted} on {quoted}.{name2} is {value};
             create index on {quoted}.{name2} (b);
             create function {quoted}.{quoted}({quoted} integer) returns integer language sql as 'select 1';
             create trigger {quoted} before insert on {quoted}.{name2} for each row execute function public.fired({value});
             alter table {quoted}.{name2} cluster on {quoted};
             create view {quoted}.\"v{n}\" as select {quoted} as {quoted} from {quoted}.{name2};
             create sequence {quoted}.\"s{n}\" owned by {quoted}.{name2}.{quoted};
             insert into {quoted}.{name2} values ({n}, {value}, 'a');
             create policy {quoted} on {quoted}.{name2} using (true);
             create rule {quoted} as on delete to {quoted}.{name2} do also nothing;
             create statistics {quoted}.\"x{n}\" on {quoted}, b from {quoted}.{name2};
             create text search configuration {quoted}.{quoted} (copy = pg_catalog.simple);
             create collation {quoted}.{quoted} from \"C\";
             create publication {quoted} for table {quoted}.{name2};",
            name2 = identifier(&format!("{}t", name.chars().take(60).collect::<String>())),
        ));
    }
    sql
}

fn executed(database: &Database) -> Vec<String> {
    let mut found = database.ask(EXECUTED);
    let elsewhere = "select 'relation in postgres ' || relname from pg_catalog.pg_class where relname like 'pwned%'";
    let rows = database.cluster.connect("postgres").query(elsewhere, &[]);
    found.extend(
        rows.expect("it can be asked")
            .iter()
            .map(|row| row.get::<_, String>(0)),
    );
    found
}

fn comes_over_as_it_is(stem: &str, make: impl Fn(&str) -> String) {
    let dir = TempDir::new().expect("a temporary directory can be made");
    // Short, for it is part of names.
    let file = dir.path().join("f").display().to_string();
    let pair = Pair::newest();
    let source = Database::create(pair.source(), stem).with(&make(&file));
    let scene = Scene {
        target: source.twin(pair.target()),
        source,
        dir,
    };
    by_hand_takes(&scene);
    for database in [&scene.source, &scene.target] {
        assert_eq!(executed(database), Vec::<String>::new(), "executed");
    }
    assert!(
        !scene.dir.path().join("f").exists(),
        "a command was executed"
    );
    let (told, got) = (scene.source.ask(TOLD), scene.target.ask(TOLD));
    let lost: Vec<_> = told.iter().filter(|line| !got.contains(line)).collect();
    let came: Vec<_> = got.iter().filter(|line| !told.contains(line)).collect();
    assert!(told == got, "lost: {lost:#?}\ncame: {came:#?}");
    is_the_same(&scene);
}

#[test]
fn texts_that_try_to_break_out_come_over_as_they_are() {
    comes_over_as_it_is("texts", texts);
}

#[test]
fn names_that_try_to_break_out_come_over_as_they_are() {
    comes_over_as_it_is("names'; create role pwned; --\"\\", |file| {
        let plain = "set check_function_bodies = off; create table public.plain (id integer); insert into public.plain values (1);
             create table public.told (id integer, t text);
             create function public.fired() returns trigger language plpgsql as $x$ begin return new; end $x$;";
        format!("{plain}{}", names(file))
    });
}

/// Roles are a server's: these go to servers of their own.
#[test]
fn roles_that_try_to_break_out_come_over_as_they_are() {
    let major = Pair::newest().target;
    let server =
        || -> &'static Cluster { Box::leak(Box::new(Cluster::start(major, Setup::default()))) };
    let source = Database::create(server(), "roles");
    source.run("create table public.plain (id integer); insert into public.plain values (1); create table public.told (id integer, t text)");
    for (n, name) in NAMES.iter().enumerate() {
        let (role, value) = (identifier(&format!("{name}.")), literal(TEXTS[n]));
        source.run(&format!(
            "create role {role}; comment on role {role} is {value};
             alter role {role} set application_name = {value};
             create table public.t{n} (id integer); alter table public.t{n} owner to {role};
             grant select on public.plain to {role};
             alter default privileges for role {role} grant select on tables to public;"
        ));
    }
    let scene = Scene {
        target: source.twin(server()),
        source,
        dir: TempDir::new().expect("a temporary directory can be made"),
    };
    by_hand_takes(&scene);
    let roles = "select rolname, shobj_description(r.oid, 'pg_authid'), setconfig from pg_roles as r \
                 left join pg_db_role_setting on setrole = r.oid and setdatabase = 0 where rolname !~ '^pg_' order by 1";
    assert_eq!(scene.source.ask(roles), scene.target.ask(roles));
    assert_eq!(executed(&scene.target), Vec::<String>::new(), "executed");
    is_the_same(&scene);
}

/// A function of a plain role's, in a schema of the role's own, that tells when it is run by a superuser.
const TRAP: &str = "
    create role deep_owner;
    create schema deep authorization deep_owner;
    set role deep_owner; set search_path = deep, pg_catalog;
    create function trap(v integer) returns boolean language plpgsql as $x$ begin
        if (select rolsuper from pg_roles where rolname = current_user) then
            raise exception using errcode = '22000', message = 'a trap was run as ' || current_user;
        end if;
        return true;
    end $x$;
    create domain kept as integer check (trap(value));";

/// Where `--deep` would run it, if it did what the source's owner has written.
const TRAPS: &str = "
    create function trapped(v integer) returns integer immutable language plpgsql as $x$
        begin perform deep.trap(v); return v; end $x$;
    create function agree(a integer, b integer) returns boolean immutable language plpgsql as $x$
        begin return deep.trap(a); end $x$;
    create operator ==> (leftarg = integer, rightarg = integer, function = agree);
    create type mood as enum ('1');
    create function number(m mood) returns integer immutable language sql as 'select deep.trapped(1)';
    create function words(m mood) returns json immutable language sql as 'select to_json(deep.trapped(1))';
    create cast (mood as integer) with function number(mood) as implicit;
    create cast (mood as json) with function words(mood);
    create table in_function (a integer check (trap(a)));
    create table in_operator (a integer check (a ==> 1));
    create table in_words (a integer check (query_to_xml('select deep.trap(1)', true, true, '') is not null));
    create table in_json (a mood check (to_jsonb(a) is not null));
    create table in_domain (a integer check (a::kept > 0));
    create table in_key (a integer); create unique index in_key_key on in_key (trapped(a));
    create table in_predicate (a integer); create unique index in_predicate_key on in_predicate (a) where trapped(a) > 0;
    create table numbers (a integer primary key); insert into numbers values (1);
    create table in_cast (a mood references numbers);
    insert into in_function values (1); insert into in_operator values (1); insert into in_words values (1);
    insert into in_json values ('1'); insert into in_domain values (1); insert into in_key values (1);
    insert into in_predicate values (1); insert into in_cast values ('1');
    create table sound (a integer check (a in (1, 2) and a < 10 or a is null), b varchar(9) check (b in ('x', 'y')));
    create table broken (a integer); insert into broken values (-1);
    alter table broken add constraint holds check (a > 0) not valid;
    reset role; update pg_constraint set convalidated = true where conname = 'holds';";

#[test]
fn a_deep_look_runs_no_code_of_whoever_owns_the_source() {
    let scene = Scene::of(Pair::newest(), "deep", &format!("{TRAP}{TRAPS}"));
    let ran = scene.tool(&["pg-validate", "--deep"]).run();
    scene
        .source
        .run("drop owned by deep_owner cascade; drop role deep_owner");
    assert!(!ran.to_string().contains("a trap was run"), "{ran}");
    let stream = ran.stream();
    let of = |id: &str| {
        let mut checks = stream.of("check");
        let check = checks.find(|one| one.text("id") == id);
        check.expect("it is told")
    };
    let broken = of("con.deep_check");
    assert_eq!(broken.text("status"), "Failed", "{ran}");
    assert!(broken.line.contains("deep.broken.holds"), "{ran}");
    let rest = "5 of 8 objects not looked at";
    assert!(broken.text("message").contains(rest), "{ran}");
    for (id, object) in [
        ("idx.deep_duplicates", "deep.in_key_key"),
        ("idx.deep_duplicates", "deep.in_predicate_key"),
        ("con.deep_fk_orphans", "deep.in_cast"),
    ] {
        assert_eq!(of(id).text("status"), "Skipped", "{ran}");
        assert!(of(id).line.contains(object), "{ran}");
    }
}

#[test]
fn no_key_is_compared_by_code_of_whoever_owns_the_source() {
    let trap = TRAP.replace("deep_owner", "kept_owner");
    let mut scene = Scene::of(
        Pair::newest(),
        "kept",
        &format!(
            "{trap} create table numbers (id kept primary key, pad text);
             insert into numbers select n, repeat('x', 100) from generate_series(1, 20000) n;
             reset role; reset search_path; analyze deep.numbers"
        ),
    );
    let target = Database::create(scene.target.cluster, "kept").with(
        "create schema deep; create domain deep.kept as integer; create table deep.numbers (id deep.kept primary key, pad text);
         insert into deep.numbers select n, repeat('x', 100) from generate_series(1, 20000) n; analyze",
    );
    target.run("delete from deep.numbers where id = 10000");
    scene.target = target;
    let ran = scene.tool(&["pg-verify", "--split-size", "1MB"]).run();
    scene
        .source
        .run("drop owned by kept_owner cascade; drop role kept_owner");
    ran.ends_with(1);
    assert!(!ran.to_string().contains("a trap was run"), "{ran}");
}
