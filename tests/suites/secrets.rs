//! A password is never in a record, an argument of a child, a line on stderr or a file,
//! with one exception: a passfile in the state directory, which others cannot read.

mod processes;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pg_e2e::Majors;
use pg_e2e::cluster::{CANARY, CANARY_USER};
use pg_e2e::{Pair, Ran, Tool, fault};

use crate::scene::{CONNECTING, Scene, TOOLS, private};

/// A way to give both passwords.
#[derive(Clone, Copy, Debug)]
enum Way {
    Url,
    KeyValue,
    WholeVariable,
    PasswordVariable,
    LibpqVariable,
    HomePassfile,
    NamedPassfile,
    ServiceFile,
    Command,
}

const WAYS: [Way; 9] = [
    Way::Url,
    Way::KeyValue,
    Way::WholeVariable,
    Way::PasswordVariable,
    Way::LibpqVariable,
    Way::HomePassfile,
    Way::NamedPassfile,
    Way::ServiceFile,
    Way::Command,
];

/// A password file with the canary in it.
fn passfile(directory: &Path) -> PathBuf {
    let file = directory.join(".pgpass");
    fs::write(&file, format!("*:*:*:{CANARY_USER}:{CANARY}\n")).expect("the directory is ours");
    private(&file);
    file
}

/// A value of a connection string that has no space in it.
fn value(conninfo: &str, key: &str) -> String {
    let (_, rest) = conninfo.split_once(&format!("{key}=")).unwrap_or_default();
    let word = rest.split(' ').next().unwrap_or_default();
    word.trim_matches('\'').to_owned()
}

/// The service file of a scene.
fn services(directory: &Path) -> PathBuf {
    directory.join("services")
}

/// Adds a service with its password to the service file; gives its name.
fn service(directory: &Path, conninfo: &str, user: &str, password: &str) -> String {
    let (port, database) = (value(conninfo, "port"), value(conninfo, "dbname"));
    let file = services(directory);
    let before = fs::read_to_string(&file).unwrap_or_default();
    let section = format!(
        "[at-{port}]\nhost=127.0.0.1\nport={port}\ndbname={database}\nuser={user}\npassword={password}\n"
    );
    if !before.contains(&section) {
        fs::write(&file, format!("{before}{section}")).expect("the directory is ours");
        private(&file);
    }
    format!("at-{port}")
}

/// A command that prints a password, which does not stand in its text.
fn command(directory: &Path, password: &str) -> String {
    let file = directory.join("vault");
    fs::write(&file, format!("{password}\n")).expect("the directory is ours");
    private(&file);
    format!("sleep 0.05; cat '{}'", file.display())
}

/// The conninfo with the password in it, in the way's form.
fn with_password(way: Way, conninfo: &str, scene: &Scene) -> String {
    match way {
        Way::Url => {
            let (port, database) = (value(conninfo, "port"), value(conninfo, "dbname"));
            format!("postgresql://{CANARY_USER}:{CANARY}@127.0.0.1:{port}/{database}")
        }
        Way::KeyValue | Way::WholeVariable => format!("{conninfo} password={CANARY}"),
        Way::NamedPassfile => {
            format!(
                "{conninfo} passfile='{}'",
                passfile(scene.dir.path()).display()
            )
        }
        Way::ServiceFile => {
            let name = service(scene.dir.path(), conninfo, CANARY_USER, CANARY);
            format!("service={name}")
        }
        Way::PasswordVariable | Way::LibpqVariable | Way::HomePassfile | Way::Command => {
            conninfo.to_owned()
        }
    }
}

