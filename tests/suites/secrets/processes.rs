//! While tools run, no list of processes shows a password to other users.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pg_e2e::cluster::CANARY_USER;
use pg_e2e::{Majors, Pair, Tool, fault};

use super::{Way, command, service, services};
use crate::scene::{Scene, private};

/// A password that no other test uses, since all processes are looked at.
const ALONE: &str = "canary-alone-51c";

/// Looks at all processes until it is stopped.
struct Watch {
    stop: Arc<AtomicBool>,
    seen: JoinHandle<(usize, Vec<String>)>,
}

impl Watch {
    /// Notes whose command line has a password in it, and whose environment, but for programs
    /// of these names.
    fn begin(password: &'static str, given: &'static [&'static str]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&stop);
        let seen = thread::spawn(move || {
            let (mut rounds, mut seen) = (0, Vec::new());
            while !end.load(Ordering::Relaxed) {
                let processes = fs::read_dir("/proc").expect("this system has /proc");
                for process in processes.flatten().map(|entry| entry.path()) {
                    seen.extend(found_in(&process, password, given));
                }
                rounds += 1;
                // Programs that are looked for live longer than this.
                thread::sleep(Duration::from_millis(10));
            }
            (rounds, seen)
        });
        Self { stop, seen }
    }

    /// Stops; gives what was seen.
    fn seen(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let (rounds, seen) = self.seen.join().expect("it ends");
        assert!(rounds > 1, "it has looked");
        seen
    }
}

/// What of a process shows the password: processes come and go, so nothing is no error.
fn found_in(process: &Path, password: &str, given: &[&str]) -> Option<String> {
    let text = |name: &str| {
        let bytes = fs::read(process.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let program = || text("comm").trim().to_owned();
    if text("cmdline").contains(password) {
        return Some(format!("the command line of {}", program()));
    }
    let shown = text("environ").contains(password) && !given.contains(&program().as_str());
    shown.then(|| format!("the environment of {}", program()))
}

/// Tools that hold a lock for a while or have a child, so that there is something to see.
fn runs_watched(scene: &Scene, with: &dyn Fn(Tool) -> Tool) {
    let plan = scene.plan();
    let slow = Majors::clients().map_or_else(|| "pg_dump".into(), |bin| bin.join("pg_dump"));
    let body = format!("sleep 0.3\nexec '{}' \"$@\"", slow.display());
    let slow = fault::script(scene.dir.path(), "pg_dump", &body);
    let dump = Tool::new("pg-schema-dump").arg("--pg-dump").arg(slow);
    with(dump).run().ends_with(0);
    scene
        .tool(&["pg-schema-apply", "--section", "pre-data", "-"])
        .input(plan.clone())
        .run()
        .ends_with(0);
    let locked = fault::Locked::table(&scene.target, "t");
    let copy = with(Tool::new("pg-copy").args(["--jobs", "2", "-"]));
    let copying = copy.input(plan).spawn();
    thread::sleep(Duration::from_millis(500));
    drop(locked);
    copying.wait().ends_with(0);
    with(Tool::new("pg-verify")).run().ends_with(0);
}

#[test]
fn no_list_of_processes_shows_a_password() {
    let pair = Pair::newest();
    for cluster in [pair.source(), pair.target()] {
        let sql = format!("create role alone login superuser password '{ALONE}'");
        let mut client = cluster.connect("postgres");
        client.batch_execute(&sql).expect("it is the only one");
    }
    // pg_dump takes a password in no other way; its environment is its user's alone.
    let given: &[&str] = &["pg_dump", "sleep"];
    let all: &[&str] = &["pg_dump", "sleep", "pg-schema-dump", "pg-copy", "pg-verify"];
    for (way, given) in [
        (Way::PasswordVariable, all),
        (Way::HomePassfile, given),
        (Way::ServiceFile, given),
        (Way::Command, given),
    ] {
        let scene = Scene::plain(pair);
        let home = scene.dir.path();
        let as_alone = |conninfo: String| conninfo.replace(CANARY_USER, "alone");
        let (source, target) = (
            as_alone(scene.source.tcp_conninfo()),
            as_alone(scene.target.tcp_conninfo()),
        );
        let command = command(home, ALONE);
        let named = |conninfo| format!("service={}", service(home, conninfo, "alone", ALONE));
        let named = [named(&source), named(&target)];
        let passfile = home.join(".pgpass");
        let with = |tool: Tool| {
            let tool = tool
                .env("PGMIG_SOURCE", &source)
                .env("PGMIG_TARGET", &target);
            match way {
                Way::PasswordVariable => tool
                    .env("PGMIG_SOURCE_PASSWORD", ALONE)
                    .env("PGMIG_TARGET_PASSWORD", ALONE),
                Way::HomePassfile => tool.home(home),
                Way::ServiceFile => tool
                    .env("PGSERVICEFILE", services(home))
                    .env("PGMIG_SOURCE", &named[0])
                    .env("PGMIG_TARGET", &named[1]),
                _ => tool
                    .env("PGMIG_SOURCE_PASSWORD_COMMAND", &command)
                    .env("PGMIG_TARGET_PASSWORD_COMMAND", &command),
            }
        };
        fs::write(&passfile, format!("*:*:*:alone:{ALONE}\n")).expect("the directory is ours");
        private(&passfile);
        let watch = Watch::begin(ALONE, given);
        runs_watched(&scene, &with);
        let seen = watch.seen();
        assert!(
            seen.is_empty(),
            "{way:?}: the password was seen in {seen:?}"
        );
    }
}

#[test]
fn a_password_that_processes_show_is_seen() {
    let password = "canary-shown-8e2";
    let watch = Watch::begin(password, &["sleep"]);
    let shell = |script: &str| Tool::program("sh", Path::new("/bin/sh")).args(["-c", script]);
    shell(&format!("sleep 0.3; : {password}")).run();
    shell("sleep 0.3; :").env("SHOWN", password).run();
    let seen = watch.seen();
    for expected in ["the command line of sh", "the environment of sh"] {
        assert!(seen.iter().any(|one| one == expected), "{seen:?}");
    }
    assert!(
        !seen.contains(&"the environment of sleep".to_owned()),
        "{seen:?}"
    );
}
