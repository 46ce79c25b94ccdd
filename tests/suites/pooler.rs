//! Behind PgBouncer: sessions that are not sessions are refused by every tool, and real ones
//! are used.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use pg_e2e::cluster::{CANARY_USER, Cluster, free_port, guarded, home_for, quoted};
use pg_e2e::majors::servers;
use pg_e2e::{Database, Pair, Pipeline, Tool};

use crate::scene::{BY_HAND, CONNECTING, Scene, skip};

/// Starts PgBouncer, says «ready», waits for the end of stdin, removes everything.
/// `$1` home, `$2` program, `$3` configuration.
const GUARD: &str = r#"
cd / && trap '' INT TERM HUP
home=$1
printf '%s\n' "$3" >"$home/pgbouncer.ini"
"$2" "$home/pgbouncer.ini" >"$home/log" 2>&1 </dev/null &
pid=$!
tries=0
until grep -q 'process up' "$home/log"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$pid"; then
        cat "$home/log"
        kill -9 "$pid"
        rm -rf "$home"
        exit 1
    fi
    sleep 0.1
done
echo ready
read -r _
kill -9 "$pid"
rm -rf "$home"
"#;

/// A PgBouncer that lets everybody in, as the server's superuser.
struct Pooler {
    port: u16,
    home: PathBuf,
    _guard: Child,
}

impl Pooler {
    /// Starts one; `None`, and said so, where there is no PgBouncer.
    fn before(cluster: &Cluster, mode: &str) -> Option<Self> {
        Self::with_pool_of(40, cluster, mode)
    }

    /// The same with so many server connections at the most.
    fn with_pool_of(size: u32, cluster: &Cluster, mode: &str) -> Option<Self> {
        let program = servers("pgbouncer");
        if program.is_empty() {
            skip("no PgBouncer is here");
            return None;
        }
        let user = servers("user");
        let home = home_for(&user);
        let port = free_port();
        let configuration = format!(
            "[databases]\n\
             * = host={} port={} user=postgres\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir = {}\n\
             auth_type = any\n\
             pool_mode = {mode}\n\
             default_pool_size = {size}\n",
            cluster.home().display(),
            cluster.port(),
            home.display()
        );
        let words: [&OsStr; 3] = [home.as_ref(), program.as_ref(), configuration.as_ref()];
        let guard = guarded(&user, GUARD, &words).expect("PgBouncer starts");
        Some(Self {
            port,
            home,
            _guard: guard,
        })
    }

    /// Connection string of a database through it, over its Unix socket.
    fn socket_conninfo(&self, database: &Database) -> String {
        format!(
            "host={} port={} user={CANARY_USER} dbname={}",
            self.home.display(),
            self.port,
            quoted(&database.name)
        )
    }

    /// Connection string of a database through it.
    fn conninfo(&self, database: &Database) -> String {
        format!(
            "host=127.0.0.1 port={} user={CANARY_USER} dbname={}",
            self.port,
            quoted(&database.name)
        )
    }
}

/// Runs every tool with one side behind a pooler, and expects it to refuse.
fn is_refused_by_every_tool(mode: &str, said: &[&str]) {
    let scene = Scene::plain(Pair::newest());
    let plan = scene.plan();
    for (side, database) in [("source", &scene.source), ("target", &scene.target)] {
        let Some(pooler) = Pooler::before(database.cluster, mode) else {
            return;
        };
        let flag = format!("--{side}");
        for (words, _) in CONNECTING.iter().filter(|(_, sides)| sides.contains(&side)) {
            let tool = scene
                .tool(words)
                .args([flag.as_str(), &pooler.conninfo(database)])
                .input(plan.clone());
            let ran = scene.target_is_untouched_by(|| tool.run());
            ran.fails_clearly(4, said);
            let stream = ran.stream();
            assert_eq!(stream.the("error").text("class"), "pooler", "{ran}");
            let hint = stream.the("error").text("hint").to_lowercase();
            assert!(hint.contains("session"), "{ran}");
        }
    }
}

#[test]
fn transaction_pooling_is_refused_by_every_tool() {
    is_refused_by_every_tool("transaction", &["transaction"]);
}

#[test]
fn statement_pooling_is_refused_by_every_tool() {
    is_refused_by_every_tool("statement", &[]);
}

#[test]
fn a_pool_that_has_just_begun_is_recognised_over_a_socket_too() {
    let scene = Scene::plain(Pair::newest());
    for mode in ["transaction", "statement"] {
        let Some(pooler) = Pooler::before(scene.source.cluster, mode) else {
            return;
        };
        let through = pooler.socket_conninfo(&scene.source);
        let ran = scene.tool(&["pg-probe", "--source", &through]).run();
        ran.fails_clearly(4, &[]);
        let ran = scene.tool(&["pg-schema-dump", "--source", &through]).run();
        ran.fails_clearly(4, &["pooler"]);
    }
}

#[test]
fn a_pool_of_one_keeps_nobody_waiting() {
    let scene = Scene::plain(Pair::newest());
    let Some(pooler) = Pooler::with_pool_of(1, scene.source.cluster, "transaction") else {
        return;
    };
    let through = pooler.conninfo(&scene.source);
    let ran = scene.tool(&["pg-schema-dump", "--source", &through]).run();
    ran.fails_clearly(4, &["pooler"]);
    assert!(ran.took < Duration::from_secs(8), "{ran}");
}

#[test]
fn a_probe_through_session_pooling_says_that_there_is_a_pooler() {
    let scene = Scene::plain(Pair::newest());
    let Some(pooler) = Pooler::before(scene.source.cluster, "session") else {
        return;
    };
    let ran = scene
        .tool(&["pg-probe", "--source", &pooler.conninfo(&scene.source)])
        .args(["--target", &scene.target.conninfo()])
        .run();
    ran.ends_with(0);
    let stream = ran.stream();
    for endpoint in stream.of("endpoint") {
        let behind = endpoint.text("role") == "source";
        assert_eq!(endpoint.is("pooler"), behind, "{}\n{ran}", endpoint.line);
    }
    assert!(stream.of("probe").all(|step| step.is("ok")), "{ran}");
}

#[test]
fn rows_go_through_session_pooling() {
    let scene = Scene::plain(Pair::newest());
    let poolers = (
        Pooler::before(scene.source.cluster, "session"),
        Pooler::before(scene.target.cluster, "session"),
    );
    let (Some(source), Some(target)) = poolers else {
        return;
    };
    let pooled = |tool: Tool| {
        tool.env("PGMIG_SOURCE", source.conninfo(&scene.source))
            .env("PGMIG_TARGET", target.conninfo(&scene.target))
    };
    let joined = Pipeline::of(scene.tools(BY_HAND).map(pooled)).run();
    joined.succeeds();
    scene.is_the_same_to_pg_dump();
}
