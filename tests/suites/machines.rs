//! Three machines on one copy: network namespaces with a name and an address each, and GNU
//! parallel to start them, as docs/workers.md has it.

use std::process::Command;

use pg_e2e::cluster::Setup;
use pg_e2e::{Cluster, Database, Majors, Tool};
use tempfile::TempDir;

use crate::scene::{BY_HAND, Scene, skip};

/// The network of the machines; the servers are at its first address.
const NETWORK: &str = "10.213.77";
const BRIDGE: &str = "pgmig-e2e";
const MACHINES: [u32; 3] = [1, 2, 3];

const ROWS: &str = "
    create table large (id integer primary key, t text);
    insert into large select n, repeat(md5(n::text), 8) from generate_series(1, 100000) n;
    create table other (id integer primary key, t text);
    insert into other select n, repeat(md5(n::text), 8) from generate_series(1, 20000) n;";

/// Namespaces on a bridge, gone when dropped.
struct Machines;

impl Machines {
    /// `None` where they cannot be had.
    fn start() -> Option<Self> {
        let machines = Self;
        let bridge = format!(
            "ip link add {BRIDGE} type bridge && ip addr add {NETWORK}.1/24 dev {BRIDGE} && \
             ip link set {BRIDGE} up && parallel --version"
        );
        if !run(&bridge) {
            return None;
        }
        MACHINES
            .iter()
            .all(|n| {
                run(&format!(
                    "ip netns add {BRIDGE}{n} && \
                     ip link add {BRIDGE}{n} type veth peer name eth0 netns {BRIDGE}{n} && \
                     ip link set {BRIDGE}{n} master {BRIDGE} up && \
                     ip -n {BRIDGE}{n} addr add {NETWORK}.{}/24 dev eth0 && \
                     ip -n {BRIDGE}{n} link set eth0 up",
                    n + 1
                ))
            })
            .then_some(machines)
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        for n in MACHINES {
            run(&format!("ip netns del {BRIDGE}{n}"));
        }
        run(&format!("ip link del {BRIDGE}"));
    }
}

fn run(script: &str) -> bool {
    let ran = Command::new("sh").args(["-c", script]).output();
    ran.is_ok_and(|ran| ran.status.success())
}

/// A server that machines reach, and a string to reach a database of it with.
fn reachable() -> &'static Cluster {
    let setup = Setup {
        hba: &format!("local all all trust\nhost all all {NETWORK}.0/24 trust"),
        conf: "listen_addresses = '*'",
    };
    Box::leak(Box::new(Cluster::start(Majors::newest(), setup)))
}

fn address(database: &Database, cluster: &Cluster) -> String {
    format!(
        "host={NETWORK}.1 port={} user=postgres dbname={}",
        cluster.port(),
        database.name
    )
}

#[test]
#[ignore = "needs root, ip and GNU parallel: make torture"]
fn three_machines_share_a_copy() {
    let Some(_machines) = Machines::start() else {
        skip("no network namespaces or no GNU parallel here");
        return;
    };
    let (from, to) = (reachable(), reachable());
    let source = Database::create(from, "machines").with(ROWS);
    let scene = Scene {
        target: source.twin(to),
        source,
        dir: TempDir::new().expect("a temporary directory can be made"),
    };
    let plan = scene.plan();
    let pre = scene.tool(BY_HAND[1]).input(plan.clone()).run();
    pre.ends_with(0);
    let flags = [
        "--jobs",
        "1",
        "--rate-limit",
        "2MB/s",
        "--split-size",
        "1MB",
    ];
    let beginner = scene
        .tool(&["pg-copy"])
        .args(flags)
        .arg("-")
        .input(plan)
        .spawn();
    let worker = pg_e2e::tool::binaries().join("pg-copy");
    let ran = Tool::program("parallel", "parallel".as_ref())
        .args(["--jobs", "3", "--halt", "soon,fail=1"])
        .arg(format!(
            "ip netns exec {BRIDGE}{{}} unshare --uts sh -c \
             'hostname machine{{}} && exec {} worker --jobs 1 --rate-limit 4MB/s --quiet'",
            worker.display()
        ))
        .args([":::", "1", "2", "3"])
        .env("PGMIG_SOURCE", address(&scene.source, from))
        .env("PGMIG_TARGET", address(&scene.target, to))
        .run();
    ran.ends_with(0);
    let beginner = beginner.wait();
    beginner.ends_with(0);
    assert_eq!(beginner.stream().of("copied").count(), 2, "{beginner}");
    let machines = scene.target.ask(
        "select split_part(worker, '/', 1) from pgmig.chunk group by 1 having count(*) > 0 \
         and split_part(worker, '/', 1) like 'machine%' order by 1",
    );
    assert_eq!(machines, ["machine1", "machine2", "machine3"], "{ran}");
    for table in ["large", "other"] {
        let sum = format!(
            "select count(*) || ' ' || md5(string_agg(id || t, ',' order by id)) from {table}"
        );
        assert_eq!(scene.target.ask_one(&sum), scene.source.ask_one(&sum));
    }
}
