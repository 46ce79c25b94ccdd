//! Large objects: many and few, small and large, with holes, killed, changed meanwhile, in the
//! way of others, and on a server with room for few locks.

use std::time::{Duration, Instant};

use pg_e2e::cluster::Setup;
use pg_e2e::fault::{signal, wait_until};
use pg_e2e::running::Running;
use pg_e2e::{Cluster, Database, Majors, Pair};
use postgres::Client;
use tempfile::TempDir;

use crate::scene::{BY_HAND, Scene, closes_with};

const LIMIT: Duration = Duration::from_mins(1);

/// Twenty thousand small ones of a role of their own, some of them with grants and comments.
const MANY: &str = "
    do $$ begin create role lo_owner; create role lo_reader; exception when others then null; end $$;
    set role lo_owner;
    select lo_from_bytea(n::oid, decode(repeat(md5(n::text), n % 7), 'hex'))
        from generate_series(100001, 120000) n;
    reset role;
    do $$ begin for n in 100101..100400 loop
        execute format('grant select on large object %s to lo_reader', n);
        execute format('comment on large object %s is %L', n, 'it''s ' || n);
    end loop; end $$;";

/// Two thousand, of one size, so that they are taken in the order of their OIDs: four to a kill.
const SOME: &str = "
    select lo_from_bytea(n::oid, decode(md5(n::text), 'hex')) from generate_series(1001, 3000) n;";

/// One of each shape.
const SHAPES: &str = "
    select lo_create(11), lo_create(4294967295);
    select lo_from_bytea(12, '\\x00'), lo_from_bytea(13, convert_to(repeat('x', 1048576), 'UTF8'));
    select lo_create(14); select lo_put(14, 25000001, 'end'); select lo_put(14, 20971520, 'middle');
    select lo_create(15); select lo_put(15, 0, 'begin');
    select lo_truncate64(lo_open(15, 131072), 5242880);
    select lo_create(16); select lo_truncate64(lo_open(16, 131072), 17825793);
    select lo_create(17); select lo_put(17, n * 1048576::bigint, decode(repeat(md5(n::text), 65536), 'hex'))
        from generate_series(0, 39) n;
    select lo_put(17, 41943040, 'and more');
    select lo_create(18); select lo_put(18, n * 500000::bigint, decode(repeat(md5(n::text), 31250), 'hex'))
        from generate_series(0, 9) n;";

/// All there is to know of large objects, by the server's own account.
const WHOLE: &str = "
    select oid, pg_get_userbyid(lomowner), lomacl, obj_description(oid, 'pg_largeobject'),
        length(lo_get(oid)), md5(lo_get(oid))
    from pg_largeobject_metadata order by oid";

/// What pg-copy brings of it.
const CONTENTS: &str = "
    select oid, length(lo_get(oid)), md5(lo_get(oid)) from pg_largeobject_metadata order by oid";

const COPY: &[&str] = &["pg-copy", "--jobs", "2", "-"];

/// Both sides have the same, and as many as there should be.
#[track_caller]
fn same(scene: &Scene, query: &str, count: usize) {
    let (source, target) = (scene.source.ask(query), scene.target.ask(query));
    let other = source.iter().zip(&target).find(|(one, two)| one != two);
    assert!(
        source == target,
        "{} and {}, first other {other:?}",
        source.len(),
        target.len()
    );
    assert_eq!(source.len(), count);
}

#[track_caller]
fn copies(scene: &Scene, plan: &str) -> String {
    let ran = scene.tool(COPY).input(plan).run();
    ran.ends_with(0);
    ran.text()
}

/// Holds OIDs on the target that nobody else sees yet: who makes them waits.
fn reserve(database: &Database, oids: [u32; 2]) -> Client {
    let mut client = database.connect();
    let sql = format!(
        "begin; select lo_create({}), lo_create({})",
        oids[0], oids[1]
    );
    client.batch_execute(&sql).expect("they are free");
    client
}

/// Starts pg-copy and waits until both of its workers wait for those two.
fn stuck(scene: &Scene, plan: &str, oids: [u32; 2]) -> (Running, Client) {
    let holder = reserve(&scene.target, oids);
    let copy = scene.tool(COPY).input(plan).spawn();
    wait_until("both workers wait", LIMIT, || {
        scene.target.ask_one(
            "select count(*) from pg_stat_activity where datname = current_database() \
             and wait_event_type = 'Lock' and application_name like 'pgmig/%'",
        ) == "2"
    });
    (copy, holder)
}

/// How many transactions of the plan are done, and how many are not.
fn progress(scene: &Scene) -> (u32, u32) {
    let count = |what: &str| {
        let sql = format!("select count(*) from pgmig.large_object where done_at is {what}");
        scene.target.ask_one(&sql).parse().expect("it is a number")
    };
    (count("not null"), count("null"))
}

