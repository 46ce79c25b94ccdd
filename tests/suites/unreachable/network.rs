//! Faults of the network, and things that listen but are no PostgreSQL server.

use std::time::Duration;

use pg_e2e::fault::{self, Act, Fake};
use pg_e2e::{Database, Pair, Ran};

use super::{Verdict, fails, is_told_as, probe};
use crate::scene::skip;

/// What `connect_timeout=2` may take; generous, since many tests run at once.
const SHORTEST: Duration = Duration::from_millis(1_900);
const LONGEST: Duration = Duration::from_secs(5);

/// Connection string into a black hole, with two seconds to wait.
fn into_black_hole() -> Option<String> {
    let port = fault::black_hole();
    if port.is_none() {
        skip("this system answers although a listener's queue is full");
    }
    Some(format!(
        "host=127.0.0.1 port={} user=u dbname=d connect_timeout=2",
        port?
    ))
}

#[track_caller]
fn took_two_seconds(ran: &Ran) {
    assert!(
        (SHORTEST..LONGEST).contains(&ran.took),
        "connect_timeout=2 took {:?}\n{ran}",
        ran.took
    );
}

/// What a fake server that plays these acts is told as.
#[track_caller]
fn server_is_told_as(acts: &[Act], more: &str, verdict: Verdict<'_>) -> Ran {
    let fake = Fake::new(acts.iter().cloned());
    fails(&fake.conninfo(more), verdict)
}

#[test]
fn a_closed_port_refuses() {
    let ran = fails(&fault::nobody_there(), ("refused", "tcp"));
    ran.says(&["127.0.0.1"]);
}

#[test]
fn a_name_that_nobody_knows_does_not_resolve() {
    let conninfo = "host=no-such-host.invalid user=u dbname=d";
    fails(conninfo, ("resolve", "resolve")).says(&["no-such-host.invalid"]);
}

#[test]
fn a_socket_that_is_not_there_refuses() {
    let conninfo = "host=/no/such/directory port=5439 user=u dbname=d";
    let ran = fails(conninfo, ("refused", "tcp"));
    ran.says(&["/no/such/directory", "5439"]);
}

#[test]
fn a_black_hole_is_given_up_in_time() {
    if let Some(conninfo) = into_black_hole() {
        took_two_seconds(&fails(&conninfo, ("timeout", "tcp")));
    }
}

#[test]
fn both_sides_are_probed_at_once() {
    let Some(conninfo) = into_black_hole() else {
        return;
    };
    let ran = probe(&conninfo).args(["--target", &conninfo]).run();
    ran.ends_with(4);
    assert!(
        ran.took < SHORTEST * 2,
        "two sides took {:?}\n{ran}",
        ran.took
    );
    let stream = ran.stream();
    for role in ["source", "target"] {
        let failed = stream
            .of("probe")
            .any(|step| step.text("role") == role && step.text("class") == "timeout");
        assert!(failed, "{role}\n{ran}");
    }
}

#[test]
fn the_next_host_is_tried_after_one_that_does_not_answer() {
    let database = Database::create(Pair::newest().source(), "second_host");
    let good = database.conninfo();
    let value = |key: &str| {
        let (_, rest) = good.split_once(&format!("{key}=")).unwrap_or_default();
        rest.split(' ').next().unwrap_or_default().to_owned()
    };
    let with_first = |host: &str, port: u16| {
        good.replace("host=", &format!("host={host},"))
            .replace(&value("port"), &format!("{port},{}", value("port")))
    };
    let unknown = probe(&with_first("no-such-host.invalid", 1)).run();
    unknown.ends_with(0);
    let refused = probe(&with_first("127.0.0.1", 1)).run();
    refused.ends_with(0);
    if let Some(hole) = fault::black_hole() {
        let conninfo = format!("{} connect_timeout=2", with_first("127.0.0.1", hole));
        let ran = probe(&conninfo).run();
        ran.ends_with(0);
        took_two_seconds(&ran);
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up_in_time() {
    for (sslmode, step) in [("disable", "auth"), ("require", "tls")] {
        let more = format!("sslmode={sslmode} connect_timeout=2");
        let ran = server_is_told_as(&[Act::Hold], &more, ("timeout", step));
        took_two_seconds(&ran);
    }
}

#[test]
fn a_server_that_stops_in_the_middle_of_a_message_is_given_up_in_time() {
    let half = fault::authentication(0)[..6].to_vec();
    let acts = [Act::Startup(b'N'), Act::Say(half), Act::Hold];
    let ran = server_is_told_as(&acts, "connect_timeout=2", ("timeout", "auth"));
    took_two_seconds(&ran);
}

#[test]
fn other_programs_that_listen_are_no_postgresql_server() {
    let http = b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n".to_vec();
    let noise = vec![
        0x9c, 0x03, 0xff, 0x00, 0x41, 0xd1, 0x7e, 0x80, 0x0a, 0x99, 0x02,
    ];
    let ssh = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".to_vec();
    for (acts, more, class) in [
        // A web server answers what it does not understand; SSH speaks first.
        (
            vec![Act::Hear, Act::Say(http.clone())],
            "sslmode=disable",
            "not_postgres",
        ),
        (vec![Act::Hear, Act::Say(http)], "", "not_postgres"),
        (
            vec![Act::Say(noise.clone())],
            "sslmode=disable",
            "not_postgres",
        ),
        (vec![Act::Say(noise)], "", "not_postgres"),
        (
            vec![Act::Say(ssh.clone())],
            "sslmode=disable",
            "not_postgres",
        ),
        // Its first byte says yes to TLS.
        (vec![Act::Say(ssh)], "sslmode=require", "not_postgres|tls"),
    ] {
        let more = format!("{more} connect_timeout=5");
        let ran = server_is_told_as(&acts, &more, (class, "tls|auth"));
        assert!(ran.took < LONGEST, "{ran}");
    }
}

#[test]
fn tls_that_is_agreed_to_and_then_not_spoken_is_told_as_tls() {
    let yes = Act::Startup(b'S');
    let rubbish = Act::Say(b"this is no handshake, whatever it is".to_vec());
    for acts in [vec![yes.clone(), Act::Hear, rubbish], vec![yes]] {
        server_is_told_as(&acts, "sslmode=require", ("tls", "tls"));
    }
}

#[test]
fn a_server_that_hangs_up_is_lost() {
    server_is_told_as(&[], "sslmode=disable", ("lost", "auth"));
    server_is_told_as(&[], "", ("lost", "tls|auth"));
    let welcome = Act::Say(fault::authentication(0));
    let acts = [Act::Startup(b'N'), welcome];
    server_is_told_as(&acts, "", ("lost", "auth|session"));
}

/// The other tools wait for such a server, so it is pg-probe alone that fails at once.
#[test]
fn a_server_that_starts_or_stops_is_unavailable() {
    for text in [
        "the database system is starting up",
        "the database system is shutting down",
        "the database system is in recovery mode",
    ] {
        let acts = [Act::Startup(b'N'), Act::Say(fault::refusal("57P03", text))];
        let ran = probe(&Fake::new(acts).conninfo("")).run();
        is_told_as(&ran, ("unavailable", "auth"));
        ran.says(&[text]);
        assert!(ran.text().contains("\"57P03\""), "{ran}");
        assert!(ran.took < LONGEST, "{ran}");
    }
}
