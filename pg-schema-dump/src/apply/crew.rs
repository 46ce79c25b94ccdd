//! The workers of post-data: each takes objects and makes them on a session of its own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender};
use pg_pipe::Context;
use pg_pipe::record::{Applied, Object};
use pg_session::{Cancel, Session};

use crate::apply::Target;
use crate::apply::ledgered::Ledgered;
use crate::apply::one::apply_one;

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

    fn add(&self, cancel: Cancel) {
        self.cancels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(cancel);
    }
}

/// What became of a job: the id of its object, and the record or what ends the tool.
pub(crate) type Outcome = (i64, anyhow::Result<Applied>);

/// What workers share.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) target: Target,
    pub(crate) ledgered: Arc<Ledgered>,
    pub(crate) context: Context,
    pub(crate) jobs: Receiver<Object>,
    pub(crate) outcomes: Sender<Outcome>,
}

/// A worker: opens its session at the first job, ends when there are no more.
pub(crate) fn work(bench: &Bench, crew: &Crew) {
    let mut session: Option<Session> = None;
    for object in &bench.jobs {
        let outcome = work_one(bench, crew, &mut session, &object);
        if bench.outcomes.send((object.id, outcome)).is_err() {
            return;
        }
    }
}

fn work_one(
    bench: &Bench,
    crew: &Crew,
    session: &mut Option<Session>,
    object: &Object,
) -> anyhow::Result<Applied> {
    bench.context.check_stop()?;
    let session = if let Some(session) = session {
        session
    } else {
        let opened = bench.target.connect()?;
        crew.add(opened.cancel());
        session.insert(opened)
    };
    apply_one(
        session,
        &bench.ledgered,
        object,
        &BTreeSet::new(),
        &bench.context,
    )
}
