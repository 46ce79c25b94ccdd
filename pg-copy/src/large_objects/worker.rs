//! A worker: takes some of the plan, copies it, commits contents and mark together, takes the
//! next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use pg_pipe::Context;
use pg_pipe::progress::Counters;
use pg_pipe::stop::Registered;
use pg_session::checksum::PieceHasher;
use pg_session::ledger::{self, LargeObjectChunk, MOST_ATTEMPTS};
use pg_session::retry::Backoff;
use pg_session::{Error, Purpose, Session, snapshot};

use super::Ways;
use super::contents::Contents;
use super::plan::named;
use crate::shared::lock;
use crate::transfer::Passing;

/// What all workers share.
pub(super) struct Crew<'a> {
    pub(super) context: &'a Context,
    pub(super) ways: &'a Ways<'a>,
    pub(super) counters: Arc<Counters>,
    /// What this process has in hand or has given up. The server lets it go as soon as its
    /// transaction fails, before its worker has decided what becomes of it.
    pub(super) held: Mutex<BTreeSet<i64>>,
    /// How often each was tried that failed.
    pub(super) attempts: Mutex<BTreeMap<i64, i64>>,
}

/// The two sessions of a worker, both unregistered from the stop switch when dropped.
struct Pair {
    source: Session,
    target: Session,
    _registered: [Registered; 2],
}

/// Some of the plan that failed, or the attempt to take some.
struct Failed {
    chunk: Option<Box<LargeObjectChunk>>,
    error: Box<Error>,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self {
            chunk: None,
            error: Box::new(error),
        }
    }
}

impl Crew<'_> {
    /// What is in hand or given up; only the latter when no worker runs.
    pub(super) fn held(&self) -> Vec<i64> {
        lock(&self.held).iter().copied().collect()
    }

    /// Copies until nothing is left.
    ///
    /// # Errors
    /// What ends the run: a stop, or a server that is lost for good. Large objects that fail
    /// are an item, and stay in `held`.
    pub(super) fn work(&self, number: usize) -> anyhow::Result<()> {
        let worker = format!("{}/{number}", std::process::id());
        let mut pair = self.connect()?;
        let mut backoff = Backoff::default();
        loop {
            self.context.check_stop()?;
            let failed = match self.copy_next(&mut pair, &worker) {
                Ok(true) => {
                    backoff.reset();
                    continue;
                }
                Ok(false) => return Ok(()),
                Err(failed) => failed,
            };
            self.context.check_stop()?;
            self.after_failure(failed)?;
            backoff.pause();
            pair = self.connect()?;
        }
    }

    /// Decides what becomes of what failed: tried again, or given up as an item.
    fn after_failure(&self, failed: Failed) -> anyhow::Result<()> {
        let Failed { chunk, error } = failed;
        let is_transient = error.class().is_transient();
        let Some(chunk) = chunk else {
            // Before some was taken only the way to the servers can fail.
            return if is_transient {
                Ok(())
            } else {
                Err(error.while_doing("cannot take large objects").into())
            };
        };
        let attempts = {
            let mut attempts = lock(&self.attempts);
            let count = attempts.entry(chunk.id).or_default();
            *count += 1;
            *count
        };
        let name = named(&chunk.what);
        if is_transient && attempts < MOST_ATTEMPTS {
            self.context
                .notice()
                .warn(&format!("{name}: {error}; trying again"));
            lock(&self.held).remove(&chunk.id);
            return Ok(());
        }
        let error = error.while_doing(format!("cannot copy {name}")).into();
        self.context.item_failed(&name, &error);
        Ok(())
    }

    fn connect(&self) -> Result<Pair, Error> {
        let Ways {
            source,
            target,
            application_name: name,
            ..
        } = self.ways;
        let mut source = source.connect(Purpose::Read, name)?;
        snapshot::adopt(&mut source, self.ways.snapshot).map_err(snapshot::not_adopted)?;
        let mut target = target.connect(Purpose::Load, name)?;
        if let Some(sql) = self.ways.toast {
            target.batch(sql)?;
        }
        let (cancel_source, cancel_target) = (source.cancel(), target.cancel());
        let stop = self.context.stop();
        Ok(Pair {
            source,
            target,
            _registered: [
                stop.on_request(move || cancel_source.fire()),
                stop.on_request(move || cancel_target.fire()),
            ],
        })
    }

    /// Copies the next of the plan; `false` when none is left.
    fn copy_next(&self, pair: &mut Pair, worker: &str) -> Result<bool, Failed> {
        let run = self.ways.run;
        let taken = ledger::take_large_objects(&mut pair.target, run, &self.held())?;
        let Some(chunk) = taken else {
            pair.target.batch("rollback")?;
            return Ok(false);
        };
        // What another worker has just failed with is free on the server, and not for us.
        if !lock(&self.held).insert(chunk.id) {
            pair.target.batch("rollback")?;
            return Ok(true);
        }
        if let Err(error) = self.copy_one(pair, &chunk, worker) {
            return Err(Failed {
                chunk: Some(Box::new(chunk)),
                error: Box::new(error),
            });
        }
        lock(&self.held).remove(&chunk.id);
        self.counters.add_item();
        Ok(true)
    }

    /// Copies some of the plan in the transaction that has taken it, and commits.
    fn copy_one(
        &self,
        pair: &mut Pair,
        chunk: &LargeObjectChunk,
        worker: &str,
    ) -> Result<(), Error> {
        let begun = Instant::now();
        let contents = Contents {
            source: &mut pair.source,
            target: &mut pair.target,
            passing: Passing {
                counters: &self.counters,
                pace: &self.ways.pace,
                stop: self.context.stop(),
            },
            hasher: PieceHasher::default(),
        };
        let sum = contents.copy(&chunk.what)?;
        let milliseconds = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let target = &mut pair.target;
        ledger::mark_large_objects_done(target, chunk.id, &sum.checksum, milliseconds, worker)?;
        self.commit(target, chunk.id)
    }

    /// A commit whose answer is lost may have happened: the ledger knows.
    fn commit(&self, target: &mut Session, chunk: i64) -> Result<(), Error> {
        let error = match target.batch("commit") {
            Ok(()) => return Ok(()),
            Err(error) if error.class().is_connection() => error,
            Err(error) => return Err(error),
        };
        let name = self.ways.application_name;
        let mut fresh = self.ways.target.connect(Purpose::Load, name)?;
        if ledger::are_large_objects_done(&mut fresh, chunk)? {
            Ok(())
        } else {
            Err(error)
        }
    }
}
