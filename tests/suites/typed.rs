//! What people are told to type: docs/cookbook.md runs between servers of ours, and every subcommand has
//! an example.

use std::path::Path;
use std::time::Duration;

use pg_e2e::{Database, Pair, Ran, Tool, workspace};

use crate::recorded::{file, script};
use crate::scene::{Scene, TOOLS, same_to_pg_dump, skip};
use crate::tidy::{none, text};

const SHOP: &str = "
    create schema sales;
    create table public.customers (id integer primary key, name text);
    insert into public.customers select n, 'name ' || n from generate_series(1, 100) n;
    create table sales.orders (id integer primary key, customer integer references public.customers);
    insert into sales.orders select n, n from generate_series(1, 100) n;";

/// What is typed into a shell of the scene's directory, with `./migrate` in it.
fn typed(scene: &Scene, words: &str) -> Ran {
    script(scene);
    Tool::program("bash", "/bin/bash".as_ref())
        .args(["-c", &format!("set -euo pipefail\ncd \"$HERE\"\n{words}")])
        .env("HERE", scene.dir.path())
        .env("SRC", plain(&scene.source, &scene.source.name))
        .env("DST", plain(&scene.target, &scene.target.name))
        .env("PGMIG_SOURCE", scene.source.conninfo())
        .env("PGMIG_TARGET", scene.target.conninfo())
        .env("PGMIG_STATE_DIR", scene.state_dir())
        .timeout(Duration::from_mins(10))
        .run()
}

/// A connection string without quotes, as people write it.
fn plain(side: &Database, database: &str) -> String {
    let server = side.cluster.conninfo("");
    format!(
        "{} dbname={database}",
        server.trim_end_matches(" dbname=''")
    )
}

/// Programs of others that the papers use; what lacks one cannot be typed here.
fn lacks(programs: &[&str]) -> bool {
    let lacking = programs.iter().find(|program| {
        let places =
            ["/bin", "/usr/bin", "/usr/local/bin"].map(|place| Path::new(place).join(program));
        !places.iter().any(|place| place.is_file())
    });
    if let Some(program) = lacking {
        skip(&format!("{program} is not installed"));
    }
    lacking.is_some()
}

/// The examples of a help text.
fn examples(help: &str) -> Vec<&str> {
    let after = help.split_once("Examples:\n").map(|(_, after)| after);
    let lines = after.unwrap_or_default().lines();
    lines.take_while(|line| !line.is_empty()).collect()
}

/// The subcommands of a help text, but for clap's own.
fn subcommands(help: &str) -> Vec<&str> {
    let after = help.split_once("Commands:\n").map(|(_, after)| after);
    let lines = after.unwrap_or_default().lines();
    lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect()
}

#[test]
fn every_subcommand_and_migrate_have_an_example() {
    let mut missing = Vec::new();
    for tool in TOOLS {
        let help = Tool::new(tool).arg("--help").run().text();
        for name in subcommands(&help) {
            let ran = Tool::new(tool).args([name, "--help"]).run();
            let typed = format!("{tool} {name}");
            if !examples(&ran.text())
                .iter()
                .any(|line| line.contains(&typed))
            {
                missing.push(format!("no example in {typed} --help"));
            }
        }
    }
    let migrate = workspace().join("migrate");
    let ran = Tool::program("migrate", &migrate).arg("--help").run();
    ran.ends_with(0);
    if examples(&ran.text()).is_empty() {
        missing.push("no example in ./migrate --help".into());
    }
    none(missing);
}

/// The recipes of the cookbook, and what is then true of the database `shop`.
const RECIPES: &[(&str, After)] = &[
    ("From Aurora to Azure", After::Moved),
    ("From RDS to a machine of your own", After::Moved),
    ("A major upgrade", After::Moved),
    ("One schema only", After::Says("customer_fkey")),
    ("Many databases", After::Moved),
    ("Nightly verification from cron", After::Silent),
    ("Three machines with GNU parallel", After::Parsed),
    ("Kubernetes Job", After::Parsed),
    ("Resume after a crash", After::Moved),
    ("Cancel", After::Gone),
];

