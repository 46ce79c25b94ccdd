//! The mark on a role that a migration created: a COMMENT ON ROLE that says which migrations
//! hold it, and keeps the role's own comment. It goes when a migration that holds the role is
//! finished; the role goes when the last one that holds it is canceled.

use serde::{Deserialize, Serialize};

use crate::error::{Class, Error};
use crate::quote;
use crate::session::Session;

/// The mark.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RoleMark {
    /// Version of the mark, 1.
    pub pgmig: u32,
    /// Hashes of the migrations that hold the role, its maker first.
    pub held_by: Vec<String>,
    /// The comment that the role has on the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl RoleMark {
    /// The mark of a role that a migration makes.
    pub fn new(hash: &str, comment: Option<String>) -> Self {
        Self {
            pgmig: 1,
            held_by: vec![hash.to_owned()],
            comment,
        }
    }

    /// As it stands in the comment.
    pub fn text(&self) -> String {
        // A mark has string keys only, so it always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What is left of it without a migration; `None` when nobody else holds the role.
    pub fn without(&self, hash: &str) -> Option<Self> {
        let mut rest = self.clone();
        rest.held_by.retain(|one| one != hash);
        (!rest.held_by.is_empty()).then_some(rest)
    }
}

/// The roles that a migration holds, by name.
///
/// # Errors
/// What the server says.
pub fn list(session: &mut Session, hash: &str) -> Result<Vec<(String, RoleMark)>, Error> {
    let rows = session.query(
        "select rolname::text, shobj_description(oid, 'pg_authid') from pg_roles \
         where shobj_description(oid, 'pg_authid') is not null order by rolname",
        &[],
    )?;
    let held = |row: &postgres::Row| {
        let mark: RoleMark = serde_json::from_str(row.get(1)).ok()?;
        mark.held_by
            .iter()
            .any(|one| one == hash)
            .then(|| (row.get(0), mark))
    };
    Ok(rows.iter().filter_map(held).collect())
}

/// Has a migration hold a role, too, if another one made it and is not finished. A role whose
/// comment we may not set is left as it is.
///
/// # Errors
/// What the server says.
pub fn share(session: &mut Session, role: &str, hash: &str) -> Result<(), Error> {
    let row = session.query_opt(
        "select coalesce(shobj_description(oid, 'pg_authid'), '') from pg_roles where rolname = $1",
        &[&role],
    )?;
    let found = row.and_then(|row| serde_json::from_str::<RoleMark>(row.get(0)).ok());
    let Some(mut mark) = found.filter(|mark| mark.held_by.iter().all(|one| one != hash)) else {
        return Ok(());
    };
    mark.held_by.push(hash.to_owned());
    match session.batch(&comment_statement(role, Some(&mark.text()))) {
        Err(error) if error.class() == Class::Privilege => Ok(()),
        other => other,
    }
}

/// The statement that sets or clears the comment of a role.
pub fn comment_statement(role: &str, comment: Option<&str>) -> String {
    let text = comment.map_or_else(|| "null".to_owned(), quote::literal);
    format!("comment on role {} is {text}", quote::identifier(role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_goes_with_the_last_migration_that_holds_it() {
        let mut mark = RoleMark::new("a", Some("it's mine".to_owned()));
        mark.held_by.push("b".to_owned());
        let left = mark.without("a").unwrap();
        assert_eq!(left.held_by, ["b"]);
        assert_eq!(left.comment.as_deref(), Some("it's mine"));
        assert_eq!(left.without("b"), None);
        assert_eq!(
            serde_json::from_str::<RoleMark>(&mark.text()).unwrap(),
            mark
        );
    }
}
