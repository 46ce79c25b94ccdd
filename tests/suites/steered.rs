//! A copy as it was asked for: which rows, how fast, with how many jobs, what of earlier runs is
//! kept, and what is said while it waits.

use std::time::{Duration, Instant};

use pg_e2e::cluster::{Setup, Side};
use pg_e2e::fault::{Locked, signal, wait_until};
use pg_e2e::{Cluster, Database, Majors};

use crate::scene::{BY_HAND, Scene};

const LIMIT: Duration = Duration::from_secs(20);

/// Some 3 MB of rows, and a table with a name that is hard to type.
const ROWS: &str = "
    create table large (id integer primary key, t text);
    insert into large select n, repeat(md5(n::text), 4) from generate_series(1, 20000) n;
    create schema \"S=.\";
    create table \"S=.\".\"T\"\"x\" (id integer, \"Größe\" text);
    insert into \"S=.\".\"T\"\"x\" values (1, 'a'), (2, 'b'), (3, null);";

/// Copies the plan with these flags; the stream that comes out of it.
#[track_caller]
fn copied(scene: &Scene, plan: &str, flags: &[&str]) -> String {
    let ran = copy(scene, plan, flags).run();
    ran.ends_with(0);
    ran.text()
}

fn copy(scene: &Scene, plan: &str, flags: &[&str]) -> pg_e2e::Tool {
    scene
        .tool(&["pg-copy"])
        .args(flags)
        .arg("-")
        .input(plan.to_owned())
}

#[test]
fn only_the_rows_that_are_wanted_go_over() {
    let (scene, plan) = Scene::begun("wanted", ROWS);
    let hostile = "\"S=.\".\"T\"\"x\"=\"Größe\" <> 'it''s' -- all that have one";
    let flags = [
        "--where",
        "Public.Large=id % 10 = 0 or id = 1",
        "--where",
        hostile,
    ];
    let flags = [&flags[..], &["--split-size", "1MB"]].concat();
    let stream = copied(&scene, &plan, &flags);
    let ids = |database: &Database, more: &str| {
        database.ask_one(&format!(
            "select count(*) || ' ' || sum(id) || ' ' || md5(string_agg(t, '' order by id)) \
             from large {more}"
        ))
    };
    assert_eq!(
        ids(&scene.target, ""),
        ids(&scene.source, "where id % 10 = 0 or id = 1")
    );
    let others = "select id::text from \"S=.\".\"T\"\"x\" order by id";
    assert_eq!(scene.target.ask(others), ["1", "2"]);
    let parts = "select (count(*) > 1)::text from pgmig.chunk where table_name = 'large'";
    assert_eq!(scene.target.ask_one(parts), "true");
    assert!(
        stream.contains("\"condition\":\"id % 10 = 0 or id = 1\""),
        "{stream}"
    );
    // What was copied is what is there, to the rest of the pipeline.
    let post = scene.tool(BY_HAND[3]).input(stream).run();
    post.ends_with(0);
    let verify = scene.tool(BY_HAND[4]).input(post.text()).run();
    verify.ends_with(0);
    // Rows that were not wanted are not called missing, and which were is told.
    scene
        .target
        .run("update large set t = 'other' where id = 10");
    let verify = |more: &[&str]| {
        let tool = scene.tool(BY_HAND[4]).args(more);
        let ran = tool.input(post.text()).run();
        ran.ends_with(1);
        (crate::drilled::found(&ran), ran)
    };
    let (found, ran) = verify(&[]);
    assert!(found.is_empty(), "{ran}");
    let stream = ran.stream();
    let large = stream
        .of("verified")
        .find(|one| one.text("name") == "large");
    let condition = large.expect("it is compared").text("condition").to_owned();
    assert_eq!(condition, "id % 10 = 0 or id = 1", "{ran}");
    let (found, ran) = verify(&["--where", "public.large=id % 10 = 0 or id = 1"]);
    assert_eq!(found, ["large changed id=10 t"], "{ran}");
}

