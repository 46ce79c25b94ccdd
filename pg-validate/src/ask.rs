//! A check by its queries: which of them are for the servers at hand, what they give, and the
//! outcome of that.

use std::collections::{BTreeMap, BTreeSet};

use pg_pipe::record::Side;
use pg_session::session::Texts;
use pg_session::{Error, quote};

use crate::checks::{Check, Place, Step};
use crate::outcome::{Fix, Outcome, Severity};
use crate::subject::{Server, Subject};

/// One thing that a check has found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Finding {
    /// What is concerned.
    pub(crate) object: String,
    /// What is to be said of it.
    pub(crate) detail: Option<String>,
    /// How bad it is, where that is not the same for all.
    pub(crate) severity: Option<Severity>,
    /// SQL that mends it.
    pub(crate) fix: Option<Fix>,
    /// What the other side is asked about.
    pub(crate) key: Option<String>,
}

impl Finding {
    fn of_row(row: &Texts, side: Side) -> Self {
        let text = |column: &str| row.get(column).cloned();
        let fix = |column, side| text(column).map(|sql| Fix { side, sql });
        Self {
            object: text("object").unwrap_or_default(),
            detail: text("detail"),
            severity: text("severity").and_then(|word| word.parse().ok()),
            fix: fix("fix", side).or_else(|| fix("fix_there", other(side))),
            key: text("key"),
        }
    }

    /// What is shown of it.
    pub(crate) fn shown(&self) -> String {
        match &self.detail {
            Some(detail) if !detail.is_empty() => format!("{} ({detail})", self.object),
            _ => self.object.clone(),
        }
    }
}

/// Asks the queries of a check.
///
/// # Errors
/// What a server says.
pub(crate) fn ask(check: &Check, subject: &mut Subject) -> Result<Outcome, Error> {
    let Some(steps) = steps(check, subject) else {
        return Ok(does_not_apply(
            "the versions of the servers have nothing of the kind",
        ));
    };
    Ok(match steps.as_slice() {
        [(Place::Each, step)] => {
            let mut found = Vec::new();
            for side in [Side::Source, Side::Target] {
                for mut finding in rows(subject, side, step, "{}")? {
                    finding.object = format!("{}: {}", word(side), finding.object);
                    found.push(finding);
                }
            }
            outcome(check, subject, &found)
        }
        [(place, step)] => {
            let found = rows(subject, side(*place), step, "{}")?;
            outcome(check, subject, &found)
        }
        [(place, first), (_, second)] => {
            let asked = rows(subject, side(*place), first, "{}")?;
            let found = confirmed(check, subject, asked, (other(side(*place)), second))?;
            outcome(check, subject, &found)
        }
        _ => Outcome::unanswered("a check has one query or two"),
    })
}

/// What a check says that has nothing to look for.
pub(crate) fn does_not_apply(why: &str) -> Outcome {
    Outcome::fine(format!("does not apply: {why}"))
}

/// The queries for the versions of the servers, one a place; `None` when one place has none.
fn steps<'c>(check: &'c Check, subject: &Subject) -> Option<Vec<(Place, &'c Step)>> {
    let mut places: Vec<Place> = Vec::new();
    for step in &check.steps {
        if !places.contains(&step.place) {
            places.push(step.place);
        }
    }
    let fitting = |place: Place| {
        let major = server(subject, side(place)).session.version().major();
        check
            .steps
            .iter()
            .filter(|step| step.place == place)
            .find(|step| {
                step.from.is_none_or(|from| major >= from)
                    && step.before.is_none_or(|before| major < before)
            })
    };
    places
        .into_iter()
        .map(|place| fitting(place).map(|step| (place, step)))
        .collect()
}

fn side(place: Place) -> Side {
    match place {
        Place::Source | Place::Each => Side::Source,
        Place::Target => Side::Target,
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Source => Side::Target,
        Side::Target => Side::Source,
    }
}

fn word(side: Side) -> &'static str {
    match side {
        Side::Source => "source",
        Side::Target => "target",
    }
}

fn server(subject: &Subject, side: Side) -> &Server {
    match side {
        Side::Source => &subject.source,
        Side::Target => &subject.target,
    }
}

/// The findings that a query gives.
fn rows(subject: &mut Subject, side: Side, step: &Step, keys: &str) -> Result<Vec<Finding>, Error> {
    let database = subject.final_database().to_owned();
    let server = match side {
        Side::Source => &mut subject.source,
        Side::Target => &mut subject.target,
    };
    let rows = server.ask(step.sql, &[keys, &database])?;
    Ok(rows.iter().map(|row| Finding::of_row(row, side)).collect())
}

