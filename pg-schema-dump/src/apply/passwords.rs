//! Password hashes of roles, on the way from one server's catalog to the other's: they are read
//! by a session of our own and written by another, and stand nowhere in between. No record,
//! message, file or argument has one.

use std::collections::BTreeMap;

use pg_pipe::Context;
use pg_pipe::record::Side;
use pg_session::settings::application_name;
use pg_session::{Class, Error, Purpose, Role, Session, quote};

use crate::apply::args::Args;
use crate::apply::plan::Plan;

const HASHES: &str = include_str!("sql/role_password_list.sql");

/// Settings that keep a statement out of logs and statistics. Some are of extensions, some only
/// a superuser may change; what is left is looked at afterwards.
const QUIET: &[&str] = &[
    "log_statement = none",
    "log_min_duration_statement = -1",
    "log_min_duration_sample = -1",
    "log_transaction_sample_rate = 0",
    "log_min_error_statement = panic",
    "pg_stat_statements.track_utility = off",
    "pgaudit.log = none",
    "track_activities = off",
];

/// Whether a statement would stand in the server's log.
const IS_LOGGED: &str = include_str!("sql/is_logged.sql");

/// Hashes by role, as the roles are called on the target. Cannot be printed.
#[derive(Default)]
pub(crate) struct Passwords {
    hashes: BTreeMap<String, String>,
}

impl Passwords {
    /// Reads the hashes of the plan's roles, if that is asked for and allowed.
    ///
    /// # Errors
    /// When the source cannot be reached.
    pub(crate) fn read(args: &Args, plan: &Plan, context: &Context) -> Result<Self, Error> {
        if !args.role_passwords || plan.roles.is_empty() {
            return Ok(Self::default());
        }
        let given = args.source.source.as_deref();
        let conninfo = plan.head.conninfo(Side::Source, given);
        let endpoint = pg_session::resolve(Role::Source, conninfo.as_deref())?
            .password_left_behind(plan.head.password_from(Side::Source, given))
            .telling(context.teller());
        let name = application_name(plan.head.hash(), context.tool());
        let mut session = endpoint.connect(Purpose::Read, &name)?;
        let names: Vec<&str> = plan.role_names.values().map(String::as_str).collect();
        let rows = match session.query(HASHES, &[&names]) {
            Err(error) if error.class() == Class::Privilege => {
                context.notice().warn(
                    "passwords of roles are not carried over: only a superuser of the source may read them",
                );
                return Ok(Self::default());
            }
            other => other?,
        };
        let by_old_name: BTreeMap<String, String> = rows
            .iter()
            .map(|row| (row.get("name"), row.get("hash")))
            .collect();
        let mut hashes = BTreeMap::new();
        for (new, old) in &plan.role_names {
            let Some(hash) = by_old_name.get(old) else {
                continue;
            };
            if new != old && hash.starts_with("md5") {
                context.notice().warn(&format!(
                    "the password of role {} is not carried over: its MD5 hash holds the old name",
                    quote::shown(new)
                ));
                continue;
            }
            hashes.insert(new.clone(), hash.clone());
        }
        Ok(Self { hashes })
    }

    /// Sets the password of a role that the session's transaction has just created. What is
    /// refused is told, the role stays without.
    ///
    /// # Errors
    /// When the server is lost.
    pub(crate) fn set(
        &self,
        session: &mut Session,
        role: &str,
        context: &Context,
    ) -> Result<(), Error> {
        let Some(hash) = self.hashes.get(role) else {
            return Ok(());
        };
        let shown = quote::shown(role);
        for setting in QUIET {
            attempt(session, &format!("set local {setting}"))?;
        }
        if session.query_one(IS_LOGGED, &[])?.get("is_logged") {
            context.notice().warn(&format!(
                "the password of role {shown} is not carried over: the target would log the statement, and we may not change log_statement"
            ));
            return Ok(());
        }
        let sql = format!(
            "alter role {} password {}",
            quote::identifier(role),
            quote::literal(hash)
        );
        // The server's words are not repeated: nobody knows what they quote.
        if let Some(error) = attempt(session, &sql)? {
            context.notice().warn(&format!(
                "the target refuses the password of role {shown} (SQLSTATE {})",
                error.sqlstate().unwrap_or_default()
            ));
        }
        Ok(())
    }
}

/// Runs a statement inside of the transaction; gives why it was refused.
///
/// # Errors
/// When the server is lost.
pub(crate) fn attempt(session: &mut Session, sql: &str) -> Result<Option<Error>, Error> {
    session.batch("savepoint attempt")?;
    match session.batch(sql) {
        Ok(()) => {
            session.batch("release savepoint attempt")?;
            Ok(None)
        }
        Err(error) if error.class().is_connection() => Err(error),
        Err(error) => {
            session.batch("rollback to savepoint attempt; release savepoint attempt")?;
            Ok(Some(error))
        }
    }
}