#[test]
fn a_condition_that_cannot_be_changes_nothing() {
    let (scene, plan) = Scene::begun("wrong where", ROWS);
    for (typed, status, words) in [
        ("large", 2, &["schema.table=condition"][..]),
        ("public.large=", 2, &["condition is empty"]),
        (
            "public.larg=true",
            2,
            &["public.larg", "no rows of such a table"],
        ),
        ("public.large=nope > 1", 2, &["public.large", "nope"]),
        ("public.large=id", 2, &["public.large", "boolean"]),
        (
            "public.large=true); drop table large; --",
            2,
            &["public.large"],
        ),
        ("public.large=true; select 1", 2, &["public.large"]),
    ] {
        let ran = scene.target_is_untouched_by(|| copy(&scene, &plan, &["--where", typed]).run());
        ran.fails_clearly(status, words);
    }
    let twice = [
        "--where",
        "public.large=true",
        "--where",
        "public.large=true",
    ];
    copy(&scene, &plan, &twice)
        .run()
        .fails_clearly(2, &["two conditions"]);
}

#[test]
fn another_condition_copies_a_table_again() {
    let (scene, plan) = Scene::begun("other where", ROWS);
    let count = || scene.target.ask_one("select count(*)::text from large");
    for (flags, rows) in [
        (&["--where", "public.large=id <= 7"][..], "7"),
        (&["--where", "public.large=id <= 9"], "9"),
        (&[], "20000"),
    ] {
        copied(&scene, &plan, flags);
        assert_eq!(count(), rows, "{flags:?}");
    }
}

#[test]
fn without_resume_all_is_copied_anew() {
    let (scene, plan) = Scene::begun("anew", ROWS);
    copied(&scene, &plan, &[]);
    scene
        .target
        .run("update large set t = 'not from the source' where id = 5");
    let kept = copied(&scene, &plan, &[]);
    assert!(kept.contains("\"earlier\":true"), "{kept}");
    let anew = copied(&scene, &plan, &["--no-resume"]);
    assert!(!anew.contains("\"earlier\":true"), "{anew}");
    let wrong = "select count(*)::text from large where t like 'not%'";
    assert_eq!(scene.target.ask_one(wrong), "0");
    assert_eq!(
        scene.target.ask_one("select count(*)::text from large"),
        "20000"
    );
}

/// A source of its own, on which nobody else writes.
fn quiet(sql: &str) -> (Scene, String) {
    let conf = "autovacuum = off";
    let setup = Setup {
        conf,
        ..Setup::default()
    };
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start(Majors::newest(), setup)));
    let source = Database::create(cluster, "quiet").with(sql);
    let scene = Scene {
        target: source.twin(Cluster::of(Majors::newest(), Side::Target)),
        source,
        dir: tempfile::TempDir::new().expect("a temporary directory can be made"),
    };
    let plan = scene.plan();
    scene
        .tool(BY_HAND[1])
        .input(plan.clone())
        .run()
        .ends_with(0);
    (scene, plan)
}

#[test]
fn nothing_is_read_again_where_nothing_can_have_been_written() {
    let (scene, plan) = quiet(ROWS);
    copied(&scene, &plan, &[]);
    let again = |words: &[&str]| {
        let ran = copy(&scene, &plan, &[]).run();
        ran.ends_with(0);
        ran.says(words);
        ran.text()
    };
    let kept = again(&["nothing has been committed"]);
    assert_eq!(kept.matches("\"earlier\":true").count(), 2, "{kept}");
    let mut open = scene.source.connect();
    open.batch_execute("begin; update large set t = 'new' where id = 7")
        .expect("the source can be written to");
    again(&["nothing has been committed"]);
    open.batch_execute("commit").expect("it can be committed");
    let changed = again(&["comparing them with the source", "has changed"]);
    assert_eq!(changed.matches("\"earlier\":true").count(), 1, "{changed}");
    let new = "select t from large where id = 7";
    assert_eq!(scene.target.ask_one(new), "new");
    again(&["nothing has been committed"]);
}