/// Those of the findings that the other side confirms, with what it adds; or its own, made
/// of the keys that it was given.
fn confirmed(
    check: &Check,
    subject: &mut Subject,
    asked: Vec<Finding>,
    (side, step): (Side, &Step),
) -> Result<Vec<Finding>, Error> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let keys: BTreeSet<&str> = asked.iter().filter_map(|one| one.key.as_deref()).collect();
    let answers = match rows(subject, side, step, &array(&keys)) {
        // The target cannot do at all what each of them needs.
        Err(error) if check.refused.is_some() && error.sqlstate() == check.refused => {
            return Ok(asked);
        }
        other => other?,
    };
    let (own, of_keys): (Vec<Finding>, Vec<Finding>) = answers
        .into_iter()
        .partition(|answer| !answer.object.is_empty());
    let mut by_key: BTreeMap<Option<String>, Vec<Finding>> = BTreeMap::new();
    for answer in of_keys {
        by_key.entry(answer.key.clone()).or_default().push(answer);
    }
    let joined = asked.into_iter().flat_map(|one| {
        let answers = by_key.get(&one.key).cloned().unwrap_or_default();
        answers.into_iter().map(move |answer| Finding {
            object: one.object.clone(),
            detail: answer.detail.or_else(|| one.detail.clone()),
            severity: answer.severity.or(one.severity),
            fix: answer.fix.or_else(|| one.fix.clone()),
            key: None,
        })
    });
    Ok(own.into_iter().chain(joined).collect())
}

/// Texts as the server reads a `text[]`.
fn array(items: &BTreeSet<&str>) -> String {
    let quoted = items.iter().map(|item| {
        let item = item.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{item}\"")
    });
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}

/// What the findings of a check come to.
pub(crate) fn outcome(check: &Check, subject: &Subject, found: &[Finding]) -> Outcome {
    if found.is_empty() {
        return Outcome::fine(nothing_found(check));
    }
    let general = check.severity(&subject.situation());
    let severities = found.iter().map(|one| one.severity.unwrap_or(general));
    let worst = severities.max().unwrap_or(general);
    let message = filled(&check.message, found.len(), subject, quote::shown);
    let objects = found.iter().map(Finding::shown).collect();
    let mut outcome = Outcome::new(worst.status(), message).objects(objects);
    for fix in found.iter().filter_map(|one| one.fix.as_ref()) {
        outcome = outcome.fix_on(fix.side, fix.sql.clone());
    }
    match &check.fix {
        Some(fix) if outcome.fixes.is_empty() => outcome.fix_on(
            fix.side,
            filled(&fix.sql, found.len(), subject, quote::identifier),
        ),
        _ => outcome,
    }
}

/// What is said when there is nothing to say.
pub(crate) fn nothing_found(check: &Check) -> String {
    if check.informs() {
        format!("none: {}", check.title)
    } else {
        check.title.clone()
    }
}

/// A text with its places filled: `{count}`, `{one|many}`, `{source_user}`, `{target_user}`.
fn filled(text: &str, count: usize, subject: &Subject, name: fn(&str) -> String) -> String {
    let mut parts = text.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (place, rest) = part.split_once('}').unwrap_or((part, ""));
        match place.split_once('|') {
            Some((one, many)) => filled.push_str(if count == 1 { one } else { many }),
            None if place == "count" => filled.push_str(&count.to_string()),
            None if place == "source_user" => filled.push_str(&name(&subject.source.facts.user)),
            None if place == "target_user" => filled.push_str(&name(&subject.target.facts.user)),
            None => filled.push_str(place),
        }
        filled.push_str(rest);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_any_kind_are_an_array() {
        assert_eq!(
            array(&BTreeSet::from(["a", "b\"\\,}"])),
            "{\"a\",\"b\\\"\\\\,}\"}"
        );
        assert_eq!(array(&BTreeSet::new()), "{}");
    }

    #[test]
    fn what_is_said_of_an_object_stands_behind_it() {
        let mut finding = Finding {
            object: "s.t".to_owned(),
            ..Finding::default()
        };
        assert_eq!(finding.shown(), "s.t");
        finding.detail = Some("8 kB".to_owned());
        assert_eq!(finding.shown(), "s.t (8 kB)");
    }
}
