//! `--rehearse`: the whole schema made in a scratch database of the target, by the tools that
//! make it later, and dropped again. It finds every statement that the target refuses, before
//! a row is copied. What needs rows to fail it does not find.

mod child;
mod explained;
mod scratch;

use std::collections::BTreeSet;

use pg_pipe::record::{Applied, AppliedStatus, Record};
use pg_pipe::{Context, Failure};
use pg_session::{Error, Session, quote};
use serde_json::{Value, json};

use crate::args::Args;
use crate::checks::Check;
use crate::outcome::{Outcome, Severity, counted};
use crate::subject::Subject;
use child::Child;
pub(crate) use explained::Told;
use scratch::{Made, Scratch};

/// Roles of these names that we cannot act for on the target: missing ones, and those that we
/// are no member of.
const NOT_OURS: &str = include_str!("roles_not_ours.sql");

/// What is left out of a rehearsal: it is of a server and not of a database, or of what is
/// not there, such as large objects.
const LEFT_OUT: &[&str] = &["role", "large_objects", "sequence", "table"];

/// Rehearses.
///
/// # Errors
/// When a server is lost or the tool is to stop; the scratch database is gone then.
pub(crate) fn run(
    check: &Check,
    subject: &mut Subject,
    (checks, told): (&[Check], &[Told]),
    args: &Args,
    context: &Context,
) -> anyhow::Result<Outcome> {
    let mut scratch = match Scratch::make(subject) {
        Ok(Made::Ready(scratch)) => *scratch,
        Ok(Made::InTheWay(why)) => return Ok(Outcome::unanswered(why)),
        Err(error) if error.class().is_connection() => return Err(error.into()),
        Err(error) => return Ok(explained::no_database(&error.into(), checks)),
    };
    let applied = rehearse(subject, &mut scratch, args, context);
    if let Err(error) = scratch.drop_anyway(subject) {
        context.notice().warn(&format!(
            "the scratch database {} is still there, and the next rehearsal drops it: {error}",
            quote::shown(scratch.name())
        ));
    }
    let applied = match applied {
        Ok(applied) => applied,
        Err(error) if context.stop().requested() => return Err(error),
        Err(error) => return Ok(Outcome::unanswered(pg_pipe::failure::message(&error))),
    };
    let severity = check.severity(&subject.situation());
    Ok(judge(&applied, severity, checks, told))
}

/// Everything between making the scratch database and dropping it.
fn rehearse(
    subject: &mut Subject,
    scratch: &mut Scratch,
    args: &Args,
    context: &Context,
) -> anyhow::Result<Vec<Applied>> {
    let jobs = args.jobs.jobs.to_string();
    let name = scratch.name().to_owned();
    let endpoints = (&subject.source.endpoint, &subject.target.endpoint);
    let child = Child {
        endpoints,
        scratch: &name,
        context,
    };
    let head = child.head(subject.target.session.version().0);
    let flags = ["--no-subscriptions", "--no-statistics", "-"];
    let dump = child.run("pg-schema-dump", &flags, head, None)?;
    let (plan, roles) = without_roles(&dump)?;
    let names: Vec<String> = roles.into_iter().collect();
    let replaced = not_ours(&mut scratch.session, &names)?;
    if let Some(role) = replaced.iter().find(|role| role.contains('=')) {
        let shown = quote::shown(role);
        return Err(Failure::usage(format!("no other role can stand for {shown}")).into());
    }
    let own = &subject.target.facts.user;
    let maps = replaced
        .iter()
        .map(|role| format!("--role-map={role}={own}"));
    let words: Vec<String> = maps.chain(["-".to_owned()]).collect();
    let objects = plan.matches("{\"type\":\"object\"").count();
    let meter = context.meter("rehearsing", objects, None);
    let apply = |section: &str, stream: String| {
        let fixed = ["--section", section, "--jobs", &jobs];
        let words = fixed.into_iter().chain(words.iter().map(String::as_str));
        let words: Vec<&str> = words.collect();
        child.run("pg-schema-apply", &words, stream, Some(meter.counters()))
    };
    let stream = apply("pre-data", plan)?;
    let stream = apply("post-data", stream)?;
    Ok(applied(&stream))
}

