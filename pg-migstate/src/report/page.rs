//! The page: HTML that is well-formed XML, too.

use pg_pipe::record::{CheckStatus, Side};
use pg_session::quote;

use crate::chosen::server;
use crate::clock;
use crate::history::{History, Run};
use crate::report::chart;
use crate::report::markup::{table, text};
use crate::report::story::Story;
use crate::status::{self, Status};

const STYLE: &str = "body{font:14px sans-serif;margin:2em auto;max-width:62em;color:#222}\
    table{border-collapse:collapse;margin:.5em 0}td,th{border:1px solid #bbb;padding:.25em .6em;\
    text-align:left;vertical-align:top;white-space:pre-wrap}th{background:#eee}\
    svg text{font-size:11px}.table{fill:#3a76b0}.index{fill:#c9822b}";

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
        ("Timeline", chart::timeline(&story.spans)),
        ("Throughput", chart::throughput(&story.points)),
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
        ("Start time", history.began.to_string()),
        ("Duration", clock::duration(history.began, history.changed)),
        ("Next", next),
    ];
    let rows: Vec<Vec<String>> = facts
        .into_iter()
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
                state.bytes.to_string(),
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
                phase.at.to_string(),
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
                    "{} succeeded, {} warn, {} failed, {} skipped",
                    sum.succeeded, sum.warning, sum.failed, sum.skipped
                ),
                String::new(),
            ]);
        }
        for check in &run.checks {
            rows.push(vec![
                quote::shown(name),
                check.id.clone(),
                format!("{:?}", check.status),
                check.message.clone(),
                check.fix.clone().unwrap_or_default(),
            ]);
        }
    }
    table(&["Database", "Check", "Status", "Finding", "Fix"], &rows)
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
                format!("{} equal, {} rows", sum.matched, sum.rows),
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

/// What pg-validate found about settings.
fn parameters(history: &History) -> String {
    let is_about_settings = |id: &str| id.contains("param") || id.starts_with("guc");
    let rows: Vec<Vec<String>> = runs(history)
        .flat_map(|(name, run)| run.checks.iter().map(move |check| (name, check)))
        .filter(|(_, check)| is_about_settings(&check.id) && check.status != CheckStatus::Succeeded)
        .map(|(name, check)| {
            let fix = check.fix.clone().unwrap_or_default();
            vec![quote::shown(name), check.message.clone(), fix]
        })
        .collect();
    let by_hand = "<p>By hand, on both servers: <code>SELECT name, setting FROM pg_settings WHERE \
                   source NOT IN (&#39;default&#39;, &#39;override&#39;, &#39;session&#39;, \
                   &#39;client&#39;)</code></p>\n";
    format!("{}{by_hand}", table(&["Database", "Finding", "Fix"], &rows))
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
