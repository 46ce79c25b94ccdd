//! What the checks look at: two servers, each in one snapshot, and the migration.

use pg_pipe::record::Migration;
use pg_session::catalog::{self, ServerFacts};
use pg_session::{Endpoint, Error, Purpose, Session, snapshot};

/// Limits for the statements of checks, so that a locked catalog skips one check and does
/// not stop all; then the point that a failed statement goes back to.
const LIMITS: &str = "set local statement_timeout = '60s'; \
                      set local lock_timeout = '2s'; \
                      savepoint pgmig_check";

/// Goes back to where no statement has failed; harmless where none has.
const BACK: &str = "rollback to savepoint pgmig_check";

/// One of the two servers.
pub(crate) struct Server {
    /// Where it is.
    pub(crate) endpoint: Endpoint,
    /// The session, in a transaction.
    pub(crate) session: Session,
    /// What all checks may need.
    pub(crate) facts: ServerFacts,
}

/// What the checks look at.
pub(crate) struct Subject {
    /// The source, in the database that is migrated.
    pub(crate) source: Server,
    /// The target, in the database that the connection string names.
    pub(crate) target: Server,
    /// The migration; `None` when the tools are joined by hand and load the target's
    /// database itself.
    pub(crate) migration: Option<Migration>,
    /// Name of our sessions.
    pub(crate) application_name: String,
}

impl Server {
    /// Takes over a session and begins the snapshot of all checks.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn begin(endpoint: Endpoint, mut session: Session) -> Result<Self, Error> {
        session.batch(snapshot::BEGIN)?;
        session.batch(LIMITS)?;
        let facts = catalog::read_server(&mut session)?;
        Ok(Self {
            endpoint,
            session,
            facts,
        })
    }

    /// Runs `work`; a statement that the server refuses gives `None` and leaves the
    /// transaction usable.
    ///
    /// # Errors
    /// When the server is lost.
    pub(crate) fn attempt<T>(
        &mut self,
        work: impl FnOnce(&mut Session) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match work(&mut self.session) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.class().is_connection() => Err(error),
            Err(_refused) => {
                self.session.batch(BACK)?;
                Ok(None)
            }
        }
    }
}

impl Subject {
    /// Makes both transactions usable again after a check that failed to run.
    ///
    /// # Errors
    /// When a server is lost.
    pub(crate) fn go_back(&mut self) -> Result<(), Error> {
        self.source.session.batch(BACK)?;
        self.target.session.batch(BACK)
    }

    /// Name of the database on the target once all is done.
    pub(crate) fn final_database(&self) -> &str {
        match &self.migration {
            Some(migration) => &migration.database,
            None => &self.target.facts.database,
        }
    }

    /// Opens another database of the target.
    ///
    /// # Errors
    /// A connection class.
    pub(crate) fn open_on_target(&self, database: &str) -> Result<Session, Error> {
        self.target
            .endpoint
            .with_database(database)
            .connect(Purpose::Read, &self.application_name)
    }
}
