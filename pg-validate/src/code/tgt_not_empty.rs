//! `tgt.not_empty`: something is there already. By hand the target database must be empty or
//! ours by its ledger. A migration needs its staging name free or bearing our mark, and the
//! final name free, empty or given up by `overwrite`. In place the database itself must be empty,
//! or ours by mark and ledger.

use pg_pipe::record::{Migration, Side};
use pg_session::catalog::Content;
use pg_session::mark::{self, Mark, MarkState};
use pg_session::{Error, quote};

use super::target_contents;
use crate::outcome::{Outcome, counted};
use crate::subject::Subject;

pub(super) fn run(subject: &mut Subject) -> Result<Outcome, Error> {
    if let Some(migration) = subject.migration.clone().filter(|one| one.in_place) {
        let mark = mark::read(&mut subject.target.session, &migration.database)?;
        let taken = mark.and_then(|mark| judge_mark(Some(&mark), &migration));
        if let Some(taken) = taken {
            return Ok(taken);
        }
    }
    if !subject.into_new {
        let found = target_contents::list_foreign(&mut subject.target.session)?;
        return Ok(judge_contents(&found, &subject.target.facts.database));
    }
    let Some(migration) = subject.migration.clone() else {
        let database = subject.final_database().to_owned();
        return judge_final(subject, (&database, false), false);
    };
    let comment = mark::read_comment(&mut subject.target.session, &migration.staging)?;
    if comment.is_some() {
        let mark = mark::read(&mut subject.target.session, &migration.staging)?;
        let is_blank = comment.as_deref() == Some("") && is_blank(subject, &migration.staging);
        if let Some(in_the_way) = judge_mark(mark.as_ref(), &migration).filter(|_| !is_blank) {
            return Ok(in_the_way);
        }
    }
    let named = (migration.database.as_str(), migration.overwrite);
    judge_final(subject, named, comment.is_some())
}

/// Whether it is what a run left that was killed between making the staging database and
/// marking it: pg-schema-apply takes it up again.
fn is_blank(subject: &mut Subject, staging: &str) -> bool {
    subject
        .open_on_target(staging)
        .and_then(|mut session| target_contents::list_foreign(&mut session))
        .is_ok_and(|found| found.is_empty())
}

/// `None` when the database that is loaded is ours to go on with.
fn judge_mark(mark: Option<&Mark>, migration: &Migration) -> Option<Outcome> {
    let why = match mark {
        Some(mark) if mark.hash != migration.hash => {
            format!("belongs to another migration, {}", mark.migration)
        }
        Some(mark) if mark.state == MarkState::Canceled => {
            "was canceled; begin a migration of another name".to_owned()
        }
        Some(_) => return None,
        None => "exists and bears no mark of ours".to_owned(),
    };
    let what = if migration.in_place {
        "database"
    } else {
        "staging database"
    };
    Some(
        Outcome::failed(format!("the {what} {why}"))
            .objects(vec![quote::shown(&migration.staging)]),
    )
}

fn judge_final(
    subject: &mut Subject,
    (database, overwrite): (&str, bool),
    is_resumed: bool,
) -> Result<Outcome, Error> {
    let how = if is_resumed { "resumed: " } else { "" };
    let shown = quote::shown(database);
    let there = mark::read_comment(&mut subject.target.session, database)?;
    if there.is_none() {
        return Ok(Outcome::fine(format!("{how}no database {shown} yet")));
    }
    if overwrite {
        return Ok(Outcome::fine(format!(
            "{how}database {shown} will be replaced at the end, as overwrite says"
        )));
    }
    // The server is there, so a database that cannot be opened only leaves this unanswered.
    let mut session = match subject.open_on_target(database) {
        Ok(session) => session,
        Err(error) => {
            return Ok(Outcome::unanswered(pg_pipe::failure::message(
                &error.into(),
            )));
        }
    };
    let found = target_contents::list_foreign(&mut session)?;
    if found.is_empty() {
        return Ok(Outcome::fine(format!("{how}database {shown} is empty")));
    }
    let aside = format!("{database}_old");
    Ok(in_the_way(&found, database).fix_on(
        Side::Target,
        format!(
            "alter database {} rename to {};",
            quote::identifier(database),
            quote::identifier(&aside)
        ),
    ))
}

fn judge_contents(found: &[Content], database: &str) -> Outcome {
    if found.is_empty() {
        let shown = quote::shown(database);
        return Outcome::fine(format!("database {shown} is empty, or ours by its ledger"));
    }
    in_the_way(found, database).fix_on(
        Side::Target,
        format!(
            "create database {} template template0;",
            quote::identifier(&format!("{database}_new"))
        ),
    )
}

fn in_the_way(found: &[Content], database: &str) -> Outcome {
    let count = counted(found.len(), "object");
    Outcome::failed(format!(
        "database {} of the target is not empty: {count} that no ledger lists",
        quote::shown(database)
    ))
    .objects(found.iter().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration() -> Migration {
        serde_json::from_str(
            r#"{"name":"m","hash":"abc","option":"Validate","mode":"Offline","source_type":"x",
                "databases":["shop"],"database":"shop","staging":"shop__pgmig_0",
                "overwrite":false}"#,
        )
        .unwrap()
    }

    fn mark(hash: &str, state: MarkState) -> Mark {
        Mark {
            pgmig: 1,
            hash: hash.to_owned(),
            migration: "m".to_owned(),
            database: "shop".to_owned(),
            state,
            granted: Vec::new(),
            comment: None,
            in_place: false,
            before: None,
        }
    }

    #[test]
    fn a_staging_database_must_bear_our_mark() {
        let migration = migration();
        let refused = |mark: Option<&Mark>| judge_mark(mark, &migration).is_some();
        assert!(refused(None));
        assert!(refused(Some(&mark("other", MarkState::Loading))));
        assert!(refused(Some(&mark("abc", MarkState::Canceled))));
        assert!(!refused(Some(&mark("abc", MarkState::Loading))));
    }
}
