//! A target role that is no superuser, as clouds give one: what it cannot make is said, and
//! everything else arrives.

use std::collections::BTreeSet;

use pg_e2e::cluster::Setup;
use pg_e2e::database::identifier;
use pg_e2e::schema::pg_dump;
use pg_e2e::{Cluster, Database, Pair, Ran, Schema};
use tempfile::TempDir;

use crate::round_trip::{LIMIT, forget_subscriptions};
use crate::scene::{BY_HAND, Scene};
use crate::torture::tortured;

/// What of the torture schema needs a superuser, or needs something that does: beginnings of
/// the names that pg_dump gives, and why. Each is missing, and nothing else.
const MISSING: &[(&str, &[&str])] = &[
    (
        "functions in C and of the server itself, and what is made of them",
        &[
            "language_call();",
            "language_inline(internal);",
            "language_validator(oid);",
            "torture_language; Type: PROCEDURAL LANGUAGE",
            "LANGUAGE torture_language; Type: COMMENT",
            "LANGUAGE torture_language; Type: ACL",
            "in_torture();",
            "tour_from(internal);",
            "TRANSFORM FOR base.mood LANGUAGE plpgsql; Type: TRANSFORM",
            "TRANSFORM FOR base.mood LANGUAGE plpgsql; Type: COMMENT",
            "first_one();",
            "before(integer, integer);",
            "<<<; Type: OPERATOR",
            "OPERATOR <<< (integer, integer); Type: COMMENT",
        ],
    ),
    (
        "base types",
        &[
            "int42; Type: SHELL TYPE",
            "int42_in(cstring);",
            "int42_out(base.int42);",
            "int42_recv(internal);",
            "int42_send(base.int42);",
            "int42; Type: TYPE",
            "TYPE int42; Type: COMMENT",
            "CAST (base.int42 AS integer);",
            "of_int42; Type: TABLE",
            "shell; Type: TYPE",
            "TYPE shell; Type: COMMENT",
        ],
    ),
    (
        "functions that are leakproof or help the planner, aggregates with a state of the server's",
        &[
            "add(integer, integer, integer[]);",
            "FUNCTION add(a integer",
            "supported(integer);",
            "middle(double precision, double precision);",
            "ranked(\"any\");",
        ],
    ),
    (
        "access methods, operator families and classes",
        &[
            "torture_hash; Type: ACCESS METHOD",
            "ACCESS METHOD torture_hash;",
            "torture_ops; Type: OPERATOR FAMILY",
            "torture_ops; Type: OPERATOR CLASS",
            "later_torture; Type: INDEX",
            "torture_heap; Type: ACCESS METHOD",
            "ACCESS METHOD torture_heap;",
            "other_heap; Type: TABLE",
            "other_heap other_heap_pkey;",
            "other_view; Type: MATERIALIZED VIEW",
            "backwards; Type: OPERATOR FAMILY",
            "OPERATOR FAMILY backwards USING btree;",
            "backwards_ops; Type: OPERATOR CLASS",
            "OPERATOR CLASS backwards_ops USING btree;",
            "by_opclass; Type: INDEX",
            "lonely; Type: OPERATOR FAMILY",
        ],
    ),
    (
        "text search parsers and templates",
        &[
            "parser; Type: TEXT SEARCH PARSER",
            "TEXT SEARCH PARSER parser;",
            "template; Type: TEXT SEARCH TEMPLATE",
            "TEXT SEARCH TEMPLATE template;",
            "dictionary; Type: TEXT SEARCH DICTIONARY",
            "TEXT SEARCH DICTIONARY dictionary;",
            "configuration; Type: TEXT SEARCH CONFIGURATION",
            "TEXT SEARCH CONFIGURATION configuration;",
        ],
    ),
    (
        "foreign data wrappers, and the extension that is not trusted",
        &[
            "torture_wrapper; Type: FOREIGN DATA WRAPPER",
            "FOREIGN DATA WRAPPER torture_wrapper; Type: COMMENT",
            "FOREIGN DATA WRAPPER torture_wrapper; Type: ACL",
            "torture server; Type: SERVER",
            "USER MAPPING public SERVER torture server;",
            "postgres_fdw; Type: EXTENSION",
            "EXTENSION postgres_fdw;",
            "loopback; Type: SERVER",
            "SERVER loopback;",
            "FOREIGN SERVER loopback;",
            "USER MAPPING torture_app SERVER loopback;",
            "far; Type: FOREIGN TABLE",
            "FOREIGN TABLE far;",
            "COLUMN far.id; Type: COMMENT",
            "COLUMN far.id; Type: ACL",
            "COLUMN far.t; Type: ACL",
            "farther; Type: FOREIGN TABLE",
            "farther t; Type: DEFAULT",
        ],
    ),
    (
        "publications of more than tables, subscriptions, event triggers",
        &[
            "everything; Type: PUBLICATION",
            "of_schema parts; Type: PUBLICATION TABLES IN SCHEMA",
            "of_schema select; Type: PUBLICATION TABLES IN SCHEMA",
            "torture_subscription; Type: SUBSCRIPTION",
            "SUBSCRIPTION torture_subscription;",
            "torture_binary; Type: SUBSCRIPTION",
            "torture_origin; Type: SUBSCRIPTION",
            "starts; Type: EVENT TRIGGER",
            "EVENT TRIGGER starts;",
            "ends; Type: EVENT TRIGGER",
            "drops; Type: EVENT TRIGGER",
            "logins; Type: EVENT TRIGGER",
        ],
    ),
    ("grants on catalogs", &["TABLE pg_authid; Type: ACL"]),
    (
        "nothing: a child has its parent's columns first, as after pg_dump and psql",
        &["adopted; Type: TABLE"],
    ),
    (
        "one setting of the database, a parameter that no extension has; the others are there",
        &["DATABASE; Type: DATABASE PROPERTIES"],
    ),
];

