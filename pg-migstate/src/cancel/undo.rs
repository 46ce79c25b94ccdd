//! Undoing: memberships are taken back, staging databases and the roles of the migration are
//! dropped, databases that were loaded in place emptied. Each can be done again after a kill: the mark that asks for it goes last.

use pg_pipe::Failure;
use pg_session::mark::{self, MarkState};
use pg_session::role_mark::{self, RoleMark};
use pg_session::{Error, Session, catalog, quote, staging};

use crate::cancel::in_place;
use crate::history::History;
use crate::membership;

/// What is left of an interrupted swap means that there is no way back.
///
/// # Errors
/// A conflict when the swap has been done; otherwise what the server says.
pub(super) fn check_not_swapped(session: &mut Session, history: &History) -> anyhow::Result<()> {
    let hash = &history.migration.hash;
    let swapped = mark::list(session)?
        .into_iter()
        .any(|(_, mark)| mark.state == MarkState::Aside && mark.hash == *hash);
    if !swapped {
        return Ok(());
    }
    let name = &history.migration.name;
    Err(
        Failure::conflict(format!("the databases of {name} are in place already"))
            .hint(format!(
                "Only finishing leads on: pg-migstate finish {name}"
            ))
            .into(),
    )
}

/// Undoes everything that bears the marks of a migration. Gives what could not be undone, to
/// tell.
///
/// # Errors
/// What the server says.
pub(super) fn all(
    session: &mut Session,
    hash: &str,
    open_on: impl Fn(&str) -> Result<Session, Error>,
) -> anyhow::Result<Vec<String>> {
    let mut told = Vec::new();
    for (database, mark) in mark::list(session)? {
        if mark.hash != *hash || mark.state != MarkState::Canceled {
            continue;
        }
        if mark.in_place {
            told.extend(in_place::undo(&mut open_on(&database)?, &database, &mark)?);
            continue;
        }
        for role in &mark.granted {
            told.extend(
                session.in_transaction("begin", |session| membership::take_back(session, role))?,
            );
        }
        let name = quote::identifier(&database);
        session.batch(&format!("drop database if exists {name}"))?;
    }
    told.extend(drop_roles(session, hash)?);
    Ok(told)
}

/// Drops the roles that only this migration holds. One may stand in the way of another, so
/// those that are refused are tried again as long as others go.
fn drop_roles(session: &mut Session, hash: &str) -> Result<Vec<String>, Error> {
    let mut left = role_mark::list(session, hash)?;
    loop {
        let before = left.len();
        let mut refused = Vec::new();
        for (role, mark) in left {
            if let Some(error) = give_up(session, &role, &mark, hash)? {
                refused.push((role, mark, error));
            }
        }
        if refused.is_empty() {
            return Ok(Vec::new());
        }
        if refused.len() == before {
            return refused
                .into_iter()
                .map(|(role, mark, error)| keep(session, &role, &mark, &error))
                .collect();
        }
        left = refused
            .into_iter()
            .map(|(role, mark, _)| (role, mark))
            .collect();
    }
}

/// Drops a role, or only lets go of it when another migration holds it, too. Gives the error
/// of a server that refuses.
fn give_up(
    session: &mut Session,
    role: &str,
    mark: &RoleMark,
    hash: &str,
) -> Result<Option<Error>, Error> {
    let statement = match mark.without(hash) {
        Some(rest) => role_mark::comment_statement(role, Some(&rest.text())),
        None => format!("drop role if exists {}", quote::identifier(role)),
    };
    match session.batch(&statement) {
        Ok(()) => Ok(None),
        Err(error) if error.class().is_connection() => Err(error),
        Err(error) => Ok(Some(error)),
    }
}

/// A role that something of others depends on stays, as theirs.
fn keep(
    session: &mut Session,
    role: &str,
    mark: &RoleMark,
    error: &Error,
) -> Result<String, Error> {
    let text = format!("role {} stays: {error}", quote::shown(role));
    let statement = role_mark::comment_statement(role, mark.comment.as_deref());
    match session.batch(&statement) {
        Err(lost) if lost.class().is_connection() => Err(lost),
        _ => Ok(text),
    }
}

/// Drops databases that were made and not yet marked when their maker was ended, which are empty
/// and have no comment, and those in which the schema was being rehearsed.
///
/// # Errors
/// What the server says.
pub(super) fn unmarked(
    session: &mut Session,
    history: &History,
    open_on: impl Fn(&str) -> Result<Session, Error>,
) -> Result<(), Error> {
    for (database, run) in history.databases() {
        let Some(run) = run else { continue };
        let rehearsal = staging::rehearsal_name(&run.migration.hash, database);
        let staging = (!run.migration.in_place).then_some(&run.migration.staging);
        for name in staging.into_iter().chain([&rehearsal]) {
            let is_ours = match mark::read_comment(session, name)?.as_deref() {
                Some("") => catalog::list_contents(&mut open_on(name)?)?.is_empty(),
                Some(comment) => comment == mark::REHEARSAL && *name == rehearsal,
                None => false,
            };
            if is_ours {
                let name = quote::identifier(name);
                session.batch(&format!("drop database if exists {name}"))?;
            }
        }
    }
    Ok(())
}
