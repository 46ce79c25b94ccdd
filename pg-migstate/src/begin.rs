//! `begin` and `databases`: the head of a stream out of a migration file. Touches no server.

use pg_pipe::record::{
    self, Migration, MigrationOption, MigrationState, Record, Side, State, Substate, TableCounts,
};
use pg_pipe::{Context, Exit, Failure};
use pg_session::{Endpoint, Role, quote};

use crate::address;
use crate::args::{BeginArgs, DatabasesArgs};
use crate::history::{History, Run};
use crate::journal::{Durability, Entry, Journal};
use crate::resolved::Resolved;
use crate::store::{Place, StateDir};

/// `databases FILE`: one `migration` record a database.
///
/// # Errors
/// When the file is wrong.
pub(crate) fn databases(
    args: &DatabasesArgs,
    state: &StateDir,
    context: &Context,
) -> anyhow::Result<Exit> {
    let resolved = Resolved::of(&args.file, args.resume, state)?;
    for database in &resolved.file.databases {
        context.write(Record::Migration(resolved.migration(database)));
    }
    Ok(Exit::Fine)
}

/// `begin FILE`.
///
/// # Errors
/// When the file is wrong, or the migration is in a state that forbids it.
pub(crate) fn run(args: &BeginArgs, state: &StateDir, context: &Context) -> anyhow::Result<Exit> {
    let resolved = Resolved::of(&args.file, args.resume, state)?;
    let database = chosen(&resolved.file.databases, args)?;
    let migration = resolved.migration(&database);
    if migration.in_place {
        let shown = quote::shown(&database);
        context.notice().note(&format!(
            "{shown} is loaded in place: the target has to have an empty database of that name"
        ));
    }
    let place = state.place(&resolved.target_address, &migration.name)?;
    if args.dry_run {
        return dry_run(&resolved, migration, &place, context);
    }
    let _held = place.hold(&database)?.ok_or_else(|| {
        let shown = quote::shown(&database);
        Failure::conflict(format!("somebody works on {shown} of {}", migration.name))
            .hint("Wait until the other pipeline has ended, or stop it.")
    })?;
    let mut journal = Journal::open(&place)?;
    let mut journal = journal.lock()?;
    let asked = Asked {
        migration: &migration,
        source: &address::of(&resolved.source),
        resume: args.resume,
    };
    if let Some(history) = History::of(journal.read()?) {
        asked.check(&history)?;
    }
    let records = head(&resolved, migration, &place)?;
    let entries: Vec<Entry> = records
        .iter()
        .map(|record| Entry::new(&database, record.clone()))
        .collect();
    journal.append(&entries, Durability::Synced)?;
    for record in records {
        context.write(record);
    }
    Ok(Exit::Fine)
}

/// The head of a stream, and no journal. A dump is made whatever the option is.
fn dry_run(
    resolved: &Resolved,
    migration: Migration,
    place: &Place,
    context: &Context,
) -> anyhow::Result<Exit> {
    place.create()?;
    let whole = Migration {
        option: MigrationOption::ValidateAndMigrate,
        ..migration
    };
    for record in head(resolved, whole, place)? {
        context.write(record);
    }
    Ok(Exit::Fine)
}

/// The database that a stream is for.
fn chosen(databases: &[String], args: &BeginArgs) -> Result<String, Failure> {
    let found = match (&args.database, args.nth) {
        (Some(wanted), _) => databases.iter().find(|name| *name == wanted),
        (None, Some(nth)) => nth.checked_sub(1).and_then(|index| databases.get(index)),
        (None, None) if databases.len() > 1 => {
            return Err(Failure::usage(format!(
                "the migration has {} databases, and a stream carries one",
                databases.len()
            ))
            .hint("Give --database NAME or --nth N; ./migrate runs a pipeline for each."));
        }
        (None, None) => databases.first(),
    };
    found.cloned().ok_or_else(|| {
        let shown: Vec<String> = databases.iter().map(|name| quote::shown(name)).collect();
        Failure::usage("the migration has no such database").hint(format!(
            "It has {}: {}.",
            shown.len(),
            shown.join(", ")
        ))
    })
}

/// What is asked for, against what the journal has.
struct Asked<'a> {
    migration: &'a Migration,
    source: &'a str,
    resume: bool,
}

impl Asked<'_> {
    fn check(&self, history: &History) -> anyhow::Result<()> {
        self.check_same(history)?;
        let name = &self.migration.name;
        let shown = quote::shown(&self.migration.database);
        let was_begun = history.run(&self.migration.database).is_some();
        let failure = if history.is_completing() {
            Failure::conflict(format!("the swap of {name} has begun"))
                .hint(format!("Run: pg-migstate finish {name}"))
        } else if history.every(Run::is_succeeded) {
            Failure::conflict(format!("{name} has succeeded before"))
                .hint("Choose another name in the migration file.")
        } else if history.is_canceled() {
            Failure::conflict(format!("{name} was canceled, which is final"))
                .hint("Choose another name in the migration file.")
        } else if self.resume || !was_begun {
            return Ok(());
        } else {
            Failure::conflict(format!("{shown} of {name} was begun before"))
                .hint("Add --resume to go on with it, or choose another name in the file.")
        };
        Err(failure.into())
    }

    /// A name stands for one set of databases from one source.
    fn check_same(&self, history: &History) -> anyhow::Result<()> {
        let name = &self.migration.name;
        let other = |what: String| {
            Failure::conflict(format!("{name} was begun before with {what}"))
                .hint("Choose another name in the migration file.")
        };
        if history.migration.databases != self.migration.databases {
            let names = history.migration.databases.iter();
            let names: Vec<String> = names.map(|name| quote::shown(name)).collect();
            return Err(other(format!("the databases {}", names.join(", "))).into());
        }
        if history.migration.in_place != self.migration.in_place {
            return Err(if history.migration.in_place {
                other("--in-place".to_owned()).hint("Add --in-place to go on with it.")
            } else {
                other("new databases, not --in-place".to_owned())
            }
            .into());
        }
        let Some(source) = history.endpoint(Side::Source) else {
            return Ok(());
        };
        let before = address::of_conninfo(Role::Source, &source.conninfo)?;
        if before != self.source {
            return Err(other(format!("the source {before}")).into());
        }
        Ok(())
    }
}

