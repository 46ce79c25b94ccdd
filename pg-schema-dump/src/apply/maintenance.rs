//! The staging database: made from template0 with the source's encoding and locale, marked
//! with whose it is, or found again by its mark.

use pg_pipe::record::{Database, Migration};
use pg_pipe::{Context, Failure};
use pg_session::mark::{self, Mark, MarkState, Standing};
use pg_session::staging::{self, Like};
use pg_session::{Error, Session, catalog};

use crate::apply::Target;
use crate::apply::plan::Plan;

/// Makes sure that the staging database is there and ours.
///
/// # Errors
/// A conflict (exit 7) when a database of that name is not ours or was canceled, otherwise
/// what the server says.
pub(crate) fn ensure_staging(
    target: &Target,
    plan: &Plan,
    migration: &Migration,
    context: &Context,
) -> anyhow::Result<()> {
    let mut session = target.connect_for_maintenance()?;
    let name = &migration.staging;
    match mark::read_comment(&mut session, name)? {
        None => {
            let like = like(plan, migration)?;
            let sql = statement(name, like, session.version().has_locale_provider());
            session.batch(&sql)?;
            set_mark(&mut session, like, migration)?;
        }
        // CREATE DATABASE cannot be in a transaction with its mark: an empty database of our
        // name without one can only be what a run left that was killed in between.
        Some(comment) if comment.is_empty() && is_blank(&mut target.connect()?)? => {
            set_mark(&mut session, like(plan, migration)?, migration)?;
        }
        Some(_) => check_mark(mark::read(&mut session, name)?, migration)?,
    }
    context
        .notice()
        .detail(&format!("loading into database {name}"));
    Ok(())
}

/// The record of the source's database.
fn like<'p>(plan: &'p Plan, migration: &Migration) -> Result<&'p Database, Failure> {
    plan.databases
        .iter()
        .find(|database| database.name == migration.database)
        .ok_or_else(|| {
            Failure::input(format!(
                "the stream has no database record for {}",
                migration.database
            ))
            .hint("Run pg-probe earlier in the pipeline; it writes one.")
        })
}

fn is_blank(session: &mut Session) -> Result<bool, Error> {
    Ok(catalog::list_contents(session)?.is_empty())
}

fn check_mark(found: Option<Mark>, migration: &Migration) -> Result<(), Failure> {
    let name = &migration.staging;
    match mark::standing(found.as_ref(), &migration.hash) {
        Standing::Canceled => Err(Failure::conflict(format!(
            "migration {} was canceled",
            migration.name
        ))
        .hint("Begin a new migration under another name.")),
        Standing::Ours => Ok(()),
        Standing::Foreign => Err(Failure::conflict(format!(
            "database {name} on the target is not of this migration"
        ))
        .hint("Look whose it is, then drop it or choose another name.")),
    }
}

fn set_mark(session: &mut Session, like: &Database, migration: &Migration) -> Result<(), Error> {
    let mark = Mark {
        pgmig: 1,
        hash: migration.hash.clone(),
        migration: migration.name.clone(),
        database: migration.database.clone(),
        state: MarkState::Loading,
        granted: Vec::new(),
        comment: like.comment.clone(),
    };
    session.batch(&mark::statement(&migration.staging, &mark))
}

fn statement(name: &str, like: &Database, has_provider: bool) -> String {
    let like = Like {
        encoding: &like.encoding,
        collate: &like.collate,
        ctype: &like.ctype,
        locale_provider: &like.locale_provider,
        locale: like.locale.as_deref(),
        icu_rules: like.icu_rules.as_deref(),
    };
    staging::create_statement(name, like, has_provider)
}
