//! The result as OpenMetrics text, for node_exporter's textfile collector. The file is whole or
//! the one of the run before.

use std::path::Path;
use std::time::Duration;

use pg_pipe::Failure;
use pg_pipe::record::{Verdict, Verification, VerificationStatus, Verified};

use crate::fresh::Fresh;
use crate::history::{kind, verdict};

/// The collector runs as somebody else, and has no use for a file of its owner only.
const MODE: u32 = 0o644;

/// Makes sure that the file can be written.
///
/// # Errors
/// A [`Failure`] (exit 2) when it cannot.
pub(crate) fn begin(path: &Path) -> Result<Fresh, Failure> {
    Fresh::begin("--metrics", path, MODE)
}

/// Writes the result of a run.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(
    file: Fresh,
    sum: &Verification,
    all: &[Verified],
    took: Duration,
) -> Result<(), Failure> {
    file.put(|out| out.write_all(text(sum, all, took).as_bytes()))
}

/// A family of metrics: name, help, and the samples, each with its labels.
fn family(text: &mut String, name: &str, help: &str, samples: &[(String, String)]) {
    text.push_str(&format!("# TYPE {name} gauge\n# HELP {name} {help}\n"));
    for (labels, value) in samples {
        text.push_str(&format!("{name}{labels} {value}\n"));
    }
}

fn text(sum: &Verification, all: &[Verified], took: Duration) -> String {
    let one = |value: String| vec![(String::new(), value)];
    let counts = [
        ("match", sum.matched),
        ("mismatch", sum.mismatched),
        ("unverified", sum.unverified),
    ];
    let statuses = [
        ("equal", VerificationStatus::Equal),
        ("different", VerificationStatus::Different),
        ("incomplete", VerificationStatus::Incomplete),
    ];
    let now = jiff::Timestamp::now().as_second();
    let mut text = String::new();
    family(
        &mut text,
        "pgmig_verify_status",
        "1 for the result of the last run",
        &statuses.map(|(word, status)| {
            let is = u8::from(sum.status == status).to_string();
            (labels(&[("status", word)]), is)
        }),
    );
    family(
        &mut text,
        "pgmig_verify_results",
        "Tables that match; tables, sequences and large objects that do not",
        &counts.map(|(word, count)| (labels(&[("verdict", word)]), count.to_string())),
    );
    family(
        &mut text,
        "pgmig_verify_rows",
        "Rows of the target that were compared",
        &one(sum.rows.to_string()),
    );
    family(
        &mut text,
        "pgmig_verify_duration_seconds",
        "How long the last run took",
        &one(took.as_secs_f64().to_string()),
    );
    family(
        &mut text,
        "pgmig_verify_last_run_timestamp_seconds",
        "When the last run came to its end",
        &one(now.to_string()),
    );
    let unequal = |one: &&Verified| one.verdict != Verdict::Match;
    let differing: Vec<(String, String)> = all.iter().filter(unequal).map(sample).collect();
    family(
        &mut text,
        "pgmig_verify_unequal_rows",
        "Rows found that differ, of what does not match; NaN where rows were not looked for",
        &differing,
    );
    text.push_str("# EOF\n");
    text
}

fn sample(one: &Verified) -> (String, String) {
    let labels = labels(&[
        ("kind", kind(one.kind)),
        ("schema", &one.schema),
        ("name", &one.name),
        ("verdict", verdict(one.verdict)),
    ]);
    let found = [one.missing, one.extra, one.changed];
    let rows: Option<u64> = found
        .into_iter()
        .try_fold(0_u64, |sum, one| Some(sum + one?));
    let value = rows.map_or_else(|| "NaN".to_owned(), |rows| rows.to_string());
    (labels, value)
}

fn labels(list: &[(&str, &str)]) -> String {
    let labels: Vec<String> = list
        .iter()
        .map(|(name, value)| {
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            format!("{name}=\"{value}\"")
        })
        .collect();
    format!("{{{}}}", labels.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_the_end_is_marked() {
        assert_eq!(labels(&[("a", "x\"y\\z\n")]), "{a=\"x\\\"y\\\\z\\n\"}");
        let sum = Verification {
            status: VerificationStatus::Different,
            matched: 1,
            mismatched: 2,
            unverified: 0,
            rows: 7,
            objects: None,
        };
        let text = text(&sum, &[], Duration::from_millis(1_500));
        assert!(
            text.contains("pgmig_verify_status{status=\"different\"} 1\n"),
            "{text}"
        );
        assert!(
            text.contains("pgmig_verify_status{status=\"equal\"} 0\n"),
            "{text}"
        );
        assert!(
            text.contains("pgmig_verify_duration_seconds 1.5\n"),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
