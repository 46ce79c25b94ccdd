//! What the suites have in common: the tools, a source with something in it, and an empty
//! target.

use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;

use pg_e2e::{Cluster, Database, Pair, Pipeline, Ran, Tool, workspace};
use tempfile::TempDir;

/// Every binary of the workspace.
pub(crate) const TOOLS: &[&str] = &[
    "pg-probe",
    "pg-validate",
    "pg-schema-dump",
    "pg-schema-apply",
    "pg-copy",
    "pg-verify",
    "pg-migstate",
];

/// Every tool as it reads a stream.
pub(crate) const READERS: &[&[&str]] = &[
    &["pg-probe", "-"],
    &["pg-validate", "-"],
    &["pg-schema-dump", "-"],
    &["pg-schema-apply", "--section", "pre-data", "-"],
    &["pg-copy", "-"],
    &["pg-schema-apply", "--section", "post-data", "-"],
    &["pg-verify", "-"],
    &["pg-migstate", "record", "-"],
];

/// The tools between the two servers, joined by hand.
pub(crate) const BY_HAND: &[&[&str]] = &[
    &["pg-schema-dump"],
    &["pg-schema-apply", "--section", "pre-data", "-"],
    &["pg-copy", "-"],
    &["pg-schema-apply", "--section", "post-data", "-"],
    &["pg-verify", "-"],
];

/// Every tool that connects, and the sides it connects to; a reader is given the plan.
pub(crate) const CONNECTING: &[(&[&str], &[&str])] = &[
    (&["pg-probe"], &["source", "target"]),
    (&["pg-validate"], &["source", "target"]),
    (&["pg-schema-dump"], &["source"]),
    (
        &["pg-schema-apply", "--section", "pre-data", "-"],
        &["target"],
    ),
    (&["pg-copy", "-"], &["source", "target"]),
    (
        &["pg-schema-apply", "--section", "post-data", "-"],
        &["target"],
    ),
    (&["pg-verify"], &["source", "target"]),
];

const PLAIN: &str = "
    create table t (id integer primary key, name text);
    insert into t select n, 'name ' || n from generate_series(1, 10) as n;
    create table other (id serial primary key, t integer references t);
    insert into other (t) values (1), (2), (null);";

/// A source, a target, and a directory for journals and other files.
pub(crate) struct Scene {
    /// Where the rows are.
    pub(crate) source: Database,
    /// Where they are to go: an empty database of the same name.
    pub(crate) target: Database,
    /// A directory that is gone after the test.
    pub(crate) dir: TempDir,
}

impl Scene {
    /// Two tables, a key between them, a sequence.
    pub(crate) fn plain(pair: Pair) -> Self {
        Self::of(pair, "plain", PLAIN)
    }

    /// Every kind of object, and hostile names.
    pub(crate) fn small(pair: Pair) -> Self {
        load_roles(pair.source());
        Self::of(pair, "Small 'Shop'", &fixture("small.sql"))
    }

    /// What a script makes.
    pub(crate) fn of(pair: Pair, stem: &str, sql: &str) -> Self {
        let source = Database::create(pair.source(), stem).with(sql);
        Self {
            target: source.twin(pair.target()),
            source,
            dir: TempDir::new().expect("a temporary directory can be made"),
        }
    }

    /// A source, and a server whose database of that name is still to be made.
    pub(crate) fn into_new(source: Database, target: &'static Cluster) -> Self {
        Self {
            target: source.seen_on(target),
            source,
            dir: TempDir::new().expect("a temporary directory can be made"),
        }
    }

    /// What a script makes, between servers of the newest version, with its plan; pre-data is
    /// applied.
    pub(crate) fn begun(stem: &str, sql: &str) -> (Self, String) {
        let scene = Self::of(Pair::newest(), stem, sql);
        let plan = scene.plan();
        scene
            .tool(BY_HAND[1])
            .input(plan.clone())
            .run()
            .ends_with(0);
        (scene, plan)
    }

    /// A tool that finds both servers in its environment, and a state directory.
    pub(crate) fn tool(&self, words: &[&str]) -> Tool {
        Tool::new(words[0])
            .args(&words[1..])
            .env("PGMIG_SOURCE", self.source.conninfo())
            .env("PGMIG_TARGET", self.target.conninfo())
            .env("PGMIG_STATE_DIR", self.state_dir())
    }

