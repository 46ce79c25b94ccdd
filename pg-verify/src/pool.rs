//! Sessions that read: `--jobs` on each side, each side from a queue of its own, so that the
//! slower server never makes the faster one wait.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use pg_pipe::Failure;
use pg_pipe::pace::Pace;
use pg_pipe::stop::{Registered, Stop};
use pg_session::{Class, Role, Session, Wire};

use crate::reading::{Job, Reader, Reading};
use crate::server::Opener;

/// How often the stop switch is looked at while nothing arrives.
const TICK: Duration = Duration::from_millis(200);

/// Settings of a session that a server in use hardly feels: it has little memory and no helpers.
const FRIENDLY: &str = "set local work_mem = '4MB'; \
    set local max_parallel_workers_per_gather = 0";

/// What a worker goes back to after each job.
const BEFORE_A_JOB: &str = "savepoint one_job";

/// Also after success: it gives the lock on the table back, and the session never holds more
/// than one however many tables there are.
const AFTER_A_JOB: &str = "rollback to savepoint one_job";

/// Cancels what a session or a wire is running.
type Cancel = Box<dyn Fn() + Send>;

/// A job and the number of its comparison.
pub(crate) struct Task {
    /// Number of the comparison in the plan.
    pub(crate) number: usize,
    /// Number of the part of a table.
    pub(crate) part: usize,
    /// What is to be read.
    pub(crate) job: Job,
}

/// A job done.
pub(crate) struct Done {
    /// Number of the comparison in the plan.
    pub(crate) number: usize,
    /// Number of the part of a table.
    pub(crate) part: usize,
    /// Which side.
    pub(crate) role: Role,
    /// Bytes of the job.
    pub(crate) bytes: u64,
    /// What was read, or why not.
    pub(crate) result: anyhow::Result<Reading>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// What is to be read on one side, in order.
pub(crate) struct Queue {
    /// Opens the sessions.
    pub(crate) opener: Opener,
    /// What they read.
    pub(crate) tasks: Vec<Task>,
    /// How fast.
    pub(crate) pace: Pace,
}

/// Reads all that is queued, and hands each result to `take`, in the caller's thread.
///
/// # Errors
/// When a server is lost, when a worker panics. Jobs that fail by themselves are results.
pub(crate) fn read(
    queues: Vec<Queue>,
    jobs: NonZeroUsize,
    stop: &Stop,
    mut take: impl FnMut(Done),
) -> anyhow::Result<()> {
    let crew = Crew::new(stop.clone());
    let (sender, results) = unbounded();
    let sides: Vec<Side> = queues.into_iter().map(filled).collect();
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for side in &sides {
            for _ in 0..jobs.get().min(side.tasks.len()) {
                let worker = Worker {
                    crew: &crew,
                    opener: &side.opener,
                    pace: &side.pace,
                    tasks: side.tasks.clone(),
                    results: sender.clone(),
                };
                workers.push(scope.spawn(move || worker.run()));
            }
        }
        drop(sender);
        crew.collect(&results, &mut take);
        let mut outcome = Ok(());
        for worker in workers {
            let ended = worker
                .join()
                .unwrap_or_else(|_| Err(Failure::bug("a reading thread panicked").into()));
            outcome = outcome.and(ended);
        }
        outcome.and_then(|()| crew.left_over(&sides))
    })
}

/// A queue that is shared out.
struct Side {
    opener: Opener,
    tasks: Receiver<Task>,
    pace: Pace,
}

fn filled(queue: Queue) -> Side {
    let (sender, receiver) = unbounded();
    for task in queue.tasks {
        // The receiver is right here.
        drop(sender.send(task));
    }
    Side {
        opener: queue.opener,
        tasks: receiver,
        pace: queue.pace,
    }
}

/// What all workers share.
struct Crew {
    stop: Stop,
    given_up: AtomicBool,
    cancels: Mutex<Vec<Cancel>>,
    refused: Mutex<Option<pg_session::Error>>,
}

