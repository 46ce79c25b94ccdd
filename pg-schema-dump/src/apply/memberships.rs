//! Memberships that a role without superuser's rights needs to give objects to their owners, and
//! to grant in the name of others:
//! granted to ourselves, noted on the mark of the staging database, and taken back by
//! `pg-migstate finish`. Before 16 CREATEROLE may grant; from 16 on ADMIN on the role does.

use std::collections::BTreeSet;

use pg_pipe::Context;
use pg_pipe::record::Section;
use pg_session::mark;
use pg_session::{Class, Error, Session, quote};

use crate::apply::Target;
use crate::apply::grantor;
use crate::apply::plan::Plan;

const LACKED: &str = include_str!("sql/owner_lacked.sql");

/// Becomes a member of the owners that we could not give objects to otherwise, and of grantors. What is
/// refused is told; its objects fail later, each by name.
///
/// # Errors
/// When the server is lost.
pub(crate) fn ensure(
    session: &mut Session,
    plan: &Plan,
    target: &Target,
    context: &Context,
) -> Result<(), Error> {
    let owners: BTreeSet<String> = plan
        .section(Section::Acl)
        .chain(plan.section(Section::Final))
        // Default privileges are a role's own.
        .filter(|object| matches!(object.kind.as_str(), "OWNER" | "DEFAULT ACL"))
        .filter_map(|object| object.owner.clone())
        .chain(plan.section(Section::Acl).flat_map(grantor::grantors))
        .collect();
    let owners: Vec<String> = owners.into_iter().collect();
    let lacked: Vec<String> = session
        .query(LACKED, &[&owners])?
        .iter()
        .map(|row| row.get("name"))
        .collect();
    for owner in lacked {
        match grant(session, plan, target, &owner) {
            Ok(()) if plan.head.migration.is_none() => context.notice().note(&format!(
                "role {0} was granted to us, so that objects can be given to it; when you are \
                 done: REVOKE {0} FROM CURRENT_USER",
                quote::shown(&owner)
            )),
            Ok(()) => {}
            Err(error) if error.class().is_connection() => return Err(error),
            Err(error) => context.notice().warn(&format!(
                "objects cannot be given to role {}: {error}",
                quote::shown(&owner)
            )),
        }
    }
    Ok(())
}

/// The grant and its note on the mark, in one transaction.
fn grant(session: &mut Session, plan: &Plan, target: &Target, owner: &str) -> Result<(), Error> {
    let options = if session.version().has_membership_options() {
        " with set true, inherit true"
    } else {
        ""
    };
    let statement = format!(
        "grant {} to current_user{options}",
        quote::identifier(owner)
    );
    session.in_transaction("begin", |session| {
        session.batch(&statement)?;
        if plan.head.migration.is_none() {
            return Ok(());
        }
        let mut mark = mark::read(session, &target.database)?
            .ok_or_else(|| Error::new(Class::Ledger, "the staging database has lost its mark"))?;
        mark.granted.push(owner.to_owned());
        session.batch(&mark::statement(&target.database, &mark))
    })
}