#[test]
fn a_run_over_a_part_of_the_tables_proves_nothing_of_the_others() {
    let (scene, plan) = quiet(ROWS);
    copied(&scene, &plan, &[]);
    scene.source.run("update large set t = 'new' where id = 7");
    let part: String = plan
        .split_inclusive('\n')
        .filter(|line| !line.contains("\"type\":\"table\",\"schema\":\"public\""))
        .collect();
    assert_ne!(part, plan);
    copied(&scene, &part, &[]);
    let ran = copy(&scene, &plan, &[]).run();
    ran.ends_with(0);
    ran.says(&["has changed"]);
    let new = "select t from large where id = 7";
    assert_eq!(scene.target.ask_one(new), "new");
}

#[test]
fn it_goes_no_faster_than_was_asked_for_and_takes_more_jobs_on_a_signal() {
    let (scene, plan) = Scene::begun("steered", ROWS);
    let began = Instant::now();
    let flags = [
        "--rate-limit",
        "1MB/s",
        "--jobs",
        "1",
        "--split-size",
        "1MB",
    ];
    let running = copy(&scene, &plan, &flags).spawn();
    let jobs = "select count(distinct worker)::text from pgmig.attempt where worker like '%/_'";
    wait_until("it copies", LIMIT, || scene.target.ask_one(jobs) == "1");
    signal(running.pid(), "USR1");
    wait_until("there are two", LIMIT, || scene.target.ask_one(jobs) == "2");
    signal(running.pid(), "USR2");
    let ran = running.wait();
    ran.ends_with(0);
    ran.says(&["jobs are now 2", "jobs are now 1"]);
    // 3 MB, of which the last block is not waited for.
    assert!(began.elapsed() > Duration::from_secs(2), "{ran}");
    assert_eq!(
        scene.target.ask_one("select count(*)::text from large"),
        "20000"
    );
}

#[test]
fn a_lock_that_is_in_the_way_is_told() {
    let (scene, plan) = Scene::begun("in the way", ROWS);
    let locked = Locked::table(&scene.target, "large");
    let running = copy(&scene, &plan, &[]).spawn();
    std::thread::sleep(Duration::from_secs(6));
    drop(locked);
    let ran = running.wait();
    ran.ends_with(0);
    ran.says(&[
        "waits for a lock on public.large",
        "pg_terminate_backend",
        "on the target",
    ]);
    assert!(ran.text().contains("\"waits_for\":\"lock\""), "{ran}");
}

#[test]
fn who_wants_to_change_a_table_of_the_source_is_named() {
    let (scene, plan) = Scene::begun("want", ROWS);
    // Our sessions come to the table one after the other; the first holds it, the change waits
    // for that, and the others wait for the change.
    let locked = Locked::table(&scene.target, "large");
    let running = copy(&scene, &plan, &[]).spawn();
    wait_until("the plan is written", LIMIT, || {
        scene
            .target
            .ask_one("select count(*)::text from pgmig.run where planned_at is not null")
            == "1"
    });
    let mut other = scene.source.connect();
    let pid: i32 = other
        .query_one("select pg_backend_pid()", &[])
        .expect("it answers")
        .get(0);
    let change = std::thread::spawn(move || {
        // Ended by the test.
        drop(other.batch_execute("truncate large"));
    });
    wait_until("the change waits", LIMIT, || {
        scene.source.ask_one(&format!(
            "select count(*)::text from pg_locks where pid = {pid} and not granted"
        )) == "1"
    });
    drop(locked);
    std::thread::sleep(Duration::from_secs(5));
    scene
        .source
        .ask_one(&format!("select pg_terminate_backend({pid})::text"));
    change.join().expect("it does not panic");
    let ran = running.wait();
    ran.ends_with(0);
    ran.says(&[
        "waits for a lock on public.large",
        &format!("({pid})"),
        "on the source",
    ]);
    assert_eq!(
        scene.target.ask_one("select count(*)::text from large"),
        "20000"
    );
}

#[test]
fn brackets_that_do_not_balance_double_no_row() {
    let (scene, plan) = Scene::begun("brackets", ROWS);
    let typed = "public.large=id <= 10000) or (id > 10000";
    let flags = ["--split-size", "1MB", "--where", typed];
    let ran = scene.target_is_untouched_by(|| copy(&scene, &plan, &flags).run());
    ran.fails_clearly(2, &["public.large"]);
}