impl Crew {
    fn new(stop: Stop) -> Self {
        Self {
            stop,
            given_up: AtomicBool::new(false),
            cancels: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    fn should_end(&self) -> bool {
        self.given_up.load(Ordering::SeqCst) || self.stop.requested()
    }

    fn give_up(&self) {
        self.given_up.store(true, Ordering::SeqCst);
        self.fire();
    }

    fn enlist(&self, cancel: impl Fn() + Send + 'static) {
        self.cancels().push(Box::new(cancel));
    }

    fn fire(&self) {
        for cancel in self.cancels().iter() {
            cancel();
        }
    }

    fn cancels(&self) -> MutexGuard<'_, Vec<Cancel>> {
        self.cancels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self) -> MutexGuard<'_, Option<pg_session::Error>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error when a side had no session at all, so that its queue was never begun.
    fn left_over(&self, sides: &[Side]) -> anyhow::Result<()> {
        let is_done = sides.iter().all(|side| side.tasks.is_empty());
        match self.refused().take() {
            Some(error) if !is_done && !self.should_end() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Hands on results until the last worker has ended. A cancel request that reached a
    /// server between two statements did nothing: it is sent again until all have ended.
    fn collect(&self, results: &Receiver<Done>, take: &mut impl FnMut(Done)) {
        loop {
            match results.recv_timeout(TICK) {
                Ok(done) => take(done),
                Err(RecvTimeoutError::Timeout) if self.should_end() => self.fire(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

struct Worker<'crew> {
    crew: &'crew Crew,
    opener: &'crew Opener,
    pace: &'crew Pace,
    tasks: Receiver<Task>,
    results: Sender<Done>,
}

impl Worker<'_> {
    fn run(self) -> anyhow::Result<()> {
        match self.work() {
            // What fails when all is to end was canceled by us.
            Err(_) if self.crew.should_end() => Ok(()),
            Err(error) => {
                self.crew.give_up();
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    fn work(&self) -> anyhow::Result<()> {
        let Some(mut session) = self.open()? else {
            return Ok(());
        };
        let cancel = session.cancel();
        let _canceled_on_stop = self.canceled_on_stop(move || cancel.fire());
        self.opener
            .adopt(&mut session)
            .and_then(|()| session.batch(FRIENDLY))
            .and_then(|()| session.batch(BEFORE_A_JOB))
            .with_context(|| format!("cannot share the snapshot of the {}", self.opener.role()))?;
        let mut wire = self.opener.wire(&session)?;
        let cancel = wire.as_ref().map(Wire::cancel);
        let _wire_canceled_on_stop =
            cancel.map(|cancel| self.canceled_on_stop(move || cancel.fire()));
        if let Some(wire) = &mut wire {
            wire.batch(FRIENDLY)?;
            wire.batch(BEFORE_A_JOB)?;
        }
        while let (false, Ok(task)) = (self.crew.should_end(), self.tasks.try_recv()) {
            let bytes = task.job.bytes();
            self.read(&mut session, wire.as_mut(), task)?;
            self.pace.wait(bytes, &self.crew.stop);
        }
        Ok(())
    }

    /// Has something canceled when all is to end.
    fn canceled_on_stop(&self, cancel: impl Fn() + Clone + Send + 'static) -> Registered {
        self.crew.enlist(cancel.clone());
        self.crew.stop.on_request(cancel)
    }

    /// With fewer sessions than asked for the work is done just as well. Whether there was
    /// one at all shows when all have ended.
    fn open(&self) -> anyhow::Result<Option<Session>> {
        match self.opener.connect() {
            Ok(session) => Ok(Some(session)),
            Err(error) if error.class() == Class::TooMany => {
                *self.crew.refused() = Some(error);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn read(
        &self,
        session: &mut Session,
        mut wire: Option<&mut Wire>,
        task: Task,
    ) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut reader = Reader {
            session,
            wire: wire.as_deref_mut(),
        };
        let result = task
            .job
            .read(&mut reader)
            .with_context(|| format!("cannot read {} on the {}", task.job, self.opener.role()));
        match result {
            Err(error) if is_lost(&error) || self.crew.should_end() => return Err(error),
            _ => {}
        }
        session
            .batch(AFTER_A_JOB)
            .and_then(|()| wire.map_or(Ok(()), |wire| wire.batch(AFTER_A_JOB)))
            .with_context(|| format!("cannot go on reading the {}", self.opener.role()))?;
        let done = Done {
            number: task.number,
            part: task.part,
            role: self.opener.role(),
            bytes: task.job.bytes(),
            result,
            took: begun.elapsed(),
        };
        // The receiver lives until all workers have ended.
        drop(self.results.send(done));
        Ok(())
    }
}

/// Whether a server is lost, so that there is nothing more to read.
pub(crate) fn is_lost(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<pg_session::Error>())
        .any(|error| error.class().is_connection())
}
