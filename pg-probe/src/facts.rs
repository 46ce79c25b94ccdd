//! What a server is and what our role may do there, by queries of our own.

use std::time::Instant;

use pg_session::session::Facts as SessionFacts;
use pg_session::{Error, Session, catalog};

use crate::{platform, steps};

const PRIVILEGES: &str = include_str!("privileges.sql");

/// Round trips that the median is taken of.
const ROUND_TRIPS: usize = 5;

/// Facts about a server beyond those that every session knows.
pub(crate) struct Facts {
    pub(crate) user: String,
    pub(crate) database: String,
    pub(crate) platform: &'static str,
    pub(crate) system_identifier: Option<String>,
    pub(crate) read_only: bool,
    pub(crate) free_connections: i64,
    pub(crate) round_trip_ms: f64,
}

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

/// Reads the facts.
///
/// # Errors
/// What the server says.
pub(crate) fn read(session: &mut Session) -> Result<Facts, Error> {
    let server = catalog::read_server(session)?;
    Ok(Facts {
        user: server.user,
        database: server.database,
        platform: platform::recognise(session)?,
        system_identifier: system_identifier(session)?,
        read_only: server.read_only,
        free_connections: server.free_connections,
        round_trip_ms: round_trip(session)?,
    })
}

/// Reads what the role may do.
///
/// # Errors
/// What the server says.
pub(crate) fn read_privileges(session: &mut Session) -> Result<Privileges, Error> {
    let row = session.query_one(PRIVILEGES, &[])?;
    Ok(Privileges {
        superuser: row.get("superuser"),
        create_db: row.get("create_db"),
        create_role: row.get("create_role"),
        replication: row.get("replication"),
        bypass_rls: row.get("bypass_rls"),
        create_here: row.get("create_here"),
        member_of: row.get("member_of"),
    })
}

impl Facts {
    /// One line for people.
    pub(crate) fn shown(&self, session: &SessionFacts) -> String {
        let standby = if session.in_recovery { ", standby" } else { "" };
        let read_only = if self.read_only { ", read-only" } else { "" };
        format!(
            "PostgreSQL {} ({}{standby}{read_only}), round trip {} ms",
            session.version, self.platform, self.round_trip_ms
        )
    }
}

impl Privileges {
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

/// The cluster's identifier; servers before 9.6 and some providers do not tell it.
fn system_identifier(session: &mut Session) -> Result<Option<String>, Error> {
    let found = session.query_one(
        "select system_identifier::text from pg_control_system()",
        &[],
    );
    match found {
        Ok(row) => Ok(Some(row.get(0))),
        Err(error) if error.class().is_connection() => Err(error),
        Err(_not_permitted) => Ok(None),
    }
}

/// The median by the simple protocol, where a statement is one round trip.
fn round_trip(session: &mut Session) -> Result<f64, Error> {
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let begun = Instant::now();
        session.batch("select 1")?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    Ok(steps::milliseconds(median))
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