#[derive(Clone, Copy, PartialEq)]
enum After {
    /// It is on the target, and the same to pg_dump.
    Moved,
    /// The target has no such database, nor one that was to become it.
    Gone,
    /// Both have it, and nothing was said.
    Silent,
    /// The target has it, empty, and this was said.
    Says(&'static str),
    /// Needs other machines: `machines` does it for real; here its command line is parsed.
    Parsed,
}

/// Each recipe of a paper: its heading, and what is typed.
fn recipes(paper: &str) -> Vec<(String, String)> {
    let parts = paper.split("\n## ").skip(1);
    let typed = parts.map(|part| {
        let heading = part.lines().next().unwrap_or_default().to_owned();
        let lines = part.lines().filter_map(|line| line.strip_prefix("    "));
        (heading, lines.flat_map(|line| [line, "\n"]).collect())
    });
    typed.collect()
}

/// With our servers in place of those of the paper; of its hosts these are sources.
fn with_our_hosts(recipe: &str, scene: &Scene) -> String {
    let mut parts = recipe.split("host=");
    let mut ours = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (conninfo, rest) = part.split_at(part.find(['"', '\'']).expect("a quoted string"));
        let host = conninfo.split(' ').next().unwrap_or_default();
        let is_source = host.ends_with(".amazonaws.com") || host == "old.example.com";
        let side = if is_source {
            &scene.source
        } else {
            &scene.target
        };
        let database = conninfo.split("dbname=").nth(1).unwrap_or_default();
        let database = database.split(' ').next().unwrap_or_default();
        ours += &plain(side, database);
        ours += rest;
    }
    ours
}

/// A word that stands alone is another one.
fn renamed(text: &str, from: &str, to: &str) -> String {
    let is_part =
        |letter: Option<char>| letter.is_some_and(|c| c.is_alphanumeric() || "-_./".contains(c));
    let mut parts = text.split(from);
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let stands_alone = !is_part(all.chars().next_back()) && !is_part(part.chars().next());
        all += if stands_alone { to } else { from };
        all += part;
    }
    all
}

#[test]
fn every_recipe_of_the_cookbook_runs() {
    if lacks(&["bash", "jq", "timeout"]) {
        return;
    }
    let paper = text(&workspace().join("docs/cookbook.md"));
    let recipes = recipes(&paper);
    let known: Vec<&str> = RECIPES.iter().map(|(heading, _)| *heading).collect();
    let written: Vec<&str> = recipes
        .iter()
        .map(|(heading, _)| heading.as_str())
        .collect();
    assert_eq!(written, known);
    for ((heading, words), (_, after)) in recipes.iter().zip(RECIPES) {
        if *after == After::Parsed {
            is_parsed(heading, words);
        } else {
            cook(heading, words, *after);
        }
    }
}

/// Types a recipe, and looks at what has become of it.
fn cook(heading: &str, words: &str, after: After) {
    let scene = Scene::of(Pair::newest(), "shop", SHOP);
    let crm = Database::create(scene.source.cluster, "crm");
    let crm_there = crm.seen_on(scene.target.cluster);
    let part = Database::reserve(scene.target.cluster, "sales_only");
    match after {
        After::Silent => drop(scene.by_hand().run().succeeds()),
        After::Says(_) => {}
        _ => scene.target.drop_now(),
    }
    for name in ["drill", "never-mind"] {
        file(&scene, name);
    }
    let names = [
        ("shop", &scene.source.name),
        ("crm", &crm.name),
        ("sales_only", &part.name),
    ];
    let ours = names
        .iter()
        .fold(with_our_hosts(words, &scene), |text, (from, to)| {
            renamed(&text, from, to)
        });
    let ran = typed(&scene, &ours);
    assert_eq!(ran.status, 0, "{heading}\n{ran}");
    match after {
        After::Moved => same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo()),
        After::Gone => assert!(!scene.target.exists(), "{heading}\n{ran}"),
        After::Silent => assert_eq!(
            (ran.text(), ran.stderr.as_str()),
            (String::new(), ""),
            "{ran}"
        ),
        After::Says(word) => assert!(ran.text().contains(word), "{heading}\n{ran}"),
        After::Parsed => {}
    }
    if words.contains("crm") {
        same_to_pg_dump(&crm.conninfo(), &crm_there.conninfo());
    }
}

/// The worker's command line in a recipe, or in the Job that it applies, is one of ours.
fn is_parsed(heading: &str, words: &str) {
    let job = text(&workspace().join("docs/kubernetes-job.yaml"));
    let after = job.split_once("command:\n").map_or("", |(_, after)| after);
    let listed = after
        .lines()
        .map_while(|line| line.trim().strip_prefix("- "));
    let line = words
        .lines()
        .find(|line| line.trim().starts_with("pg-copy"));
    let typed: Vec<&str> = match line {
        Some(line) => line.split_whitespace().collect(),
        None => listed.collect(),
    };
    assert_eq!(typed[..2], ["pg-copy", "worker"], "{heading}");
    let ran = Tool::new("pg-copy").args(&typed[1..]).arg("--help").run();
    ran.ends_with(0);
    let nowhere = ["--source", "host=/nowhere", "--target", "host=/nowhere"];
    let ran = Tool::new("pg-copy").args(&typed[1..]).args(nowhere).run();
    ran.fails_clearly(4, &["/nowhere"]);
}
