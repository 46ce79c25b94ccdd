//! `pg-migstate cancel`: whatever a migration has done on the target is undone, whenever it is
//! canceled, and nothing goes on anywhere.

use std::thread;
use std::time::{Duration, Instant};

use pg_e2e::cluster::{Setup, Side};
use pg_e2e::fault::{Locked, signal, wait_until};
use pg_e2e::running::Running;
use pg_e2e::schema::dumpall;
use pg_e2e::tool::Stdin;
use pg_e2e::{Cluster, Database, Majors, Ran, Tool};

use crate::recorded::{file, migrate, script};
use crate::scene::{Scene, fixture};

const LIMIT: Duration = Duration::from_secs(20);

/// How long a cancel may take on any host.
const PROMPT: Duration = Duration::from_secs(5);

/// A target that nobody else writes to, so that all of it can be compared.
pub(crate) fn own_target() -> &'static Cluster {
    Box::leak(Box::new(Cluster::start(Majors::newest(), Setup::default())))
}

/// Every kind of object, with roles that the target lacks.
fn scene(target: &'static Cluster) -> Scene {
    let source = Cluster::of(Majors::newest(), Side::Source);
    source
        .connect("postgres")
        .batch_execute(&fixture("roles.sql"))
        .expect("roles can be created");
    let source = Database::create(source, "Canceled 'Shop'").with(&fixture("small.sql"));
    Scene::into_new(source, target)
}

#[track_caller]
pub(crate) fn same(before: &[String], after: &[String], why: &Ran) {
    let beyond = |one: &[String], other: &[String]| -> Vec<String> {
        let lines = one.iter().filter(|line| !other.contains(line));
        lines.cloned().collect()
    };
    assert!(
        before == after,
        "went: {:?}\ncame: {:?}\n{why}",
        beyond(before, after),
        beyond(after, before)
    );
}

pub(crate) fn cancel(scene: &Scene, name: &str) -> Ran {
    Tool::new("pg-migstate")
        .args(["cancel", name])
        .env("PGMIG_STATE_DIR", scene.state_dir())
        .run()
}

fn show(scene: &Scene, name: &str) -> String {
    let ran = scene
        .tool(&["pg-migstate", "show", name, "--format", "csv"])
        .run();
    ran.text()
}

/// Starts `./migrate` and waits until its migration has a journal.
pub(crate) fn begun(scene: &Scene, name: &str, words: &[&str]) -> Running {
    let file = file(scene, name);
    let running = Tool::program("migrate", &script(scene))
        .env("PGMIG_STATE_DIR", scene.state_dir())
        .args(words)
        .arg(file)
        .stdin(Stdin::Silent)
        .spawn();
    wait_until("it is begun", LIMIT, || {
        show(scene, name).contains("InProgress")
    });
    running
}

/// How many sessions of migrations a server has that are in one of `databases`; an empty list
/// stands for all of them. The source's server runs other tests' migrations, too.
fn sessions(cluster: &Cluster, databases: &[&str]) -> i64 {
    let sql = "select count(*) from pg_stat_activity \
               where application_name ~ '^pgmig/[0-9a-f]{12}/' \
                 and (datname::text = any($1::text[]) or $1::text[] = '{}')";
    let row = cluster.connect("postgres").query_one(sql, &[&databases]);
    row.expect("the server answers").get(0)
}

#[track_caller]
fn canceled_at(scene: &Scene, before: &[String], name: &str, moment: Duration) {
    let running = begun(scene, name, &["--hold", "--jobs", "2"]);
    thread::sleep(moment);
    let began = Instant::now();
    let ran = cancel(scene, name);
    ran.ends_with(0);
    assert!(
        began.elapsed() < PROMPT,
        "took {:?}\n{ran}",
        began.elapsed()
    );
    same(before, &dumpall(scene.target.cluster), &ran);
    let migrate = running.wait();
    let shown = show(scene, name);
    assert!(shown.contains("Canceled"), "{moment:?}: {shown}\n{migrate}");
    assert!(!shown.contains("InProgress"), "{moment:?}: {shown}");
    same(before, &dumpall(scene.target.cluster), &migrate);
}

