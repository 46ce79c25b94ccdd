//! psql's verdict and ours agree on every connection string: whether it connects, where to,
//! as whom, with TLS or not, and if not, for the same reason. Where they do not, we say so
//! here, and why.

mod case;
mod places;
mod verdict;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use pg_e2e::Tool;

use self::case::{Case, Outcome};
use self::places::Places;
use self::verdict::{QUESTION, Verdict, unclear, verdict_of_ours, verdict_of_psql};
use crate::scene::skip;

/// Each waits for servers most of the time.
const THREADS: usize = 4;

/// A case with what both did.
struct Tried {
    case: Case,
    conninfo: String,
    session: Option<String>,
    psql: Verdict,
    ours: Verdict,
    unclear: Option<String>,
}

/// The cases where both agree, tried once for all tests.
fn agreeing() -> &'static [Tried] {
    static TRIED: OnceLock<Vec<Tried>> = OnceLock::new();
    TRIED.get_or_init(|| {
        let mut cases = case::matrix();
        for text in [
            include_str!("../fixtures/agreement/strings.cases"),
            include_str!("../fixtures/agreement/places.cases"),
            include_str!("../fixtures/agreement/environment.cases"),
            include_str!("../fixtures/agreement/security.cases"),
        ] {
            cases.extend(case::parse(text));
        }
        try_all(cases)
    })
}

fn deviating() -> &'static [Tried] {
    static TRIED: OnceLock<Vec<Tried>> = OnceLock::new();
    TRIED.get_or_init(|| {
        let text = include_str!("../fixtures/agreement/deviations.cases");
        try_all(case::parse(text))
    })
}

/// Tries cases on a few threads; nothing where what they need is missing.
fn try_all(cases: Vec<Case>) -> Vec<Tried> {
    let places = match Places::find() {
        Ok(places) => places,
        Err(why) => {
            skip(why);
            return Vec::new();
        }
    };
    let (able, unable): (Vec<_>, Vec<_>) = cases.into_iter().partition(|case| places.have(case));
    if !unable.is_empty() {
        let needs: BTreeSet<&str> = unable
            .iter()
            .flat_map(|case| &case.needs)
            .map(String::as_str)
            .collect();
        let needs: Vec<&str> = needs.into_iter().collect();
        let count = unable.len();
        skip(&format!(
            "{count} connection strings that need one of: {}",
            needs.join(", ")
        ));
    }
    let next = AtomicUsize::new(0);
    let tried = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(case) = able.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let one = try_one(&places, case);
                    tried
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(one);
                }
            });
        }
    });
    let mut tried = tried.into_inner().unwrap_or_else(PoisonError::into_inner);
    tried.sort_by(|a, b| a.case.name.cmp(&b.case.name));
    tried
}

fn try_one(places: &Places, case: &Case) -> Tried {
    let home = places.home(case);
    let fill = |text: &str| places.fill(text, home.path());
    let conninfo = fill(&case.conninfo);
    let prepared = |tool: Tool| {
        let tool = tool.home(home.path()).timeout(Duration::from_secs(30));
        let variables = case.environment.iter();
        variables.fold(tool, |tool, (name, value)| tool.env(name, fill(value)))
    };
    let psql = places
        .psql()
        .args(["-X", "-w", "-A", "-t", "-d", &conninfo, "-c", QUESTION]);
    let ours = Tool::new("pg-probe").args(["--source", &conninfo, "--format", "ndjson"]);
    let (psql, ours) = (prepared(psql).run(), prepared(ours).run());
    Tried {
        session: case.session.as_deref().map(fill),
        psql: verdict_of_psql(places, &psql),
        unclear: unclear(&ours),
        ours: verdict_of_ours(places, &ours),
        case: case.clone(),
        conninfo,
    }
}

