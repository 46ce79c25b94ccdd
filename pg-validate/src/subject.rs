//! What the checks look at: two servers, each in one snapshot, and the migration.

use std::time::Instant;

use pg_pipe::record::Migration;
use pg_session::catalog::platform::{self, Platform};
use pg_session::catalog::{self, ServerFacts};
use pg_session::session::Texts;
use pg_session::{Endpoint, Error, Purpose, Session, quote, snapshot};

use crate::checks::Situation;

/// Limits for the statements of checks, so that a locked catalog skips one check and does
/// not stop all.
const LIMITS: &str = "set local statement_timeout = '30s'; set local lock_timeout = '2s'";

/// Ends a check.
const BACK: &str = "rollback to savepoint pgmig_check; release savepoint pgmig_check";

const ROLE: &str = "select r.rolsuper from pg_roles r where r.rolname = current_user";

/// One of the two servers.
pub(crate) struct Server {
    /// Where it is.
    pub(crate) endpoint: Endpoint,
    /// The session, in a transaction.
    pub(crate) session: Session,
    /// What all checks may need.
    pub(crate) facts: ServerFacts,
    /// Whether our role is a superuser.
    pub(crate) superuser: bool,
    /// Platform.
    pub(crate) platform: &'static Platform,
}

/// What the checks look at.
pub(crate) struct Subject {
    /// The source, in the database that is migrated.
    pub(crate) source: Server,
    /// The target, in the database that the connection string names.
    pub(crate) target: Server,
    /// The migration; `None` when the tools are joined by hand.
    pub(crate) migration: Option<Migration>,
    /// Whether a new database is made on the target. Otherwise the one that the connection
    /// string names is loaded.
    pub(crate) into_new: bool,
    /// Bytes that are free on the target, where a person has said it.
    pub(crate) target_free: Option<i64>,
    /// When the checks of this database began, and the rows written in it until then.
    pub(crate) began: Instant,
    /// See `began`.
    pub(crate) written: i64,
    /// Name of our sessions.
    pub(crate) application_name: String,
}

impl Server {
    /// Takes over a session and begins the snapshot of all checks.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn begin(endpoint: Endpoint, mut session: Session) -> Result<Self, Error> {
        session.batch(&format!("{}; {LIMITS}", snapshot::BEGIN))?;
        let facts = catalog::read_server(&mut session)?;
        let superuser = session.query_one(ROLE, &[])?.get(0);
        let platform = platform::recognise(&mut session)?;
        Ok(Self {
            endpoint,
            session,
            facts,
            superuser,
            platform,
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
        self.session.batch("savepoint pgmig_attempt")?;
        let result = work(&mut self.session);
        self.session
            .batch("rollback to savepoint pgmig_attempt; release savepoint pgmig_attempt")?;
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.class().is_connection() => Err(error),
            Err(_refused) => Ok(None),
        }
    }

    /// Asks one query, in one message to the server and back; a query that the server refuses
    /// leaves the transaction usable. `$1`, `$2` in it are the values.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn ask(&mut self, sql: &str, values: &[&str]) -> Result<Vec<Texts>, Error> {
        let sql = quote::bound(sql, values);
        // Rolled back, because to look takes locks, which a released savepoint keeps.
        let message = format!("savepoint pgmig_check;\n{sql}\n;{BACK}");
        let result = self.session.simple_rows(&message);
        // Without a SQLSTATE all is done on the server, and only not understood here.
        if let Err(error) = &result
            && error.sqlstate().is_some()
            && !error.class().is_connection()
        {
            self.session.batch(BACK)?;
        }
        result
    }
}

impl Subject {
    /// What conditions of checks are about.
    pub(crate) fn situation(&self) -> Situation {
        Situation {
            source: self.source.session.version(),
            target: self.target.session.version(),
            platform: self.target.platform,
            source_superuser: self.source.superuser,
            superuser: self.target.superuser,
            by_hand: !self.into_new,
            overwrite: self
                .migration
                .as_ref()
                .is_some_and(|migration| migration.overwrite),
        }
    }

    /// Name of the database on the target once all is done.
    pub(crate) fn final_database(&self) -> &str {
        match &self.migration {
            Some(migration) => &migration.database,
            None if self.into_new => &self.source.facts.database,
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
