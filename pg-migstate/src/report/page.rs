//! The page: HTML that is well-formed XML, too.

use std::collections::BTreeSet;

use pg_pipe::record::{Check, CheckStatus, Side};
use pg_pipe::report::size;
use pg_session::quote;

use crate::chosen::server;
use crate::clock;
use crate::history::{History, Run};
use crate::report::chart;
use crate::report::markup::{table, text};
use crate::report::story::Story;
use crate::status::{self, Status};

/// Light or dark as the reader has it; what is wider than the window scrolls by itself.
const STYLE: &str = ":root{color-scheme:light dark;--ink:#222;--paper:#fff;--line:#bbb;--head:#eee;\
    --table:#3a76b0;--index:#c9822b;--other:#7d8f4e}\
    @media(prefers-color-scheme:dark){:root{--ink:#ddd;--paper:#181a1b;--line:#555;--head:#2a2d2f;\
    --table:#5b9bd5;--index:#d99a4a;--other:#a3b56f}}\
    body{font:14px sans-serif;margin:2em auto;padding:0 1em;max-width:960px;color:var(--ink);\
    background:var(--paper)}\
    .wide{overflow-x:auto}table{border-collapse:collapse;margin:.5em 0}\
    td,th{border:1px solid var(--line);padding:.25em .6em;text-align:left;vertical-align:top;\
    white-space:pre-wrap;overflow-wrap:break-word;max-width:32em}th{background:var(--head)}\
    .chart{overflow:auto;max-height:44em}svg{display:block}svg text{font-size:11px;fill:var(--ink)}\
    svg line{stroke:var(--line);stroke-width:1}li{list-style:none}ul{padding-left:0}\
    .table{fill:var(--table);background:var(--table)}.index{fill:var(--index);background:var(--index)}\
    .other{fill:var(--other);background:var(--other)}\
    .key{display:inline-block;width:.8em;height:.8em;margin-left:.8em}\
    @media print{.chart{max-height:none;overflow:visible}}";

/// How many objects of a finding are shown.
const OBJECTS: usize = 10;

/// What has to be done by people once the databases are in place.
const CUTOVER: &[&str] = &[
    "Keep the source from being written to until nobody needs it any more.",
    "Point the connection strings of all clients at the new server, and restart pools.",
    "Set passwords of roles that were created without one.",
    "Carry over server parameters that differ (see above) and restart where that is needed.",
    "Set up high availability, read replicas and backups of the new server.",
    "Choose the size of the new server for daily work: a migration wants more than that.",
    "Carry over firewall rules, private endpoints, tags, alerts and dashboards.",
    "Turn on scheduled jobs, subscriptions and logical replication slots again.",
    "Look at the plans of the most important queries; statistics were made by ANALYZE, or copied.",
];

/// Writes the page.
pub(super) fn write(history: &History, status: Status, story: &Story) -> String {
    let name = text(&history.migration.name);
    let parts = [
        ("Summary", summary(history, status)),
        ("Databases", databases(history)),
        ("Phases", phases(story)),
        ("Timeline", chart::timeline(&story.spans, story.paused)),
        ("Throughput", chart::throughput(&story.points, &story.spans)),
        ("Validation", validation(history)),
        ("Verification", verification(history, story)),
        ("Parameters to carry over", parameters(history)),
        ("Errors", errors(history)),
        ("Cutover check list", cutover(history)),
    ];
    let body: Vec<String> = parts
        .iter()
        .map(|(title, part)| format!("<h2>{title}</h2>\n{part}"))
        .collect();
    let body = body.concat();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\
         <meta charset=\"utf-8\"/><title>Migration {name}</title><style>{STYLE}</style></head>\n\
         <body>\n<h1>Migration {name}</h1>\n{body}</body>\n</html>\n"
    )
}

fn runs(history: &History) -> impl Iterator<Item = (&str, &Run)> {
    let databases = history.databases();
    databases.filter_map(|(name, run)| Some((name, run?)))
}