/// A server of its own with a role as Azure and RDS give one, and the source.
fn managed() -> Scene {
    let pair = Pair::newest();
    let source = tortured(pair.source(), false);
    let cluster: &'static Cluster =
        Box::leak(Box::new(Cluster::start(pair.target, Setup::default())));
    let target = source.twin(cluster);
    target.run("create role torture_admin login createdb createrole");
    let name = identifier(&target.name);
    target.run(&format!("alter database {name} owner to torture_admin"));
    Scene {
        source,
        target,
        dir: TempDir::new().expect("a temporary directory can be made"),
    }
}

/// Runs the tools one after the other, as the role.
fn as_admin(scene: &Scene) -> Vec<Ran> {
    let conninfo = scene
        .target
        .conninfo()
        .replace("user=postgres", "user=torture_admin");
    let mut stream = String::new();
    let mut parts = Vec::new();
    for tool in scene.tools(&BY_HAND[..4]) {
        let ran = tool
            .env("PGMIG_TARGET", &conninfo)
            .input(stream)
            .timeout(LIMIT)
            .run();
        stream = ran.text();
        parts.push(ran);
    }
    parts
}

/// A schema in which the role stands for the superuser, under one name for the database. Who
/// owns something is read in the statement that gives it, not in each header.
fn schema(database: &Database) -> Schema {
    let dump = pg_dump(database, &["--schema-only", "--create"])
        .replace(" OWNER TO postgres;", " OWNER TO torture_admin;")
        .replace(" FROM postgres;", " FROM torture_admin;")
        .replace(" TO postgres;", " TO torture_admin;")
        .replace(" FOR ROLE postgres ", " FOR ROLE torture_admin ")
        .replace(&database.name, "DATABASE");
    let lines = dump.lines().map(|line| match line.split_once("; Owner: ") {
        Some((header, _)) if line.starts_with("-- Name: ") => header,
        _ => line,
    });
    Schema::read(&lines.flat_map(|line| [line, "\n"]).collect::<String>())
}

#[test]
fn what_a_role_that_is_no_superuser_cannot_make_is_said_and_the_rest_arrives() {
    let scene = managed();
    let parts = as_admin(&scene);
    let statuses: Vec<i32> = parts.iter().map(|ran| ran.status).collect();
    let found = schema(&scene.target).differences(&schema(&scene.source));
    forget_subscriptions(&scene.source);
    assert_eq!(statuses, [0, 6, 6, 6], "{}", parts[3]);
    // The ledger stays while something has failed.
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .filter(|(name, _)| !name.ends_with("; Schema: pgmig") && !name.contains("pgmig; Type: "))
        .collect();
    let listed: BTreeSet<&str> = MISSING
        .iter()
        .flat_map(|(_, names)| names.iter().copied())
        .collect();
    let lost: String = found
        .iter()
        .filter(|(name, _)| !listed.iter().any(|entry| name.starts_with(entry)))
        .map(|(_, text)| *text)
        .collect();
    assert!(
        lost.is_empty(),
        "lost beside what needs a superuser:\n{lost}"
    );
    let there: Vec<&&str> = listed
        .iter()
        .filter(|entry| !found.iter().any(|(name, _)| name.starts_with(**entry)))
        .collect();
    assert!(there.is_empty(), "these can be made, after all: {there:#?}");
    the_rest_of_the_database_is_set(&scene);
}

#[test]
fn each_object_that_a_role_cannot_make_is_told() {
    let scene = managed();
    let parts = as_admin(&scene);
    let found = schema(&scene.target).differences(&schema(&scene.source));
    forget_subscriptions(&scene.source);
    let stream = parts[3].stream();
    let told: BTreeSet<(&str, &str)> = stream
        .of("applied")
        .filter(|one| ["failed", "skipped"].contains(&one.text("status")))
        .map(|one| (one.text("kind"), one.text("name")))
        .collect();
    let said: String = parts.iter().map(|ran| ran.stderr.as_str()).collect();
    let silent: Vec<&String> = found
        .keys()
        .filter(|name| !name.ends_with("; Schema: pgmig") && !name.contains("pgmig; Type: "))
        .filter(|entry| {
            let (name, rest) = entry.split_once("; Type: ").unwrap_or((entry, ""));
            let (kind, _) = rest.split_once("; ").unwrap_or((rest, ""));
            let name = name.replace("DATABASE", &scene.source.name);
            !told.contains(&(kind, name.as_str())) && !said.contains(&name)
        })
        .collect();
    assert!(silent.is_empty(), "lost and not told: {silent:#?}");
    for (tool, ran) in ["pg-schema-apply", "pg-copy", "pg-schema-apply"]
        .iter()
        .zip(&parts[1..])
    {
        assert_eq!((ran.name.as_str(), ran.status), (*tool, 6), "{ran}");
    }
}

#[track_caller]
fn the_rest_of_the_database_is_set(scene: &Scene) {
    let settings = "select array_to_string(setconfig, ' '), (select datconnlimit from pg_database where oid = setdatabase) \
                    from pg_db_role_setting where setrole = 0 \
                    and setdatabase = (select oid from pg_database where datname = current_database())";
    let wanted = scene.source.ask_one(settings);
    let wanted = wanted.replace(" torture.custom=it's \\ \"odd\"", "");
    assert_eq!(scene.target.ask(settings), [wanted]);
    let objects = "select lo.oid, coalesce(obj_description(lo.oid, 'pg_largeobject'), ''), array_length(lomacl, 1) \
                   from pg_largeobject_metadata as lo order by 1";
    assert_eq!(
        scene.source.ask(objects),
        scene.target.ask(objects),
        "large objects"
    );
}
