//! `watch`: follows the journal of a migration until it has ended. A `state` record whenever
//! one has changed; bars where there is a terminal. Touches no server.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::thread;
use std::time::{Duration, Instant};

use pg_pipe::board::Board;
use pg_pipe::record::{MigrationState, Progress, Record, State};
use pg_pipe::report::size;
use pg_pipe::{Context, Exit};
use pg_session::quote;

use crate::args::ChosenArgs;
use crate::chosen::Chosen;
use crate::clock;
use crate::history::{History, Run};
use crate::journal;
use crate::pulse;
use crate::status::{self, Signs, Status};
use crate::store::{Place, StateDir};

/// How often the journal is read.
const TICK: Duration = Duration::from_millis(500);

/// How often it is said in a line how far everything is.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// `watch NAME`. Ends with 0 when all is done or waits for a person, with 1 otherwise.
///
/// # Errors
/// When there is no such migration, or its journal cannot be read.
pub(crate) fn run(args: &ChosenArgs, state: &StateDir, context: &Context) -> anyhow::Result<Exit> {
    let chosen = Chosen::find(args, state)?;
    let mut board = Board::new(context.notice());
    let mut line_at = Instant::now() + LINE_EVERY;
    let mut told: BTreeMap<String, State> = BTreeMap::new();
    let mut history = chosen.history;
    loop {
        for (_, run) in history.databases() {
            let Some(state) = run.and_then(|run| run.state.clone()) else {
                continue;
            };
            if told.get(&state.database) != Some(&state) {
                board.note(&Record::Progress(progress(&state)));
                told.insert(state.database.clone(), state.clone());
                context.write(Record::State(state));
            }
        }
        if Instant::now() >= line_at {
            line_at = Instant::now() + LINE_EVERY;
            tell(&chosen.place, &history, context);
        }
        let signs = Signs::of(&chosen.place, &history, clock::now());
        let status = status::overall(&history, signs);
        if has_ended(&history, status, signs) {
            drop(board);
            return Ok(conclude(&history, status, context));
        }
        context.check_stop()?;
        thread::sleep(TICK);
        history = History::of(journal::read(&chosen.place)?).unwrap_or(history);
    }
}

/// How far everything is: a line for a database that is worked on, where no bar says it, and one
/// for all of them together, which no bar does.
fn tell(place: &Place, history: &History, context: &Context) {
    let at_work: Vec<&State> = history
        .databases()
        .filter(|(name, _)| place.is_held(name))
        .filter_map(|(_, run)| run?.state.as_ref())
        .collect();
    if !io::stderr().is_terminal() {
        for state in &at_work {
            context.notice().note(&line(state));
        }
    }
    let (all, ended) = (
        history.databases().count(),
        history
            .databases()
            .filter(|(_, run)| run.is_some_and(|run| run.ready || run.is_succeeded()))
            .count(),
    );
    if all > 1 {
        let pace = pulse::pace(&at_work);
        let pace = pace.map_or_else(String::new, |pace| format!(", {pace}"));
        let running = at_work.len();
        context.notice().note(&format!(
            "{ended} of {all} databases loaded, {running} at work{pace}"
        ));
    }
}

/// How far a database is.
fn line(state: &State) -> String {
    let tables = state.tables;
    let total = tables.queued + tables.copied + tables.errors;
    let mut text = format!(
        "{}: {}, {} of {total} tables, {} rows, {}",
        quote::shown(&state.database),
        state.substate.as_str(),
        tables.copied,
        state.rows,
        size(state.bytes)
    );
    if let Some(pace) = pulse::pace(&[state]) {
        text.push_str(&format!(", {pace}"));
    }
    text
}

/// Nothing more happens by itself.
fn has_ended(history: &History, status: Status, signs: Signs) -> bool {
    let waits = history.every(|run| run.ready || run.is_succeeded());
    !status.is_active() || waits && !signs.alive && !signs.fresh
}

fn conclude(history: &History, status: Status, context: &Context) -> Exit {
    let name = &history.migration.name;
    context
        .notice()
        .note(&format!("{name}: {}", status.as_str()));
    if let Some(next) = status::next(history, status) {
        context.notice().note(&format!("next: {next}"));
    }
    let is_well = history.every(Run::is_succeeded)
        || matches!(
            status,
            Status::Told(MigrationState::InProgress | MigrationState::WaitingForUserAction)
        );
    if is_well { Exit::Fine } else { Exit::No }
}

/// A bar for a database.
fn progress(state: &State) -> Progress {
    let tables = state.tables;
    let is_over = !matches!(state.state, MigrationState::InProgress);
    let total = tables.queued + tables.copied + tables.errors;
    Progress {
        tool: state.database.clone(),
        phase: state.substate.as_str().to_owned(),
        done: if is_over { total } else { tables.copied },
        total: if is_over { total } else { total.max(1) },
        done_parts: None,
        total_parts: None,
        done_bytes: Some(state.bytes),
        total_bytes: None,
        done_rows: Some(state.rows),
        bytes_per_second: state.bytes_per_second,
        eta_seconds: state.eta_seconds,
        waits_for: None,
    }
}