fn summary(history: &History, status: Status) -> String {
    let migration = &history.migration;
    let option = format!("{:?}", migration.option);
    let names: Vec<String> = migration
        .databases
        .iter()
        .map(|name| quote::shown(name))
        .collect();
    let next = status::next(history, status).unwrap_or_default();
    let facts = [
        ("Status", status.as_str().to_owned()),
        ("Migration mode", "Offline".to_owned()),
        ("Migration type", option),
        ("Source server", server(history, Side::Source)),
        ("Source server type", migration.source_type.clone()),
        ("Source version", version(history, Side::Source)),
        ("Target server", server(history, Side::Target)),
        ("Target version", version(history, Side::Target)),
        ("Databases", names.join(", ")),
        ("Start time", clock::shown(history.began)),
        ("Duration", clock::duration(history.began, history.changed)),
        ("Next", next),
    ];
    let rows: Vec<Vec<String>> = facts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(fact, value)| vec![fact.to_owned(), value])
        .collect();
    table(&["Fact", "Value"], &rows)
}

fn version(history: &History, side: Side) -> String {
    let endpoint = history.endpoint(side);
    endpoint
        .and_then(|one| one.version.clone())
        .unwrap_or_default()
}

fn databases(history: &History) -> String {
    let rows: Vec<Vec<String>> = runs(history)
        .filter_map(|(name, run)| Some((name, run.state.as_ref()?)))
        .map(|(name, state)| {
            let tables = state.tables;
            vec![
                quote::shown(name),
                state.state.as_str().to_owned(),
                tables.copied.to_string(),
                tables.verified.to_string(),
                tables.queued.to_string(),
                tables.errors.to_string(),
                state.rows.to_string(),
                size(state.bytes),
                state.message.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let head = [
        "Database", "State", "Copied", "Verified", "Queued", "Errors", "Rows", "Bytes", "Message",
    ];
    table(&head, &rows)
}

fn phases(story: &Story) -> String {
    let rows: Vec<Vec<String>> = story
        .phases
        .iter()
        .map(|phase| {
            vec![
                clock::shown(phase.at),
                quote::shown(&phase.database),
                phase.word.clone(),
            ]
        })
        .collect();
    table(&["From", "Database", "State"], &rows)
}

fn validation(history: &History) -> String {
    let mut rows = Vec::new();
    for (name, run) in runs(history) {
        if let Some(sum) = &run.validation {
            rows.push(vec![
                quote::shown(name),
                "all checks".to_owned(),
                format!("{:?}", sum.status),
                format!(
                    "{} succeeded, {} warnings, {} failed, {} skipped",
                    sum.succeeded, sum.warning, sum.failed, sum.skipped
                ),
                String::new(),
            ]);
        }
        let is_left_out = |check: &&Check| check.status == CheckStatus::Skipped;
        for check in run.checks.iter().filter(|check| !is_left_out(check)) {
            rows.push(vec![
                quote::shown(name),
                check.id.clone(),
                status_word(check).to_owned(),
                finding(check),
                check.fix.clone().unwrap_or_default(),
            ]);
        }
        let left_out: Vec<String> = run
            .checks
            .iter()
            .filter(is_left_out)
            .map(|check| format!("{}: {}", check.id, check.message))
            .collect();
        if !left_out.is_empty() {
            rows.push(vec![
                quote::shown(name),
                "not answered".to_owned(),
                "Skipped".to_owned(),
                left_out.join("\n"),
                String::new(),
            ]);
        }
    }
    table(&["Database", "Check", "Status", "Finding", "Fix"], &rows)
}

/// A check that found what is no fault has succeeded.
fn status_word(check: &Check) -> &'static str {
    match check.status {
        CheckStatus::Succeeded => "Note",
        CheckStatus::Warning => "Warning",
        CheckStatus::Failed => "Failed",
        CheckStatus::Skipped => "Skipped",
    }
}

/// What a check found, with the objects concerned.
fn finding(check: &Check) -> String {
    let mut lines = vec![check.message.clone()];
    lines.extend(check.objects.iter().take(OBJECTS).cloned());
    if check.objects.len() > OBJECTS {
        lines.push(format!("and {} more", check.objects.len() - OBJECTS));
    }
    lines.join("\n")
}

fn verification(history: &History, story: &Story) -> String {
    let mut rows: Vec<Vec<String>> = story
        .verifications
        .iter()
        .map(|(name, sum)| {
            vec![
                quote::shown(name),
                "everything".to_owned(),
                format!("{:?}", sum.status),
                {
                    let objects = sum
                        .objects
                        .map_or_else(String::new, |count| format!(", {count} objects compared"));
                    format!(
                        "{} tables equal, {} differ, {} unverified, {} rows{objects}",
                        sum.matched, sum.mismatched, sum.unverified, sum.rows
                    )
                },
            ]
        })
        .collect();
    for (name, run) in runs(history) {
        rows.extend(run.differences.iter().map(|one| {
            vec![
                quote::shown(name),
                format!("{}.{}", quote::shown(&one.schema), quote::shown(&one.name)),
                format!("{:?}", one.verdict),
                one.message.clone().unwrap_or_default(),
            ]
        }));
    }
    table(&["Database", "What", "Verdict", "Message"], &rows)
}

/// What pg-validate found about settings, and what pg-verify listed where it was asked to, as
/// ./migrate does. They are the servers', so each is told once.
fn parameters(history: &History) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (_, run) in runs(history) {
        // pg-verify lists the same, one by one.
        let is_listed = |check: &Check| check.id == "guc.not_default" && !run.parameters.is_empty();
        let checks = run.checks.iter().filter(|check| !is_listed(check));
        rows.extend(
            checks
                .filter(|check| check.id.starts_with("guc.") && !check.objects.is_empty())
                .map(|check| vec![finding(check), check.fix.clone().unwrap_or_default()]),
        );
        rows.extend(run.parameters.iter().map(|one| {
            let here = one.target.as_deref().unwrap_or("unknown");
            let restart = if one.restart { ", takes a restart" } else { "" };
            let (name, there) = (&one.name, &one.source);
            let fix = [one.statement.as_deref(), one.azure.as_deref()];
            vec![
                format!("{name} ({there} on the source, {here} here{restart})"),
                fix.into_iter().flatten().collect::<Vec<_>>().join("\n"),
            ]
        }));
    }
    let mut told = BTreeSet::new();
    rows.retain(|row| told.insert(row.clone()));
    let by_hand = "<p>At any time: <code>pg-verify --quick --parameters</code> lists those that the source has set \
                   and the target has not, with SQL and commands for Azure. ./migrate has it do so at the end.</p>\n";
    if rows.is_empty() {
        return format!("<p>None was told.</p>\n{by_hand}");
    }
    format!("{}{by_hand}", table(&["Finding", "Fix"], &rows))
}

fn errors(history: &History) -> String {
    let mut rows = Vec::new();
    for (name, run) in runs(history) {
        rows.extend(run.errors.iter().map(|error| {
            vec![
                quote::shown(name),
                error.tool.clone(),
                error.message.clone(),
                error.hint.clone().unwrap_or_default(),
            ]
        }));
    }
    table(&["Database", "Tool", "Error", "Hint"], &rows)
}

fn cutover(history: &History) -> String {
    let target = server(history, Side::Target);
    let names = history
        .migration
        .databases
        .iter()
        .map(|name| quote::shown(name));
    let first = format!(
        "The new server is {target}; its databases: {}.",
        names.collect::<Vec<_>>().join(", ")
    );
    let items: Vec<String> = [first.as_str()]
        .iter()
        .chain(CUTOVER)
        .map(|item| {
            format!(
                "<li><label><input type=\"checkbox\"/> {}</label></li>\n",
                text(item)
            )
        })
        .collect();
    let items = items.concat();
    format!("<ul>\n{items}</ul>\n")
}
