//! The workers of post-data: each takes objects and makes them on a session of its own.

use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender};
use pg_pipe::Context;
use pg_pipe::progress::Counters;
use pg_pipe::record::{Applied, AppliedStatus, Object};
use pg_session::{Cancel, Session};

use crate::apply::Target;
use crate::apply::broken_key;
use crate::apply::graph::{Key, Task};
use crate::apply::ledgered::{Ledgered, applied, shown};
use crate::apply::monitor::Board;
use crate::apply::one::{not_made, refused};
use crate::apply::step::Work;

/// Sessions of the workers, to be canceled when the stream is stopped.
#[derive(Clone, Default)]
pub(crate) struct Crew {
    cancels: Arc<Mutex<Vec<Cancel>>>,
}

impl Crew {
    /// Cancels what all of them are running.
    pub(crate) fn cancel_all(&self) {
        for cancel in self
            .cancels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            cancel.fire();
        }
    }

    /// Notes one more.
    pub(crate) fn add(&self, cancel: Cancel) {
        self.cancels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(cancel);
    }
}

/// A step with the settings of its transaction, or several small ones that have none.
pub(crate) struct Job {
    pub(crate) tasks: Vec<Task>,
    pub(crate) settings: String,
}

/// What became of a step.
pub(crate) struct Done {
    pub(crate) applied: Applied,
    /// Whether its object is there, though the step may have failed.
    pub(crate) stands: bool,
}

impl From<Applied> for Done {
    fn from(applied: Applied) -> Self {
        let stands = !applied.status.is_missing() && applied.status != AppliedStatus::LeftOut;
        Self { applied, stands }
    }
}

/// What became of a job: each step of it, and what came of that or what ends the tool.
pub(crate) type Outcome = Vec<(Key, anyhow::Result<Done>)>;

/// What workers share.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) target: Target,
    pub(crate) ledgered: Arc<Ledgered>,
    pub(crate) context: Context,
    pub(crate) jobs: Receiver<Job>,
    pub(crate) outcomes: Sender<Outcome>,
    pub(crate) board: Board,
    pub(crate) counters: Arc<Counters>,
}

/// A worker: opens its session at the first job, ends when there are no more.
pub(crate) fn work(bench: &Bench, crew: &Crew) {
    let mut seat = Seat::default();
    for job in &bench.jobs {
        let outcome = work_together(bench, crew, &mut seat, &job).unwrap_or_else(|| {
            let one = |task: &Task| {
                let done = work_one(bench, crew, &mut seat, task, &job.settings);
                (task.key(), done)
            };
            job.tasks.iter().map(one).collect()
        });
        if bench.outcomes.send(outcome).is_err() {
            return;
        }
    }
}

/// Where a worker sits: its session and the server's process for that, once it has one.
type Seat = Option<(Session, i32)>;

fn sit<'s>(
    bench: &Bench,
    crew: &Crew,
    seat: &'s mut Seat,
) -> anyhow::Result<(&'s mut Session, i32)> {
    bench.context.check_stop()?;
    let (session, process) = if let Some(taken) = seat {
        taken
    } else {
        let mut opened = bench.target.connect()?;
        crew.add(opened.cancel());
        let process = opened.query_one("select pg_backend_pid()", &[])?.get(0);
        seat.insert((opened, process))
    };
    Ok((session, *process))
}

/// Runs several steps in one transaction. `None` when they are to be run one by one, as when
/// one of them is refused.
fn work_together(bench: &Bench, crew: &Crew, seat: &mut Seat, job: &Job) -> Option<Outcome> {
    if job.tasks.len() < 2 {
        return None;
    }
    let (session, process) = sit(bench, crew, seat).ok()?;
    let statements: Vec<(&Object, &str)> = job
        .tasks
        .iter()
        .map(|task| (&task.object, task.step.sql.as_str()))
        .collect();
    let read = job
        .tasks
        .iter()
        .filter(|task| task.step.work.reads_tables());
    let bytes: i64 = read.clone().map(|task| task.bytes).sum();
    // Bytes count when all of it is there: what is refused is done again.
    for first in read.take(1) {
        bench.board.begin(process, shown(&first.object), 0);
    }
    let made = bench.ledgered.make_together(session, &statements);
    bench.board.end(process, &bench.counters);
    let milliseconds = made.ok().flatten()?;
    bench
        .counters
        .add_bytes(u64::try_from(bytes).unwrap_or_default());
    let done = |task: &Task| {
        let record = applied(&task.object, AppliedStatus::Applied, milliseconds);
        (task.key(), Ok(record.into()))
    };
    Some(job.tasks.iter().map(done).collect())
}

fn work_one(
    bench: &Bench,
    crew: &Crew,
    seat: &mut Seat,
    task: &Task,
    settings: &str,
) -> anyhow::Result<Done> {
    let (session, process) = sit(bench, crew, seat)?;
    let Task {
        object,
        step,
        bytes,
    } = task;
    if step.work.reads_tables() {
        bench.board.begin(process, shown(object), *bytes);
    }
    let made = broken_key::make(session, &bench.ledgered, object, step, settings);
    bench.board.end(process, &bench.counters);
    let error = match made {
        Ok((status, milliseconds)) => return Ok(applied(object, status, milliseconds).into()),
        Err(error) => error,
    };
    let (ledgered, instead) = (&bench.ledgered, step.instead.as_ref());
    let stands = broken_key::leave_open(session, ledgered, object, instead, &error)?;
    if stands || step.work == Work::Validate {
        let error = broken_key::explained(session, object, error);
        let applied = refused(object, error, "validate", &bench.context)?;
        return Ok(Done { applied, stands });
    }
    Ok(not_made(object, error, ledgered, &bench.context)?.into())
}
