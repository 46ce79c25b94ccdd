//! `list` and `show`: what the journals tell.

use jiff::Timestamp;
use pg_pipe::record::{CheckStatus, Record, Side, State, Summary, ValidationStatus};
use pg_pipe::{Context, Exit};

use crate::args::{ChosenArgs, Filter, ListArgs};
use crate::begin;
use crate::chosen::{Chosen, server};
use crate::clock;
use crate::history::{History, Run};
use crate::journal;
use crate::pulse;
use crate::status::{self, Signs, Status};
use crate::store::{Place, StateDir};

/// `list`: a `summary` record a migration, newest first.
///
/// # Errors
/// When the state directory cannot be read.
pub(crate) fn list(args: &ListArgs, state: &StateDir, context: &Context) -> anyhow::Result<Exit> {
    let now = clock::now();
    let mut lines = Vec::new();
    for place in state.places()? {
        match journal::read(&place).map(History::of) {
            Ok(Some(history)) => lines.push(Told::of(&place, history, now)),
            Ok(None) => {}
            // One journal that cannot be read hides no other.
            Err(failure) => context.notice().warn(&failure.to_string()),
        }
    }
    lines.retain(|told| args.filter == Filter::All || told.status.is_active());
    newest_first(&mut lines);
    if lines.is_empty() {
        let directory = state.path().display();
        let which = match args.filter {
            Filter::All => "migrations",
            Filter::Active => "active migrations",
        };
        context.notice().note(&format!("no {which} in {directory}"));
    }
    for told in lines {
        context.write(Record::Summary(told.summary(now, None)));
    }
    Ok(Exit::Fine)
}

/// `show NAME`: the `summary`, then for each database its `state`, `validation`, the checks
/// that warn or fail, what does not match, and the errors.
///
/// # Errors
/// When there is no such migration.
pub(crate) fn show(args: &ChosenArgs, state: &StateDir, context: &Context) -> anyhow::Result<Exit> {
    let now = clock::now();
    let chosen = Chosen::find(args, state)?;
    let told = Told::of(&chosen.place, chosen.history, now);
    let next = status::next(&told.history, told.status);
    context.write(Record::Summary(told.summary(now, next.clone())));
    for (database, run) in told.history.databases() {
        match run {
            // What a recorder that died said last is no rate of this moment.
            Some(run) => show_run(run, chosen.place.is_held(database), context),
            None => context.notice().note(&format!(
                "{}: not begun",
                pg_session::quote::shown(database)
            )),
        }
    }
    if let Some(next) = next {
        context.notice().note(&format!("next: {next}"));
    }
    Ok(Exit::Fine)
}

fn show_run(run: &Run, is_alive: bool, context: &Context) {
    let state = run.state.clone();
    let state = state.unwrap_or_else(|| begin::first_state(&run.migration));
    let state = if is_alive { state } else { state.at_rest() };
    context.write(Record::State(State {
        message: Some(sentence(&state, run)),
        ..state
    }));
    if let Some(validation) = &run.validation {
        context.write(Record::Validation(validation.clone()));
    }
    for check in &run.checks {
        if matches!(check.status, CheckStatus::Warning | CheckStatus::Failed) {
            let mut check = check.clone();
            check
                .database
                .get_or_insert_with(|| run.migration.database.clone());
            context.write(Record::Check(check));
        }
    }
    for difference in &run.differences {
        context.write(Record::Verified(difference.clone()));
    }
    for error in &run.errors {
        context.write(Record::Error(error.clone()));
    }
}

/// Counts, validation and reason in words: a table has no room for a column each.
fn sentence(state: &State, run: &Run) -> String {
    let tables = state.tables;
    let mut parts = Vec::new();
    parts.extend(state.message.clone());
    if let Some(validation) = &run.validation {
        let word = match validation.status {
            ValidationStatus::Succeeded => "Succeeded",
            ValidationStatus::Warning => "Warning",
            ValidationStatus::Failed => "Failed",
        };
        parts.push(format!("validation {word}"));
    }
    parts.push(format!(
        "tables: {} queued, {} copied, {} verified, {} errors",
        tables.queued, tables.copied, tables.verified, tables.errors
    ));
    parts.extend(pulse::pace(&[state]));
    parts.join("; ")
}

/// A migration with its status.
struct Told {
    history: History,
    status: Status,
}

impl Told {
    fn of(place: &Place, history: History, now: Timestamp) -> Self {
        let status = status::overall(&history, Signs::of(place, &history, now));
        Self { history, status }
    }

    fn summary(&self, now: Timestamp, next: Option<String>) -> Summary {
        let migration = &self.history.migration;
        let runs = self.status.is_active();
        let end = if runs { now } else { self.history.changed };
        Summary {
            name: migration.name.clone(),
            status: self.status.as_str().to_owned(),
            mode: migration.mode,
            option: migration.option,
            source_server: server(&self.history, Side::Source),
            source_type: migration.source_type.clone(),
            target_server: server(&self.history, Side::Target),
            databases: migration.databases.clone(),
            duration: clock::duration(self.history.began, end),
            start_time: clock::shown(self.history.began),
            next,
        }
    }
}

/// By start, then by name, so that the order is the same every time.
fn newest_first(lines: &mut [Told]) {
    lines.sort_by(|a, b| {
        let (a, b) = (&a.history, &b.history);
        let names = a.migration.name.cmp(&b.migration.name);
        b.began.cmp(&a.began).then(names)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::samples::history;
    use pg_pipe::record::{MigrationState, Substate};

    fn told(name: &str, second: i64) -> Told {
        let mut history = history(&[("a", MigrationState::Failed, Substate::Failed, false)]);
        name.clone_into(&mut history.migration.name);
        history.began = Timestamp::from_second(second).unwrap();
        Told {
            history,
            status: Status::Told(MigrationState::Failed),
        }
    }

    #[test]
    fn the_newest_comes_first_and_names_decide_between_equals() {
        let mut lines = [told("old", 1), told("b", 5), told("a", 5), told("new", 9)];
        newest_first(&mut lines);
        let names: Vec<&str> = lines
            .iter()
            .map(|told| told.history.migration.name.as_str())
            .collect();
        assert_eq!(names, ["new", "a", "b", "old"]);
    }

    #[test]
    fn what_has_ended_takes_no_more_time() {
        let now = Timestamp::from_second(4_000_000_000).unwrap();
        let mut ended = told("m", 0);
        ended.history.changed = Timestamp::from_second(61).unwrap();
        assert_eq!(ended.summary(now, None).duration, "00:01:01");
        assert_eq!(ended.summary(now, None).start_time, "1970-01-01T00:00:00Z");
    }
}
