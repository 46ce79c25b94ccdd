//! `record`: the end of the pipe. Reads to the end whatever happens, keeps the journal, and
//! says what became of the database. Touches no server.

use std::time::{Duration, Instant};

use pg_pipe::board::Board;
use pg_pipe::record::{ErrorRecord, MigrationState, Record, Scope, Side, State};
use pg_pipe::{Context, Exit, Failure, Head, Input, Line};
use pg_session::quote;

use crate::args::RecordArgs;
use crate::begin;
use crate::book::{Book, canceled};
use crate::fold::Fold;
use crate::journal::{Durability, Entry};
use crate::outcome::{Finishing, Outcome};
use crate::pulse::Pulse;
use crate::store::StateDir;

/// How often the stop switch and the clock are looked at.
const TICK: Duration = Duration::from_millis(100);

/// Counts are written at most that often.
const COUNT_INTERVAL: Duration = Duration::from_secs(1);

/// How long we still read after SIGINT or SIGTERM.
const DRAIN: Duration = Duration::from_secs(5);

/// `record STREAM`.
///
/// # Errors
/// What ended the stream, or why the journal could not be kept.
pub(crate) fn run(
    args: &RecordArgs,
    input: &Input,
    state: &StateDir,
    context: &Context,
) -> anyhow::Result<Exit> {
    let mut recorder = Recorder::new(state, context);
    let failure = recorder.read(input);
    let finishing = if args.hold {
        Finishing::Held
    } else {
        Finishing::Expected
    };
    recorder.conclude(failure, finishing)
}

struct Recorder<'a> {
    state: &'a StateDir,
    context: &'a Context,
    fold: Fold,
    pulse: Pulse,
    head: Head,
    /// Records that came before we knew which journal they belong to.
    early: Vec<Record>,
    book: Option<Book>,
    /// The first thing that kept us from keeping the journal.
    problem: Option<anyhow::Error>,
    /// The migration must not go on.
    refusal: Option<Failure>,
    written_at: Instant,
    board: Board,
}

impl<'a> Recorder<'a> {
    fn new(state: &'a StateDir, context: &'a Context) -> Self {
        Self {
            state,
            context,
            fold: Fold::default(),
            pulse: Pulse::default(),
            head: Head::default(),
            early: Vec::new(),
            book: None,
            problem: None,
            refusal: None,
            written_at: Instant::now(),
            board: Board::new(context.notice()),
        }
    }

    /// Reads to the end; gives what the stream ended with, if not well.
    fn read(&mut self, input: &Input) -> Option<Failure> {
        let mut deadline: Option<Instant> = None;
        loop {
            match input.channel().recv_timeout(TICK) {
                Ok(Ok(Line::Known(record))) => {
                    self.note(*record);
                    // Who writes to us stops when we are gone.
                    if let Some(refusal) = self.refusal.take() {
                        return Some(refusal);
                    }
                }
                Ok(Err(failure)) => return Some(failure),
                Err(error) if error.is_disconnected() => return None,
                Ok(Ok(Line::Unknown(_))) | Err(_) => {}
            }
            self.write_counts();
            // Without a reader of ours there still is a journal to keep.
            let stopped = self.context.stop().reason();
            let stopped =
                stopped.filter(|exit| matches!(exit, Exit::Interrupted | Exit::Terminated));
            if let Some(exit) = stopped {
                let until = *deadline.get_or_insert_with(|| Instant::now() + DRAIN);
                if Instant::now() >= until {
                    return Some(Failure::upstream(self.context.tool(), exit));
                }
            }
        }
    }

    fn note(&mut self, record: Record) {
        self.board.note(&record);
        self.fold.note(&record);
        self.pulse.note(&record, Instant::now());
        if let Some(book) = &self.book {
            if let Record::Endpoint(target) = &record
                && target.role == Side::Target
                && let Err(failure) = book.check_unique(self.state, target)
            {
                self.refusal = Some(failure);
                return;
            }
            self.keep(&record);
            self.write_change();
        } else if self.problem.is_none() {
            self.head.note(&record);
            self.early.push(record);
            self.try_open();
        }
    }

    /// Opens the journal as soon as the head of the stream says which one it is.
    fn try_open(&mut self) {
        let (Some(migration), Some(target)) = (&self.head.migration, &self.head.target) else {
            return;
        };
        match Book::open(self.state, migration, &target.conninfo) {
            Ok(book) => {
                self.book = Some(book);
                for record in std::mem::take(&mut self.early) {
                    self.keep(&record);
                }
            }
            Err(error) => self.problem = Some(error),
        }
    }

