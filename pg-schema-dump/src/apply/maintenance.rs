//! The database that is loaded: a staging database, made from template0 with the source's
//! encoding and locale, or the target's own one in place; marked with whose it is, and found
//! again by its mark.

use pg_pipe::record::{Database, Migration};
use pg_pipe::{Context, Exit, Failure};
use pg_session::mark::{self, Mark, MarkState, Standing};
use pg_session::staging::{self, Like};
use pg_session::{Error, Session, catalog, ledger, quote};

use crate::apply::Target;
use crate::apply::plan::Plan;

/// What the number of the lock is made of under which a database is marked in place.
const IN_PLACE: &str = "in place";

/// Makes sure that the database that is to be loaded is there and ours.
///
/// # Errors
/// See [`ensure_staging`] and [`ensure_in_place`].
pub(crate) fn ensure_database(
    target: &Target,
    plan: &Plan,
    migration: &Migration,
    context: &Context,
) -> anyhow::Result<()> {
    check_name(&mut target.connect_for_maintenance()?, migration)?;
    if migration.in_place {
        ensure_in_place(target, plan, migration)?;
    } else {
        ensure_staging(target, plan, migration)?;
    }
    context
        .notice()
        .detail(&format!("loading into database {}", migration.staging));
    Ok(())
}

/// A name stands for one migration of a server, by whatever address that is reached, and on
/// whatever machine the journal is.
fn check_name(session: &mut Session, migration: &Migration) -> anyhow::Result<()> {
    let is_other = |mark: &Mark| {
        let is_under_way = matches!(mark.state, MarkState::Loading | MarkState::Verified);
        is_under_way && mark.migration == migration.name && mark.hash != migration.hash
    };
    let marks = mark::list(session)?;
    let Some((database, _)) = marks.into_iter().find(|(_, mark)| is_other(mark)) else {
        return Ok(());
    };
    Err(Failure::conflict(format!(
        "the target has a migration {} already, by another address: it loads {}",
        migration.name,
        quote::shown(&database)
    ))
    .hint("Choose another name, or go on with that one by the address that it was begun with.")
    .into())
}

/// Makes sure that the staging database is there and ours.
///
/// # Errors
/// A conflict (exit 7) when a database of that name is not ours or was canceled, otherwise
/// what the server says.
fn ensure_staging(target: &Target, plan: &Plan, migration: &Migration) -> anyhow::Result<()> {
    let mut session = target.connect_for_maintenance()?;
    let name = &migration.staging;
    match mark::read_comment(&mut session, name)? {
        None => {
            let like = like(plan, migration)?;
            let sql = statement(name, like, session.version().has_locale_provider());
            let made = session.batch(&sql);
            explain_locale(&mut session, like, made)?;
            set_mark(&mut session, like, migration)?;
        }
        // CREATE DATABASE cannot be in a transaction with its mark: an empty database of our
        // name without one can only be what a run left that was killed in between.
        Some(comment) if comment.is_empty() && is_blank(&mut target.connect()?)? => {
            set_mark(&mut session, like(plan, migration)?, migration)?;
        }
        Some(_) => check_mark(mark::read(&mut session, name)?, migration)?,
    }
    Ok(())
}

/// Marks the target's own database, which has to be empty, or finds it marked.
///
/// # Errors
/// A conflict (exit 7) when there is none, something is in it, or another migration has it;
/// otherwise what the server says.
fn ensure_in_place(target: &Target, plan: &Plan, migration: &Migration) -> anyhow::Result<()> {
    let shown = quote::shown(&migration.database);
    let mut session = target.connect_for_maintenance()?;
    if mark::read_comment(&mut session, &migration.database)?.is_none() {
        return Err(Failure::conflict(format!(
            "the target has no database {shown} to be loaded in place"
        ))
        .hint("Create it, empty: createdb --template template0 NAME; or leave --in-place out.")
        .into());
    }
    let mut session = target.connect()?;
    session.in_transaction("begin", |session| {
        // Two migrations may come at the same moment.
        let key = staging::hex(&[IN_PLACE], 15);
        let key = i64::from_str_radix(&key, 16).unwrap_or_default();
        session.query_one("select pg_advisory_xact_lock($1)", &[&key])?;
        let comment = mark::read_comment(session, &migration.database)?;
        if let Some(found) = mark::read(session, &migration.database)? {
            return Ok(check_mark(Some(found), migration)?);
        }
        require_empty(session, &shown)?;
        let before = comment.filter(|text| !text.is_empty());
        let mark = Mark {
            in_place: true,
            before: before.clone(),
            ..new_mark(like(plan, migration)?.comment.clone().or(before), migration)
        };
        session.batch(&mark::statement(&migration.database, &mark))?;
        Ok(ledger::remember_before(session)?)
    })
}

