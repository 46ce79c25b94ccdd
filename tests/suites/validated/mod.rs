//! Each check of pg-validate fires where it should and is quiet where it should; what it says
//! to people and to programs; what it does when it cannot look.

mod alone;
mod cases;
mod looking;
mod mended;
mod rehearsed;
mod ways;

use std::collections::BTreeSet;

use pg_e2e::{Database, Ran, Record, Tool};

use alone::ALONE;
use cases::{At, Case, cases};
use ways::{Ends, Servers, WAYS, Way};

/// Checks that nothing here can make fire, and why.
const NEVER: &[(&str, &str)] = &[
    ("type.xml", "every server here can read XML"),
    (
        "ver.source_min",
        "no server before 10 can be had; its judgement has a unit test",
    ),
    (
        "src.platform",
        "it says whose the servers are and finds nothing",
    ),
];

/// The record of a check.
#[track_caller]
fn check(ran: &Ran, id: &str) -> Record {
    let stream = ran.stream();
    let found = stream
        .of("check")
        .find(|check| check.text("id") == id)
        .cloned();
    found.unwrap_or_else(|| panic!("no check {id}\n{ran}"))
}

/// Whether a check has found something, and names it.
fn fires(check: &Record, names: &str) -> bool {
    let tells = match check.text("status") {
        "Failed" | "Warning" => true,
        "Succeeded" => check.field("objects").is_some(),
        _ => false,
    };
    tells && check.line.contains(names)
}

/// Whether a check was answered and has found nothing of that name.
fn is_quiet(check: &Record, names: &str) -> bool {
    check.text("status") != "Skipped" && !fires(check, names)
}

/// Makes the checks of a way fire; gives those that were not quiet before or silent after.
fn try_way(way: Way, servers: &Servers, plain: &mut Option<Ran>) -> Vec<String> {
    let Some(ends) = Ends::make(way, servers) else {
        return Vec::new();
    };
    let quiet = ends.validate();
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.way == way).collect();
    let quiet = plain_or(way, quiet, plain);
    let mut wrong = Vec::new();
    for case in &cases {
        let before = match (case.sql, plain.as_ref()) {
            ("", Some(plain)) => plain,
            _ => quiet.as_ref().or(plain.as_ref()).expect("one of them ran"),
        };
        let before = check(before, case.id);
        if !is_quiet(&before, case.names) {
            wrong.push(format!("{} is not quiet: {}", case.id, before.line));
        }
    }
    for case in &cases {
        let side = match case.at {
            At::Source => &ends.source,
            At::Target => &ends.target,
        };
        make_fire(side, case);
    }
    let mut idle = ends.source.connect();
    idle.batch_execute("begin; select 1")
        .expect("a transaction can begin");
    let loud = ends.validate();
    wrong.extend(fixes_that_are_no_sql(&ends.source, &loud));
    for case in &cases {
        let after = check(&loud, case.id);
        if !fires(&after, case.names) {
            wrong.push(format!("{} does not fire: {}", case.id, after.line));
        }
    }
    wrong
}

/// What mends, as far as a server cannot read it; none of it is run.
fn fixes_that_are_no_sql(source: &Database, ran: &Ran) -> Vec<String> {
    let mut client = source.connect();
    let mut wrong = Vec::new();
    for check in ran.stream().of("check") {
        let fix = check.field("fix").and_then(|fix| fix.as_str());
        for line in fix.unwrap_or_default().lines() {
            // EXPLAIN looks for functions with such arguments, too.
            let sql = match line.strip_prefix("select ") {
                Some(rest) => format!("explain select {rest}"),
                None => format!("do $fix$ begin return; {line}\nend $fix$"),
            };
            if let Err(error) = client.batch_execute(&sql) {
                wrong.push(format!("{}: {line}: {error:?}", check.text("id")));
            }
        }
    }
    wrong
}

/// Keeps the first run of the plain way, by which ways are judged that fire by themselves.
fn plain_or(way: Way, quiet: Ran, plain: &mut Option<Ran>) -> Option<Ran> {
    if way == Way::Plain {
        *plain = Some(quiet);
        None
    } else {
        Some(quiet)
    }
}

fn make_fire(database: &Database, case: &Case) {
    let name = pg_e2e::database::identifier(&database.name);
    for piece in case.sql.split(";;").filter(|piece| !piece.is_empty()) {
        database.run(&piece.replace("{db}", &name));
    }
}

/// One test, since some of what makes checks fire is the whole server's.
#[test]
fn each_check_is_quiet_on_a_clean_database_and_fires_on_one_that_is_not() {
    let servers = Servers::start();
    let mut plain = None;
    let wrong: Vec<String> = WAYS
        .iter()
        .flat_map(|(_, way)| try_way(*way, &servers, &mut plain))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_check_that_there_is_has_been_made_to_fire() {
    let ran = Tool::new("pg-validate").arg("--list").run();
    ran.ends_with(0);
    let stream = ran.stream();
    let there: BTreeSet<&str> = stream.of("check").map(|check| check.text("id")).collect();
    let tried: BTreeSet<&str> = cases()
        .iter()
        .map(|case| case.id)
        .chain(ALONE.iter().map(|(id, ..)| *id))
        .chain(NEVER.iter().map(|(id, _)| *id))
        .collect();
    let untried: Vec<_> = there.difference(&tried).collect();
    assert!(
        untried.is_empty(),
        "without a pair of databases: {untried:?}"
    );
    let unknown: Vec<_> = tried.difference(&there).collect();
    assert!(unknown.is_empty(), "no such check: {unknown:?}");
}
