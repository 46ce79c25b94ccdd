//! Servers that answer, and do not let us in; and odd roles that are let in.

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use pg_e2e::cluster::{CANARY, Setup};
use pg_e2e::fault::{self, Act, Fake};
use pg_e2e::{Cluster, Majors, Pair, Tool};

use super::{Verdict, dump, fails, fails_so, is_told_as, probe};
use crate::scene::Scene;

const PASSWORD: &str = "right-2c8";

/// No line is there for the databases `unlisted` and `Odd Name`.
const HBA: &str = "
local all all trust
host rejected all 127.0.0.1/32 reject
host postgres,not_there,narrow all 127.0.0.1/32 scram-sha-256";

const ROLES: &str = "
    create role asker login password 'right-2c8';
    create role gatekept password 'right-2c8';
    create role crowd login password 'right-2c8' connection limit 0";

/// A server that has reasons to refuse.
fn server() -> &'static Cluster {
    static SERVER: OnceLock<Cluster> = OnceLock::new();
    SERVER.get_or_init(|| {
        let setup = Setup {
            hba: HBA,
            ..Setup::default()
        };
        let cluster = Cluster::start(Majors::newest(), setup);
        let mut client = cluster.connect("postgres");
        for sql in [
            ROLES,
            "create database rejected",
            "create database unlisted",
            "create database \"Odd Name\"",
            "create database narrow connection limit 0",
        ] {
            client.batch_execute(sql).expect("a new server takes this");
        }
        cluster
    })
}

/// Connection string over TCP.
fn tcp(user: &str, database: &str, password: &str) -> String {
    let port = server().port();
    let mut text = format!("host=127.0.0.1 port={port} user={user} dbname='{database}'");
    if !password.is_empty() {
        text.push_str(&format!(" password={password}"));
    }
    text
}

/// Expects a refusal with its SQLSTATE.
#[track_caller]
fn refuses(conninfo: &str, state: &str, verdict: Verdict<'_>) -> pg_e2e::Ran {
    let ran = fails(conninfo, verdict);
    let stream = ran.stream();
    let failed = stream.of("probe").next_back().expect("a step failed");
    assert_eq!(failed.text("sqlstate"), state, "{ran}");
    assert_eq!(stream.the("error").text("sqlstate"), state, "{ran}");
    ran
}

#[test]
fn a_wrong_password_is_told_as_authentication() {
    let wrong = tcp("asker", "postgres", "wrong-4a4");
    let ran = refuses(&wrong, "28P01", ("authentication", "auth"));
    assert!(!ran.stderr.contains("wrong-4a4"), "{ran}");
}

#[test]
fn no_password_at_all_says_where_to_put_one() {
    let conninfo = tcp("asker", "postgres", "");
    let ran = fails(&conninfo, ("authentication", "auth"));
    ran.says(&["PGMIG_SOURCE_PASSWORD"]);
    let target = Tool::new("pg-probe").args(["--target", &conninfo]).run();
    target
        .fails_clearly(4, &[])
        .says(&["PGMIG_TARGET_PASSWORD"]);
}

/// The server uses one SQLSTATE for these and for `pg_hba.conf`, which is not to blame.
#[test]
fn a_role_that_is_not_there_or_may_not_log_in_is_named_and_not_pg_hba_conf() {
    let home = server().home().display();
    let port = server().port();
    let absent = format!("host={home} port={port} user=no_such_role dbname=postgres");
    let unable = format!("host={home} port={port} user=gatekept dbname=postgres");
    for (conninfo, role) in [
        (absent, "no_such_role"),
        (unable, "gatekept"),
        (tcp("gatekept", "postgres", PASSWORD), "gatekept"),
    ] {
        let ran = refuses(&conninfo, "28000", ("authentication|hba", "auth"));
        ran.says(&[role]);
        assert!(!ran.stderr.contains("pg_hba"), "{ran}");
    }
    // Over TCP a server does not tell whether there is such a role.
    let hidden = tcp("no_such_role", "postgres", PASSWORD);
    refuses(&hidden, "28P01", ("authentication", "auth"));
}

