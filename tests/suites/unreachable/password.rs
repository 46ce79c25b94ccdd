//! Where a password comes from: a command, the first place that has one, a terminal.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use pg_e2e::cluster::{CANARY, CANARY_USER};
use pg_e2e::fault::wait_until;
use pg_e2e::tool::{Stdin, Stdout, binaries};
use pg_e2e::{Database, Pair, Ran, Tool};
use tempfile::TempDir;

use super::{dump, probe};
use crate::scene::{Scene, private, skip};

const COMMAND: &str = "PGMIG_SOURCE_PASSWORD_COMMAND";

/// A command that prints the password and notes each run in a file.
struct Counted {
    file: PathBuf,
    command: String,
}

impl Counted {
    fn in_directory(directory: &Path, name: &str) -> Self {
        let file = directory.join(name);
        Self {
            command: format!("echo run >>'{}'; echo {CANARY}; echo more", file.display()),
            file,
        }
    }

    fn runs(&self) -> usize {
        fs::read_to_string(&self.file).map_or(0, |text| text.lines().count())
    }
}

fn source() -> Database {
    Database::create(Pair::newest().source(), "password")
}

#[test]
fn a_command_gives_the_password_of_every_new_connection() {
    let scene = Scene::plain(Pair::newest());
    let plan = scene.plan();
    let source = Counted::in_directory(scene.dir.path(), "source");
    let target = Counted::in_directory(scene.dir.path(), "target");
    let with_commands = |words: &[&str]| {
        scene
            .tool(words)
            .env("PGMIG_SOURCE", scene.source.tcp_conninfo())
            .env("PGMIG_TARGET", scene.target.tcp_conninfo())
            .env("PGMIG_SOURCE_PASSWORD_COMMAND", &source.command)
            .env("PGMIG_TARGET_PASSWORD_COMMAND", &target.command)
    };
    with_commands(&["pg-probe"]).run().ends_with(0);
    assert!(source.runs() > 0 && target.runs() > 0);
    scene
        .tool(&["pg-schema-apply", "--section", "pre-data", "-"])
        .input(plan.clone())
        .run()
        .ends_with(0);
    let before = (source.runs(), target.runs());
    let copy = with_commands(&["pg-copy", "--jobs", "2", "-"]);
    let ran = copy.input(plan).run();
    ran.ends_with(0);
    let made = (source.runs() - before.0, target.runs() - before.1);
    assert!(made.0 >= 2 && made.1 >= 2, "{made:?} runs\n{ran}");
}

#[test]
fn a_command_that_fails_is_named_by_its_status_and_its_output_is_not_repeated() {
    let database = source();
    for (command, status) in [
        ("echo secret-x7; exit 57", Some("57")),
        ("exit 57", Some("57")),
        ("true", None),
        ("echo; echo secret-x7", None),
        ("/no/such/program-x7", Some("127")),
    ] {
        let conninfo = database.tcp_conninfo();
        for tool in [probe(&conninfo), dump(&conninfo)] {
            let ran = tool.env(COMMAND, command).run();
            ran.fails_clearly(4, &[COMMAND]);
            let said = format!("{}{}", ran.text(), ran.stderr);
            assert!(!said.contains("secret-x7"), "{ran}");
            let mut words = said.split(|c: char| !c.is_alphanumeric());
            let named = status.is_none_or(|status| words.any(|word| word == status));
            assert!(named, "{status:?}\n{ran}");
            let stream = ran.stream();
            let class = stream.the("error").text("class");
            assert_eq!(class, "authentication", "{ran}");
            let mut failed = stream.of("probe").filter(|step| !step.is("ok"));
            let told = failed.any(|step| step.text("class") == class);
            assert!(told || ran.name != "pg-probe", "no step was told\n{ran}");
        }
    }
}

#[test]
fn a_command_is_not_run_for_nothing() {
    let database = source();
    let dir = TempDir::new().expect("a temporary directory can be made");
    let counted = Counted::in_directory(dir.path(), "count");
    let given = format!("{} password={CANARY}", database.tcp_conninfo());
    let ran = probe(&given).env(COMMAND, &counted.command).run();
    ran.ends_with(0);
    let variable = probe(&database.tcp_conninfo()).env("PGMIG_SOURCE_PASSWORD", CANARY);
    variable.env(COMMAND, &counted.command).run().ends_with(0);
    assert_eq!(counted.runs(), 0, "{ran}");
}

/// Places for a password, the strongest first.
const PLACES: usize = 6;

