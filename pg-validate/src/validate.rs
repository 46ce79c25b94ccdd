//! The run of all checks: stream in, checks in their order, records out.

use std::io::{self, IsTerminal};

use pg_pipe::record::{
    Check as CheckRecord, CheckLevel, CheckStatus, MigrationOption, Record, Side, Validation,
    ValidationStatus,
};
use pg_pipe::report::Format;
use pg_pipe::{Context, Exit, Head, Input};
use pg_session::{Endpoint, Role, settings};

use crate::args::Args;
use crate::checks::{Check, Run};
use crate::connect;
use crate::options::{self, Choice};
use crate::outcome::{self, Outcome, counted};
use crate::subject::{Server, Subject};

/// Validates what is given.
///
/// # Errors
/// When a server cannot be reached or is lost.
pub(crate) fn run(args: &Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit> {
    let chosen = options::choose(args)?;
    if args.list {
        list(&chosen, context);
        return Ok(Exit::Fine);
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
    let mut subject = open(args, &head, context)?;
    let cancels = [
        subject.source.session.cancel(),
        subject.target.session.cancel(),
    ];
    let _registered = context
        .stop()
        .on_request(move || cancels.iter().for_each(pg_session::Cancel::fire));
    let mut sum = outcome::empty_sum();
    for (check, choice) in chosen {
        context.check_stop()?;
        let outcome = match choice {
            Choice::Run => answer(check, &mut subject)?,
            Choice::LeaveOut => Outcome::skipped("left out by --skip"),
        };
        outcome::add(&mut sum, outcome.status);
        tell(args, check, &outcome, context);
        context.write(Record::Check(record(check, &subject, outcome)));
    }
    Ok(conclude(sum, context))
}

/// Lists the checks.
fn list(chosen: &[(&'static Check, Choice)], context: &Context) {
    for (check, _) in chosen {
        context.write(Record::Check(CheckRecord {
            id: check.id.to_owned(),
            level: check.level,
            database: None,
            status: CheckStatus::Skipped,
            message: check.title.to_owned(),
            objects: Vec::new(),
            fix: None,
        }));
    }
}

/// Opens both sides: of the source the database that is migrated.
fn open(args: &Args, head: &Head, context: &Context) -> anyhow::Result<Subject> {
    let source =
        endpoint(head, Role::Source, args.source.source.as_deref())?.telling(context.teller());
    let target =
        endpoint(head, Role::Target, args.target.target.as_deref())?.telling(context.teller());
    let source = match &head.migration {
        Some(migration) => source.with_database(&migration.database),
        None => source,
    };
    let application_name = settings::application_name(head.hash(), context.tool());
    let (at_source, at_target) = connect::both(&source, &target, &application_name, context)?;
    Ok(Subject {
        source: Server::begin(source, at_source)?,
        target: Server::begin(target, at_target)?,
        migration: head.migration.clone(),
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

/// Runs one check. What the server refuses makes it Skipped; a server that is lost ends all.
fn answer(check: &Check, subject: &mut Subject) -> anyhow::Result<Outcome> {
    let result = match check.run {
        Run::Known(look) => Ok(look(subject)),
        Run::Asks(look) => look(subject),
    };
    match result {
        Ok(outcome) => Ok(outcome),
        Err(error) if error.class().is_connection() => Err(error.into()),
        Err(error) => {
            subject.go_back()?;
            let error = anyhow::Error::from(error);
            Ok(Outcome::skipped(format!(
                "could not be answered: {}",
                pg_pipe::failure::message(&error)
            )))
        }
    }
}

/// Says on stderr what people must know, unless the table that they get says it.
fn tell(args: &Args, check: &Check, outcome: &Outcome, context: &Context) {
    let on_terminal = args.operand.stream.is_none() && io::stdout().is_terminal();
    let streams = match args.standing.format {
        Some(format) => format == Format::Ndjson,
        None => !on_terminal,
    };
    if !streams {
        return;
    }
    let text = format!("{}: {}", check.id, outcome.message);
    match outcome.status {
        CheckStatus::Failed => {
            context.notice().note(&format!("failed: {text}"));
            if !outcome.objects.is_empty() {
                let objects = outcome.objects.join(", ");
                context.notice().note(&format!("  objects: {objects}"));
            }
        }
        CheckStatus::Warning => context.notice().warn(&text),
        CheckStatus::Skipped => context.notice().note(&format!("skipped: {text}")),
        CheckStatus::Succeeded => context.notice().detail(&text),
    }
}

fn record(check: &Check, subject: &Subject, outcome: Outcome) -> CheckRecord {
    CheckRecord {
        id: check.id.to_owned(),
        level: check.level,
        database: match check.level {
            CheckLevel::Instance => None,
            CheckLevel::Database => Some(subject.source.facts.database.clone()),
        },
        status: outcome.status,
        message: outcome.message,
        objects: outcome.objects,
        fix: outcome.fix,
    }
}

fn conclude(sum: Validation, context: &Context) -> Exit {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let word = match sum.status {
        ValidationStatus::Succeeded => "Succeeded",
        ValidationStatus::Warning => "Warning",
        ValidationStatus::Failed => "Failed",
    };
    context.notice().note(&format!(
        "validation {word}: {} succeeded, {}, {} failed, {} skipped",
        sum.succeeded,
        counted(count(sum.warning), "warning"),
        sum.failed,
        sum.skipped
    ));
    let exit = exit_of(sum.status, context.strict());
    context.write(Record::Validation(sum));
    exit
}

fn exit_of(status: ValidationStatus, strict: bool) -> Exit {
    match (status, strict) {
        (ValidationStatus::Failed, _) | (ValidationStatus::Warning, true) => Exit::No,
        _ => Exit::Fine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_no_only_when_strict() {
        assert_eq!(exit_of(ValidationStatus::Failed, false), Exit::No);
        assert_eq!(exit_of(ValidationStatus::Warning, false), Exit::Fine);
        assert_eq!(exit_of(ValidationStatus::Warning, true), Exit::No);
        assert_eq!(exit_of(ValidationStatus::Succeeded, true), Exit::Fine);
    }
}