/// The state that a database of a migration begins with.
pub(crate) fn first_state(migration: &Migration) -> State {
    State {
        migration: migration.name.clone(),
        database: migration.database.clone(),
        state: MigrationState::InProgress,
        substate: Substate::PerformingPreRequisiteSteps,
        tables: TableCounts::default(),
        rows: 0,
        bytes: 0,
        bytes_per_second: None,
        rows_per_second: None,
        eta_seconds: None,
        message: None,
    }
}

fn head(resolved: &Resolved, migration: Migration, place: &Place) -> Result<Vec<Record>, Failure> {
    let source = resolved.source.with_database(&migration.database);
    let state = first_state(&migration);
    Ok(vec![
        Record::Migration(migration),
        Record::Endpoint(endpoint(Side::Source, &source, place)?),
        Record::Endpoint(endpoint(Side::Target, &resolved.target, place)?),
        Record::State(state),
    ])
}

/// The record of a side. A password that stood in the file goes to a password file, so that
/// every tool of the pipeline finds it.
fn endpoint(side: Side, endpoint: &Endpoint, place: &Place) -> Result<record::Endpoint, Failure> {
    let mut endpoint = endpoint.clone();
    let mut password_from = endpoint.password_from();
    let lines = endpoint.passfile_lines();
    if let (Some("conninfo"), Some(lines)) = (password_from, lines) {
        let path = place.write_passfile(side.as_str(), &lines)?;
        endpoint = endpoint.with_parameter("passfile", &path.to_string_lossy());
        password_from = Some("passfile");
    }
    Ok(record::Endpoint {
        role: side,
        conninfo: endpoint.conninfo(),
        password_from: password_from.map(str::to_owned),
        ..record::Endpoint::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::FileArgs;
    use crate::history::samples::{history, migration};
    use Substate::{CompletingMigration, MigratingData};

    fn begin_args(database: Option<&str>, nth: Option<usize>) -> BeginArgs {
        BeginArgs {
            file: FileArgs::of("m.json".into()),
            database: database.map(str::to_owned),
            nth,
            resume: false,
            dry_run: false,
        }
    }

    #[test]
    fn one_database_needs_no_choice_and_several_do() {
        let one = ["a".to_owned()];
        let two = ["a".to_owned(), "b".to_owned()];
        let pick = |names: &[String], database, nth| {
            chosen(names, &begin_args(database, nth)).map_err(|failure| failure.to_string())
        };
        assert_eq!(pick(&one, None, None), Ok("a".to_owned()));
        assert_eq!(pick(&two, None, Some(2)), Ok("b".to_owned()));
        assert_eq!(pick(&two, Some("b"), None), Ok("b".to_owned()));
        for (database, nth) in [
            (None, None),
            (None, Some(0)),
            (None, Some(3)),
            (Some("c"), None),
        ] {
            assert!(pick(&two, database, nth).is_err(), "{database:?} {nth:?}");
        }
    }

    fn check(state: MigrationState, substate: Substate, resume: bool) -> Result<(), String> {
        let history = history(&[("a", state, substate, false), ("b", state, substate, false)]);
        let migration = migration("m1", &["a", "b"], "a");
        let asked = Asked {
            migration: &migration,
            source: "db:1",
            resume,
        };
        asked.check(&history).map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_begun_goes_on_with_resume_only() {
        use MigrationState::{Canceled, Failed, InProgress, Succeeded};
        assert!(check(Failed, Substate::Failed, true).is_ok());
        assert!(check(InProgress, MigratingData, true).is_ok());
        assert!(check(Failed, Substate::Failed, false).is_err());
        for (state, substate) in [
            (InProgress, CompletingMigration),
            (Succeeded, Substate::Completed),
            (Canceled, Substate::Completed),
        ] {
            assert!(check(state, substate, true).is_err(), "{state:?}");
        }
    }

    #[test]
    fn a_name_stands_for_one_set_of_databases() {
        let history = history(&[("a", MigrationState::Failed, Substate::Failed, false)]);
        let migration = migration("m1", &["a", "b"], "b");
        let asked = Asked {
            migration: &migration,
            source: "db:1",
            resume: true,
        };
        let error = asked.check(&history).unwrap_err();
        assert!(
            error.to_string().contains("with the databases a"),
            "{error}"
        );
    }
}
