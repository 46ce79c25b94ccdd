//! Whether two readings are equal. Pure, and never generous: what cannot be compared is
//! unverified, not equal.

use std::collections::{BTreeMap, BTreeSet};

use pg_pipe::record::{Verdict, VerifiedKind};
use pg_session::quote;

use crate::plan::Columns;
use crate::reading::Reading;
use crate::tally::PARTLY;

/// The verdict on two readings, and what differs.
pub(crate) fn judge(
    kind: VerifiedKind,
    source: &Reading,
    target: &Reading,
) -> (Verdict, Option<String>) {
    if kind == VerifiedKind::Sequence {
        return judge_positions(source, target);
    }
    let noun = if kind == VerifiedKind::Table {
        "rows"
    } else {
        "objects"
    };
    if source.count != target.count {
        let (there, here) = (source.count, target.count);
        let message = format!("{noun}: {there} on the source, {here} on the target");
        return (Verdict::Mismatch, Some(message));
    }
    match (&source.checksum, &target.checksum) {
        (Some(there), Some(here)) if there == here => (Verdict::Match, None),
        (Some(there), Some(here)) if way(there) == way(here) => (
            Verdict::Mismatch,
            Some(format!(
                "contents differ ({noun} on both sides: {})",
                source.count
            )),
        ),
        (None, None) => (
            Verdict::Unverified,
            Some(format!(
                "{PARTLY}{noun} were counted only ({} on both sides)",
                source.count
            )),
        ),
        _ => (
            Verdict::Unverified,
            Some(
                "the two sides checksum a column in different ways, such as an extension's type \
                 in two versions"
                    .to_owned(),
            ),
        ),
    }
}

fn judge_positions(source: &Reading, target: &Reading) -> (Verdict, Option<String>) {
    match (source.is_called, target.is_called) {
        (Some(_), Some(_)) if source == target => (Verdict::Match, None),
        (Some(there), Some(here)) => (
            Verdict::Mismatch,
            Some(format!(
                "the source stands at {}, the target at {}",
                position(source.count, there),
                position(target.count, here)
            )),
        ),
        _ => (
            Verdict::Unverified,
            Some("where the sequence stands is not known on both sides".to_owned()),
        ),
    }
}

fn position(last_value: i64, is_called: bool) -> String {
    let state = if is_called { "used" } else { "unused" };
    format!("{last_value} ({state})")
}

/// All of a checksum but the sum: algorithm, columns, and how each is compared.
fn way(checksum: &str) -> Option<&str> {
    Some(checksum.rsplit_once(':')?.0)
}

/// How two definitions differ, if they do. The order of columns does not matter.
pub(crate) fn difference(source: &Columns, target: &Columns) -> Option<String> {
    let names: BTreeSet<&String> = source.keys().chain(target.keys()).collect();
    let parts: Vec<String> = names
        .into_iter()
        .filter_map(|name| column_difference(name, source, target))
        .collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn column_difference(
    name: &str,
    source: &BTreeMap<String, String>,
    target: &BTreeMap<String, String>,
) -> Option<String> {
    let shown = quote::shown(name);
    match (source.get(name), target.get(name)) {
        (Some(there), Some(here)) if there != here => Some(format!(
            "column {shown} is {there} on the source, {here} on the target"
        )),
        (Some(_), None) => Some(format!("column {shown} is only on the source")),
        (None, Some(_)) => Some(format!("column {shown} is only on the target")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: i64, checksum: &str) -> Reading {
        Reading::rows(count, checksum.to_owned())
    }

    fn verdict(source: &Reading, target: &Reading) -> Verdict {
        judge(VerifiedKind::Table, source, target).0
    }

    #[test]
    fn only_the_same_count_and_the_same_checksum_match() {
        let one = rows(2, "b64s/1:aa:17");
        assert_eq!(verdict(&one, &one), Verdict::Match);
        assert_eq!(verdict(&one, &rows(3, "b64s/1:aa:17")), Verdict::Mismatch);
        assert_eq!(verdict(&one, &rows(2, "b64s/1:aa:18")), Verdict::Mismatch);
    }

    #[test]
    fn sums_of_different_expressions_are_neither_equal_nor_different() {
        let one = rows(2, "b64s/1:aa:17");
        for other in ["b64s/1:bb:17", "b64s/2:aa:17", "17", ""] {
            assert_eq!(
                verdict(&one, &rows(2, other)),
                Verdict::Unverified,
                "{other}"
            );
        }
        let without = Reading {
            checksum: None,
            ..one.clone()
        };
        assert_eq!(verdict(&without, &without), Verdict::Unverified);
    }

    #[test]
    fn a_sequence_that_was_used_differs_from_one_that_was_not() {
        let judged = |a: &Reading, b: &Reading| judge(VerifiedKind::Sequence, a, b).0;
        let used = Reading::position(1, true);
        assert_eq!(judged(&used, &used), Verdict::Match);
        assert_eq!(
            judged(&used, &Reading::position(1, false)),
            Verdict::Mismatch
        );
        assert_eq!(
            judged(&used, &Reading::position(2, true)),
            Verdict::Mismatch
        );
        assert_eq!(judged(&used, &rows(1, "x")), Verdict::Unverified);
    }

    #[test]
    fn differing_columns_are_named() {
        let columns = |list: &[(&str, &str)]| -> Columns {
            list.iter()
                .map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned()))
                .collect()
        };
        let source = columns(&[("a", "integer"), ("b", "text"), ("c", "text")]);
        assert_eq!(difference(&source, &source), None);
        let target = columns(&[("d", "text"), ("a", "bigint"), ("b", "text")]);
        let text = difference(&source, &target).unwrap();
        assert_eq!(
            text,
            "column a is integer on the source, bigint on the target; \
             column c is only on the source; column d is only on the target"
        );
    }
}
