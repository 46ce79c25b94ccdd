//! The result for people: the verdict first, then findings by status, the worst first.

use pg_pipe::record::{Check, CheckStatus, Record, Validation, ValidationStatus};
use pg_pipe::report::wrap;

use crate::outcome::LEFT_OUT;

/// Characters of a line.
const WIDTH: usize = 110;

/// Lines for people.
pub(crate) fn lines(records: &[Record]) -> Vec<String> {
    let checks: Vec<&Check> = records
        .iter()
        .filter_map(|record| match record {
            Record::Check(check) => Some(check),
            _ => None,
        })
        .collect();
    let sum = records.iter().find_map(|record| match record {
        Record::Validation(sum) => Some(sum),
        _ => None,
    });
    let indent = checks.iter().map(|check| check.id.len()).max().unwrap_or(0) + 4;
    let Some(sum) = sum else {
        return listed(&checks, indent);
    };
    let mut lines = vec![verdict(sum)];
    let databases = checks.iter().filter_map(|check| check.database.as_deref());
    let several = databases.collect::<std::collections::BTreeSet<_>>().len() > 1;
    let (left_out, checks): (Vec<&Check>, Vec<&Check>) =
        checks.into_iter().partition(|check| is_left_out(check));
    for (status, title) in [
        (CheckStatus::Failed, "Failed"),
        (CheckStatus::Warning, "Warning"),
        (CheckStatus::Skipped, "Skipped"),
    ] {
        let of_status = checks.iter().filter(|check| check.status == status);
        group(&mut lines, title, of_status, (indent, several));
    }
    let succeeded = checks.iter().copied();
    let succeeded = succeeded.filter(|check| check.status == CheckStatus::Succeeded);
    let (notes, plain): (Vec<&Check>, Vec<&Check>) =
        succeeded.partition(|check| !check.objects.is_empty());
    let title = "Succeeded, and good to know";
    group(&mut lines, title, &notes, (indent, several));
    ids(&mut lines, "Succeeded", &plain);
    let title = "Left out (by --skip, or without --deep and --rehearse)";
    ids(&mut lines, title, &left_out);
    lines
}

fn is_left_out(check: &Check) -> bool {
    check.status == CheckStatus::Skipped && check.message.starts_with(LEFT_OUT)
}

/// Checks of which there is no more to say than their ids.
fn ids(lines: &mut Vec<String>, title: &str, checks: &[&Check]) {
    let ids: Vec<&str> = checks.iter().map(|check| check.id.as_str()).collect();
    if ids.is_empty() {
        return;
    }
    lines.push(String::new());
    lines.push(title.to_owned());
    let text = wrap(&ids.join(" "), WIDTH - 2);
    lines.extend(text.into_iter().map(|line| format!("  {line}")));
}

/// The verdict in one line.
pub(crate) fn verdict(sum: &Validation) -> String {
    let word = match sum.status {
        ValidationStatus::Succeeded => "Succeeded",
        ValidationStatus::Warning => "Warning",
        ValidationStatus::Failed => "Failed",
    };
    let warnings = if sum.warning == 1 {
        "warning"
    } else {
        "warnings"
    };
    format!(
        "validation {word}: {} succeeded, {} {warnings}, {} failed, {} skipped",
        sum.succeeded, sum.warning, sum.failed, sum.skipped
    )
}

fn listed(checks: &[&Check], indent: usize) -> Vec<String> {
    checks
        .iter()
        .map(|check| format!("{:<indent$}{}", check.id, check.message))
        .collect()
}

fn group<'c>(
    lines: &mut Vec<String>,
    title: &str,
    checks: impl IntoIterator<Item = &'c &'c Check>,
    (indent, several): (usize, bool),
) {
    let mut checks = checks.into_iter().peekable();
    if checks.peek().is_none() {
        return;
    }
    lines.push(String::new());
    lines.push(title.to_owned());
    for check in checks {
        entry(lines, check, (indent, several));
    }
}

fn entry(lines: &mut Vec<String>, check: &Check, (indent, several): (usize, bool)) {
    let message = match &check.database {
        Some(database) if several => format!("{database}: {}", check.message),
        _ => check.message.clone(),
    };
    let width = WIDTH.saturating_sub(indent);
    let mut first = wrap(&message, width).into_iter();
    let head = first.next().unwrap_or_default();
    lines.push(format!("  {:<below$}{head}", check.id, below = indent - 2));
    let more = first.chain(
        check
            .objects
            .iter()
            .map(|object| format!("  {object}"))
            .chain(
                check
                    .fix
                    .iter()
                    .flat_map(|fix| fix.split('\n'))
                    .map(|line| format!("fix: {line}")),
            ),
    );
    lines.extend(more.map(|line| format!("{:indent$}{line}", "")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_pipe::record::CheckLevel;

    fn check(id: &str, status: CheckStatus, objects: &[&str]) -> Record {
        Record::Check(Check {
            id: id.to_owned(),
            level: CheckLevel::Instance,
            database: None,
            status,
            message: format!("{id} says"),
            objects: objects.iter().map(|object| (*object).to_owned()).collect(),
            fix: (status == CheckStatus::Failed).then(|| "a;\nb;".to_owned()),
            azure: None,
        })
    }

    fn left_out() -> Check {
        match check("e.out", CheckStatus::Skipped, &[]) {
            Record::Check(check) => check,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_verdict_comes_first_and_the_worst_next() {
        let records = [
            check("a.fine", CheckStatus::Succeeded, &[]),
            check("b.note", CheckStatus::Succeeded, &["n"]),
            check("c.warn", CheckStatus::Warning, &["x"]),
            Record::Check(Check {
                message: "left out: by --skip".to_owned(),
                ..left_out()
            }),
            check("d.fail", CheckStatus::Failed, &["y", "z"]),
            Record::Validation(Validation {
                status: ValidationStatus::Failed,
                succeeded: 2,
                warning: 1,
                failed: 1,
                skipped: 0,
            }),
        ];
        let expected = "validation Failed: 2 succeeded, 1 warning, 1 failed, 0 skipped

Failed
  d.fail  d.fail says
            y
            z
          fix: a;
          fix: b;

Warning
  c.warn  c.warn says
            x

Succeeded, and good to know
  b.note  b.note says
            n

Succeeded
  a.fine

Left out (by --skip, or without --deep and --rehearse)
  e.out";
        assert_eq!(lines(&records).join("\n"), expected);
    }

    #[test]
    fn without_a_verdict_it_is_a_list() {
        let records = [check("a.fine", CheckStatus::Skipped, &[])];
        assert_eq!(lines(&records), ["a.fine    a.fine says"]);
    }
}