/// Whether a verdict is as the table has it.
fn fits(tried: &Tried, verdict: &Verdict, expected: &Outcome) -> bool {
    match (verdict, expected) {
        (Verdict::Connected(seen), Outcome::Connects { server, tls }) => {
            let session = tried.session.as_ref();
            seen.server == *server
                && seen.tls == *tls
                && session.is_none_or(|session| seen.session == *session)
        }
        (Verdict::Failed { class, text }, Outcome::Fails { classes, fragment }) => {
            if class == "psql" {
                text.contains(fragment.as_str())
            } else {
                classes.contains(class)
            }
        }
        _ => false,
    }
}

/// Fails with a table of all that is not as it should be.
#[track_caller]
fn all_are_right(tried: &[Tried], is_right: impl Fn(&Tried) -> bool) {
    let wrong: Vec<String> = tried
        .iter()
        .filter(|one| !is_right(one))
        .map(shown)
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} are not as they should be:\n\n{}",
        wrong.len(),
        tried.len(),
        wrong.join("\n\n")
    );
}

fn shown(tried: &Tried) -> String {
    let case = &tried.case;
    let indented = |verdict: &Verdict| format!("{verdict:?}").replace("\\n", "\n              ");
    let variables: Vec<String> = case
        .environment
        .iter()
        .map(|(name, value)| format!(" {name}={value}"))
        .collect();
    let unclear = tried.unclear.as_deref().unwrap_or("clear");
    format!(
        "{}\n    conninfo: {}{}\n    expected: {:?}\n    psql:     {}\n    pg-probe: {}\n    as an error it is {unclear}",
        case.name,
        tried.conninfo,
        variables.concat(),
        case.ours,
        indented(&tried.psql),
        indented(&tried.ours),
    )
}

#[test]
fn the_table_says_what_psql_does() {
    let right = |one: &Tried| fits(one, &one.psql, &one.case.psql);
    all_are_right(agreeing(), right);
    all_are_right(deviating(), right);
}

#[test]
fn our_verdict_is_that_of_psql_on_every_connection_string() {
    all_are_right(agreeing(), |one| {
        let same = match (&one.psql, &one.ours) {
            (Verdict::Connected(theirs), Verdict::Connected(ours)) => theirs == ours,
            (Verdict::Failed { .. }, Verdict::Failed { .. }) => true,
            _ => false,
        };
        same && one.unclear.is_none() && fits(one, &one.ours, &one.case.ours)
    });
}

#[test]
fn where_we_deviate_from_libpq_we_do_it_clearly_and_with_a_reason() {
    all_are_right(deviating(), |one| {
        let names_it = match (&one.ours, &one.case.ours) {
            (Verdict::Failed { text, .. }, Outcome::Fails { fragment, .. }) => {
                text.contains(fragment.as_str())
            }
            _ => true,
        };
        names_it
            && one.unclear.is_none()
            && !one.case.because.is_empty()
            && fits(one, &one.psql, &one.case.psql)
            && fits(one, &one.ours, &one.case.ours)
    });
}

#[test]
fn without_a_timeout_psql_waits_for_ever_and_we_for_ten_seconds() {
    let places = match Places::find() {
        Ok(places) => places,
        Err(why) => return skip(why),
    };
    let conninfo = places.fill("{to silent} user=trusted", Path::new(""));
    let mut psql = places
        .psql()
        .args(["-X", "-w", "-d", &conninfo, "-c", QUESTION])
        .spawn();
    let ours = Tool::new("pg-probe")
        .args(["--source", &conninfo, "--format", "ndjson"])
        .run();
    assert!(psql.is_alive(), "psql does not wait");
    let seconds = ours.took.as_secs_f64();
    assert!((9.5..14.0).contains(&seconds), "{ours}");
    let verdict = verdict_of_ours(&places, &ours);
    assert!(
        matches!(verdict, Verdict::Failed { class, .. } if class == "timeout"),
        "{ours}"
    );
    ours.fails_clearly(4, &["127.0.0.1"]);
}
