//! Who stands in the way of our sessions.

use crate::Role;
use crate::error::Error;
use crate::session::Session;

const LIST: &str = include_str!("sql/blocker_list.sql");

/// A session that one of ours waits for. Its statement is left out: it may hold a password.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Blocker {
    /// Process id on the server.
    pub pid: i32,
    /// User, if the server shows it to us.
    pub user: String,
    /// `application_name`.
    pub application: String,
    /// The table that the lock is on, if it is on one.
    pub relation: Option<String>,
}

impl Blocker {
    /// What to tell whoever runs us, of a server's side.
    pub fn sentence(&self, side: Role) -> String {
        let on = self
            .relation
            .as_ref()
            .map_or_else(String::new, |relation| format!(" on {relation}"));
        format!(
            "waits for a lock{on}, for which process {} (user {}, {}) stands before us on the {side}; \
             end it with pg_terminate_backend({}), or wait",
            self.pid, self.user, self.application, self.pid
        )
    }
}

/// Sessions that those of a name in this database wait for, themselves left out.
///
/// # Errors
/// What the server says.
pub fn list_blockers(session: &mut Session, application_name: &str) -> Result<Vec<Blocker>, Error> {
    let rows = session.query(LIST, &[&application_name])?;
    Ok(rows
        .iter()
        .map(|row| Blocker {
            pid: row.get("pid"),
            user: row.get("user"),
            application: row.get("application"),
            relation: row.get("relation"),
        })
        .collect())
}