#[test]
fn the_target_is_as_it_was_whenever_a_migration_is_canceled() {
    let scene = scene(own_target());
    let before = dumpall(scene.target.cluster);
    for (number, moment) in [0, 250, 600, 1100, 1700, 4000].into_iter().enumerate() {
        let name = format!("moment-{number}");
        canceled_at(&scene, &before, &name, Duration::from_millis(moment));
    }
    let again = migrate(&scene, &["--resume", &file(&scene, "moment-0")]);
    again.ends_with(7);
    again.says(&["canceled"]);
    cancel(&scene, "moment-0").ends_with(0);
    same(&before, &dumpall(scene.target.cluster), &again);
}

#[test]
#[ignore = "long: make torture runs it"]
fn a_migration_is_canceled_at_fifty_moments() {
    let scene = scene(own_target());
    let before = dumpall(scene.target.cluster);
    for number in 0..50 {
        let moment = Duration::from_millis(number * 73 % 3000);
        canceled_at(&scene, &before, &format!("m-{number}"), moment);
    }
}

/// The staging database of the scene's migration, once it is there and holds rows.
fn staging(scene: &Scene) -> Database {
    let sql = "select datname::text from pg_database where datname like '%\\_\\_pgmig\\_%'";
    let mut name = None;
    wait_until("the staging database is there", LIMIT, || {
        let row = scene.target.cluster.connect("postgres").query_opt(sql, &[]);
        name = row
            .expect("the server answers")
            .map(|row| row.get::<_, String>(0));
        name.is_some()
    });
    Database {
        cluster: scene.target.cluster,
        name: name.expect("it was found"),
    }
}

#[test]
fn a_cancel_ends_what_waits_for_locks_on_either_side_and_all_who_are_in_the_way() {
    let scene = scene(own_target());
    let before = dumpall(scene.target.cluster);
    // pg_dump waits on the source.
    let locked = {
        let mut client = scene.source.connect();
        client
            .batch_execute("begin; lock table sales.extremes in access exclusive mode")
            .expect("it can be locked");
        client
    };
    let running = begun(&scene, "source-waits", &["--option", "Migrate"]);
    wait_until("pg_dump waits", LIMIT, || {
        scene.source.ask_one("select count(*) > 0 from pg_stat_activity where application_name ~ '^pgmig/[0-9a-f]{12}/pg_dump$' and wait_event_type = 'Lock'") == "t"
    });
    let ran = cancel(&scene, "source-waits");
    ran.ends_with(0);
    assert!(running.wait().status != 0);
    assert_eq!(sessions(scene.source.cluster, &[&scene.source.name]), 0);
    drop(locked);
    same(&before, &dumpall(scene.target.cluster), &ran);
    // pg-copy waits on the target for somebody else.
    let running = begun(&scene, "target-waits", &["--option", "Migrate"]);
    let staging = staging(&scene);
    let mut locked = None;
    wait_until("its table is there", LIMIT, || {
        let there = "select to_regclass('sales.customer_order') is not null";
        if staging.ask_one(there) == "t" {
            locked = Some(Locked::table(&staging, "sales.customer_order"));
        }
        locked.is_some()
    });
    wait_until("the copy waits", LIMIT, || {
        staging.ask_one("select count(*) > 0 from pg_stat_activity where application_name like 'pgmig/%' and wait_event_type = 'Lock'") == "t"
    });
    let began = Instant::now();
    let ran = cancel(&scene, "target-waits");
    ran.ends_with(0);
    assert!(
        began.elapsed() < PROMPT,
        "took {:?}\n{ran}",
        began.elapsed()
    );
    assert_eq!(sessions(scene.target.cluster, &[]), 0);
    let ended = running.wait();
    assert!(ended.status != 0, "{ended}");
    same(&before, &dumpall(scene.target.cluster), &ran);
}