/// pg-probe with a password in each of these places, right or wrong.
fn with_places(database: &Database, home: &Path, passwords: [Option<&str>; PLACES]) -> Ran {
    let conninfo = database.tcp_conninfo();
    let whole = |password: Option<&str>| match password {
        Some(password) => format!("{conninfo} password={password}"),
        None => conninfo.clone(),
    };
    let [given, variable, own, command, libpq, file] = passwords;
    let mut tool = probe(&whole(given))
        .env("PGMIG_SOURCE", whole(variable))
        .home(home);
    for (name, value) in [
        ("PGMIG_SOURCE_PASSWORD", own.map(str::to_owned)),
        (COMMAND, command.map(|password| format!("echo {password}"))),
        ("PGPASSWORD", libpq.map(str::to_owned)),
    ] {
        if let Some(value) = value {
            tool = tool.env(name, value);
        }
    }
    let passfile = home.join(".pgpass");
    let line = file.map(|password| format!("*:*:*:{CANARY_USER}:{password}\n"));
    fs::write(&passfile, line.unwrap_or_default()).expect("the directory is ours");
    private(&passfile);
    tool.run()
}

#[test]
fn the_first_place_that_has_a_password_is_taken() {
    let database = source();
    let dir = TempDir::new().expect("a temporary directory can be made");
    for first in 0..PLACES {
        let fill = |at_first: &'static str, behind: &'static str| {
            let mut places = [None; PLACES];
            places[first] = Some(at_first);
            places[first + 1..].fill(Some(behind));
            with_places(&database, dir.path(), places)
        };
        let ran = fill(CANARY, "wrong-0d1");
        assert!(ran.status == 0, "the right one at place {first}\n{ran}");
        let ran = fill("wrong-0d1", CANARY);
        assert!(ran.status == 4, "the wrong one at place {first}\n{ran}");
    }
}

/// `script` of util-linux runs a command on a terminal of its own.
fn on_a_terminal(tool: &str, conninfo: &str) -> Option<Tool> {
    let script = Path::new("/usr/bin/script");
    if !script.is_file() {
        skip("script of util-linux is not here, which makes a terminal");
        return None;
    }
    let binary = binaries().join(tool);
    let line = format!(
        "'{}' --format ndjson --source \"{conninfo}\"",
        binary.display()
    );
    Some(Tool::program(tool, script).args(["-q", "-e", "-c", &line, "/dev/null"]))
}

/// Answers a prompt on a terminal; gives what was seen there.
fn prompted(tool: Tool, directory: &Path, answer: &str) -> (Ran, String) {
    let seen = directory.join("seen");
    let file = File::create(&seen).expect("the directory is ours");
    let text = || fs::read_to_string(&seen).unwrap_or_default();
    let (reader, mut writer) = io::pipe().expect("a pipe can be made");
    let running = tool
        .stdin(Stdin::Pipe(reader))
        .stdout(Stdout::File(file))
        .timeout(Duration::from_secs(30))
        .spawn();
    wait_until("the prompt is there", Duration::from_secs(20), || {
        text().to_lowercase().contains("password")
    });
    // It is there before the echo is off, as long as nobody types that fast.
    thread::sleep(Duration::from_millis(500));
    writeln!(writer, "{answer}").expect("the terminal is open");
    let ran = running.wait();
    drop(writer);
    (ran, text())
}

#[test]
fn a_terminal_is_asked_for_a_password() {
    let database = source();
    let dir = TempDir::new().expect("a temporary directory can be made");
    for (answer, status) in [(CANARY, 0), ("wrong-0d1", 4)] {
        let Some(tool) = on_a_terminal("pg-probe", &database.tcp_conninfo()) else {
            return;
        };
        let (ran, seen) = prompted(tool, dir.path(), answer);
        assert!(ran.status == status, "{seen}\n{ran}");
        assert!(!seen.contains(answer), "it is seen on the terminal: {seen}");
    }
}

#[test]
fn nobody_is_asked_without_a_terminal() {
    let database = source();
    let setsid = Path::new("/usr/bin/setsid");
    if !setsid.is_file() {
        skip("setsid of util-linux is not here, which takes the terminal away");
        return;
    }
    for stdin in [Stdin::Empty, Stdin::Silent, Stdin::Bytes(b"guess\n".into())] {
        let ran = Tool::program("pg-probe", setsid)
            .arg("-w")
            .arg(binaries().join("pg-probe"))
            .args(["--source", &database.tcp_conninfo()])
            .stdin(stdin)
            .timeout(Duration::from_secs(30))
            .run();
        ran.fails_clearly(4, &["password"]);
        ran.says(&["PGMIG_SOURCE_PASSWORD"]);
    }
}