#[test]
fn a_line_that_pg_hba_conf_lacks_is_written_out() {
    for (database, written) in [
        ("rejected", "rejected"),
        ("unlisted", "unlisted"),
        ("Odd Name", "\"Odd Name\""),
    ] {
        let conninfo = tcp("asker", database, PASSWORD);
        let ran = refuses(&conninfo, "28000", ("hba", "auth"));
        let words: Vec<&str> = ran.stderr.split_whitespace().collect();
        let line = format!("host {written} asker 127.0.0.1/32 scram-sha-256");
        assert!(words.join(" ").contains(&line), "expected {line:?}\n{ran}");
    }
}

#[test]
fn a_database_that_is_not_there_is_told_as_such() {
    let ran = refuses(
        &tcp("asker", "not_there", PASSWORD),
        "3D000",
        ("database", "auth"),
    );
    ran.says(&["not_there"]);
}

#[test]
fn too_many_connections_of_a_role_or_a_database_are_told_as_such() {
    for (user, database) in [("crowd", "postgres"), ("asker", "narrow")] {
        let ran = probe(&tcp(user, database, PASSWORD)).run();
        is_told_as(&ran, ("too_many", "auth"));
        assert!(ran.text().contains("\"53300\""), "{ran}");
    }
}

#[test]
fn a_tool_waits_for_a_server_that_has_too_many_connections_for_now() {
    let mut client = server().connect("postgres");
    let sql = format!("create role patient login password '{PASSWORD}' connection limit 0");
    client.batch_execute(&sql).expect("it is the only one");
    let dumping = dump(&tcp("patient", "postgres", PASSWORD)).spawn();
    thread::sleep(Duration::from_millis(2_500));
    let sql = "alter role patient connection limit -1";
    client.batch_execute(sql).expect("it is there");
    let ran = dumping.wait();
    ran.ends_with(0).says(&["trying again"]);
    assert!(ran.took > Duration::from_millis(600), "{ran}");
}

#[test]
fn a_role_with_hardly_any_time_for_a_statement_is_served() {
    let scene = Scene::plain(Pair::newest());
    scene.source.run(&format!(
        "alter database {} set statement_timeout = '1ms';
         alter database {0} set lock_timeout = '1ms'",
        scene.source.name
    ));
    for _ in 0..3 {
        probe(&scene.source.conninfo()).run().ends_with(0);
        dump(&scene.source.conninfo()).run().ends_with(0);
    }
}

#[test]
fn a_target_that_reads_only_unless_told_otherwise_is_loaded() {
    let scene = Scene::plain(Pair::newest());
    scene.target.run(&format!(
        "alter database {} set default_transaction_read_only = on",
        scene.target.name
    ));
    scene.tool(&["pg-probe"]).run().ends_with(0);
    scene.by_hand().run().succeeds();
}

/// A server that wants to see the password itself, over a line that others can read.
fn curious() -> Fake {
    Fake::new([
        Act::Startup(b'N'),
        Act::Say(fault::authentication(3)),
        Act::Message,
        Act::Say(fault::refusal("28P01", "password authentication failed")),
    ])
}

fn heard_the_password(fake: &Fake) -> bool {
    String::from_utf8_lossy(&fake.heard()).contains(CANARY)
}

#[test]
fn a_password_is_not_sent_in_the_clear_to_whoever_asks_for_it() {
    for more in ["", "sslmode=disable", "sslmode=prefer"] {
        let fake = curious();
        let conninfo = fake.conninfo(more);
        let with = |tool: Tool| tool.env("PGMIG_SOURCE_PASSWORD", CANARY);
        let ran = fails_so(&conninfo, ("authentication", "auth"), with);
        ran.says(&["password"]);
        assert!(!heard_the_password(&fake), "{more}: it was sent\n{ran}");
    }
}

#[test]
fn a_password_is_sent_in_the_clear_when_the_connection_string_says_so() {
    let fake = curious();
    let with = |tool: Tool| tool.env("PGMIG_SOURCE_PASSWORD", CANARY);
    let conninfo = fake.conninfo("require_auth=password");
    let ran = fails_so(&conninfo, ("authentication", "auth"), with);
    assert!(heard_the_password(&fake), "it was not sent\n{ran}");
}
