//! Where the figures come from: machine and versions, but no name of a host.

use std::fs;
use std::thread;

use crate::run::Bench;

/// Programs whose versions the report has.
const PROGRAMS: &[&str] = &[
    "pg-copy",
    "psql",
    "pg_dump",
    "pgcopydb",
    "pg_comparator",
    "reladiff",
];

/// A line each on the machine and the programs.
pub(crate) fn lines(bench: &Bench<'_>) -> Vec<String> {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let version: String = asked(bench, "select version()");
    let mut lines = vec![
        format!(
            "{cores} processors ({}), {} of memory, {}",
            processor(),
            memory(),
            kernel()
        ),
        format!("both servers: {version}"),
    ];
    lines.extend(PROGRAMS.iter().map(|program| match bench.version(program) {
        Some(version) => format!("`{program}`: {version}"),
        None => format!("`{program}`: not on PATH, left out"),
    }));
    lines
}

/// The date, in UTC.
pub(crate) fn date(bench: &Bench<'_>) -> String {
    asked(bench, "select (now() at time zone 'UTC')::date::text")
}

fn asked(bench: &Bench<'_>, sql: &str) -> String {
    let mut client = bench.source.connect("postgres");
    client
        .query_one(sql, &[])
        .expect("the server answers")
        .get(0)
}

/// The value behind a name in a file of `/proc`.
fn value(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

fn processor() -> String {
    value("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn memory() -> String {
    let kilobytes = value("/proc/meminfo", "MemTotal")
        .and_then(|text| text.strip_suffix(" kB")?.parse::<u64>().ok());
    format!("{} GB", kilobytes.unwrap_or_default() >> 20)
}

fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("Linux {}", release.trim())
}
