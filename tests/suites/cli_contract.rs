//! The command line: help, version, flags that are spelled alike, exit statuses, reports.

use pg_e2e::Majors;
use pg_e2e::{Pair, Pipeline, Tool};

use crate::scene::{BY_HAND, Scene, TOOLS, skip};

/// Every status that a tool may end with.
pub(crate) const STATUSES: &[i32] = &[0, 1, 2, 3, 4, 5, 6, 7, 70, 130, 141, 143];

fn help(tool: &str) -> String {
    let ran = Tool::new(tool).arg("--help").run();
    ran.ends_with(0);
    assert!(ran.stderr.is_empty(), "help belongs on stdout\n{ran}");
    ran.text()
}

#[test]
fn help_has_examples_and_the_same_table_of_exit_statuses_in_every_tool() {
    let mut tables = Vec::new();
    for tool in TOOLS {
        let help = help(tool);
        let examples = help.split_once("Examples:\n").map(|(_, rest)| rest);
        let first = examples.and_then(|text| text.lines().next());
        assert!(
            first.is_some_and(|line| line.trim_start().starts_with("pg-")),
            "{tool} --help has no examples:\n{help}"
        );
        let table = help.split_once("Exit status:\n").map(|(_, rest)| rest);
        tables.push(table.unwrap_or_default().to_owned());
    }
    let codes: Vec<i32> = tables[0]
        .lines()
        .map_while(|line| line.split_whitespace().next()?.parse().ok())
        .collect();
    assert_eq!(codes, STATUSES);
    for (tool, table) in TOOLS.iter().zip(&tables) {
        assert_eq!(table, &tables[0], "the table of {tool} differs");
    }
}

/// The help of one flag: its line and the paragraphs under it.
fn block<'h>(help: &'h str, flag: &str) -> Option<Vec<&'h str>> {
    let is_flag = |line: &str| line.trim_start().starts_with('-');
    let names = |line: &&str| is_flag(line) && line.split([' ', ',', '=']).any(|word| word == flag);
    let mut lines = help.lines().skip_while(|line| !names(line));
    let first = lines.next()?;
    let rest =
        lines.take_while(|line| !is_flag(line) && (line.is_empty() || line.starts_with(' ')));
    Some([first].into_iter().chain(rest).map(str::trim).collect())
}

#[test]
fn shared_flags_are_spelled_and_explained_alike() {
    let everywhere = [
        "--format",
        "--quiet",
        "--verbose",
        "--strict",
        "--help",
        "--version",
    ];
    for flag in everywhere
        .into_iter()
        .chain(["--source", "--target", "--jobs"])
    {
        let mut first: Option<(&str, Vec<String>)> = None;
        for tool in TOOLS {
            let help = help(tool);
            let Some(block) = block(&help, flag) else {
                assert!(!everywhere.contains(&flag), "{tool} has no {flag}:\n{help}");
                continue;
            };
            // What the jobs of a tool are differs from tool to tool, their spelling does not.
            let shared = if flag == "--jobs" { 1 } else { block.len() };
            let block: Vec<String> = block[..shared]
                .iter()
                .map(|line| (*line).to_owned())
                .collect();
            match &first {
                None => first = Some((tool, block)),
                Some((other, same)) => assert_eq!(&block, same, "{flag} of {tool} and {other}"),
            }
        }
    }
}

#[test]
fn version_is_one_line_with_name_and_number() {
    for tool in TOOLS {
        let ran = Tool::new(tool).arg("--version").run();
        ran.ends_with(0);
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(ran.text(), format!("{tool} {version}\n"), "{ran}");
    }
}

#[test]
fn an_unknown_flag_is_named_on_stderr_and_ends_with_2() {
    for tool in TOOLS {
        let ran = Tool::new(tool).arg("--no-such-flag").run();
        ran.ends_with(2);
        assert!(
            ran.stdout.is_empty(),
            "nothing but records on stdout\n{ran}"
        );
        let first = ran.stderr.lines().next().unwrap_or_default();
        assert!(
            first.contains("--no-such-flag"),
            "the first line says what\n{ran}"
        );
        ran.says(&["--help"]);
    }
}

#[test]
fn man_page_and_completions_come_out_of_the_binary() {
    for tool in TOOLS {
        for (kind, mark) in [
            ("man", ".TH"),
            ("bash", "complete"),
            ("zsh", "#compdef"),
            ("fish", "complete"),
        ] {
            let ran = Tool::new(tool).args(["--generate", kind]).run();
            ran.ends_with(0);
            assert!(
                ran.text().contains(mark) && ran.text().contains(tool),
                "{kind}\n{ran}"
            );
        }
        let ran = Tool::new(tool).args(["--generate", "poetry"]).run();
        ran.fails_clearly(2, &["poetry"]);
    }
}

#[test]
fn generated_bash_completions_are_bash() {
    if !std::path::Path::new("/bin/bash").exists() {
        return skip("no bash");
    }
    for tool in TOOLS {
        let script = Tool::new(tool).args(["--generate", "bash"]).run();
        let bash = Tool::program("bash", "/bin/bash".as_ref()).arg("-n");
        bash.input(script.stdout).run().ends_with(0);
    }
}

#[test]
fn reports_for_people_are_tables_csv_and_json_in_every_format() {
    let scene = Scene::plain(Pair::newest());
    scene.by_hand().run().succeeds();
    for words in [["pg-probe"], ["pg-validate"], ["pg-verify"]] {
        let run = |format: &str| {
            let ran = scene.tool(&words).args(["--format", format]).run();
            assert!([0, 1].contains(&ran.status), "{ran}");
            ran.text()
        };
        let json: serde_json::Value = serde_json::from_str(&run("json")).expect("JSON");
        let count = json.as_array().map(Vec::len);
        assert!(count > Some(0), "{words:?}: no records in {json}");
        let csv = run("csv");
        let columns = |line: &str| line.split(',').count();
        let heading = csv.lines().next().map_or(0, columns);
        assert!(heading > 1 && csv.lines().count() > 1, "{words:?}: {csv}");
        assert!(
            !run("table").contains('{'),
            "{words:?}: a table is for people"
        );
    }
}

#[test]
fn quiet_says_nothing_when_all_is_well_and_verbose_says_something() {
    let scene = Scene::plain(Pair::newest());
    let quiet = |tool: Tool| tool.arg("--quiet");
    let joined = Pipeline::of(scene.tools(BY_HAND).map(quiet)).run();
    joined.succeeds();
    assert!(
        joined.parts.iter().all(|part| part.stderr.is_empty()),
        "{joined}"
    );
    let ran = scene.tool(&["pg-verify", "--quiet"]).run();
    assert!(ran.stderr.is_empty(), "{ran}");
}

#[test]
fn strict_turns_a_warning_into_no() {
    let pair = Pair {
        source: Majors::newest(),
        target: Majors::oldest(),
    };
    if pair.source == pair.target {
        return skip("only one major version of PostgreSQL is here, so nothing to warn of");
    }
    let scene = Scene::plain(pair);
    let lenient = scene.tool(&["pg-validate"]).run();
    lenient.ends_with(0);
    assert_eq!(
        lenient.stream().the("validation").text("status"),
        "Warning",
        "{lenient}"
    );
    scene.tool(&["pg-validate", "--strict"]).run().ends_with(1);
}