/// A stream without what is of a server or would take the scratch database's mark, its comment, from
/// it, and the names of the roles in it.
fn without_roles(stream: &str) -> Result<(String, BTreeSet<String>), Failure> {
    let mut kept = String::with_capacity(stream.len());
    let mut roles = BTreeSet::new();
    for line in stream.lines() {
        let record: Value = serde_json::from_str(line)
            .map_err(|error| Failure::bug(format!("pg-schema-dump wrote no record: {error}")))?;
        let kind = record
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let text = |field: &str| record.get(field).and_then(Value::as_str);
        if kind == "role" {
            roles.extend(text("name").map(str::to_owned));
        }
        let is_left_out = match text("kind") {
            Some("LARGE OBJECTS") => true,
            Some("COMMENT") => {
                text("schema").is_none()
                    && text("name").is_some_and(|name| name.starts_with("DATABASE "))
            }
            _ => LEFT_OUT.contains(&kind),
        };
        if !is_left_out {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    Ok((kept, roles))
}

fn not_ours(session: &mut Session, names: &[String]) -> Result<Vec<String>, Error> {
    let rows = session.query(NOT_OURS, &[&names])?;
    Ok(rows.iter().map(|row| row.get("name")).collect())
}

fn applied(stream: &str) -> Vec<Applied> {
    stream
        .lines()
        .filter_map(|line| match serde_json::from_str(line) {
            Ok(Record::Applied(applied)) => Some(applied),
            _ => None,
        })
        .collect()
}

fn judge(applied: &[Applied], severity: Severity, checks: &[Check], told: &[Told]) -> Outcome {
    let of = |status: AppliedStatus| applied.iter().filter(move |one| one.status == status);
    let failed: Vec<&Applied> = of(AppliedStatus::Failed)
        .filter(|one| !is_of_replacement(one))
        .collect();
    let made = of(AppliedStatus::Applied).count();
    if failed.is_empty() {
        return Outcome::fine(format!(
            "the target took the whole schema: {}, rehearsed in a scratch database",
            counted(made, "statement")
        ));
    }
    let skipped = of(AppliedStatus::Skipped).count();
    let rest = if skipped == 0 {
        String::new()
    } else {
        format!(", and {skipped} that depend on what they make would be skipped")
    };
    let objects = failed
        .iter()
        .map(|one| explained::shown(one, checks, told))
        .collect();
    let message = format!(
        "the target refuses {} of the schema{rest}",
        counted(failed.len(), "statement")
    );
    Outcome::new(severity.status(), message).objects(objects)
}

/// Whether it failed because two roles were replaced by the same one: their user mappings
/// clash, and a grant to either is the same statement, which the ledger has already.
fn is_of_replacement(applied: &Applied) -> bool {
    let said = applied.message.as_deref().unwrap_or_default();
    match applied.sqlstate.as_deref() {
        Some("42710") => applied.kind == "USER MAPPING",
        Some("23505") => said.contains("\"applied_pkey\""),
        _ => false,
    }
}

/// A record of the head of a stream.
fn endpoint(role: &str, conninfo: &str, version: Option<u32>) -> String {
    let mut record = json!({"type": "endpoint", "role": role, "conninfo": conninfo});
    if let (Some(version), Some(fields)) = (version, record.as_object_mut()) {
        fields.insert("version_num".to_owned(), version.into());
    }
    record.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_large_objects_and_the_databases_comment_are_taken_out_of_the_stream() {
        let stream = "{\"type\":\"role\",\"name\":\"a\"}\n\
                      {\"type\":\"object\",\"kind\":\"LARGE OBJECTS\"}\n\
                      {\"type\":\"object\",\"kind\":\"COMMENT\",\"name\":\"DATABASE d\"}\n\
                      {\"type\":\"object\",\"kind\":\"TABLE\"}\n";
        let (kept, roles) = without_roles(stream).unwrap();
        assert_eq!(kept, "{\"type\":\"object\",\"kind\":\"TABLE\"}\n");
        assert_eq!(roles.into_iter().collect::<Vec<_>>(), ["a"]);
        assert!(without_roles("no record\n").is_err());
    }
}
