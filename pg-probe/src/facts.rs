//! What a server is, by queries of our own.

use pg_session::catalog::platform::{self, Platform};
use pg_session::catalog::{self, ServerFacts};
use pg_session::session::Facts as SessionFacts;
use pg_session::{Error, Session};

use crate::distance::Distance;
use crate::steps;

const SYSTEM_IDENTIFIER: &str = include_str!("system_identifier.sql");
const AURORA_VERSION: &str = include_str!("aurora_version.sql");

/// Facts about a server beyond those that every session knows.
pub(crate) struct Facts {
    pub(crate) server: ServerFacts,
    pub(crate) platform: &'static Platform,
    pub(crate) platform_version: Option<String>,
    pub(crate) system_identifier: Option<String>,
    pub(crate) distance: Distance,
}

impl Facts {
    /// Reads them.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn read(session: &mut Session) -> Result<Self, Error> {
        let server = catalog::read_server(session)?;
        let platform = platform::recognise(session)?;
        let platform_version = match platform.id {
            "aurora" => told(session, AURORA_VERSION)?,
            _ => None,
        };
        Ok(Self {
            server,
            platform,
            platform_version,
            system_identifier: told(session, SYSTEM_IDENTIFIER)?,
            distance: Distance::measure(session)?,
        })
    }

    /// One line for people.
    pub(crate) fn shown(&self, session: &SessionFacts) -> String {
        let standby = if session.in_recovery { ", standby" } else { "" };
        let read_only = if self.server.read_only {
            ", read-only"
        } else {
            ""
        };
        format!(
            "PostgreSQL {} ({}{standby}{read_only}), round trip {:.2} ms",
            session.version,
            self.platform.name,
            steps::milliseconds(self.distance.median)
        )
    }
}

/// What a server may tell, or refuse to.
fn told(session: &mut Session, sql: &str) -> Result<Option<String>, Error> {
    match session.query_one(sql, &[]) {
        Ok(row) => Ok(row.get(0)),
        Err(error) if error.class().is_connection() => Err(error),
        Err(_not_permitted) => Ok(None),
    }
}

/// The provider's region, where the host name has it: NAME.REGION.rds.amazonaws.com.
pub(crate) fn region(host: &str) -> Option<&str> {
    let name = host.strip_suffix(".rds.amazonaws.com")?;
    let (_, region) = name.rsplit_once('.')?;
    Some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_stands_in_the_host_names_of_amazon() {
        let host = "shop.cluster-c1x.eu-central-1.rds.amazonaws.com";
        assert_eq!(region(host), Some("eu-central-1"));
        assert_eq!(region("shop.postgres.database.azure.com"), None);
        assert_eq!(region("eu.rds.amazonaws.com.example.org"), None);
    }
}