/// A target of its own, with room for as few locks as can be.
fn few_locks(sql: &str) -> Scene {
    let setup = Setup {
        conf: "max_locks_per_transaction = 10\nmax_connections = 15\nmax_wal_senders = 0",
        ..Setup::default()
    };
    let pair = Pair::newest();
    let target: &'static Cluster = Box::leak(Box::new(Cluster::start(pair.target, setup)));
    let source = Database::create(pair.source(), "many").with(sql);
    Scene {
        target: source.twin(target),
        source,
        dir: TempDir::new().expect("a temporary directory can be made"),
    }
}

#[test]
fn twenty_thousand_go_to_a_server_with_few_locks_killed_midway() {
    let scene = few_locks(MANY);
    let plan = scene.plan();
    let pre = scene.tool(BY_HAND[1]).input(plan.clone()).run();
    pre.ends_with(0);
    let (copy, holder) = stuck(&scene, &plan, [108_000, 112_000]);
    signal(copy.pid(), "KILL");
    copy.wait().ends_with(137);
    let (done, left) = progress(&scene);
    assert!(done >= 2 && left >= 2, "{done} {left}");
    drop(holder);
    // Those of a chunk are unlinked and made again, all of them.
    scene.source.run(
        "select lo_put(101000, 0, 'changed'); select lo_unlink(119999);
         select lo_from_bytea(90000, 'new')",
    );
    let again = copies(&scene, &scene.plan());
    same(&scene, CONTENTS, 20_000);
    let post = scene.tool(BY_HAND[3]).input(again).run();
    post.ends_with(0);
    scene
        .tool(BY_HAND[4])
        .input(post.text())
        .run()
        .ends_with(0)
        .stream()
        .the("verification");
    same(&scene, WHOLE, 20_000);
    scene.is_the_same_to_pg_dump();
}

#[test]
fn every_shape_arrives_between_versions() {
    for (source, target) in [(13, 18), (15, 18)] {
        let found = Majors::probed();
        if !found.contains_key(&source) || !found.contains_key(&target) {
            continue;
        }
        let scene = Scene::of(Pair { source, target }, "shapes", SHAPES);
        let plan = scene.plan();
        scene
            .tool(BY_HAND[1])
            .input(plan.clone())
            .run()
            .ends_with(0);
        let stream = copies(&scene, &plan);
        same(&scene, CONTENTS, 9);
        let parts = "select count(*) > 4, count(distinct oids) from pgmig.large_object \
                     where first_piece is not null";
        assert_eq!(scene.target.ask_one(parts), "t|3");
        let pages = "select count(*) < 20 from pg_largeobject where loid in (14, 15, 16)";
        assert_eq!(scene.target.ask_one(pages), "t", "holes are still holes");
        let post = scene.tool(BY_HAND[3]).input(stream).run();
        let verified = scene.tool(BY_HAND[4]).input(post.text()).run();
        verified.ends_with(0);
        let verified = verified.stream_with(&["role"]);
        let one = verified.the("verified");
        assert_eq!(
            (one.text("kind"), one.text("verdict")),
            ("large_objects", "match")
        );
        same(&scene, WHOLE, 9);
    }
}

#[test]
fn what_changed_between_two_runs_is_made_anew() {
    let (scene, plan) = Scene::begun("changed", &format!("{SHAPES}{SOME}"));
    scene.target.run("select lo_from_bytea(500, 'of the user')");
    copies(&scene, &plan);
    for change in [
        "select lo_put(17, 20000000, 'changed')",
        "select lo_put(17, 41943048, 'longer')",
        "select lo_truncate64(lo_open(17, 131072), 20000000)",
        "select lo_unlink(17)",
        "select lo_truncate64(lo_open(14, 131072), 20971520)",
        "select lo_put(1500, 3, '\\x00'), lo_unlink(2500), lo_from_bytea(7, 'new')",
        "select lo_unlink(oid) from pg_largeobject_metadata where oid between 1001 and 3000",
        "select lo_unlink(oid) from pg_largeobject_metadata",
    ] {
        scene.source.run(change);
        copies(&scene, &plan);
        let mut found = scene.target.ask(CONTENTS);
        let before = found.len();
        found.retain(|line| !line.starts_with("500|"));
        assert_eq!(before, found.len() + 1, "{change}: not ours");
        assert_eq!(found, scene.source.ask(CONTENTS), "{change}");
    }
    copies(&scene, &scene.plan());
}

#[test]
fn a_large_one_goes_on_with_the_parts_that_are_missing() {
    let (scene, plan) = Scene::begun("parts", SHAPES);
    let plan = plan.as_str();
    for (change, earlier) in [
        ("select 1", true),
        ("select lo_put(17, 41943048, 'longer')", false),
    ] {
        copies(&scene, plan);
        // As if it had been killed: a part is not there, neither in the plan nor as pages.
        scene.target.run(
            "update pgmig.large_object set done_at = null where 17 = any (oids) and first_piece = 16;
             delete from pg_largeobject where loid = 17 and pageno between 8192 and 16383;
             update pgmig.large_object set worker = 'earlier' where done_at is not null",
        );
        scene.source.run(change);
        copies(&scene, plan);
        let kept = "select count(*) from pgmig.large_object \
                    where 17 = any (oids) and worker = 'earlier'";
        let expected = if earlier { "2" } else { "0" };
        assert_eq!(scene.target.ask_one(kept), expected, "{change}");
        same(&scene, CONTENTS, 9);
    }
}