/// A tool with both servers over TCP and the password given in one way. Its pg_dump writes
/// its arguments down.
fn tool(scene: &Scene, way: Way, words: &[&str], sides: &[&str]) -> Tool {
    let mut tool = Tool::new(words[0])
        .args(&words[1..])
        .args(["--verbose"])
        .env("PGMIG_STATE_DIR", scene.state_dir());
    if words[0] == "pg-schema-dump" {
        tool = tool.arg("--pg-dump").arg(witness(scene.dir.path()));
    }
    for side in sides {
        let database = if *side == "source" {
            &scene.source
        } else {
            &scene.target
        };
        let conninfo = with_password(way, &database.tcp_conninfo(), scene);
        let variable = side.to_uppercase();
        tool = match way {
            Way::WholeVariable => tool.env(&format!("PGMIG_{variable}"), conninfo),
            _ => tool.args([&format!("--{side}"), &conninfo]),
        };
        if matches!(way, Way::PasswordVariable) {
            tool = tool.env(&format!("PGMIG_{variable}_PASSWORD"), CANARY);
        }
        if matches!(way, Way::Command) {
            let command = command(scene.dir.path(), CANARY);
            tool = tool.env(&format!("PGMIG_{variable}_PASSWORD_COMMAND"), command);
        }
    }
    match way {
        Way::ServiceFile => tool.env("PGSERVICEFILE", services(scene.dir.path())),
        Way::LibpqVariable => tool.env("PGPASSWORD", CANARY),
        Way::HomePassfile => {
            passfile(scene.dir.path());
            tool.home(scene.dir.path())
        }
        _ => tool,
    }
}

/// A pg_dump that appends its arguments to the file `arguments`, then does its work.
fn witness(directory: &Path) -> PathBuf {
    let real = Majors::clients().map_or_else(|| "pg_dump".into(), |bin| bin.join("pg_dump"));
    let file = directory.join("arguments");
    let body = format!(
        "printf '%s\\n' \"$@\" >>'{}'\nexec '{}' \"$@\"",
        file.display(),
        real.display()
    );
    fault::script(directory, "pg_dump", &body)
}

fn shows_no_password(ran: &Ran) {
    let seen = format!("{}{}", ran.text(), ran.stderr);
    assert!(
        !seen.contains(CANARY),
        "the password is in the output\n{ran}"
    );
}

#[test]
fn no_tool_shows_a_password_that_works_however_it_was_given() {
    for way in WAYS {
        let scene = Scene::plain(Pair::newest());
        let plan = scene.plan();
        let mut copied = plan.clone();
        for (words, sides) in CONNECTING {
            let input = if words.contains(&"post-data") {
                &copied
            } else {
                &plan
            };
            let ran = tool(&scene, way, words, sides).input(input.clone()).run();
            assert!(ran.status == 0, "{way:?}\n{ran}");
            shows_no_password(&ran);
            if words[0] == "pg-copy" {
                copied = ran.text();
            }
        }
        assert!(with_canary(&scene.state_dir()).is_empty(), "{way:?}");
        let arguments =
            fs::read_to_string(scene.dir.path().join("arguments")).expect("pg_dump ran");
        assert!(
            !arguments.contains(CANARY),
            "{way:?}: pg_dump was given {arguments}"
        );
        assert!(arguments.contains("--schema-only"), "the witness works");
    }
}

#[test]
fn no_tool_shows_a_password_when_it_fails() {
    let scene = Scene::plain(Pair::newest());
    let plan = scene.plan();
    let nowhere = format!("{} password={CANARY}", fault::nobody_there());
    let refused = format!(
        "host=127.0.0.1 port={} user=nobody dbname=x password={CANARY}",
        scene.target.cluster.port()
    );
    let unclosed = format!("password={CANARY} host='");
    let odd_url = format!("postgres://u:{CANARY}@h:port/db");
    let odd_key = format!("colour=red password={CANARY}");
    for bad in [&nowhere, &refused, &unclosed, &odd_url, &odd_key] {
        for (words, sides) in CONNECTING {
            for side in *sides {
                let flag = format!("--{side}");
                let tool = scene.tool(words).args(["--verbose", &flag, bad]);
                let ran = tool.input(plan.clone()).run();
                assert!(ran.status != 0, "{ran}");
                shows_no_password(&ran);
            }
        }
    }
}

#[test]
fn a_stray_argument_with_a_password_is_not_repeated() {
    let url = format!("postgres://u:{CANARY}@h/db");
    let words = format!("host=h password={CANARY}");
    for tool in TOOLS {
        for stray in [&url, &words] {
            let lines: [&[&str]; 4] = [
                &["--no-such-flag", stray],
                &[stray],
                &[stray, stray],
                &["--section", "pre-data", stray],
            ];
            for line in lines {
                let ran = Tool::new(tool).arg("--verbose").args(line).run();
                assert!([2, 3].contains(&ran.status), "{ran}");
                shows_no_password(&ran);
            }
        }
    }
}

