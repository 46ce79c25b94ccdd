//! Roles: created when they are missing, never altered.

use std::collections::BTreeSet;

use pg_pipe::Context;
use pg_pipe::record::{Applied, AppliedStatus, Membership, Migration, Record, RoleObject, Section};
use pg_session::role_mark::{self, RoleMark};
use pg_session::{Error, Session, quote};

use crate::apply::in_order::Sum;
use crate::apply::passwords::{Passwords, attempt};

/// Another pipeline of the same server has made the role since we looked: `duplicate_object`,
/// or `unique_violation` while its transaction is open.
const MADE_MEANWHILE: &[&str] = &["42710", "23505"];

/// Creates the roles that the target lacks, with their memberships; groups come first.
/// A role that cannot be created is an item: what it owns stays with us. Those of a migration
/// bear its mark until it is finished, so that canceling it takes them away again.
///
/// # Errors
/// When the roles of the target cannot be listed, or the server is lost.
pub(crate) fn ensure(
    session: &mut Session,
    roles: &[RoleObject],
    migration: Option<&Migration>,
    passwords: &Passwords,
    context: &Context,
) -> anyhow::Result<Sum> {
    let there = list(session)?;
    let is_superuser: bool = session
        .query_one(
            "select rolsuper from pg_roles where rolname = current_user",
            &[],
        )?
        .get(0);
    let mut sum = Sum::default();
    for role in roles {
        let result = if there.contains(&role.name) {
            share(session, &role.name, migration)
        } else {
            let mut role = permitted(role, is_superuser, context);
            if let Some(migration) = migration {
                role.comment = Some(RoleMark::new(&migration.hash, role.comment.take()).text());
            }
            match create(session, &role, passwords, context) {
                Err(error)
                    if error
                        .sqlstate()
                        .is_some_and(|is| MADE_MEANWHILE.contains(&is)) =>
                {
                    share(session, &role.name, migration)
                }
                created => created.map(|()| AppliedStatus::Applied),
            }
        };
        let mut record = record(role, AppliedStatus::Failed);
        match result {
            Ok(status) => record.status = status,
            Err(error) if error.class().is_connection() => return Err(error.into()),
            Err(error) => {
                let shown = format!("ROLE {}", quote::shown(&role.name));
                let error = anyhow::Error::new(error).context(format!("cannot create {shown}"));
                let said = context.item_failed(&shown, &error);
                record.sqlstate = said.sqlstate;
                record.message = Some(said.message);
            }
        }
        sum.add(record.status);
        context.write(Record::Applied(record));
    }
    Ok(sum)
}

/// A role that another migration has made and may take away again is held by us, too.
fn share(
    session: &mut Session,
    role: &str,
    migration: Option<&Migration>,
) -> Result<AppliedStatus, Error> {
    if let Some(migration) = migration {
        role_mark::share(session, role, &migration.hash)?;
    }
    Ok(AppliedStatus::Present)
}

/// Names of the roles of a server.
///
/// # Errors
/// What the server says.
pub(crate) fn list(session: &mut Session) -> Result<BTreeSet<String>, Error> {
    let rows = session.query("select rolname::text from pg_roles", &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Attributes that only a superuser may give.
const SUPERUSERS: &[&str] = &["SUPERUSER", "REPLICATION", "BYPASSRLS"];

/// The role as we may create it: managed servers have no superuser for us.
fn permitted(role: &RoleObject, is_superuser: bool, context: &Context) -> RoleObject {
    let mut permitted = role.clone();
    if !is_superuser {
        let may = |attribute: &String| !SUPERUSERS.contains(&attribute.as_str());
        permitted.attributes.retain(may);
    }
    if permitted.attributes.len() < role.attributes.len() {
        context.notice().warn(&format!(
            "role {}: {} are left out, only a superuser may give them",
            quote::shown(&role.name),
            SUPERUSERS.join(", ")
        ));
    }
    permitted
}

/// The role, what the server itself has as far as we may give it, and its password.
fn create(
    session: &mut Session,
    role: &RoleObject,
    passwords: &Passwords,
    context: &Context,
) -> Result<(), Error> {
    session.in_transaction("begin", |session| {
        session.batch(&created(role))?;
        for membership in role.member_of.iter().filter(|one| is_predefined(one)) {
            if let Some(error) = attempt(session, &granted(role, membership))? {
                context.notice().warn(&format!(
                    "role {} is no member of {} here: {error}",
                    quote::shown(&role.name),
                    quote::shown(&membership.role)
                ));
            }
        }
        for setting in &role.settings {
            if let Some(error) = attempt(session, &altered(role, setting))? {
                context.notice().warn(&format!(
                    "role {} has no {setting} here: {error}",
                    quote::shown(&role.name)
                ));
            }
        }
        passwords.set(session, &role.name, context)
    })
}

/// All that makes a role, but for its password.
pub(crate) fn statements(role: &RoleObject) -> String {
    let mut sql = created(role);
    for membership in role.member_of.iter().filter(|one| is_predefined(one)) {
        sql.push_str(&format!(" {};", granted(role, membership)));
    }
    for setting in &role.settings {
        sql.push_str(&format!(" {};", altered(role, setting)));
    }
    sql
}

fn altered(role: &RoleObject, setting: &str) -> String {
    format!("alter role {} {setting}", quote::identifier(&role.name))
}

/// Whether the group is the server's own. Who is no superuser may not give its membership away
/// (from 16 on), and another version may not have it.
fn is_predefined(membership: &Membership) -> bool {
    membership.role.starts_with("pg_")
}

fn granted(role: &RoleObject, membership: &Membership) -> String {
    let (group, name) = (
        quote::identifier(&membership.role),
        quote::identifier(&role.name),
    );
    let admin = if membership.admin {
        " with admin option"
    } else {
        ""
    };
    format!("grant {group} to {name}{admin}")
}

/// The comment of a role that a migration makes is its mark, which keeps the role's own.
fn created(role: &RoleObject) -> String {
    let name = quote::identifier(&role.name);
    let mut sql = format!("create role {name} {};", role.attributes.join(" "));
    for membership in role.member_of.iter().filter(|one| !is_predefined(one)) {
        sql.push_str(&format!(" {};", granted(role, membership)));
    }
    if let Some(comment) = &role.comment {
        sql.push_str(&format!(
            " comment on role {name} is {};",
            quote::literal(comment)
        ));
    }
    sql
}

fn record(role: &RoleObject, status: AppliedStatus) -> Applied {
    Applied {
        id: None,
        kind: "ROLE".to_owned(),
        schema: None,
        name: role.name.clone(),
        section: Section::PreData,
        status,
        sqlstate: None,
        message: None,
        milliseconds: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_created_with_its_groups() {
        let role = RoleObject {
            name: "a\"b".to_owned(),
            attributes: vec!["LOGIN".to_owned(), "NOINHERIT".to_owned()],
            member_of: ["pg_monitor", "g"]
                .map(|group| Membership {
                    role: group.to_owned(),
                    admin: group == "g",
                    inherit: None,
                    set: None,
                })
                .into(),
            settings: vec!["SET \"work_mem\" TO '1MB'".to_owned()],
            comment: Some("it's".to_owned()),
        };
        assert_eq!(
            statements(&role),
            "create role \"a\"\"b\" LOGIN NOINHERIT; grant \"g\" to \"a\"\"b\" \
             with admin option; comment on role \"a\"\"b\" is 'it''s'; \
             grant \"pg_monitor\" to \"a\"\"b\"; alter role \"a\"\"b\" SET \"work_mem\" TO '1MB';"
        );
    }
}
