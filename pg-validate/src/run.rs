//! The run of all checks in their order, and to whom each outcome is told.

use std::io::{self, IsTerminal};

use pg_pipe::record::{
    Check as CheckRecord, CheckLevel, CheckStatus, Record, Validation, ValidationStatus,
};
use pg_pipe::report::Format;
use pg_pipe::{Context, Exit};

use crate::args::Args;
use crate::ask;
use crate::checks::{Check, Looks};
use crate::code::Look;
use crate::deep;
use crate::fixes::Fixes;
use crate::options::Choice;
use crate::outcome::{self, Outcome, Severity};
use crate::rehearse::{self, Told};
use crate::report;
use crate::subject::Subject;

/// What goes on from one check to the next.
pub(crate) struct Run<'r> {
    args: &'r Args,
    checks: &'r [Check],
    context: &'r Context,
    sum: Validation,
    fixes: Fixes,
    /// Findings, by which a rehearsal explains what fails.
    told: Vec<Told>,
}

impl<'r> Run<'r> {
    /// A run that has found nothing yet.
    pub(crate) fn new(args: &'r Args, checks: &'r [Check], context: &'r Context) -> Self {
        Self {
            args,
            checks,
            context,
            sum: outcome::empty_sum(),
            fixes: Fixes::default(),
            told: Vec::new(),
        }
    }

    /// Runs the checks of one database.
    ///
    /// # Errors
    /// When a server is lost or the tool is to stop.
    pub(crate) fn database(
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

    /// Writes the file of fixes, where one is wanted, and the verdict.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn conclude(self) -> anyhow::Result<Exit> {
        if !self.is_for_people() {
            self.context.notice().note(&report::verdict(&self.sum));
        }
        let exit = exit_of(self.sum.status, self.context.strict());
        self.context.write(Record::Validation(self.sum));
        if let Some(file) = &self.args.fix_sql {
            self.fixes.write(file)?;
        }
        Ok(exit)
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

/// The record of a check.
pub(crate) fn record(check: &Check, database: Option<String>, outcome: Outcome) -> CheckRecord {
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