/// All files under a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(directory).map(|list| list.flatten().map(|entry| entry.path()).collect());
    let entries: Vec<PathBuf> = entries.unwrap_or_default();
    entries
        .into_iter()
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// The files under a directory that have the canary in them.
fn with_canary(directory: &Path) -> Vec<PathBuf> {
    let has = |file: &PathBuf| {
        let bytes = fs::read(file).expect("it can be read");
        String::from_utf8_lossy(&bytes).contains(CANARY)
    };
    files(directory).into_iter().filter(has).collect()
}

/// The whole pipeline after its first tool.
const WHOLE: &[&[&str]] = &[
    &["pg-probe", "-v", "-"],
    &["pg-validate", "-v", "-"],
    &["pg-schema-dump", "-v", "-"],
    &["pg-schema-apply", "-v", "--section", "pre-data", "-"],
    &["pg-copy", "-v", "-"],
    &["pg-schema-apply", "-v", "--section", "post-data", "-"],
    &["pg-verify", "-v", "-"],
    &["pg-migstate", "-v", "record", "-"],
];

#[test]
fn a_password_in_a_migration_file_goes_into_a_private_passfile_and_nowhere_else() {
    let scene = Scene::plain(Pair::newest());
    let source = format!("{} password={CANARY}", scene.source.tcp_conninfo());
    let target = format!(
        "{} password={CANARY}",
        scene.target.cluster.tcp_conninfo("postgres")
    );
    let file = scene.migration_file("secret", &source, &target);
    let bare = |words: &[&str]| {
        Tool::new(words[0])
            .args(&words[1..])
            .env("PGMIG_STATE_DIR", scene.state_dir())
    };
    let mut tools = vec![bare(&["pg-migstate", "-v", "begin"]).arg(&file)];
    tools.extend(WHOLE.iter().map(|words| bare(words)));
    scene.target.drop_now();
    let joined = pg_e2e::Pipeline::of(tools).run();
    joined.succeeds();
    joined.parts.iter().for_each(shows_no_password);
    for action in ["show", "list"] {
        let name: &[&str] = if action == "show" { &["secret"] } else { &[] };
        let ran = bare(&["pg-migstate", "-v", action]).args(name).run();
        ran.ends_with(0);
        shows_no_password(&ran);
    }
    let passfiles = with_canary(&scene.state_dir());
    for file in &passfiles {
        let mode = fs::metadata(file).expect("it exists").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{} holds a password", file.display());
        assert!(
            file.to_string_lossy().contains("pass"),
            "{} is no passfile",
            file.display()
        );
    }
    let directories: Vec<_> = passfiles.iter().map(|file| file.parent()).collect();
    assert!(
        passfiles.len() <= 2 && directories.windows(2).all(|pair| pair[0] == pair[1]),
        "a passfile a side is the exception: {passfiles:?}"
    );
}

#[test]
fn a_migration_by_service_file_or_by_command_writes_no_password_anywhere() {
    for way in [Way::ServiceFile, Way::Command] {
        let scene = Scene::plain(Pair::newest());
        let (source, target) = (
            scene.source.tcp_conninfo(),
            scene.target.cluster.tcp_conninfo("postgres"),
        );
        let file = scene.migration_file(
            "secret",
            &with_password(way, &source, &scene),
            &with_password(way, &target, &scene),
        );
        let command = command(scene.dir.path(), CANARY);
        let bare = |words: &[&str]| {
            let tool = Tool::new(words[0])
                .args(&words[1..])
                .env("PGMIG_STATE_DIR", scene.state_dir());
            match way {
                Way::ServiceFile => tool.env("PGSERVICEFILE", services(scene.dir.path())),
                _ => tool
                    .env("PGMIG_SOURCE_PASSWORD_COMMAND", &command)
                    .env("PGMIG_TARGET_PASSWORD_COMMAND", &command),
            }
        };
        let mut tools = vec![bare(&["pg-migstate", "-v", "begin"]).arg(&file)];
        tools.extend(WHOLE.iter().map(|words| bare(words)));
        scene.target.drop_now();
        let joined = pg_e2e::Pipeline::of(tools).run();
        joined.succeeds();
        joined.parts.iter().for_each(shows_no_password);
        let written = with_canary(&scene.state_dir());
        assert!(written.is_empty(), "{way:?}: {written:?}");
    }
}
