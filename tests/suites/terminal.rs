//! A source whose names, comments and errors try to take a terminal over: what moves a cursor,
//! sets a title, turns the order of letters or begins a line of its own is shown, not obeyed.

use std::path::Path;

use pg_e2e::tool::binaries;
use pg_e2e::{Pair, Ran, Tool};

use crate::scene::{BY_HAND, Scene, shown, skip};

/// What an attacker would have a terminal do, `owned` in the middle so that it can be found.
const ACTS: &str = "\u{1b}[2Jowned\u{7}\rback\u{9b}31m\u{202e}x";

/// What must reach no terminal. Bars have escapes of their own, so not every one is forbidden.
const FORBIDDEN: &[&str] = &["\u{1b}[2Jowned", "\u{7}", "\u{9b}", "\u{202e}", "\rback"];

/// Columns, comments, defaults and rows say it, and an index fails with it.
fn hostile() -> String {
    format!(
        "create table \"{ACTS}\" (id integer primary key, \"{ACTS}\" text default '{ACTS}');
         comment on table \"{ACTS}\" is '{ACTS}';
         insert into \"{ACTS}\" values (1, '{ACTS}'), (2, null);
         create table \"a\npg-verify: error: owned\" (id integer);
         create function said(integer) returns integer immutable language plpgsql
             as $x$ begin return $1; end $x$;
         create table fails (id integer); insert into fails values (1);
         create index on fails (said(id));
         create or replace function said(integer) returns integer immutable language plpgsql
             as $x$ begin raise exception '%', e'{ACTS}\\npg-verify: all is equal'; end $x$;"
    )
}

#[track_caller]
fn is_harmless(what: &str, text: &str) {
    for act in FORBIDDEN {
        assert!(!text.contains(act), "{act:?} of {what}: {text:?}");
    }
}

/// No second line of a name or a message passes for a line of another tool.
#[track_caller]
fn forges_no_line(what: &str, text: &str) {
    let forged = |line: &str| {
        line.starts_with("pg-verify: error: owned") || line.starts_with("pg-verify: all is equal")
    };
    assert!(!text.lines().any(forged), "{what}: {text}");
}

/// Runs a tool on a terminal of its own; stdout and stderr are what is seen there.
fn on_a_terminal(scene: &Scene, words: &[&str]) -> Ran {
    let line: Vec<String> = words[1..].iter().map(|word| format!("'{word}'")).collect();
    let line = format!(
        "'{}' {}",
        binaries().join(words[0]).display(),
        line.join(" ")
    );
    Tool::program(words[0], Path::new("/usr/bin/script"))
        .args(["-q", "-e", "-c", &line, "/dev/null"])
        .env("PGMIG_SOURCE", scene.source.conninfo())
        .env("PGMIG_TARGET", scene.target.conninfo())
        .env("PGMIG_STATE_DIR", scene.state_dir())
        .run()
}

#[test]
fn nothing_that_a_source_says_acts_on_a_terminal() {
    let scene = Scene::of(Pair::newest(), &format!("d{ACTS}"), &hostile());
    let mut stream = String::new();
    for words in BY_HAND {
        let ran = scene.tool(words).input(stream).run();
        assert!([0, 1, 6].contains(&ran.status), "{ran}");
        is_harmless(&shown(words), &ran.stderr);
        forges_no_line(&shown(words), &ran.stderr);
        if words.contains(&"post-data") {
            assert!(ran.stderr.contains("owned"), "the index fails aloud\n{ran}");
        }
        stream = ran.text();
    }
    scene
        .target
        .run(&format!("update \"{ACTS}\" set \"{ACTS}\" = null"));
    if !Path::new("/usr/bin/script").is_file() {
        return skip("script of util-linux is not here, which makes a terminal");
    }
    let plan = scene.dir.path().join("plan.ndjson");
    std::fs::write(&plan, scene.plan()).expect("the directory is ours");
    let plan = plan.display().to_string();
    let mut lines: Vec<Vec<&str>> = vec![
        vec!["pg-probe"],
        vec!["pg-validate"],
        vec!["pg-schema-dump"],
        vec![
            "pg-schema-apply",
            "--section",
            "pre-data",
            "--dry-run",
            &plan,
        ],
        vec!["pg-copy", "--jobs", ACTS],
    ];
    for format in ["table", "csv", "json", "ndjson"] {
        lines.push(vec!["pg-verify", "--format", format]);
        lines.push(vec!["pg-probe", "--all", "--format", format]);
    }
    for words in lines {
        let ran = on_a_terminal(&scene, &words);
        let seen = ran.text();
        assert!(seen.contains("owned"), "{}: {seen:?}", shown(&words));
        is_harmless(&shown(&words), &seen);
        // A script and a value in CSV have the lines that they have.
        if !words.contains(&"--dry-run") && !words.contains(&"csv") {
            forges_no_line(&shown(&words), &seen);
        }
    }
}