    /// Several of them.
    pub(crate) fn tools<'s>(&'s self, line: &'s [&[&str]]) -> impl Iterator<Item = Tool> + 's {
        line.iter().map(|words| self.tool(words))
    }

    /// The tools from dump to verify, joined by pipes.
    pub(crate) fn by_hand(&self) -> Pipeline {
        Pipeline::of(self.tools(BY_HAND))
    }

    /// The records of the source's schema, as pg-copy and pg-schema-apply want them.
    pub(crate) fn plan(&self) -> String {
        let ran = self.tool(&["pg-schema-dump"]).run();
        ran.ends_with(0);
        ran.text()
    }

    /// Where the journals are.
    pub(crate) fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Writes a migration file for the source's database.
    pub(crate) fn migration_file(&self, name: &str, source: &str, target: &str) -> PathBuf {
        let file = self.dir.path().join(format!("{name}.json"));
        let body = serde_json::json!({
            "name": name,
            "option": "ValidateAndMigrate",
            "mode": "Offline",
            "source_type": "OnPremises",
            "source": source,
            "target": target,
            "databases": [self.source.name],
            "overwrite": false,
        });
        std::fs::write(&file, body.to_string()).expect("the directory is ours");
        private(&file);
        file
    }

    /// Runs something that must leave the target as it is.
    #[track_caller]
    pub(crate) fn target_is_untouched_by<T: Display>(&self, act: impl FnOnce() -> T) -> T {
        let before = self.target.fingerprint();
        let result = act();
        let after = self.target.fingerprint();
        let changed = |one: &[String], other: &[String]| -> Vec<String> {
            one.iter()
                .filter(|line| !other.contains(line))
                .cloned()
                .collect()
        };
        assert!(
            before == after,
            "the target was touched: {:?} went, {:?} came\n{result}",
            changed(&before, &after),
            changed(&after, &before)
        );
        result
    }

    /// Compares both databases with pg_dump and psql, none of our code.
    #[track_caller]
    pub(crate) fn is_the_same_to_pg_dump(&self) {
        same_to_pg_dump(&self.source.conninfo(), &self.target.conninfo());
    }
}

/// Compares two databases with the script of the demo: pg_dump and psql, none of our code.
#[track_caller]
pub(crate) fn same_to_pg_dump(source: &str, target: &str) {
    let Some(clients) = pg_e2e::Majors::clients() else {
        skip("no psql and pg_dump beside a server");
        return;
    };
    let script = workspace().join("tests/demo/compare");
    let ran = Tool::program("compare", &script)
        .arg(clients)
        .args([source, target])
        .run();
    ran.ends_with(0);
}

/// Roles are a server's, so every test shares them.
fn load_roles(cluster: &Cluster) {
    cluster
        .connect("postgres")
        .batch_execute(&fixture("roles.sql"))
        .expect("roles can be created");
}

/// A file of `tests/fixtures`.
pub(crate) fn fixture(name: &str) -> String {
    let file = workspace().join("tests/fixtures").join(name);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Makes a file readable for its owner only.
pub(crate) fn private(file: &std::path::Path) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(file, mode).expect("the file is ours");
}

/// Says why a test does nothing here.
pub(crate) fn skip(why: &str) {
    say(&format!("skipped: {why}"));
}

/// Says something past the test runner, which hides what tests print.
pub(crate) fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// The words of a command, for messages.
pub(crate) fn shown(words: &[&str]) -> String {
    words.join(" ")
}

/// The last line of stdout, which closes the stream.
#[track_caller]
pub(crate) fn closes_with(ran: &Ran, status: i32) {
    let text = ran.text();
    let last = text.lines().last().unwrap_or_default();
    let opening = format!("{{\"type\":\"end\",\"tool\":\"{}\"", ran.name);
    assert!(
        last.starts_with(&opening) && last.contains(&format!("\"exit\":{status}")),
        "expected an end record with exit {status} last\n{ran}"
    );
    ran.ends_with(status);
}