    /// Writes a record of the stream to the journal, if it belongs there.
    fn keep(&mut self, record: &Record) {
        let Some(book) = &mut self.book else { return };
        if Entry::keeps(record, &book.migration.database) {
            let entry = Entry::new(&book.migration.database, record.clone());
            let written = book.journal.append(&[entry], Durability::Lazy);
            self.see(written);
        }
    }

    /// Writes the state when the substate has changed.
    fn write_change(&mut self) {
        let substate = self.fold.substate();
        if self
            .book
            .as_ref()
            .is_some_and(|book| !book.is_canceled && book.last.substate != substate)
        {
            self.write_running(Durability::Synced);
        }
    }

    /// Writes the state when counts or rates have changed, once a second at the most.
    fn write_counts(&mut self) {
        if self.written_at.elapsed() < COUNT_INTERVAL {
            return;
        }
        let changed = self
            .book
            .as_ref()
            .is_some_and(|book| !book.is_canceled && book.last != self.running(book));
        if changed {
            self.write_running(Durability::Lazy);
        }
    }

    fn write_running(&mut self, durability: Durability) {
        if let Some(book) = &self.book {
            let state = self.running(book);
            self.write(state, false, durability);
        }
    }

    /// The state of a database that is being worked on.
    fn running(&self, book: &Book) -> State {
        let state = State {
            state: MigrationState::InProgress,
            substate: self.fold.substate(),
            ..self.counted(book)
        };
        self.pulse.told(state, Instant::now())
    }

    /// What has been counted, at rest.
    fn counted(&self, book: &Book) -> State {
        State {
            tables: self.fold.tables(),
            rows: self.fold.rows(),
            bytes: self.fold.bytes(),
            ..begin::first_state(&book.migration)
        }
    }

    /// Writes a state to the journal and to the stream.
    fn write(&mut self, state: State, ready: bool, durability: Durability) {
        let Some(book) = &mut self.book else { return };
        let written = book.write(state.clone(), ready, durability);
        let (state, written) = match written {
            Ok(state) => (state, Ok(())),
            Err(failure) => (state, Err(failure)),
        };
        book.last = state.clone();
        self.written_at = Instant::now();
        self.context.write(Record::State(state));
        self.see(written);
    }

    fn see(&mut self, written: Result<(), Failure>) {
        if let Err(failure) = written {
            self.problem.get_or_insert_with(|| failure.into());
        }
    }

    /// Writes the final state; gives the exit status.
    fn conclude(mut self, failure: Option<Failure>, finishing: Finishing) -> anyhow::Result<Exit> {
        let cut = failure.as_ref().filter(|failure| !failure.is_upstream());
        if let Some(cut) = cut {
            self.keep(&Record::Error(error_of(cut, self.context.tool())));
        }
        let outcome = Outcome::of(&self.fold, failure.as_ref(), finishing);
        let exit = outcome.exit;
        if let Some(book) = &self.book {
            let state = State {
                state: outcome.state,
                substate: outcome.substate,
                message: outcome.message,
                ..self.counted(book)
            };
            self.write(state, outcome.ready, Durability::Synced);
        }
        if let Some(book) = &mut self.book {
            let forgotten = book.forget_passwords();
            self.see(forgotten);
        }
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let Some(book) = self.book else {
            return Err(failure.unwrap_or_else(headless).into());
        };
        if book.is_canceled {
            return Err(canceled(&book.migration.name).into());
        }
        match failure {
            // The error is told by who prints it.
            Some(failure) if !failure.is_upstream() => Err(failure.into()),
            _ => {
                tell(&book.last, self.context);
                Ok(exit)
            }
        }
    }
}

fn headless() -> Failure {
    Failure::usage("the stream has no migration record with a target, so there is no journal")
        .hint("Open the stream with: pg-migstate begin FILE")
}

fn error_of(cut: &Failure, tool: &str) -> ErrorRecord {
    let diagnosis = cut.diagnosis().clone();
    ErrorRecord {
        tool: tool.to_owned(),
        scope: Scope::Stream,
        class: diagnosis.class,
        message: cut.to_string(),
        exit: diagnosis.exit.code(),
        sqlstate: diagnosis.sqlstate,
        hint: diagnosis.hint,
        object: diagnosis.object,
    }
}

/// Tells people what became of the database.
fn tell(state: &State, context: &Context) {
    let database = quote::shown(&state.database);
    let word = state.state.as_str();
    let text = match (state.state, &state.message) {
        (MigrationState::InProgress | MigrationState::WaitingForUserAction, Some(message)) => {
            format!("{database}: {message}")
        }
        (_, Some(message)) => format!("{database}: {word}: {message}"),
        (_, None) => format!("{database}: {word}"),
    };
    context.notice().note(&text);
}
