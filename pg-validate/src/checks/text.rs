//! How the file of a check is written: comments with fields first, then its queries.
//!
//! ```sql
//! -- op.postfix: no operator stands after its operand
//! --
//! -- level: database
//! -- applies: target >= 14
//! -- severity: failed
//! -- message: {count} {operator stands|operators stand} after {its|their} operand
//! -- why: PostgreSQL 14 took postfix operators away.
//!
//! -- on the source before 14
//! select o.oid::regoperator::text as object from …
//! ```
//!
//! A query gives columns by name: `object`, `detail`, `severity` and `fix` of a finding (in place of
//! the last `fix_there`, where the SQL is for the other server), and `key`, what the query on the
//! other side is given as `$1`. Where there are two, the second
//! one says which of those keys are wrong.

use pg_pipe::record::{CheckLevel, Side};

use super::{Check, Condition, Looks, Place, Step};
use crate::code;
use crate::outcome::{Fix, Severity};

/// Reads a file.
///
/// # Errors
/// The line that is not as it should be.
pub(super) fn read(text: &'static str) -> Result<Check, String> {
    let (head, queries) = text.split_once("\n\n").unwrap_or((text, ""));
    let fields = fields(head)?;
    let (id, title) = fields.first().ok_or("a check without a first line")?;
    let one = |key: &str| {
        let found = fields.iter().skip(1).find(|(name, _)| *name == key);
        found.map(|(_, value)| value.as_str())
    };
    let known = |(key, _): &&(&str, String)| !KEYS.contains(key);
    if let Some((key, _)) = fields.iter().skip(1).find(known) {
        return Err(format!("{id} has a field {key:?}, which there is not"));
    }
    Ok(Check {
        id,
        title: title.clone(),
        level: match one("level") {
            Some("instance") => CheckLevel::Instance,
            Some("database") => CheckLevel::Database,
            other => return Err(format!("{id} has the level {other:?}")),
        },
        looks: match one("looks") {
            None => Looks::Sql,
            Some("deep") => Looks::Deep,
            Some("code") => Looks::Code(code::of(id).ok_or(format!("{id} has no code"))?),
            Some(other) => return Err(format!("{id} looks by {other:?}")),
        },
        applies: match line(head, "applies") {
            Some(terms) => Condition::read(terms)?,
            None => Condition::default(),
        },
        severities: lines(head, "severity")
            .map(severity)
            .collect::<Result<_, _>>()?,
        refused: line(head, "refused"),
        message: one("message").unwrap_or_default().to_owned(),
        why: one("why").unwrap_or_default().to_owned(),
        fix: fix(one("fix"), Side::Source).or_else(|| fix(one("fix on the target"), Side::Target)),
        azure: match one("azure") {
            Some(code) => Some(
                code.parse()
                    .map_err(|_error| format!("{id}: azure: {code}"))?,
            ),
            None => None,
        },
        manual: line(head, "manual"),
        explains: lines(head, "explains").collect(),
        steps: steps(queries)?,
    })
}

const KEYS: &[&str] = &[
    "level",
    "looks",
    "applies",
    "severity",
    "refused",
    "message",
    "why",
    "fix",
    "fix on the target",
    "azure",
    "manual",
    "explains",
];

fn fix(sql: Option<&str>, side: Side) -> Option<Fix> {
    let sql = sql?.to_owned();
    Some(Fix { side, sql })
}

/// The fields; what is indented goes on with the one before.
fn fields(head: &'static str) -> Result<Vec<(&'static str, String)>, String> {
    let mut fields: Vec<(&'static str, String)> = Vec::new();
    for line in head.lines() {
        let text = line
            .strip_prefix("--")
            .ok_or(format!("no comment: {line}"))?;
        match (text.strip_prefix("    "), fields.last_mut()) {
            (Some(more), Some((_, value))) => {
                value.push(' ');
                value.push_str(more.trim());
            }
            _ if text.is_empty() => {}
            _ => {
                let (key, value) = text.split_once(": ").ok_or(format!("no field: {line}"))?;
                fields.push((key.trim(), value.trim().to_owned()));
            }
        }
    }
    Ok(fields)
}

/// Fields of a name that fit on their line.
fn lines(head: &'static str, key: &'static str) -> impl Iterator<Item = &'static str> {
    head.lines().filter_map(move |line| {
        let rest = line.strip_prefix("-- ")?.strip_prefix(key)?;
        rest.strip_prefix(": ")
    })
}

fn line(head: &'static str, key: &'static str) -> Option<&'static str> {
    lines(head, key).next()
}

/// `failed`, or `failed when target >= 14`.
fn severity(text: &'static str) -> Result<(Condition, Severity), String> {
    let (word, condition) = match text.split_once(" when ") {
        Some((word, terms)) => (word, Condition::read(terms)?),
        None => (text, Condition::default()),
    };
    Ok((condition, word.parse()?))
}

/// Queries, each after a line such as `-- on the source from 12 before 15`.
fn steps(text: &'static str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let text = text.strip_prefix("-- on ").unwrap_or_default();
    for part in text.split("\n-- on ").filter(|part| !part.is_empty()) {
        let (heading, sql) = part.split_once('\n').unwrap_or((part, ""));
        let words: Vec<&str> = heading.split_whitespace().collect();
        let (place, range) = match words.as_slice() {
            ["the", "source", range @ ..] => (Place::Source, range),
            ["the", "target", range @ ..] => (Place::Target, range),
            ["each", "side", range @ ..] => (Place::Each, range),
            _ => return Err(format!("no place: {heading}")),
        };
        let bound = |word: &str| {
            let mut pairs = range.chunks_exact(2);
            let pair = pairs.find_map(|pair| match pair {
                [name, number] if *name == word => Some(*number),
                _ => None,
            });
            pair.map(|number| {
                number
                    .parse()
                    .map_err(|_error| format!("no version: {heading}"))
            })
            .transpose()
        };
        steps.push(Step {
            place,
            from: bound("from")?,
            before: bound("before")?,
            sql: sql.trim(),
        });
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::condition::tests::situation;

    const TEXT: &str = "-- a.b: all is well\n--\n-- level: database\n-- severity: failed when target >= 14\n\
        -- severity: info\n-- message: {count}\n-- why: It\n--     goes on.\n\n\
        -- on the source from 12 before 15\nselect 1\n\n-- on the target\nselect 2\n";

    #[test]
    fn fields_go_on_and_queries_have_their_place_and_versions() {
        let check = read(TEXT).unwrap();
        assert_eq!((check.id, check.title.as_str()), ("a.b", "all is well"));
        assert_eq!(check.why, "It goes on.");
        assert_eq!(check.severity(&situation()), Severity::Failed);
        let [first, second] = check.steps.as_slice() else {
            panic!("{:?}", check.steps)
        };
        assert_eq!(
            (first.from, first.before, first.sql),
            (Some(12), Some(15), "select 1")
        );
        assert_eq!((second.place, second.sql), (Place::Target, "select 2"));
    }

    #[test]
    fn what_is_written_wrongly_is_named() {
        for (wrong, part) in [
            ("-- a.b: t\n-- level: moon", "moon"),
            ("-- a.b: t\n-- level: database\n-- colour: red", "colour"),
            ("-- a.b: t\n-- level: database\n-- severity: bad", "bad"),
            ("-- a.b: t\n-- level: database\n-- looks: code", "no code"),
            (
                "-- a.b: t\n-- level: database\n\n-- on the moon\nselect",
                "moon",
            ),
        ] {
            assert!(read(wrong).unwrap_err().contains(part), "{wrong}");
        }
    }
}