/// Nothing may be in a database that is to be loaded in place: a cancel drops what was made
/// there, and what was there before is not to be told from it.
fn require_empty(session: &mut Session, shown: &str) -> anyhow::Result<()> {
    if ledger::exists(session)? {
        return Err(Failure::conflict(format!(
            "database {shown} on the target has been loaded by hand, by its ledger (schema pgmig)"
        ))
        .hint("Go on by hand, or give an empty database: drop it and create it anew.")
        .into());
    }
    let hint = "In place only an empty database is loaded: drop what it holds, or leave --in-place \
                out, to load into a new one.";
    check_empty(session, shown, hint)
}

/// Nothing of users may be in a database.
///
/// # Errors
/// A conflict that names what is there, otherwise what the server says.
pub(crate) fn check_empty(session: &mut Session, shown: &str, hint: &str) -> anyhow::Result<()> {
    let contents = catalog::list_contents(session)?;
    let Some(first) = contents.first() else {
        return Ok(());
    };
    Err(Failure::conflict(format!(
        "database {shown} on the target is not empty: it holds {first} and {} more",
        contents.len() - 1
    ))
    .hint(hint)
    .into())
}

/// What CREATE DATABASE says of a locale that the system does not have (wrong_object_type).
const NO_LOCALE: &str = "42809";

/// Says what a locale that the target lacks is wanted for, and which ones it has.
fn explain_locale(
    session: &mut Session,
    like: &Database,
    made: Result<(), Error>,
) -> anyhow::Result<()> {
    let Err(error) = made else { return Ok(()) };
    if error.sqlstate() != Some(NO_LOCALE) {
        return Err(error.into());
    }
    let has = catalog::list_locales(session, &like.collate, &like.encoding)?;
    Err(Failure::new(
        Exit::Refused,
        "locale",
        format!(
            "the target cannot make a database like {}, whose LC_COLLATE is {} and LC_CTYPE {}: {error}",
            quote::shown(&like.name),
            like.collate,
            like.ctype
        ),
    )
    .hint(format!(
        "It has {}. Have the locale made on the target's system (localedef) and its server restarted, or make an \
         empty database of this name with one of those (createdb --template template0 --encoding {} --locale LOCALE \
         NAME) and load it with --in-place.",
        has.join(", "),
        like.encoding
    ))
    .into())
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
        Standing::Foreign if migration.in_place => Err(Failure::conflict(format!(
            "database {} on the target is being loaded by another migration{}",
            quote::shown(name),
            found.map_or_else(String::new, |mark| format!(", {}", mark.migration))
        ))
        .hint("Finish or cancel that one first: pg-migstate list")),
        Standing::Foreign => Err(Failure::conflict(format!(
            "database {name} on the target is not of this migration"
        ))
        .hint("Look whose it is, then drop it or choose another name.")),
    }
}

fn set_mark(session: &mut Session, like: &Database, migration: &Migration) -> Result<(), Error> {
    let mark = new_mark(like.comment.clone(), migration);
    session.batch(&mark::statement(&migration.staging, &mark))
}

fn new_mark(comment: Option<String>, migration: &Migration) -> Mark {
    Mark {
        pgmig: 1,
        hash: migration.hash.clone(),
        migration: migration.name.clone(),
        database: migration.database.clone(),
        state: MarkState::Loading,
        granted: Vec::new(),
        comment,
        in_place: false,
        before: None,
    }
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
