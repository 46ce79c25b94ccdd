//! `tgt.role_caps`: what the target role must be allowed to do. A migration creates a
//! staging database and renames; by hand, objects are created in the database itself; in place
//! that is marked by its comment, too.

use pg_pipe::record::Side;
use pg_session::catalog::ServerFacts;
use pg_session::{Error, quote};

use crate::outcome::Outcome;
use crate::subject::Subject;

/// Whether the role may drop or rename a database: it must own it.
const OWNS: &str = "select pg_has_role(d.datdba, 'USAGE') from pg_database d where d.datname = $1";

pub(super) fn run(subject: &mut Subject) -> Result<Outcome, Error> {
    let facts = &subject.target.facts;
    if !subject.into_new {
        let outcome = judge_by_hand(facts);
        let (user, database) = (facts.user.clone(), facts.database.clone());
        let is_fine = outcome.status == Outcome::fine("").status;
        if subject.migration.is_none() || !is_fine || owns(subject, &database)? {
            return Ok(outcome);
        }
        return Ok(Outcome::failed(format!(
            "{} does not own the database that is to be loaded in place, and marked for that",
            quote::shown(&user)
        ))
        .objects(vec![quote::shown(&database)])
        .fix_on(Side::Target, give(&database, &user)));
    }
    let outcome = judge_migration(facts);
    let Some(migration) = &subject.migration else {
        return Ok(outcome);
    };
    let (database, overwrite) = (migration.database.clone(), migration.overwrite);
    let user = facts.user.clone();
    if owns(subject, &database)? || !overwrite || outcome.status != Outcome::fine("").status {
        return Ok(outcome);
    }
    Ok(Outcome::failed(format!(
        "{} does not own the database that is to be replaced",
        quote::shown(&user)
    ))
    .objects(vec![quote::shown(&database)])
    .fix_on(Side::Target, give(&database, &user)))
}

fn owns(subject: &mut Subject, database: &str) -> Result<bool, Error> {
    let row = subject.target.session.query_opt(OWNS, &[&database])?;
    Ok(row.is_none_or(|row| row.get(0)))
}

fn give(database: &str, user: &str) -> String {
    format!(
        "alter database {} owner to {};",
        quote::identifier(database),
        quote::identifier(user)
    )
}

fn judge_migration(facts: &ServerFacts) -> Outcome {
    let user = quote::shown(&facts.user);
    if facts.create_db {
        return Outcome::fine(format!("{user} may create databases"));
    }
    Outcome::failed(format!(
        "{user} may not create databases, and the migration loads into a new one"
    ))
    .objects(vec![user])
    .fix_on(
        Side::Target,
        format!("alter role {} createdb;", quote::identifier(&facts.user)),
    )
}

fn judge_by_hand(facts: &ServerFacts) -> Outcome {
    let user = quote::shown(&facts.user);
    let database = quote::shown(&facts.database);
    if facts.create_here {
        return Outcome::fine(format!("{user} may create schemas in {database}"));
    }
    Outcome::failed(format!("{user} may not create schemas in {database}"))
        .objects(vec![user])
        .fix_on(
            Side::Target,
            format!(
                "grant create on database {} to {};",
                quote::identifier(&facts.database),
                quote::identifier(&facts.user)
            ),
        )
}
