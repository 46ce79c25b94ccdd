//! The last lines for people: what became of each side, and how long a copy would take.

use pg_pipe::record::{Endpoint, ErrorRecord, ProbeStep, Record, Side, Throughput, ThroughputPath};
use pg_pipe::report::{clock, size, wrap};
use pg_session::catalog::platform;

use crate::throughput;

/// Characters of a line.
const LINE: usize = 88;

/// A line or some a side, out of the records of the run.
pub(crate) fn lines(records: &[Record]) -> Vec<String> {
    let sides = [Side::Source, Side::Target];
    let mut lines: Vec<String> = sides
        .into_iter()
        .flat_map(|side| of_side(side, records))
        .collect();
    for record in records {
        match record {
            Record::Throughput(throughput) => lines.extend(estimate(throughput)),
            Record::Error(error) => lines.extend(of_measuring(error)),
            _ => {}
        }
    }
    lines
}

fn of_side(side: Side, records: &[Record]) -> Vec<String> {
    let steps: Vec<&ProbeStep> = records
        .iter()
        .filter_map(|record| match record {
            Record::Probe(step) if step.role == side => Some(step),
            _ => None,
        })
        .collect();
    let endpoint = records.iter().find_map(|record| match record {
        Record::Endpoint(endpoint) if endpoint.role == side => Some(endpoint),
        _ => None,
    });
    let name = side.as_str();
    if let Some(failed) = steps.iter().find(|step| !step.ok) {
        return failed_lines(
            format!("{name}: FAILED at {}", failed.step),
            failed.class.as_deref(),
            failed.hint.as_deref(),
        );
    }
    endpoint.map_or_else(Vec::new, |endpoint| {
        let sum: f64 = steps.iter().map(|step| step.milliseconds).sum();
        vec![format!(
            "{name}: ok, {} ({} steps, {sum:.0} ms)",
            server(endpoint),
            steps.len()
        )]
    })
}

/// What failed, and below it what to change.
fn failed_lines(what: String, class: Option<&str>, hint: Option<&str>) -> Vec<String> {
    let class = class.map_or_else(String::new, |class| format!(" ({class})"));
    let hint = hint.map_or_else(Vec::new, |hint| wrap(hint, LINE - 2));
    let hint = hint.iter().map(|line| format!("  {line}"));
    [format!("{what}{class}")].into_iter().chain(hint).collect()
}

/// A way that could not be measured.
fn of_measuring(error: &ErrorRecord) -> Vec<String> {
    match &error.object {
        Some(object) if object.starts_with(throughput::OBJECT) => failed_lines(
            format!("{object}: FAILED"),
            Some(&error.class),
            error.hint.as_deref(),
        ),
        _ => Vec::new(),
    }
}

/// A server in a few words.
fn server(endpoint: &Endpoint) -> String {
    let version = endpoint.version.as_deref().unwrap_or_default();
    // Without what a distribution adds in parentheses.
    let version = version.split(' ').next().unwrap_or_default();
    let id = endpoint.platform.as_deref().unwrap_or_default();
    let platform = platform::of_id(id).map_or(id, |platform| platform.name);
    let mut text = format!("PostgreSQL {version}, {platform}");
    for (is_so, word) in [
        (endpoint.in_recovery, ", standby"),
        (endpoint.read_only, ", read-only"),
    ] {
        if is_so == Some(true) {
            text.push_str(word);
        }
    }
    text
}

/// How long a copy would take.
fn estimate(through: &Throughput) -> Option<String> {
    if through.path != ThroughputPath::Through {
        return None;
    }
    Some(format!(
        "about {} for {} at {}/s, before indexes",
        clock(through.eta_seconds?),
        size(through.total_bytes?),
        size(through.bytes_per_second)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(lines: &[&str]) -> Vec<Record> {
        lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn each_side_has_its_verdict_and_the_estimate_comes_last() {
        let records = records(&[
            r#"{"type":"probe","role":"source","step":"tcp","ok":true,"milliseconds":20.4,"message":""}"#,
            r#"{"type":"probe","role":"source","step":"auth","ok":true,"milliseconds":40.2,"message":""}"#,
            r#"{"type":"endpoint","role":"source","conninfo":"","version":"14.9 (Debian)","platform":"aurora","in_recovery":true}"#,
            r#"{"type":"probe","role":"target","step":"tcp","ok":true,"milliseconds":1,"message":""}"#,
            r#"{"type":"probe","role":"target","step":"tls","ok":false,"milliseconds":1,"message":"no","class":"tls","hint":"Check sslrootcert."}"#,
            r#"{"type":"throughput","path":"source","seconds":1,"bytes":1,"bytes_per_second":1}"#,
            r#"{"type":"throughput","path":"through","seconds":1,"bytes":1,"bytes_per_second":50331648,"total_bytes":132070244350,"eta_seconds":2530}"#,
        ]);
        assert_eq!(
            lines(&records),
            [
                "source: ok, PostgreSQL 14.9, Amazon Aurora, standby (2 steps, 61 ms)",
                "target: FAILED at tls (tls)",
                "  Check sslrootcert.",
                "about 00:42:10 for 123 GB at 48 MB/s, before indexes",
            ]
        );
    }

    #[test]
    fn a_way_that_could_not_be_measured_is_told_again_with_its_hint_in_short_lines() {
        let hint = "Give another target. ".repeat(8);
        let error = format!(
            r#"{{"type":"error","tool":"pg-probe","scope":"item","class":"read_only","message":"no","exit":5,"object":"throughput target","hint":"{}"}}"#,
            hint.trim()
        );
        let told = lines(&records(&[&error]));
        assert_eq!(told[0], "throughput target: FAILED (read_only)");
        assert_eq!(told.len(), 3);
        assert!(told.iter().all(|line| line.len() <= LINE), "{told:?}");
    }

    #[test]
    fn a_side_that_was_not_asked_for_has_none() {
        assert!(lines(&[]).is_empty());
    }
}
