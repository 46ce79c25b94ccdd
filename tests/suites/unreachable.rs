//! Whatever stands between a tool and a server, pg-probe names the step that fails and what
//! is wrong with it, in time; the other tools say the same.

mod network;
mod password;
mod refused;

use pg_e2e::{Ran, Stream, Tool};

/// The steps of a probe, in order.
const STEPS: &[&str] = &["resolve", "tcp", "tls", "auth", "session", "privileges"];

/// pg-probe of a source, its records asked for.
fn probe(conninfo: &str) -> Tool {
    Tool::new("pg-probe").args(["--format", "ndjson", "--source", conninfo])
}

/// Another tool, which connects without telling steps.
fn dump(conninfo: &str) -> Tool {
    Tool::new("pg-schema-dump").args(["--source", conninfo])
}

/// What a failure is: its class, and the step that fails; some have two that are right,
/// with `|` between.
type Verdict<'v> = (&'v str, &'v str);

/// Runs both tools, made by `with` from the bare ones, and expects the same verdict of both.
/// Gives the run of pg-probe.
#[track_caller]
fn fails_so(conninfo: &str, verdict: Verdict<'_>, with: impl Fn(Tool) -> Tool) -> Ran {
    let dumping = with(dump(conninfo)).spawn();
    let ran = with(probe(conninfo)).run();
    is_told_as(&ran, verdict);
    is_told_as(&dumping.wait(), verdict);
    ran
}

#[track_caller]
fn fails(conninfo: &str, verdict: Verdict<'_>) -> Ran {
    fails_so(conninfo, verdict, |tool| tool)
}

/// Expects an error of this class, and of pg-probe the steps up to it.
#[track_caller]
fn is_told_as(ran: &Ran, verdict: Verdict<'_>) {
    ran.fails_clearly(4, &[]);
    let stream = ran.stream();
    let error = stream.the("error");
    assert!(
        is_one_of(error.text("class"), verdict.0),
        "{verdict:?}\n{ran}"
    );
    assert_eq!(error.text("scope"), "stream", "{ran}");
    assert!(!error.text("hint").is_empty(), "{ran}");
    if ran.name == "pg-probe" {
        tells_steps(ran, &stream, verdict);
    }
}

/// Expects the steps before the one that fails, each with its time, then that one.
#[track_caller]
fn tells_steps(ran: &Ran, stream: &Stream, (class, step): Verdict<'_>) {
    let taken: Vec<_> = stream.of("probe").collect();
    let Some((last, before)) = taken.split_last() else {
        panic!("no step was told\n{ran}")
    };
    assert!(
        !last.is("ok") && is_one_of(last.text("step"), step),
        "{step}\n{ran}"
    );
    assert!(is_one_of(last.text("class"), class), "{class}\n{ran}");
    assert!(
        !last.text("hint").is_empty(),
        "a hint stands in the record\n{ran}"
    );
    for step in &taken {
        let time = step
            .field("milliseconds")
            .and_then(serde_json::Value::as_f64);
        assert!(time.is_some_and(|time| time >= 0.0), "{}\n{ran}", step.line);
    }
    // A connection without TLS may leave that step out.
    let told: Vec<&str> = before
        .iter()
        .map(|step| {
            assert!(step.is("ok"), "{}\n{ran}", step.line);
            step.text("step")
        })
        .filter(|step| *step != "tls")
        .collect();
    let expected: Vec<&str> = STEPS
        .iter()
        .copied()
        .take_while(|step| *step != last.text("step"))
        .filter(|step| *step != "tls")
        .collect();
    assert_eq!(told, expected, "{ran}");
}

fn is_one_of(text: &str, words: &str) -> bool {
    words.split('|').any(|word| word == text)
}
