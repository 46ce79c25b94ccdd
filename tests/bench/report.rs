//! docs/benchmarks.md.

use std::fs;
use std::path::{Path, PathBuf};

use pg_e2e::workspace;
use serde_json::Value;

use crate::goals::{GOALS, Goal};
use crate::measure::Figures;
use crate::results::{Ratio, Results};
use crate::run::{Bench, CONF};
use crate::scenario::{GROUPS, Scenario};
use crate::{Settings, machine};

/// How it is measured, and what the figures say; people write these.
const METHOD: &str = include_str!("method.md");
const NOTES: &str = include_str!("notes.md");

/// The whole report.
pub(crate) fn text(settings: &Settings, bench: &Bench<'_>, results: &Results) -> String {
    let mut text = format!(
        "# Benchmarks\n\nMeasured on {} by `make bench`, which writes this file: {} rounds, scale {}.\n\n",
        machine::date(bench),
        settings.rounds,
        settings.scale
    );
    for line in machine::lines(bench) {
        text += &format!("- {line}\n");
    }
    text += &format!("\n{METHOD}\n```\n{CONF}\n```\n\n## Goals\n\n");
    text += "| What | At the most | Median | Rounds | |\n|---|---:|---:|---|---|\n";
    for goal in GOALS {
        text += &goal_line(goal, results);
    }
    text += &format!("\n{NOTES}");
    for scenario in GROUPS.iter().copied().flatten() {
        text += &table(scenario, results);
    }
    text + &commands() + &pure_parts()
}

fn goal_line(goal: &Goal, results: &Results) -> String {
    let Goal {
        says,
        limit,
        reached,
    } = goal;
    match reached(results) {
        None => format!("| {says} | {limit} | not measured | | |\n"),
        Some(ratio) => {
            let verdict = if ratio.median <= *limit {
                "reached"
            } else {
                "**missed**"
            };
            let Ratio {
                median,
                least,
                most,
            } = ratio;
            format!("| {says} | {limit} | {median:.2} | {least:.2}–{most:.2} | {verdict} |\n")
        }
    }
}

/// All ways of a scenario, what is timed apart too.
fn table(scenario: &Scenario, results: &Results) -> String {
    let names = scenario.ways.iter().flat_map(|way| {
        let then = way.then.iter().map(|(name, _)| *name);
        std::iter::once(way.name).chain(then)
    });
    let ours = scenario
        .ways
        .first()
        .map(|way| results.runs(scenario.name, way.name));
    let ours = ours.unwrap_or_default();
    if ours.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n## {}: {}\n\n| Way | Wall s | CPU s | client | source | target | Memory MB | WAL MB | ours to it: wall | CPU |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---|---|\n",
        scenario.name, scenario.title
    );
    for (place, name) in names.enumerate() {
        text += &line(scenario, name, results, if place == 0 { &[] } else { ours });
    }
    text
}

fn line(scenario: &Scenario, name: &'static str, results: &Results, ours: &[Figures]) -> String {
    let shown = name.replace('|', "\\|");
    if let Some(why) = results.failure(scenario.name, name) {
        let first = why.lines().last().unwrap_or_default().replace('|', "\\|");
        return format!("| {shown} | no result: {first} | | | | | | | | |\n");
    }
    let median = |figure| results.median(scenario.name, name, figure);
    let Some(wall) = median(|figures| figures.wall) else {
        return format!("| {shown} | not on PATH: left out | | | | | | | | |\n");
    };
    let cell = |figure| median(figure).map_or_else(String::new, |value| format!("{value:.2}"));
    let whole = |figure| median(figure).map_or_else(String::new, |value| format!("{value:.0}"));
    let is_way = scenario.ways.iter().any(|way| way.name == name);
    let ratio = |figure: fn(&Figures) -> f64| {
        let [upper, lower] = [ours, results.runs(scenario.name, name)]
            .map(|runs| runs.iter().map(figure).collect::<Vec<_>>());
        Ratio::of(&upper, &lower)
            .filter(|_| is_way)
            .map_or_else(String::new, |ratio| {
                format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.least, ratio.most)
            })
    };
    format!(
        "| {shown} | {wall:.2} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        cell(Figures::cpu),
        cell(|figures| figures.client),
        cell(|figures| figures.source),
        cell(|figures| figures.target),
        whole(|figures| figures.memory),
        whole(|figures| figures.wal),
        ratio(|figures| figures.wall),
        ratio(Figures::cpu),
    )
}

/// What each way runs.
fn commands() -> String {
    let mut text = "\n## What is run\n".to_owned();
    let mut seen = Vec::new();
    for way in GROUPS
        .iter()
        .copied()
        .flatten()
        .flat_map(|scenario| scenario.ways)
    {
        if !seen.contains(&way.name) {
            seen.push(way.name);
            text += &format!("\n{}:\n\n    {}\n", way.name, way.run);
        }
        for (name, script) in way
            .then
            .iter()
            .filter(|(name, _)| !text.contains(name))
            .collect::<Vec<_>>()
        {
            text += &format!("\n{name}:\n\n    {script}\n");
        }
    }
    text
}

/// What criterion measured last.
fn pure_parts() -> String {
    let mut rows: Vec<String> = measured(&workspace().join("target/criterion"))
        .iter()
        .filter_map(|dir| pure_part(dir))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    rows.sort();
    format!(
        "\n## Parts without a server (criterion)\n\n| What | Median | Rate |\n|---|---:|---:|\n{}",
        rows.concat()
    )
}

/// Directories below this one that hold a measurement.
fn measured(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let below = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    let (here, deeper): (Vec<_>, Vec<_>) = below.partition(|path| path.ends_with("new"));
    let deeper = deeper.iter().flat_map(|path| measured(path));
    here.into_iter().chain(deeper).collect()
}

fn pure_part(dir: &Path) -> Option<String> {
    let read = |file: &str| serde_json::from_slice::<Value>(&fs::read(dir.join(file)).ok()?).ok();
    let (benchmark, estimates) = (read("benchmark.json")?, read("estimates.json")?);
    let nanoseconds = estimates.pointer("/median/point_estimate")?.as_f64()?;
    let rate = ["Bytes", "Elements"].iter().find_map(|unit| {
        let of_one = benchmark
            .pointer(&format!("/throughput/{unit}"))?
            .as_f64()?;
        let (a_second, what) = (
            of_one / nanoseconds * 1e3,
            if *unit == "Bytes" { "MB" } else { "million" },
        );
        Some(format!("{a_second:.0} {what} a second"))
    });
    let name = benchmark.get("full_id")?.as_str()?;
    Some(format!(
        "| {name} | {:.2} µs | {} |\n",
        nanoseconds / 1e3,
        rate.unwrap_or_default()
    ))
}
