//! Where a run copies from and to.

use pg_pipe::record::Side;
use pg_pipe::{Context, Failure, Head};
use pg_session::mark::{self, Standing};
use pg_session::settings::application_name;
use pg_session::{Endpoint, Error, Role, Session};

use crate::args::Args;

/// What sessions of `pg-copy worker` are called, behind the migration's hash.
pub(crate) const WORKER: &str = "pg-copy worker";

/// The two databases, and what our sessions there are called.
#[derive(Clone)]
pub(crate) struct Ends {
    pub(crate) source: Endpoint,
    /// The database that is loaded.
    pub(crate) target: Endpoint,
    pub(crate) application_name: String,
}

impl Ends {
    /// As the flags and the head of the stream give them.
    ///
    /// # Errors
    /// When a connection string is wrong.
    pub(crate) fn resolve(args: &Args, head: &Head, context: &Context) -> Result<Self, Error> {
        let flag = args.source.source.as_deref();
        let given = head.conninfo(Side::Source, flag);
        let source = pg_session::resolve(Role::Source, given.as_deref())?
            .password_left_behind(head.password_from(Side::Source, flag))
            .telling(context.teller());
        let flag = args.target.target.as_deref();
        let given = head.conninfo(Side::Target, flag);
        let target = pg_session::resolve(Role::Target, given.as_deref())?
            .password_left_behind(head.password_from(Side::Target, flag))
            .telling(context.teller());
        let database = head.staging().unwrap_or(target.database()).to_owned();
        Ok(Self {
            source,
            target: target.with_database(&database),
            application_name: application_name(head.hash(), context.tool()),
        })
    }
}

/// The comment on a staging database is the first word: canceled is final.
///
/// # Errors
/// A conflict (exit 7) when the database is not the migration's or that was canceled.
pub(crate) fn require_ours(target: &mut Session, head: &Head) -> anyhow::Result<()> {
    let Some(migration) = &head.migration else {
        return Ok(());
    };
    let found = mark::read(target, &migration.staging)?;
    match mark::standing(found.as_ref(), &migration.hash) {
        Standing::Canceled => Err(canceled(&migration.name).into()),
        Standing::Ours => Ok(()),
        Standing::Foreign => Err(Failure::conflict(format!(
            "database {} on the target is not of this migration",
            migration.staging
        ))
        .hint("Run pg-schema-apply --section pre-data first; it makes the database.")
        .into()),
    }
}

/// What is said of a canceled migration.
pub(crate) fn canceled(name: &str) -> Failure {
    Failure::conflict(format!("migration {name} was canceled"))
        .hint("Begin a new migration under another name.")
}