#[test]
fn one_of_the_target_with_an_oid_of_the_source_is_a_conflict() {
    let (scene, plan) = Scene::begun("conflict", SOME);
    scene.target.run("select lo_from_bytea(2345, 'mine')");
    let ran = scene.target_is_untouched_by(|| scene.tool(COPY).input(plan.clone()).run());
    ran.fails_clearly(7, &["large object 2345"]);
    ran.says(&["lo_unlink"]);
    let mine = "select convert_from(lo_get(2345), 'UTF8')";
    assert_eq!(scene.target.ask_one(mine), "mine");
    scene.target.run("select lo_unlink(2345)");
    copies(&scene, &plan);
    same(&scene, CONTENTS, 2000);
}

#[test]
fn one_that_comes_in_between_is_an_item_and_the_rest_arrives() {
    let (scene, plan) = Scene::begun("between", SOME);
    let (copy, mut holder) = stuck(&scene, &plan, [1100, 1600]);
    holder.batch_execute("commit").expect("they are made");
    let ran = copy.wait();
    ran.ends_with(6);
    ran.says(&["large objects 1001 to 1500", "1600"]);
    assert_eq!(progress(&scene), (2, 2));
    let again = scene.tool(COPY).input(plan.clone()).run();
    again.fails_clearly(7, &["large object 1100"]);
    scene.target.run("select lo_unlink(1100), lo_unlink(1600)");
    copies(&scene, &plan);
    same(&scene, CONTENTS, 2000);
}

#[test]
fn one_that_may_not_be_read_is_named_before_anything_is_copied() {
    let sql = format!(
        "{SOME} create table t (id integer); insert into t values (1);
         do $$ begin create role lo_stranger login; exception when duplicate_object then null; end $$;
         do $$ begin for n in 1001..3000 loop
             if n <> 2345 then execute format('grant select on large object %s to lo_stranger', n); end if;
         end loop; end $$;
         grant select on t to lo_stranger"
    );
    let (scene, plan) = Scene::begun("unreadable", &sql);
    let stranger = scene
        .source
        .conninfo()
        .replace("user=postgres", "user=lo_stranger");
    let copy = || {
        scene
            .tool(COPY)
            .env("PGMIG_SOURCE", &stranger)
            .input(plan.clone())
            .run()
    };
    let ran = copy();
    ran.fails_clearly(5, &["large object 2345"]);
    ran.says(&["GRANT SELECT ON LARGE OBJECT"]);
    assert_eq!(scene.target.ask_one("select count(*) from t"), "0");
    scene
        .source
        .run("grant select on large object 2345 to lo_stranger");
    copy().ends_with(0);
    same(&scene, CONTENTS, 2000);
}

#[test]
fn a_session_that_is_ended_is_opened_again() {
    let (scene, plan) = Scene::begun("ended", SOME);
    let (copy, holder) = stuck(&scene, &plan, [1100, 1600]);
    scene.target.run(
        "select pg_terminate_backend(pid) from pg_stat_activity \
         where datname = current_database() and wait_event_type = 'Lock'",
    );
    drop(holder);
    let ran = copy.wait();
    ran.ends_with(0);
    ran.says(&["trying again"]);
    same(&scene, CONTENTS, 2000);
}

#[test]
fn a_stop_is_heard_while_they_are_copied() {
    let (scene, plan) = Scene::begun("stopped", SOME);
    let (copy, holder) = stuck(&scene, &plan, [1100, 1600]);
    let began = Instant::now();
    signal(copy.pid(), "TERM");
    let ran = copy.wait();
    assert!(began.elapsed() < Duration::from_secs(2), "{ran}");
    closes_with(&ran, 143);
    drop(holder);
    copies(&scene, &plan);
    same(&scene, CONTENTS, 2000);
}

#[test]
fn a_ledger_of_an_earlier_version_gets_their_plan() {
    let (scene, plan) = Scene::begun("earlier", SOME);
    scene.target.run("drop table pgmig.large_object");
    let stream = copies(&scene, &plan);
    same(&scene, CONTENTS, 2000);
    scene.tool(BY_HAND[3]).input(stream).run().ends_with(0);
    let ledger = "select count(*) from pg_namespace where nspname = 'pgmig'";
    assert_eq!(scene.target.ask_one(ledger), "0", "it goes with the rest");
}

#[test]
#[ignore = "long: make torture runs it"]
fn one_of_two_gigabytes_arrives() {
    let sql = "
        select lo_create(1);
        select lo_put(1, n * 1048576::bigint, decode(repeat(md5(n::text), 65536), 'hex'))
            from generate_series(0, 2047) n;
        select lo_put(1, 2147483648, 'beyond')";
    let (scene, plan) = Scene::begun("two gigabytes", sql);
    copies(&scene, &plan);
    // lo_get of the whole does not fit into a value.
    let pieces = "
        select n, length(piece), md5(piece)
        from generate_series(0, 2049) n, lo_get(1, n * 1048576::bigint, 1048576) piece order by n";
    same(&scene, pieces, 2050);
}
