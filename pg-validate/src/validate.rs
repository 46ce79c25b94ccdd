//! The run of all checks: stream in, checks in their order, records out.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use pg_pipe::record::{
    Check as CheckRecord, CheckLevel, CheckStatus, MigrationOption, Record, Side, Validation,
    ValidationStatus,
};
use pg_pipe::report::Format;
use pg_pipe::{Context, Exit, Failure, Head, Input};
use pg_session::{Endpoint, Role, settings};

use crate::args::Args;
use crate::ask;
use crate::checks::{self, Check, Looks};
use crate::code::{self, Look};
use crate::connect;
use crate::deep;
use crate::fixes::Fixes;
use crate::options::{self, Choice};
use crate::outcome::{self, Outcome, Severity};
use crate::rehearse::{self, Told};
use crate::report;
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
    let mut run = Run {
        args,
        checks: &checks,
        context,
        sum: outcome::empty_sum(),
        fixes: Fixes::default(),
        told: Vec::new(),
    };
    let databases: Vec<Option<&str>> = match &head.migration {
        Some(migration) => vec![Some(&migration.database)],
        None if args.database.is_empty() => vec![None],
        None => args
            .database
            .iter()
            .map(|name| Some(name.as_str()))
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
    if let Some(file) = &args.fix_sql {
        run.fixes.write(file)?;
    }
    Ok(run.conclude())
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
    let (mut at_source, at_target) = connect::both(&source, &target, &application_name, context)?;
    let began = Instant::now();
    let written = code::written(&mut at_source)?;
    Ok(Subject {
        source: Server::begin(source, at_source)?,
        target: Server::begin(target, at_target)?,
        migration: head.migration.clone(),
        into_new: database.is_some(),
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

/// What goes on from one check to the next.
struct Run<'r> {
    args: &'r Args,
    checks: &'r [Check],
    context: &'r Context,
    sum: Validation,
    fixes: Fixes,
    /// Findings, by which a rehearsal explains what fails.
    told: Vec<Told>,
}

impl Run<'_> {
    /// Runs the checks of one database.
    fn database(
        &mut self,
        subject: &mut Subject,
        chosen: Vec<(&Check, Choice)>,
    ) -> anyhow::Result<()> {
        let cancels = [
            subject.source.session.cancel(),
            subject.target.session.cancel(),
        ];
        let _registered = self
            .context
            .stop()
            .on_request(move || cancels.iter().for_each(pg_session::Cancel::fire));
        self.told.clear();
        let is_deep = |(check, choice): &&(&Check, Choice)| {
            matches!(check.looks, Looks::Deep) && *choice == Choice::Run
        };
        let mut together: Vec<&Check> = chosen
            .iter()
            .filter(is_deep)
            .map(|(check, _)| *check)
            .collect();
        for (check, choice) in chosen {
            self.context.check_stop()?;
            match (choice, check.looks) {
                (Choice::LeaveOut(why), _) => self.tell(check, subject, Outcome::left_out(why)),
                // All of them with the first, since they share connections and time.
                (Choice::Run, Looks::Deep) => self.deep(&std::mem::take(&mut together), subject)?,
                (Choice::Run, _) => {
                    let outcome = self.answer(check, subject)?;
                    self.tell(check, subject, outcome);
                }
            }
        }
        Ok(())
    }

    /// Runs checks that read rows.
    fn deep(&mut self, checks: &[&Check], subject: &mut Subject) -> anyhow::Result<()> {
        if checks.is_empty() {
            return Ok(());
        }
        let outcomes = deep::run(checks, subject, self.args, self.context)?;
        for (check, outcome) in checks.iter().zip(outcomes) {
            self.tell(check, subject, outcome);
        }
        Ok(())
    }

    /// Runs one check. What the server refuses makes it Skipped; a server that is lost ends
    /// all.
    fn answer(&self, check: &Check, subject: &mut Subject) -> anyhow::Result<Outcome> {
        let situation = subject.situation();
        if !check.applies.holds(&situation) {
            return Ok(ask::does_not_apply(&format!("only {}", check.applies)));
        }
        let result = match check.looks {
            Looks::Code(Look::Known(look)) => Ok(look(subject)),
            Looks::Code(Look::Asks(look)) => asked(look, subject),
            Looks::Code(Look::Rehearsal) => {
                let known = (self.checks, self.told.as_slice());
                return rehearse::run(check, subject, known, self.args, self.context);
            }
            Looks::Sql | Looks::Deep => ask::ask(check, subject),
        };
        match result {
            Ok(outcome) => Ok(outcome),
            Err(error) if error.class().is_connection() => Err(error.into()),
            Err(error) => Ok(Outcome::unanswered(pg_pipe::failure::message(
                &error.into(),
            ))),
        }
    }

    /// Adds an outcome to the sum, and says it to whoever reads.
    fn tell(&mut self, check: &Check, subject: &Subject, outcome: Outcome) {
        let mut outcome = outcome;
        if let Some(severity) = self.severity(check)
            && (outcome.is_finding() || !outcome.objects.is_empty() && !outcome.unanswered)
        {
            outcome.status = severity.status();
        }
        outcome::add(&mut self.sum, &outcome);
        let database = match check.level {
            CheckLevel::Instance => None,
            CheckLevel::Database => Some(subject.source.facts.database.as_str()),
        };
        if outcome.is_finding() {
            self.fixes.note(check.id, database, &outcome);
            self.told.push(Told {
                id: check.id,
                objects: outcome.objects.clone(),
            });
        }
        if self.is_for_people() {
            outcome = cut(outcome, self.args.limit);
        } else if self.streams() {
            self.say(check, &outcome);
        }
        let database = database.map(str::to_owned);
        self.context
            .write(Record::Check(record(check, database, outcome)));
    }

    fn severity(&self, check: &Check) -> Option<Severity> {
        let given = self
            .args
            .severity
            .iter()
            .rev()
            .find(|(id, _)| id == check.id);
        given.map(|(_, severity)| *severity)
    }

    fn is_for_people(&self) -> bool {
        let on_terminal = self.args.operand.stream.is_none() && io::stdout().is_terminal();
        match self.args.standing.format {
            Some(format) => format == Format::Table,
            None => on_terminal,
        }
    }

    fn streams(&self) -> bool {
        self.args
            .standing
            .format
            .is_none_or(|format| format == Format::Ndjson)
    }

    /// Says on stderr what people must know, since the stream is not for them.
    fn say(&self, check: &Check, outcome: &Outcome) {
        let notice = self.context.notice();
        let text = format!("{}: {}", check.id, outcome.message);
        match outcome.status {
            CheckStatus::Failed => {
                notice.note(&format!("failed: {text}"));
                let few = cut(outcome.clone(), self.args.limit);
                if !few.objects.is_empty() {
                    notice.note(&format!("  objects: {}", few.objects.join(", ")));
                }
            }
            CheckStatus::Warning => notice.warn(&text),
            CheckStatus::Skipped if outcome.unanswered => notice.note(&format!("skipped: {text}")),
            CheckStatus::Skipped | CheckStatus::Succeeded => notice.detail(&text),
        }
    }

    fn conclude(self) -> Exit {
        if !self.is_for_people() {
            self.context.notice().note(&report::verdict(&self.sum));
        }
        let exit = exit_of(self.sum.status, self.context.strict());
        self.context.write(Record::Validation(self.sum));
        exit
    }
}

/// Runs code that asks; a statement that a server refuses leaves both transactions usable.
fn asked(
    look: fn(&mut Subject) -> Result<Outcome, pg_session::Error>,
    subject: &mut Subject,
) -> Result<Outcome, pg_session::Error> {
    let both = |subject: &mut Subject, sql: &str| {
        subject.source.session.batch(sql)?;
        subject.target.session.batch(sql)
    };
    both(subject, "savepoint pgmig_code")?;
    let result = look(subject);
    if result
        .as_ref()
        .is_err_and(|error| error.class().is_connection())
    {
        return result;
    }
    both(
        subject,
        "rollback to savepoint pgmig_code; release savepoint pgmig_code",
    )?;
    result
}

/// An outcome with no more objects and fixes than people want to see.
fn cut(mut outcome: Outcome, limit: usize) -> Outcome {
    let more = outcome.objects.len().saturating_sub(limit);
    if limit == 0 {
        return outcome;
    }
    if more > 0 {
        outcome.objects.truncate(limit);
        outcome.objects.push(format!("and {more} more"));
    }
    outcome.fixes.truncate(limit);
    outcome
}

fn record(check: &Check, database: Option<String>, outcome: Outcome) -> CheckRecord {
    CheckRecord {
        id: check.id.to_owned(),
        level: check.level,
        database,
        status: outcome.status,
        fix: outcome.fix(),
        azure: check.azure.filter(|_| outcome.is_finding()),
        message: outcome.message,
        objects: outcome.objects,
    }
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

    #[test]
    fn people_get_as_many_objects_as_they_want() {
        let outcome = || Outcome::failed("f").objects(["a", "b", "c"].map(str::to_owned).to_vec());
        assert_eq!(cut(outcome(), 2).objects, ["a", "b", "and 1 more"]);
        assert_eq!(cut(outcome(), 3).objects.len(), 3);
        assert_eq!(cut(outcome(), 0).objects.len(), 3);
    }
}
