//! The roles that the database needs, with attributes, memberships and settings. Passwords
//! stay where they are: no record carries one.

use std::collections::BTreeSet;

use anyhow::Context as _;
use pg_pipe::record::{Membership, Object, RoleObject};
use pg_session::{Session, quote};

use crate::leave_out::LeaveOut;

const ROLES: &str = include_str!("sql/role_list.sql");

/// Settings that hold a list of names, which the server keeps quoted: pg_dump's list.
const LISTS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// Lists the roles, groups before their members: owners of the objects and all others that
/// the database refers to.
///
/// # Errors
/// What the server says.
pub(crate) fn list(
    session: &mut Session,
    objects: &[Object],
    leave_out: &LeaveOut,
) -> anyhow::Result<Vec<RoleObject>> {
    let owners: BTreeSet<&str> = objects
        .iter()
        .filter_map(|object| object.owner.as_deref())
        .collect();
    let owners: Vec<&str> = owners.into_iter().collect();
    let rows = session.query(
        ROLES,
        &[&owners, &!leave_out.no_owner, &!leave_out.no_privileges],
    )?;
    rows.iter()
        .map(|row| {
            let member_of: String = row.get("member_of");
            let member_of: Vec<Membership> =
                serde_json::from_str(&member_of).context("cannot read memberships")?;
            let settings: Vec<String> = row.get("settings");
            Ok(RoleObject {
                name: row.get("name"),
                attributes: row.get("attributes"),
                member_of,
                settings: settings.iter().filter_map(|text| clause(text)).collect(),
                comment: row.get("comment"),
            })
        })
        .collect()
}

/// `name=value` as the catalog has it, as ALTER ROLE takes it.
fn clause(setting: &str) -> Option<String> {
    let (name, value) = setting.split_once('=')?;
    let values = if LISTS.contains(&name) {
        let names = list_of_names(value).unwrap_or_default();
        let literals: Vec<String> = names.iter().map(|name| literal(name)).collect();
        literals.join(", ")
    } else {
        literal(value)
    };
    // A list of nothing can be said in no other way.
    let values = if values.is_empty() {
        literal("")
    } else {
        values
    };
    Some(format!("SET {} TO {values}", quote::identifier(name)))
}

fn literal(text: &str) -> String {
    quote::literal(text).trim_start().to_owned()
}

/// `"$user", public, "a,""b"`: names between commas, some of them in double quotes.
fn list_of_names(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let mut name = String::new();
        if let Some(mut inner) = rest.strip_prefix('"') {
            loop {
                let (part, after) = inner.split_once('"')?;
                name.push_str(part);
                let Some(next) = after.strip_prefix('"') else {
                    rest = after.trim_start();
                    break;
                };
                name.push('"');
                inner = next;
            }
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (word, after) = rest.split_at_checked(end)?;
            word.trim_end().clone_into(&mut name);
            rest = after;
        }
        names.push(name);
        rest = match rest.strip_prefix(',') {
            Some(more) => more.trim_start(),
            None if rest.is_empty() => rest,
            None => return None,
        };
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_as_alter_role_takes_them() {
        for (setting, expected) in [
            ("work_mem=64MB", "SET \"work_mem\" TO '64MB'"),
            ("app.x=it's = \\", "SET \"app.x\" TO E'it''s = \\\\'"),
            ("app.list=a, b", "SET \"app.list\" TO 'a, b'"),
            (
                "search_path=\"$user\", public, \"a,\"\"b'\"",
                "SET \"search_path\" TO '$user', 'public', 'a,\"b'''",
            ),
            ("search_path=\"\"", "SET \"search_path\" TO ''"),
            ("search_path=", "SET \"search_path\" TO ''"),
        ] {
            assert_eq!(clause(setting).as_deref(), Some(expected));
        }
        assert_eq!(clause("nonsense"), None);
    }
}
