//! `ext.missing`: extensions of the source that the target does not offer.

use pg_pipe::record::CheckLevel;
use pg_session::{Error, Session, quote};

use super::{Check, Run};
use crate::outcome::{Outcome, counted};
use crate::subject::Subject;

pub(super) const CHECK: Check = Check {
    id: "ext.missing",
    level: CheckLevel::Database,
    title: "the target offers the extensions of the source database",
    run: Run::Asks(run),
};

const LIST: &str = include_str!("extension_list.sql");
const AVAILABLE: &str = include_str!("extension_available.sql");

/// An extension and a version of it.
pub(super) struct Extension {
    /// Name.
    pub(super) name: String,
    /// Installed version, or the one that is installed by default.
    pub(super) version: Option<String>,
}

/// Extensions of the source database.
///
/// # Errors
/// What the server says.
pub(super) fn list_installed(session: &mut Session) -> Result<Vec<Extension>, Error> {
    read(session, LIST)
}

/// Extensions that a server offers.
///
/// # Errors
/// What the server says.
pub(super) fn list_available(session: &mut Session) -> Result<Vec<Extension>, Error> {
    read(session, AVAILABLE)
}

fn run(subject: &mut Subject) -> Result<Outcome, Error> {
    let installed = list_installed(&mut subject.source.session)?;
    let available = list_available(&mut subject.target.session)?;
    let missing: Vec<String> = installed
        .iter()
        .filter(|extension| !available.iter().any(|other| other.name == extension.name))
        .map(|extension| quote::shown(&extension.name))
        .collect();
    Ok(if missing.is_empty() {
        let count = counted(installed.len(), "extension");
        Outcome::fine(format!("{count} of the source, all offered by the target"))
    } else {
        let count = counted(missing.len(), "extension");
        Outcome::failed(format!(
            "the target does not offer {count} of the source: install the packages there, or \
             drop what the database does not need"
        ))
        .objects(missing)
    })
}

fn read(session: &mut Session, sql: &str) -> Result<Vec<Extension>, Error> {
    let rows = session.query(sql, &[])?;
    Ok(rows
        .iter()
        .map(|row| Extension {
            name: row.get("name"),
            version: row.get("version"),
        })
        .collect())
}