#[test]
fn a_validation_alone_is_canceled_while_it_runs() {
    let scene = scene(own_target());
    let before = dumpall(scene.target.cluster);
    let mut client = scene.source.connect();
    client
        .batch_execute("begin; lock table pg_catalog.pg_extension in access exclusive mode")
        .expect("it can be locked");
    let running = begun(&scene, "only-checks", &["--option", "Validate"]);
    wait_until("a check waits", LIMIT, || {
        let sql = "select count(*) > 0 from pg_stat_activity \
                   where application_name like '%/pg-validate' and wait_event_type = 'Lock' \
                     and datname = $1";
        let mut other = scene.source.cluster.connect("postgres");
        let row = other.query_one(sql, &[&scene.source.name]);
        row.expect("the server answers").get(0)
    });
    let began = Instant::now();
    let ran = cancel(&scene, "only-checks");
    ran.ends_with(0);
    assert!(
        began.elapsed() < PROMPT,
        "took {:?}\n{ran}",
        began.elapsed()
    );
    let ended = running.wait();
    assert!(ended.status != 0, "{ended}");
    let list = scene
        .tool(&["pg-migstate", "list", "--format", "csv"])
        .run();
    assert!(list.text().contains("Canceled"), "{list}");
    same(&before, &dumpall(scene.target.cluster), &ran);
}

#[test]
fn what_was_killed_and_what_waits_for_finish_can_be_canceled_and_what_has_succeeded_cannot() {
    let scene = scene(own_target());
    let before = dumpall(scene.target.cluster);
    let mut running = begun(&scene, "killed", &[]);
    let staging = staging(&scene);
    assert!(running.is_alive());
    signal(running.pid(), "KILL");
    running.wait();
    let ran = cancel(&scene, "killed");
    ran.ends_with(0);
    assert!(!staging.exists(), "{ran}");
    same(&before, &dumpall(scene.target.cluster), &ran);
    migrate(&scene, &["--hold", &file(&scene, "held")]).ends_with(0);
    let finish = scene
        .tool(&["pg-migstate", "list", "--format", "csv"])
        .run();
    assert!(finish.text().contains("WaitingForUserAction"), "{finish}");
    let ran = cancel(&scene, "held");
    ran.ends_with(0);
    same(&before, &dumpall(scene.target.cluster), &ran);
    scene
        .tool(&["pg-migstate", "finish", "held"])
        .run()
        .fails_clearly(7, &["held"]);
    let ran = migrate(&scene, &[&file(&scene, "done")]);
    ran.ends_with(0);
    let after = dumpall(scene.target.cluster);
    assert!(
        !after.iter().any(|line| line.contains("pgmig")),
        "no mark of ours stays: {after:?}"
    );
    let refused = cancel(&scene, "done");
    refused.fails_clearly(7, &["done", "succeeded"]);
    same(&after, &dumpall(scene.target.cluster), &refused);
}

#[test]
fn a_cancel_takes_back_what_a_plain_role_was_granted_and_leaves_roles_of_others() {
    let scene = scene(own_target());
    scene
        .target
        .cluster
        .connect("postgres")
        .batch_execute(
            "create role mover login createdb createrole; set role mover; create role \"E2E Owner\"; \
         comment on role \"E2E Owner\" is 'here before'; reset role",
        )
        .expect("roles can be created");
    let before = dumpall(scene.target.cluster);
    let source = scene.source.cluster.conninfo("postgres");
    let target = scene
        .target
        .cluster
        .conninfo("postgres")
        .replace("user=postgres", "user=mover");
    let file = scene.migration_file("plain-role", &source, &target);
    let held = migrate(
        &scene,
        &["--hold", "--option", "Migrate", &file.display().to_string()],
    );
    // Not all of the fixture can be made by a plain role.
    assert!([0, 6].contains(&held.status), "{held}");
    let mark = "select shobj_description(oid, 'pg_database') like '%\"granted\":[%' \
                from pg_database where datname like '%pgmig%'";
    let row = scene
        .target
        .cluster
        .connect("postgres")
        .query_one(mark, &[]);
    assert!(
        row.expect("one is there").get::<_, bool>(0),
        "something was granted\n{held}"
    );
    let ran = cancel(&scene, "plain-role");
    ran.ends_with(0);
    same(&before, &dumpall(scene.target.cluster), &held);
}
