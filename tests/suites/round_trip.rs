//! A schema goes over with nothing lost: dump, apply, copy and apply again, then pg_dump of
//! both sides, entry for entry and byte for byte. What `pg_dump | psql` itself changes may be
//! as that leaves it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use pg_e2e::cluster::Setup;
use pg_e2e::majors::servers;
use pg_e2e::pipeline::Joined;
use pg_e2e::schema::{psql, unpacked};
use pg_e2e::tool::Stdin;
use pg_e2e::{Cluster, Database, Majors, Pair, Pipeline, Schema, workspace};
use tempfile::TempDir;

use crate::scene::{BY_HAND, Scene, say, skip};
use crate::torture::torture;

pub(crate) const LIMIT: Duration = Duration::from_mins(5);

/// What of a database pg_dump shows not at all or only with its rows.
const BEYOND: &str = "
    select 'large object', oid::text, pg_catalog.pg_get_userbyid(lomowner)::text,
           coalesce((select string_agg(a::text, ' ' order by a::text) from unnest(lomacl) as a), ''),
           coalesce(pg_catalog.obj_description(oid, 'pg_largeobject'), ''), md5(pg_catalog.lo_get(oid))
    from pg_catalog.pg_largeobject_metadata
    union all select 'materialized view', schemaname || '.' || matviewname, ispopulated::text, '', '', ''
              from pg_catalog.pg_matviews
    order by 1, 2, 3";

/// The roles of the torture schema; others come and go while tests run.
pub(crate) const ROLES: &str = "
    select 'role', rolname,
                     concat_ws(' ', rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls),
                     concat_ws(' ', rolconnlimit, rolvaliduntil),
                     coalesce((select string_agg(c, ' ' order by c) from pg_catalog.pg_db_role_setting as s, unnest(setconfig) as c
                               where s.setrole = r.oid and s.setdatabase = 0), ''),
                     coalesce(pg_catalog.shobj_description(oid, 'pg_authid'), '')
              from pg_catalog.pg_roles as r where rolname ~* '^torture'
    union all select 'member', pg_catalog.pg_get_userbyid(roleid)::text, pg_catalog.pg_get_userbyid(member)::text, bool_or(admin_option)::text, '', ''
              from pg_catalog.pg_auth_members
              where pg_catalog.pg_get_userbyid(roleid)::text ~* '^torture' and pg_catalog.pg_get_userbyid(member)::text ~* '^torture'
              group by roleid, member
    order by 1, 2, 3";

/// Dump, apply, copy, apply, verify; every tool ends with 0.
#[track_caller]
pub(crate) fn by_hand_takes(scene: &Scene) -> Joined {
    let tools = scene.tools(BY_HAND).map(|tool| tool.timeout(LIMIT));
    let joined = Pipeline::of(tools).run();
    joined.succeeds();
    joined
}

/// Names of entries in which two databases differ, each with a text. What `pg_dump | psql`
/// itself changes does not count, if it is as that leaves it.
pub(crate) fn differences(source: &Database, target: &Database) -> Vec<(String, String)> {
    let (wanted, got) = (Schema::of(source), Schema::of(target));
    assert!(!wanted.is_empty(), "{} has no schema", source.name);
    let mut found: Vec<_> = got.differences(&wanted).into_iter().collect();
    if !found.is_empty() {
        let reference = Database::create(target.cluster, "reference");
        let restored = Schema::restored(source, &reference);
        forget_subscriptions(&reference);
        found.retain(|(name, _)| !got.agrees(&restored, name));
    }
    found.extend(differing(source, target, BEYOND));
    found
}

/// The rows of a query that one side has alone, each with a text.
pub(crate) fn differing(
    source: &Database,
    target: &Database,
    query: &str,
) -> Vec<(String, String)> {
    let facts =
        |database: &Database| -> BTreeSet<String> { database.ask(query).into_iter().collect() };
    let (before, after) = (facts(source), facts(target));
    let beyond = before.symmetric_difference(&after);
    let shown = beyond.map(|fact| {
        let side = if before.contains(fact) {
            "source"
        } else {
            "target"
        };
        (fact.clone(), format!("on the {side} alone: {fact}\n"))
    });
    shown.collect()
}

/// A database with subscriptions cannot be dropped.
pub(crate) fn forget_subscriptions(database: &Database) {
    database.run("delete from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())");
}

/// Expects that nothing differs.
#[track_caller]
pub(crate) fn is_the_same(scene: &Scene) {
    let found = differences(&scene.source, &scene.target);
    let shown: String = found.iter().map(|(_, text)| text.as_str()).collect();
    let (from, to) = (scene.source.cluster.major, scene.target.cluster.major);
    let name = &scene.source.name;
    assert!(
        found.is_empty(),
        "{} differences of {name} after {from} to {to}:\n{shown}",
        found.len()
    );
    for database in [&scene.source, &scene.target] {
        forget_subscriptions(database);
    }
}

