//! Benchmarks of whole tools, beside those that people have: `make bench`.
//!
//! - [`scenario`] has the data sets, and the ways over which each goes; a new one is a few lines; [`compare`] those of comparisons;
//! - [`run`] runs the ways in turn, [`measure`] takes the figures of each run;
//! - [`moved`] says whether a run moved everything: one that did not is no result, and neither is a comparison with a wrong answer;
//! - [`results`] has medians and ratios, [`goals`] what they should be;
//! - [`report`] writes them down, [`machine`] where they come from.
//!
//! `BENCH_ROUNDS` runs of each way (5), `BENCH_SCALE` times the rows (1), `BENCH_ONLY` names of scenarios
//! divided by commas, `BENCH_MAJOR` of both servers (15, or the newest there is). Every run writes
//! target/benchmarks.md; one of all scenarios at scale 1, with 5 rounds or more, docs/benchmarks.md too.
#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a benchmark that cannot go on has no result"
)]

mod compare;
mod goals;
mod machine;
mod measure;
mod moved;
mod report;
mod results;
mod run;
mod scenario;

use std::fs;
use std::io::{self, Write};
use std::str::FromStr;

use pg_e2e::{Majors, workspace};

use crate::results::Results;
use crate::run::Bench;

/// What was asked for.
pub(crate) struct Settings {
    /// Runs of each way.
    pub(crate) rounds: usize,
    /// How many times the rows of a scenario.
    pub(crate) scale: f64,
    /// Names of scenarios; empty for all.
    pub(crate) only: Vec<String>,
    /// Major of both servers.
    pub(crate) major: u32,
}

impl Settings {
    fn read() -> Self {
        let only: String = asked("BENCH_ONLY", String::new());
        let usual = Some(15).filter(|major| Majors::available().contains_key(major));
        Self {
            rounds: asked("BENCH_ROUNDS", 5).max(1),
            scale: asked("BENCH_SCALE", 1.0),
            only: only
                .split(',')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            major: asked("BENCH_MAJOR", usual.unwrap_or_else(Majors::newest)),
        }
    }

    /// Whether the figures are those that the report is about.
    fn is_complete(&self) -> bool {
        self.only.is_empty() && (self.scale - 1.0).abs() < f64::EPSILON && self.rounds >= 5
    }
}

/// The value of a variable.
fn asked<T: FromStr>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Err(_) => default,
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} cannot be '{text}'")),
    }
}

/// Says how far it is, to people.
pub(crate) fn say(text: &str) {
    drop(writeln!(io::stderr(), "bench: {text}"));
}

fn main() {
    let settings = Settings::read();
    let mut results = Results::default();
    let bench = Bench::start(&settings);
    // What is there is kept after each group, because all of them take a quarter of an hour.
    for group in scenario::GROUPS {
        if bench.run(group, &mut results) {
            let text = report::text(&settings, &bench, &results);
            write("target/benchmarks.md", &text);
        }
    }
    if settings.is_complete() {
        write(
            "docs/benchmarks.md",
            &report::text(&settings, &bench, &results),
        );
    }
}

fn write(file: &str, text: &str) {
    fs::write(workspace().join(file), text).unwrap_or_else(|error| panic!("{file}: {error}"));
    say(&format!("written: {file}"));
}
