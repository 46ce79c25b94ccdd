//! A migration with its servers, as a file describes it or a journal remembers it.

use anyhow::Context as _;
use pg_pipe::Failure;
use pg_pipe::record::{Migration, Mode, Side};
use pg_session::{Endpoint, Role, quote, resolve, staging};

use crate::address;
use crate::args::{ChosenArgs, FileArgs};
use crate::chosen::Chosen;
use crate::file::{MigrationFile, is_name};
use crate::history::History;
use crate::store::StateDir;

/// A migration file with its servers.
pub(crate) struct Resolved {
    pub(crate) file: MigrationFile,
    pub(crate) source: Endpoint,
    pub(crate) target: Endpoint,
    /// What the migration's hash is taken over, with its name.
    pub(crate) target_address: String,
}

impl Resolved {
    /// What is asked for: a file, or, where one is gone on with, the name of a migration.
    ///
    /// # Errors
    /// When there is neither, or it is wrong.
    pub(crate) fn of(args: &FileArgs, resume: bool, state: &StateDir) -> anyhow::Result<Self> {
        let name = args.file.to_str().filter(|name| is_name(name));
        match name {
            Some(name) if resume && !args.file.exists() => {
                let chosen = ChosenArgs {
                    name: Some(name.to_owned()),
                    target_server: args.target_server.clone(),
                    file: None,
                };
                Self::of_history(&Chosen::find(&chosen, state)?.history)
            }
            _ => Self::read(args)?.checked(),
        }
    }

    /// A migration as its journal has it.
    fn of_history(history: &History) -> anyhow::Result<Self> {
        let conninfo = |side: Side| {
            let endpoint = history.endpoint(side).ok_or_else(|| {
                Failure::conflict(format!(
                    "the journal does not say where the {} is",
                    side.as_str()
                ))
                .hint("Resume it with its file: ./migrate --resume FILE")
            });
            endpoint.map(|endpoint| endpoint.conninfo.clone())
        };
        let (source, target) = (conninfo(Side::Source)?, conninfo(Side::Target)?);
        Ok(Self {
            source: resolve(Role::Source, Some(&source))?,
            target: resolve(Role::Target, Some(&target))?,
            target_address: address::of_conninfo(Role::Target, &target)?,
            file: MigrationFile::of_migration(&history.migration, source, target),
        })
    }

    /// Reads a file and finds out which servers it means; connects to none.
    ///
    /// # Errors
    /// When the file or a connection string is wrong.
    pub(crate) fn read(args: &FileArgs) -> anyhow::Result<Self> {
        let file = MigrationFile::read(args)?;
        let in_file = || format!("{} is not usable", args.file.display());
        let source = resolve(Role::Source, Some(&file.source)).with_context(in_file)?;
        let target = resolve(Role::Target, Some(&file.target)).with_context(in_file)?;
        let target = maintenance(target, &file.target).with_context(in_file)?;
        let target_address = address::of(&target);
        Ok(Self {
            file,
            source,
            target,
            target_address,
        })
    }

    /// Whether all can be put in place: a database cannot be renamed from within.
    fn checked(self) -> anyhow::Result<Self> {
        self.file.check_place()?;
        let name = self.target.database();
        if self.file.in_place || !self.file.databases.iter().any(|one| one == name) {
            return Ok(self);
        }
        let name = quote::shown(name);
        Err(Failure::usage(format!(
            "the target's dbname is {name}, which is to be migrated"
        ))
        .hint(
            "Give another database as dbname in target, such as postgres or template1: \
             databases are put in place from there. Or load it as it is, with --in-place.",
        )
        .into())
    }

    /// The record of one of its databases.
    pub(crate) fn migration(&self, database: &str) -> Migration {
        let hash = staging::migration_hash(&self.target_address, &self.file.name);
        Migration {
            name: self.file.name.clone(),
            staging: if self.file.in_place {
                database.to_owned()
            } else {
                staging::staging_name(&hash, database)
            },
            hash,
            option: self.file.option,
            // The file has been checked to ask for no other.
            mode: Mode::Offline,
            source_type: self.file.source_type.clone(),
            databases: self.file.databases.clone(),
            database: database.to_owned(),
            overwrite: self.file.overwrite,
            in_place: self.file.in_place,
        }
    }
}

/// The target by the database that databases are put in place from: the one that was
/// given, `postgres` otherwise, as for createdb.
fn maintenance(target: Endpoint, given: &str) -> Result<Endpoint, pg_session::Error> {
    let named = pg_session::conninfo::parse(given)?.contains_key("dbname");
    Ok(if named {
        target
    } else {
        target.with_database("postgres")
    })
}