/// Tables with everything that notices rows, one of which the data break: the ledger stays.
const NOTICED: &str = "
    create table audit (id serial, what text);
    create table parent (id integer primary key, v text);
    insert into parent select n, 'v' from generate_series(1, 1000) n;
    create table child (id integer primary key, parent integer);
    insert into child select n, n from generate_series(1, 1000) n;
    create function note() returns trigger language plpgsql as
        $$ begin insert into public.audit (what) values (tg_op); return null; end $$;
    create trigger note after insert or delete on parent for each row execute function note();
    create trigger emptied after truncate on parent execute function note();
    alter table child add foreign key (parent) references parent;
    create table broken (id integer);
    insert into broken values (1);
    alter table broken add constraint never check (id > 1) not valid;
    create table orphan (parent integer);
    insert into orphan values (5000);
    alter table orphan add foreign key (parent) references parent not valid;
    update pg_constraint set convalidated = true where conname = 'orphan_parent_fkey';";

#[test]
fn rows_that_are_copied_again_set_nothing_off() {
    let (scene, plan) = Scene::begun("noticed", NOTICED);
    let stream = copied(&scene, &plan, &[]);
    let post = scene.tool(BY_HAND[3]).input(stream).run();
    post.ends_with(6);
    let keys = "select count(*)::text from pg_trigger where not tgisinternal";
    assert_eq!(scene.target.ask_one(keys), "2", "{post}");
    scene
        .source
        .run("update parent set v = 'w' where id = 5; truncate audit; delete from orphan");
    let plan = scene.plan();
    let ran = copy(&scene, &plan, &[]).run();
    ran.ends_with(0);
    ran.says(&["public.parent", "has changed"]);
    assert_eq!(
        scene.target.ask_one("select count(*)::text from audit"),
        "0"
    );
    let sum = "select count(*) || ' ' || md5(string_agg(id || v, ',' order by id)) from parent";
    assert_eq!(scene.target.ask_one(sum), scene.source.ask_one(sum));
    let post = scene.tool(BY_HAND[3]).input(ran.text()).run();
    post.ends_with(0);
    scene.tool(BY_HAND[4]).input(post.text()).run().ends_with(0);
    scene.is_the_same_to_pg_dump();
}

#[test]
fn a_role_that_may_not_keep_triggers_quiet_is_refused() {
    let (scene, plan) = Scene::begun("loud", NOTICED);
    let stream = copied(&scene, &plan, &[]);
    scene.tool(BY_HAND[3]).input(stream).run().ends_with(6);
    scene.source.run("update parent set v = 'w' where id = 5");
    scene
        .target
        .run("alter table parent enable always trigger note");
    let before = scene.target.ask_one("select count(*)::text from audit");
    let ran = copy(&scene, &plan, &[]).run();
    ran.fails_clearly(7, &["public.parent", "trigger that fires"]);
    assert_eq!(
        scene.target.ask_one("select count(*)::text from audit"),
        before
    );
    assert_eq!(
        scene.target.ask_one("select count(*)::text from parent"),
        "1000"
    );
}

#[test]
fn a_stream_of_some_tables_leaves_the_others_parts_alone() {
    let (scene, plan) = Scene::begun("some", ROWS);
    let flags = [
        "--rate-limit",
        "1MB/s",
        "--jobs",
        "1",
        "--split-size",
        "1MB",
    ];
    let running = copy(&scene, &plan, &flags).spawn();
    wait_until("a part is in", LIMIT, || {
        scene
            .target
            .ask_one("select (count(*) > 0)::text from pgmig.chunk where done_at is not null")
            == "true"
    });
    signal(running.pid(), "KILL");
    running.wait().ends_with(137);
    let part: String = plan
        .split_inclusive('\n')
        .filter(|line| !line.contains("\"type\":\"table\",\"schema\":\"public\""))
        .collect();
    copied(&scene, &part, &[]);
    copied(&scene, &plan, &["--split-size", "1MB"]);
    assert_eq!(
        scene.target.ask_one("select count(*)::text from large"),
        "20000"
    );
}
