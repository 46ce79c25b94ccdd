//! The figures of a run: time, processor time of client and servers apart, memory, WAL. Out of `/proc`, so on Linux only.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pg_e2e::Cluster;

/// Ticks in which `/proc` counts processor time are always hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What a run took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// From its start to its end, in seconds.
    pub(crate) wall: f64,
    /// Processor time of all processes of the command, in seconds.
    pub(crate) client: f64,
    /// Processor time of the source's server with all its processes, in seconds.
    pub(crate) source: f64,
    /// The same of the target's.
    pub(crate) target: f64,
    /// The most memory that the processes of the command had together, in MB. Shared pages are shared out.
    pub(crate) memory: f64,
    /// WAL that the target wrote, in MB.
    pub(crate) wal: f64,
}

impl Figures {
    /// Processor time of all, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        self.client + self.source + self.target
    }
}

/// Runs a command between two servers and measures it.
///
/// # Errors
/// The end of what it wrote, when its status is not 0.
pub(crate) fn measure(
    mut command: Command,
    log: &Path,
    source: &Cluster,
    target: &Cluster,
) -> Result<Figures, String> {
    settle(source);
    settle(target);
    let (wal, cpu) = (wal(target), [own(), server(source), server(target)]);
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(log).expect("the directory of the run is ours"))
        .process_group(0)
        .spawn()
        .expect("sh can be started");
    let (memory, status) = watched(child.id(), || child.wait().expect("it can be waited for"));
    let wall = began.elapsed();
    settle(source);
    settle(target);
    let [client, source_cpu, target_cpu] = [
        (cpu[0], own()),
        (cpu[1], server(source)),
        (cpu[2], server(target)),
    ]
    .map(|(before, after)| after.saturating_sub(before).as_secs_f64());
    if !status.success() {
        let said = fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().rev().take(12).collect();
        let tail: Vec<&str> = lines.into_iter().rev().collect();
        return Err(format!("{status}\n{}", tail.join("\n")));
    }
    Ok(Figures {
        wall: wall.as_secs_f64(),
        client,
        source: source_cpu,
        target: target_cpu,
        memory,
        wal: self::wal(target) - wal,
    })
}

/// Waits until nobody else is connected.
fn settle(cluster: &Cluster) {
    let mut client = cluster.connect("postgres");
    let sql = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()";
    for _ in 0..500 {
        let others: i64 = client
            .query_one(sql, &[])
            .expect("a superuser sees all")
            .get(0);
        if others == 0 {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("sessions are left on the server");
}

/// WAL that a server has written since it was made, in MB.
fn wal(cluster: &Cluster) -> f64 {
    let sql = "select (pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') / 1000000)::float8";
    cluster
        .connect("postgres")
        .query_one(sql, &[])
        .expect("a superuser sees all")
        .get(0)
}

/// What a process is and has used.
#[derive(Clone, Copy)]
struct Process {
    parent: u32,
    own: Duration,
    /// Of its children that have ended and were waited for.
    children: Duration,
}

/// Reads a process; `None` when it has gone.
fn process(id: &str) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before this may have spaces and brackets of its own.
    let (_, rest) = stat.rsplit_once(") ")?;
    let field = |place: usize| rest.split(' ').nth(place)?.parse::<u32>().ok();
    Some(Process {
        parent: field(1)?,
        own: TICK * (field(11)? + field(12)?),
        children: TICK * (field(13)? + field(14)?),
    })
}

/// All processes.
fn processes() -> BTreeMap<u32, Process> {
    let entries = fs::read_dir("/proc").expect("this needs /proc").flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name.parse().ok()?, process(&name)?))
        })
        .collect()
}

/// Processor time of those that this process has waited for.
fn own() -> Duration {
    process("self").map_or(Duration::ZERO, |process| process.children)
}

/// Processor time of a server: the postmaster, its children that are there, and those that have ended.
fn server(cluster: &Cluster) -> Duration {
    let file = cluster.home().join("data/postmaster.pid");
    let text = fs::read_to_string(file).expect("a running server has this file");
    let id: u32 = text
        .lines()
        .next()
        .and_then(|line| line.parse().ok())
        .expect("its first line is a number");
    let all = processes();
    let there = all
        .iter()
        .filter(|(other, process)| **other == id || process.parent == id);
    let own: Duration = there.map(|(_, process)| process.own).sum();
    own + all
        .get(&id)
        .map_or(Duration::ZERO, |process| process.children)
}

/// Watches the memory of a process and all below it while something is done; in MB.
fn watched<T>(id: u32, work: impl FnOnce() -> T) -> (f64, T) {
    let (done, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                peak.fetch_max(memory(id), Ordering::Relaxed);
                thread::sleep(LOOK);
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        (megabytes(peak.load(Ordering::Relaxed)), result)
    })
}

fn megabytes(kilobytes: u64) -> f64 {
    u32::try_from(kilobytes).map_or(f64::MAX, f64::from) / 1024.0
}

/// Memory of a process and all below it, in kB.
fn memory(id: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
    let shared_out = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let own = shared_out
        .and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0);
    own + children(id).into_iter().map(memory).sum::<u64>()
}

/// The processes that a process has started, by each of its threads.
fn children(id: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{id}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace()
                .filter_map(|id| id.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}
