//! What is validated: the stream or the flags in, each database in its turn, the verdict out.

use std::io::{self, Write};
use std::time::Instant;

use pg_pipe::record::{CheckLevel, CheckStatus, MigrationOption, Record, Side};
use pg_pipe::{Context, Exit, Failure, Head, Input};
use pg_session::{Endpoint, Role, settings};

use crate::args::Args;
use crate::checks::{self, Check};
use crate::code;
use crate::connect;
use crate::fixes::Fixes;
use crate::options::{self, Choice};
use crate::outcome::Outcome;
use crate::run::{Run, record};
use crate::subject::{Server, Subject};

/// Validates what is given.
///
/// # Errors
/// When a server cannot be reached or is lost.
pub(crate) fn run(args: &Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit> {
    let checks = checks::all()?;
    let chosen = options::choose(args, &checks)?;
    if let Some(id) = &args.explain {
        return explain(options::find(&checks, id)?);
    }
    if args.list {
        list(&chosen, context);
        return Ok(Exit::Fine);
    }
    if let Some(file) = &args.fix_sql {
        // That it can be written should be known before, not after.
        Fixes::try_file(file)?;
    }
    let head = Head::read(input)?;
    if let Some(migration) = &head.migration
        && migration.option == MigrationOption::Migrate
    {
        context.notice().note(&format!(
            "migration {} has the option Migrate: not validated",
            migration.name
        ));
        return Ok(Exit::Fine);
    }
    let mut run = Run::new(args, &checks, context);
    let databases: Vec<Option<&str>> = match &head.migration {
        Some(migration) => vec![Some(&migration.database)],
        None if args.database.is_empty() => vec![None],
        None => args
            .database
            .iter()
            .enumerate()
            // Each once, however often it is named.
            .filter(|(place, name)| {
                args.database.iter().position(|other| other == *name) == Some(*place)
            })
            .map(|(_, name)| Some(name.as_str()))
            .collect(),
    };
    for (index, database) in databases.into_iter().enumerate() {
        // What is of the servers is the same for each database.
        let here = chosen
            .iter()
            .filter(|(check, _)| index == 0 || check.level == CheckLevel::Database);
        let mut subject = open(args, &head, database, context)?;
        run.database(&mut subject, here.copied().collect())?;
    }
    run.conclude()
}

/// Prints a check, in place of a stream.
fn explain(check: &Check) -> anyhow::Result<Exit> {
    let text = checks::explain(check);
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => Ok(Exit::Fine),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::ReaderGone),
        Err(error) => Err(Failure::input(format!("cannot write standard output: {error}")).into()),
    }
}

/// Lists the checks.
fn list(chosen: &[(&Check, Choice)], context: &Context) {
    for (check, _) in chosen {
        let outcome = Outcome::new(CheckStatus::Skipped, check.title.clone());
        context.write(Record::Check(record(check, None, outcome)));
    }
}

/// Opens both sides: of the source the database that is migrated.
fn open(
    args: &Args,
    head: &Head,
    database: Option<&str>,
    context: &Context,
) -> anyhow::Result<Subject> {
    let source =
        endpoint(head, Role::Source, args.source.source.as_deref())?.telling(context.teller());
    let target =
        endpoint(head, Role::Target, args.target.target.as_deref())?.telling(context.teller());
    let source = match database {
        Some(database) => source.with_database(database),
        None => source,
    };
    let application_name = settings::application_name(head.hash(), context.tool());
    let in_place = head.migration.as_ref().filter(|one| one.in_place);
    let target = match in_place {
        Some(migration) => target.with_database(&migration.database),
        None => target,
    };
    let sides = (&source, &target);
    let is_there = in_place.is_some();
    let (mut at_source, at_target) = connect::both(sides, is_there, &application_name, context)?;
    let began = Instant::now();
    let written = code::written(&mut at_source)?;
    Ok(Subject {
        source: Server::begin(source, at_source)?,
        target: Server::begin(target, at_target)?,
        migration: head.migration.clone(),
        into_new: database.is_some() && in_place.is_none(),
        target_free: args.target_free.map(pg_session::args::Size::bytes),
        began,
        written,
        application_name,
    })
}

fn endpoint(head: &Head, role: Role, flag: Option<&str>) -> anyhow::Result<Endpoint> {
    let side = match role {
        Role::Source => Side::Source,
        Role::Target => Side::Target,
    };
    let endpoint = pg_session::resolve(role, head.conninfo(side, flag).as_deref())?;
    Ok(endpoint.password_left_behind(head.password_from(side, flag)))
}
