//! The roles that the database needs, with attributes and memberships. Passwords stay where
//! they are: no record carries one.

use anyhow::Context as _;
use pg_pipe::record::{Membership, RoleObject};
use pg_session::Session;

const ROLES: &str = include_str!("sql/role_list.sql");

/// Lists the roles, groups before their members.
///
/// # Errors
/// What the server says.
pub(crate) fn list(session: &mut Session) -> anyhow::Result<Vec<RoleObject>> {
    session
        .query(ROLES, &[])?
        .iter()
        .map(|row| {
            let member_of: String = row.get("member_of");
            let member_of: Vec<Membership> =
                serde_json::from_str(&member_of).context("cannot read memberships")?;
            Ok(RoleObject {
                name: row.get("name"),
                attributes: row.get("attributes"),
                member_of,
                comment: row.get("comment"),
            })
        })
        .collect()
}
