//! The workers of post-data: each takes objects and makes them on a session of its own.

use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender};
use pg_pipe::Context;
use pg_pipe::progress::Counters;
use pg_pipe::record::{Applied, AppliedStatus};
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

/// A step with the settings of its transaction.
pub(crate) struct Job {
    pub(crate) task: Task,
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

/// What became of a job: its step, and what came of it or what ends the tool.
pub(crate) type Outcome = (Key, anyhow::Result<Done>);

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
    let mut session: Option<(Session, i32)> = None;
    for job in &bench.jobs {
        let outcome = work_one(bench, crew, &mut session, &job);
        if bench.outcomes.send((job.task.key(), outcome)).is_err() {
            return;
        }
    }
}

fn work_one(
    bench: &Bench,
    crew: &Crew,
    session: &mut Option<(Session, i32)>,
    job: &Job,
) -> anyhow::Result<Done> {
    bench.context.check_stop()?;
    let (session, process) = if let Some(session) = session {
        session
    } else {
        let mut opened = bench.target.connect()?;
        crew.add(opened.cancel());
        let process = opened.query_one("select pg_backend_pid()", &[])?.get(0);
        session.insert((opened, process))
    };
    let Task {
        object,
        step,
        bytes,
    } = &job.task;
    if step.work.reads_tables() {
        bench.board.begin(*process, shown(object), *bytes);
    }
    let made = broken_key::make(session, &bench.ledgered, object, step, &job.settings);
    bench.board.end(*process, &bench.counters);
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
