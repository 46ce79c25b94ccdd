//! A check on paper: what `--explain` says, and docs/checks.md.

use super::{Check, Condition, Looks, Place, Step};
use pg_pipe::report::wrap;

const WIDTH: usize = 96;

/// All about a check, for people.
pub(crate) fn explain(check: &Check) -> String {
    let mut lines = vec![format!("{}: {}", check.id, check.title), String::new()];
    lines.extend(wrap(&check.why, WIDTH));
    lines.push(String::new());
    for (name, value) in facts(check) {
        lines.push(format!("{name:<10} {value}"));
    }
    for step in &check.steps {
        lines.push(format!("\n-- {}\n{}", place(step), step.sql));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn facts(check: &Check) -> Vec<(&'static str, String)> {
    let looks = match check.looks {
        Looks::Sql => None,
        Looks::Deep => Some("at rows, with --deep".to_owned()),
        Looks::Code(_) => Some("by code".to_owned()),
    };
    let applies = (!check.applies.is_always()).then(|| check.applies.to_string());
    [
        ("looks", looks),
        ("applies", applies),
        ("severity", Some(severities(check))),
        ("fix", check.fix.as_ref().map(|fix| fix.sql.clone())),
        ("Azure", check.azure.map(|code| code.to_string())),
        ("manual", check.manual_address()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

fn severities(check: &Check) -> String {
    let one = |(condition, severity): &(Condition, crate::outcome::Severity)| {
        let word = severity.as_str();
        if condition.is_always() {
            word.to_owned()
        } else {
            format!("{word} when {condition}")
        }
    };
    check
        .severities
        .iter()
        .map(one)
        .collect::<Vec<_>>()
        .join(", else ")
}

fn place(step: &Step) -> String {
    let mut text = match step.place {
        Place::Source => "on the source",
        Place::Target => "on the target",
        Place::Each => "on each side",
    }
    .to_owned();
    for (word, major) in [("from", step.from), ("before", step.before)] {
        if let Some(major) = major {
            text.push_str(&format!(" {word} {major}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;
    use pg_pipe::record::CheckLevel;

    const LEFT_OUT: &str = include_str!("left_out.txt");

    fn paper() -> String {
        let checks = checks::all().unwrap();
        let mut text = format!(
            "# Checks of pg-validate\n\nWritten by `make checks` from pg-validate/src/checks; \
             a test fails when it differs. `pg-validate --explain ID` has the SQL of each.\n\n\
             Severity is what a finding means: `failed` stops a migration, `warning` does not, `info` is told with \
             status Succeeded. A query may say otherwise for single objects. Conditions are on versions, on the \
             target's platform (`target managed`, `target azure`) and on whether our role there is a superuser. \
             {} checks.\n",
            checks.len()
        );
        for (level, title) in [
            (CheckLevel::Instance, "Of the servers"),
            (CheckLevel::Database, "Of each database"),
        ] {
            text.push_str(&format!("\n## {title}\n\n| check | what is right, or looked for | severity | Azure | why |\n|---|---|---|---|---|\n"));
            for check in checks.iter().filter(|check| check.level == level) {
                let looks = match check.looks {
                    Looks::Deep => " (`--deep`)",
                    Looks::Code(crate::code::Look::Rehearsal) => " (`--rehearse`)",
                    _ => "",
                };
                let applies = if check.applies.is_always() {
                    String::new()
                } else {
                    format!("; only {}", check.applies)
                };
                let id = match check.manual_address() {
                    Some(address) => format!("[{}]({address})", check.id),
                    None => check.id.to_owned(),
                };
                let azure = check.azure.map(|code| code.to_string()).unwrap_or_default();
                let row = [
                    id + looks,
                    check.title.clone(),
                    severities(check) + &applies,
                    azure,
                    check.why.clone(),
                ];
                let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
                text.push_str(&format!("| {} |\n", cells.join(" | ")));
            }
        }
        text.push_str("\n## Left out\n\nKnown to others, and why they are not here.\n\n| check | why |\n|---|---|\n");
        for line in LEFT_OUT.lines() {
            let (id, why) = line.split_once(": ").unwrap();
            text.push_str(&format!("| {id} | {why} |\n"));
        }
        text
    }

    #[test]
    fn the_checked_in_paper_is_that_of_the_checks() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/checks.md");
        if std::env::var_os("UPDATE_CHECKS").is_some() {
            std::fs::write(&file, paper()).unwrap();
        }
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            written == paper(),
            "docs/checks.md differs: run `make checks`"
        );
    }

    #[test]
    fn what_is_left_out_is_no_check() {
        let checks = checks::all().unwrap();
        for line in LEFT_OUT.lines() {
            let (id, _) = line.split_once(": ").unwrap();
            assert!(checks.iter().all(|check| check.id != id), "{id}");
        }
    }

    #[test]
    fn an_explanation_has_the_sql_of_each_side() {
        let checks = checks::all().unwrap();
        let check = checks
            .iter()
            .find(|check| check.id == "ext.missing")
            .unwrap();
        let text = explain(check);
        for part in [
            "ext.missing: ",
            "603405",
            "-- on the target\nselect",
            "pg_extension",
            "severity   failed",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
