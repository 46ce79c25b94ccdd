//! `tgt.role_caps`: what the target role must be allowed to do. A migration creates a
//! staging database and renames; by hand, objects are created in the database itself.

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
        return Ok(judge_by_hand(facts));
    }
    let outcome = judge_migration(facts);
    let Some(migration) = &subject.migration else {
        return Ok(outcome);
    };
    let row = subject
        .target
        .session
        .query_opt(OWNS, &[&migration.database])?;
    let owned = row.is_none_or(|row| row.get(0));
    if owned || !migration.overwrite || outcome.status != Outcome::fine("").status {
        return Ok(outcome);
    }
    Ok(Outcome::failed(format!(
        "{} does not own the database that is to be replaced",
        quote::shown(&facts.user)
    ))
    .objects(vec![quote::shown(&migration.database)])
    .fix_on(
        Side::Target,
        format!(
            "alter database {} owner to {};",
            quote::identifier(&migration.database),
            quote::identifier(&facts.user)
        ),
    ))
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
