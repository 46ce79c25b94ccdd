//! What pg-verify says is equal is equal; what it did not compare it never calls so.

use pg_e2e::{Cluster, Majors, Pair, Ran, Tool};

use crate::drilled::{found, twins};
use crate::scene::Scene;

const SHOP: &str = "
    create schema sales; create schema \"Odd \"\"S\"\"\";
    create table sales.orders (id integer primary key, amount numeric, note text);
    insert into sales.orders select n, n, 'note' from generate_series(1, 2000) n;
    create table sales.lines (id integer primary key, a integer, twice integer generated always as (a * 2) stored);
    insert into sales.lines (id, a) select n, n from generate_series(1, 100) n;
    create table \"Odd \"\"S\"\"\".\"T=1\" (\"C,1\" integer primary key, b text);
    insert into \"Odd \"\"S\"\"\".\"T=1\" values (1, 'b');
    create table log (a text); insert into log values ('x');
    create sequence sales.numbers;";

fn verify(scene: &Scene, more: &[&str]) -> Ran {
    scene.tool(&["pg-verify"]).args(more).run()
}

fn names(ran: &Ran) -> Vec<String> {
    let stream = ran.stream();
    let mut names: Vec<String> = stream
        .of("verified")
        .map(|one| one.text("name").to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn patterns_choose_what_is_compared_as_they_do_in_pg_dump() {
    let scene = twins(Pair::newest(), "scope", SHOP);
    scene.target.run("update log set a = 'y'");
    verify(&scene, &[]).ends_with(1);
    let all: &[(&[&str], &[&str])] = &[
        (&["-n", "sales"], &["lines", "numbers", "orders"]),
        (&["--schema", "s*", "-T", "*.l*"], &["numbers", "orders"]),
        (&["-t", "sales.orders"], &["orders"]),
        (&["-t", "\"Odd \"\"S\"\"\".*"], &["T=1"]),
        (&["-N", "public"], &["T=1", "lines", "numbers", "orders"]),
        (&["-T", "log"], &["T=1", "lines", "numbers", "orders"]),
    ];
    for (flags, expected) in all {
        let ran = verify(&scene, flags);
        ran.ends_with(0);
        assert_eq!(names(&ran), *expected, "{ran}");
    }
    verify(&scene, &["-t", "log"]).ends_with(1);
    for wrong in [&["-t", "no_such"], &["-n", "no_such"], &["-t", "LOG.x"]] {
        verify(&scene, wrong).fails_clearly(2, &["matches nothing"]);
    }
    verify(&scene, &["-t", "[a"]).ends_with(5);
    // What leaves nothing proves nothing.
    for nothing in [&["-T", "*.*"][..], &["-n", "sales", "-T", "sales.*"]] {
        verify(&scene, nothing).fails_clearly(2, &["nothing to compare"]);
    }
}

#[test]
fn a_table_that_is_on_one_side_only_is_matched_by_patterns_too() {
    let scene = twins(Pair::newest(), "one_side", SHOP);
    scene.target.run("drop table sales.lines");
    let ran = verify(&scene, &["-t", "sales.lines"]);
    ran.ends_with(1).says(&["only on the source"]);
    // The stream names it, the target has it no more.
    let plan = scene.plan();
    let ran = scene
        .tool(&["pg-verify", "-t", "sales.lines", "-"])
        .input(plan)
        .run();
    ran.ends_with(1).says(&["only on the source"]);
}

#[test]
fn rows_and_columns_are_chosen_table_by_table() {
    let scene = twins(Pair::newest(), "rows", SHOP);
    scene.target.run(
        "update sales.orders set note = 'other' where id = 7; update \"Odd \"\"S\"\"\".\"T=1\" set b = 'c'",
    );
    let odd = "\"Odd \"\"S\"\"\".\"T=1\"";
    let only = ["-t", "sales.orders"];
    let with = |more: &[&str]| verify(&scene, &[&only, more].concat());
    with(&[]).ends_with(1);
    with(&["--where", "sales.orders=id > 7 or id < 7"]).ends_with(0);
    with(&["--where", "Sales.Orders = id = 7 -- all"]).ends_with(1);
    with(&["--columns", "sales.orders=id,amount"]).ends_with(0);
    with(&["--columns", "sales.orders=note"]).ends_with(1);
    let ran = verify(&scene, &["-t", odd, "--columns", &format!("{odd}=\"C,1\"")]);
    ran.ends_with(0);
    for unsound in ["id < 7) or (id > 7", "no_such > 1", "id"] {
        let ran = with(&["--where", &format!("sales.orders={unsound}")]);
        ran.fails_clearly(2, &["--where sales.orders", "source says"]);
    }
    let ran = with(&["--where", "sales.orders=id % 7 = 0"]);
    assert_eq!(found(&ran), ["orders changed id=7 note"], "{ran}");
    let stream = ran.stream();
    let table = stream.of("verified").next().expect("a table");
    assert_eq!(table.text("condition"), "id % 7 = 0", "{ran}");
    let wrong: &[(&[&str], &str)] = &[
        (&["--columns", "sales.orders=no_such"], "no_such"),
        (&["--columns", "sales.no_such=a"], "not compared"),
        (&["--where", "no_such.t=true"], "not compared"),
        (&["--where", "orders=true"], "not understood"),
        (&["--where", "sales.orders="], "not understood"),
    ];
    for (flags, word) in wrong {
        with(flags).fails_clearly(2, &[word]);
    }
    for columns in ["twice", "id,twice"] {
        let columns = format!("sales.lines={columns}");
        let ran = verify(&scene, &["-t", "sales.lines", "--columns", &columns]);
        ran.fails_clearly(2, &["twice", "is generated"]);
    }
    // A row that leaves the condition has changed; it is not missing.
    let ran = with(&["--where", "sales.orders=note = 'note'"]);
    assert_eq!(found(&ran), ["orders changed id=7 note"], "{ran}");
}

#[test]
fn what_is_counted_or_sampled_is_never_called_equal() {
    let scene = twins(
        Pair::newest(),
        "partly",
        "create table big (id integer primary key, a text);
         insert into big select n, repeat('x', 300) from generate_series(1, 60000) n;
         create table small (id integer primary key); insert into small values (1);",
    );
    let status = |ran: &Ran| ran.stream().the("verification").text("status").to_owned();
    for flags in [&["--quick"][..], &["--sample", "2%"]] {
        let ran = verify(&scene, flags);
        ran.ends_with(6).says(&["proves nothing equal"]);
        assert_eq!(status(&ran), "incomplete", "{ran}");
        let ran = verify(&scene, &[flags, &["--allow-skipped"]].concat());
        ran.ends_with(0);
        assert_eq!(status(&ran), "incomplete", "{ran}");
    }
    // Counts see no value, a sample of all pages does.
    scene
        .target
        .run("update big set a = 'other' where id % 500 = 0");
    verify(&scene, &["--quick"]).ends_with(6);
    let ran = verify(&scene, &["--sample", "100"]);
    ran.ends_with(1);
    assert_eq!(found(&ran).len(), 100, "{ran}");
    verify(&scene, &["--sample", "20", "--allow-skipped"]).ends_with(1);
    scene.target.run("delete from small");
    let ran = verify(&scene, &["--quick", "--allow-skipped", "-t", "small"]);
    ran.ends_with(1);
    for wrong in [&["--sample", "0"][..], &["--sample", "1", "--quick"]] {
        verify(&scene, wrong).ends_with(2);
    }
}

#[test]
fn what_no_cheap_statement_reads_is_not_read_and_never_called_equal() {
    let scene = twins(
        Pair::newest(),
        "cost",
        "create table big (id integer primary key, a text);
         insert into big select n, repeat('x', 100) from generate_series(1, 20000) n;
         create table log (a text); insert into log select a from big;
         create table small (id integer primary key); analyze;",
    );
    let cheap = ["--statement-cost", "300"];
    let verdict = |ran: &Ran, table: &str| {
        let stream = ran.stream();
        let mut all = stream.of("verified");
        let one = all.find(|one| one.text("name") == table);
        one.expect("a table").text("verdict").to_owned()
    };
    let ran = verify(&scene, &cheap);
    ran.ends_with(6)
        .says(&["log is not verified", "--statement-cost 300"]);
    let verdicts = ["big", "log", "small"].map(|table| verdict(&ran, table));
    assert_eq!(verdicts, ["match", "unverified", "match"], "{ran}");
    verify(&scene, &["--statement-cost", "1000000"]).ends_with(0);
    verify(&scene, &["--statement-cost", "0"]).ends_with(2);
    scene.target.run("update big set a = 'y' where id = 12345");
    let ran = verify(&scene, &cheap);
    ran.ends_with(1);
    assert_eq!(found(&ran), ["big changed id=12345 a"], "{ran}");
}

#[test]
fn rows_that_a_policy_hides_are_an_error_and_no_match() {
    let pair = Pair::newest();
    let scene = twins(
        pair,
        "policy",
        "create table t (id integer primary key, owner name);
         insert into t values (1, 'a'), (2, 'b');
         alter table t enable row level security;
         create policy p on t using (owner = 'a');
         create table plain (a integer);",
    );
    let grant = format!("pgmig_reader_{}", std::process::id());
    let as_reader = |cluster: &Cluster, database: &str| {
        cluster
            .connect(database)
            .batch_execute(&format!(
                "do $$ begin create role {grant} login; exception when duplicate_object then null; end $$;
                 grant select on all tables in schema public to {grant}"
            ))
            .expect("a role can be made");
        cluster
            .conninfo(database)
            .replace("user=postgres", &format!("user={grant}"))
    };
    let source = as_reader(pair.source(), &scene.source.name);
    let target = as_reader(pair.target(), &scene.target.name);
    let run = |more: &[&str]| {
        Tool::new("pg-verify")
            .args(["--source", &source, "--target", &target])
            .args(more)
            .run()
    };
    let ran = run(&[]);
    ran.ends_with(6).says(&["row-level security"]);
    run(&["--quick"]).ends_with(6).says(&["row-level security"]);
    // A difference beside it counts more.
    scene.target.run("insert into plain values (1)");
    run(&["--allow-skipped"]).ends_with(1);
    for database in [&scene.source, &scene.target] {
        database.run(&format!("drop owned by {grant}; drop role {grant}"));
    }
}

#[test]
fn cron_hears_nothing_when_all_is_equal_and_everything_when_not() {
    let scene = twins(Pair::newest(), "cron", SHOP);
    let quiet = verify(&scene, &["--quiet"]);
    quiet.ends_with(0);
    assert_eq!((quiet.text().as_str(), quiet.stderr.as_str()), ("", ""));
    scene
        .target
        .run("update sales.orders set amount = 0 where id = 5");
    let told = verify(&scene, &["--quiet"]);
    told.ends_with(1);
    for word in ["orders", "mismatch", "id=5", "amount"] {
        assert!(told.text().contains(word), "{word}\n{told}");
    }
    let dir = scene.dir.path();
    let (history, metrics) = (dir.join("history.csv"), dir.join("verify.prom"));
    for _ in 0..2 {
        scene
            .tool(&["pg-verify", "--quiet", "--history"])
            .arg(&history)
            .arg("--metrics")
            .arg(&metrics)
            .run()
            .ends_with(1);
    }
    let lines = std::fs::read_to_string(&history).expect("the history is there");
    let of_orders: Vec<&str> = lines
        .lines()
        .filter(|line| line.contains(",orders,"))
        .collect();
    assert_eq!(
        lines
            .lines()
            .next()
            .map(|line| line.starts_with("time,source,")),
        Some(true)
    );
    assert_eq!(
        lines.matches("time,source").count(),
        1,
        "one heading\n{lines}"
    );
    assert_eq!(of_orders.len(), 2, "{lines}");
    assert!(
        of_orders[0].contains(",mismatch,2000,2000,b64s/1:"),
        "{lines}"
    );
    let text = std::fs::read_to_string(&metrics).expect("the metrics are there");
    assert!(
        text.contains("pgmig_verify_status{status=\"different\"} 1\n"),
        "{text}"
    );
    assert!(
        text.contains("pgmig_verify_unequal_rows{kind=\"table\",schema=\"sales\",name=\"orders\",verdict=\"mismatch\"} 1\n"),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
    for flag in ["--history", "--metrics", "--resume"] {
        verify(&scene, &[flag, "/no/such/place/x"]).fails_clearly(2, &["/no/such/place/x"]);
    }
    let full = verify(&scene, &["-t", "log", "--history", "/dev/full"]);
    full.ends_with(3).says(&["cannot write /dev/full"]);
}

#[test]
fn a_row_whose_key_is_null_is_in_no_range_and_is_seen() {
    // Since 18 a NOT NULL that is not valid yet says nothing of the rows that are there.
    let scene = twins(
        Pair::newest(),
        "no_key",
        "create table t (id integer, pad text);
         insert into t select n, repeat('x', 500) from generate_series(1, 4000) n;
         create unique index on t (id);",
    );
    scene.target.run("alter table t alter id set not null");
    scene.source.run(
        "insert into t values (null, 'seen');
         do $$ begin execute 'alter table t add not null id not valid';
         exception when syntax_error then null; end $$",
    );
    let ran = verify(&scene, &["--split-size", "1MB"]);
    ran.ends_with(1).says(&["1 missing"]);
}

#[test]
fn an_interrupted_run_goes_on_where_it_was_and_says_so() {
    let wide = "create table wide_1 (a text); insert into wide_1 select repeat('x', 200) from generate_series(1, 9000);
        create table wide_2 as select * from wide_1; create table wide_3 as select * from wide_1;";
    let scene = twins(Pair::newest(), "resumed", &format!("{SHOP} {wide}"));
    let file = scene.dir.path().join("resume");
    let run = |more: &[&str]| {
        scene
            .tool(&["pg-verify", "--jobs", "1", "--resume"])
            .arg(&file)
            .args(more)
            .run()
    };
    run(&[]).ends_with(0);
    assert!(!file.exists(), "a run that came to its end leaves no file");
    let stopped = scene
        .tool(&[
            "pg-verify",
            "--jobs",
            "1",
            "--rate-limit",
            "1MB",
            "--resume",
        ])
        .arg(&file)
        .spawn();
    pg_e2e::fault::wait_until(
        "a table is found equal",
        std::time::Duration::from_secs(20),
        || std::fs::read_to_string(&file).is_ok_and(|text| text.contains("\"match\"")),
    );
    let mode = std::fs::metadata(&file).expect("it is there").permissions();
    let mode = std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777;
    assert_eq!(mode, 0o600, "it names what is in the database");
    run(&[]).fails_clearly(7, &["another run"]);
    pg_e2e::fault::signal(stopped.pid(), "INT");
    let stopped = stopped.wait();
    stopped.ends_with(130);
    // What was found equal is not read again; the rest is.
    scene.target.run("update log set a = 'y'");
    let noted = std::fs::read_to_string(&file).expect("it is there");
    let ran = run(&[]);
    ran.ends_with(1).says(&["found equal by an earlier run"]);
    assert!(!file.exists());
    // Nor is it believed of a table that was loaded anew since, and differs now.
    scene.target.run(
        "truncate log, wide_1, wide_2, wide_3, sales.orders, sales.lines;
         truncate \"Odd \"\"S\"\"\".\"T=1\"",
    );
    std::fs::write(&file, noted).expect("the directory is ours");
    let ran = run(&[]);
    ran.ends_with(1);
    assert!(!ran.text().contains("by an earlier run"), "{ran}");
    // Another comparison begins anew, and a file of somebody else is left alone.
    std::fs::write(&file, "something of mine\n").expect("the directory is ours");
    run(&[]).fails_clearly(2, &["is not a file of"]);
    assert_eq!(
        std::fs::read_to_string(&file).expect("it is there"),
        "something of mine\n"
    );
}

#[test]
fn what_lags_behind_is_looked_at_again_and_what_stays_is_told() {
    let scene = twins(Pair::newest(), "lag", SHOP);
    scene
        .target
        .run("update sales.orders set note = 'late' where id in (5, 6)");
    let slow = |more: &[&str]| {
        scene
            .tool(&["pg-verify", "--recheck", "1s", "-v"])
            .args(more)
            .spawn()
    };
    // It arrives while we wait.
    let running = slow(&["--recheck-times", "3"]);
    std::thread::sleep(std::time::Duration::from_millis(900));
    scene
        .target
        .run("update sales.orders set note = 'note' where id in (5, 6)");
    let ran = running.wait();
    ran.ends_with(0);
    assert!(ran.text().contains("was equal at look"), "{ran}");
    // One of two arrives.
    scene
        .target
        .run("update sales.orders set note = 'late' where id in (5, 6)");
    let running = slow(&["--recheck-times", "2"]);
    std::thread::sleep(std::time::Duration::from_millis(900));
    scene
        .target
        .run("update sales.orders set note = 'note' where id = 6");
    let ran = running.wait();
    ran.ends_with(1);
    assert_eq!(found(&ran), ["orders changed id=5 note"], "{ran}");
    // The source changes it all the time: nobody knows.
    let mut writer = scene.source.connect();
    let running = slow(&["--recheck-times", "2"]);
    let until = std::time::Instant::now() + std::time::Duration::from_millis(3_500);
    while std::time::Instant::now() < until {
        writer
            .batch_execute("update sales.orders set amount = amount + 1 where id = 5")
            .expect("the row can be changed");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let ran = running.wait();
    ran.ends_with(6)
        .says(&["changed on the source at every look"]);
}

#[test]
fn a_limit_of_the_rate_is_kept_and_ctrl_c_ends_it_within_a_second() {
    let scene = twins(
        Pair::newest(),
        "slow",
        "create table t (id integer primary key, a text);
         insert into t select n, repeat('x', 200) from generate_series(1, 40000) n; analyze t;",
    );
    let flags = ["--rate-limit", "3MB", "--split-size", "1MB"];
    let ran = verify(&scene, &flags);
    ran.ends_with(0);
    assert!(ran.took.as_millis() > 1_500, "9 MB at 3 MB a second\n{ran}");
    let running = scene
        .tool(&["pg-verify"])
        .args(["--rate-limit", "1MB", "--split-size", "1MB"])
        .spawn();
    std::thread::sleep(std::time::Duration::from_millis(700));
    pg_e2e::fault::signal(running.pid(), "INT");
    let begun = std::time::Instant::now();
    let ran = running.wait();
    ran.ends_with(130);
    assert!(begun.elapsed().as_millis() < 1_200, "{ran}");
}

#[test]
fn sides_that_cannot_be_reached_or_read_are_told_by_the_status() {
    let scene = twins(Pair::newest(), "status", "create table t (a integer)");
    let nobody = pg_e2e::fault::nobody_there();
    Tool::new("pg-verify")
        .args(["--source", &nobody, "--target", &scene.target.conninfo()])
        .run()
        .ends_with(4);
    if Majors::probed().contains_key(&10) {
        let old = pg_e2e::Database::create(Cluster::of(10, pg_e2e::cluster::Side::Source), "old");
        Tool::new("pg-verify")
            .args([
                "--source",
                &old.conninfo(),
                "--target",
                &scene.target.conninfo(),
                "--method",
                "server",
            ])
            .run()
            .fails_clearly(2, &["no hash"]);
    }
}

#[test]
fn a_lock_that_is_in_the_way_is_told() {
    let scene = twins(Pair::newest(), "locked", "create table t (id integer)");
    let mut locked = scene.target.connect();
    locked
        .batch_execute("begin; lock table t in access exclusive mode")
        .expect("it is locked");
    let running = scene.tool(&["pg-verify"]).spawn();
    pg_e2e::fault::wait_until(
        "it has asked who is in the way",
        std::time::Duration::from_mins(1),
        || {
            scene.target.ask_one(
                "select count(*)::text from pg_stat_activity where datname = current_database()
                 and application_name like '%pg-verify watch' and state = 'idle'
                 and query like '%pg_blocking_pids%'",
            ) == "1"
        },
    );
    drop(locked);
    let ran = running.wait();
    ran.ends_with(0)
        .says(&["waits for a lock on public.t", "on the target"]);
}