#[track_caller]
fn goes_over(scene: &Scene) {
    by_hand_takes(scene);
    is_the_same(scene);
}

#[test]
fn the_torture_schema_goes_over() {
    let scene = torture(Pair::newest());
    goes_over(&scene);
    assert_eq!(differing(&scene.source, &scene.target, ROLES), []);
}

#[test]
fn the_database_of_the_demo_goes_over() {
    if Majors::clients().is_none() {
        return skip("no psql and pg_dump beside a server");
    }
    let file = workspace().join("tests/demo/demo.sql");
    let script = std::fs::read(&file).expect("the demo has a script");
    if let Some(scene) = loaded("demo", script, Pair::newest()) {
        goes_over(&scene);
    }
}

/// A database of a file in the directory that `PGMIG_DATASETS` names, and an empty target.
fn data_set(name: &str, pair: Pair) -> Option<Scene> {
    let Some(directory) = std::env::var_os("PGMIG_DATASETS") else {
        skip("PGMIG_DATASETS names no directory with sample databases");
        return None;
    };
    let file = PathBuf::from(directory).join(format!("{name}.sql.gz"));
    if !file.is_file() {
        skip(&format!("{} is not there", file.display()));
        return None;
    }
    loaded(name, unpacked(&file), pair)
}

/// A database that psql made of a script. Without the extensions that it wants: `None`, said so.
fn loaded(name: &str, script: Vec<u8>, pair: Pair) -> Option<Scene> {
    let source = Database::create(pair.source(), name);
    let target = source.twin(pair.target());
    if let Some(lack) = lacking(&script, &[&source, &target]) {
        skip(&format!("{name} needs the extension {lack}"));
        return None;
    }
    let ran = psql(&source, Stdin::Bytes(script));
    assert!(
        !ran.stderr.contains("ERROR:"),
        "{name} does not load\n{ran}"
    );
    Some(Scene {
        source,
        target,
        dir: TempDir::new().expect("a temporary directory can be made"),
    })
}

/// An extension that a script makes and one of these databases cannot.
fn lacking(script: &[u8], databases: &[&Database]) -> Option<String> {
    const MAKES: &str = "CREATE EXTENSION IF NOT EXISTS ";
    let text = String::from_utf8_lossy(script);
    for wanted in text.lines().filter_map(|line| line.strip_prefix(MAKES)) {
        let wanted = wanted.split(' ').next().unwrap_or_default();
        let attempt = format!("begin; create extension {wanted} cascade; rollback");
        for database in databases {
            if database.connect().batch_execute(&attempt).is_err() {
                let major = database.cluster.major;
                return Some(format!("{wanted}, which PostgreSQL {major} here has not"));
            }
        }
    }
    None
}

#[test]
fn pagila_goes_over() {
    if let Some(scene) = data_set("pagila", Pair::newest()) {
        goes_over(&scene);
    }
}

/// The other sample databases.
const SAMPLES: &[&str] = &[
    "sakila",
    "chinook",
    "northwind",
    "adventureworks",
    "danbooru",
    "panoptes",
    "temporal",
    "supabase_auth",
];

#[test]
#[ignore = "long: make torture runs it"]
fn every_sample_database_goes_over() {
    for name in SAMPLES {
        let host = Majors::available().contains_key(&15).then_some(Pair {
            source: 15,
            target: 15,
        });
        for pair in [Pair::newest(), Pair::widest()].into_iter().chain(host) {
            if let Some(scene) = data_set(name, pair) {
                goes_over(&scene);
                say(&format!(
                    "{name} went over from {} to {}",
                    pair.source, pair.target
                ));
            }
        }
    }
}

/// PostgreSQL's own, which only servers 15 load as they are, with its library.
#[test]
#[ignore = "long: make torture runs it"]
fn the_regression_database_goes_over() {
    if !Majors::probed().contains_key(&15) {
        return skip("PostgreSQL 15 is not here");
    }
    let library = servers("regress");
    if library.is_empty() {
        return skip("the library of the regression database could not be built");
    }
    let conf =
        format!("dynamic_library_path = '{library}:$libdir'\nmax_locks_per_transaction = 256");
    let setup = Setup {
        conf: &conf,
        ..Setup::default()
    };
    let server = || -> &'static Cluster { Box::leak(Box::new(Cluster::start(15, setup))) };
    let (source, target) = (server(), server());
    let Some(directory) = std::env::var_os("PGMIG_DATASETS") else {
        return skip("PGMIG_DATASETS names no directory with the regression database");
    };
    let script = unpacked(&PathBuf::from(directory).join("regression.sql.gz"));
    let source = Database::create(source, "regression");
    let ran = psql(&source, Stdin::Bytes(script));
    assert!(!ran.stderr.contains("ERROR:"), "it does not load\n{ran}");
    let scene = Scene {
        target: source.twin(target),
        source,
        dir: TempDir::new().expect("a temporary directory can be made"),
    };
    goes_over(&scene);
}
