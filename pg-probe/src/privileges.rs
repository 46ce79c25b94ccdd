//! What our role may do on a server.

use pg_session::{Error, Session};

const PRIVILEGES: &str = include_str!("privileges.sql");

/// What the role may do.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one attribute of CREATE ROLE each"
)]
pub(crate) struct Privileges {
    pub(crate) superuser: bool,
    pub(crate) create_db: bool,
    pub(crate) create_role: bool,
    pub(crate) replication: bool,
    pub(crate) bypass_rls: bool,
    pub(crate) create_here: bool,
    pub(crate) member_of: Vec<String>,
}

impl Privileges {
    /// Reads them.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn read(session: &mut Session) -> Result<Self, Error> {
        let row = session.query_one(PRIVILEGES, &[])?;
        Ok(Self {
            superuser: row.get("superuser"),
            create_db: row.get("create_db"),
            create_role: row.get("create_role"),
            replication: row.get("replication"),
            bypass_rls: row.get("bypass_rls"),
            create_here: row.get("create_here"),
            member_of: row.get("member_of"),
        })
    }

    /// One line for people.
    pub(crate) fn shown(&self) -> String {
        if self.superuser {
            return "superuser".to_owned();
        }
        let attributes = [
            (self.create_db, "createdb"),
            (self.create_role, "createrole"),
            (self.replication, "replication"),
            (self.bypass_rls, "bypassrls"),
            (self.create_here, "create in this database"),
        ];
        let mut words: Vec<&str> = attributes
            .iter()
            .filter(|(has, _)| *has)
            .map(|(_, word)| *word)
            .collect();
        words.extend(self.member_of.iter().map(String::as_str));
        if words.is_empty() {
            "no superuser, no attribute of its own".to_owned()
        } else {
            format!("no superuser; {}", words.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_are_told_in_one_line() {
        let mut privileges = Privileges::default();
        assert_eq!(privileges.shown(), "no superuser, no attribute of its own");
        privileges.create_db = true;
        privileges.member_of = vec!["rds_superuser".to_owned()];
        assert_eq!(privileges.shown(), "no superuser; createdb, rds_superuser");
        privileges.superuser = true;
        assert_eq!(privileges.shown(), "superuser");
    }
}
