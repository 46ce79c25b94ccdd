//! A worker: takes a chunk, copies it, commits rows and mark together, takes the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pg_pipe::Context;
use pg_pipe::progress::Counters;
use pg_pipe::record::{Chunk, Record};
use pg_pipe::stop::Registered;
use pg_session::checksum::RowHasher;
use pg_session::journey::Way;
use pg_session::ledger::{self, Done, Format, MOST_ATTEMPTS, TakenChunk};
use pg_session::snapshot::{self, SnapshotId};
use pg_session::{Class, Endpoint, Error, Purpose, Relation, RelationName, Wire, checksum};

use crate::parts::Parts;
use crate::resume::copied;
use crate::transfer::{self, Load};

/// The first wait before trying again; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What all workers share.
pub(crate) struct Shared<'a> {
    pub(crate) context: &'a Context,
    pub(crate) source: Endpoint,
    pub(crate) target: Endpoint,
    pub(crate) application_name: String,
    pub(crate) snapshot: SnapshotId,
    pub(crate) relations: &'a BTreeMap<RelationName, Relation>,
    pub(crate) counters: Arc<Counters>,
    /// How the sessions before came to the source and to the target.
    pub(crate) ways: (Way, Way),
    /// Whether the source's database is in UTF8, so that rows can be hashed in passing.
    pub(crate) is_utf8: bool,
    /// What each wire to the target says about compression.
    pub(crate) toast: Option<&'static str>,
    /// A wire of its own, for attempts, which outlive the chunk's transaction; opened when it
    /// is needed.
    pub(crate) clerk: Mutex<Option<Wire>>,
    /// What is in of tables that are copied in parts.
    pub(crate) parts: Mutex<Parts>,
    /// Chunks that this process has in hand or has given up. The server lets a chunk go as
    /// soon as its transaction fails, before its worker has decided what becomes of it.
    pub(crate) held: Mutex<BTreeSet<i64>>,
}

/// The two wires of a worker, both unregistered from the stop switch when dropped.
struct Pair {
    source: Wire,
    target: Wire,
    _registered: [Registered; 2],
}

impl Shared<'_> {
    /// Copies chunks until none is left.
    ///
    /// # Errors
    /// What ends the run: a stop, or a server that is lost for good. A table that fails is an
    /// item, and stays in `held`.
    pub(crate) fn work(&self, number: usize) -> anyhow::Result<()> {
        let worker = format!("{}/{number}", std::process::id());
        let mut pair = self.connect()?;
        let mut wait = FIRST_WAIT;
        loop {
            self.context.check_stop()?;
            let error = match self.copy_next(&mut pair, &worker) {
                Ok(true) => {
                    wait = FIRST_WAIT;
                    continue;
                }
                Ok(false) => return Ok(()),
                Err(failed) => failed,
            };
            self.context.check_stop()?;
            self.after_failure(error)?;
            thread::sleep(wait);
            wait = (wait * 2).min(LONGEST_WAIT);
            pair = self.connect()?;
        }
    }

    /// The tables with a chunk that is neither done nor given up.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn left_over(&self) -> Result<BTreeSet<RelationName>, Error> {
        let held = lock(&self.held).clone();
        let mut session = self.target.connect(Purpose::Load, &self.application_name)?;
        let chunks = ledger::list_chunks(&mut session)?;
        Ok(chunks
            .into_iter()
            .filter(|chunk| chunk.done.is_none() && !held.contains(&chunk.id))
            .map(|chunk| chunk.name)
            .filter(|name| self.relations.contains_key(name))
            .collect())
    }

    /// Decides what becomes of a chunk that failed: tried again, or given up as an item.
    fn after_failure(&self, failed: FailedChunk) -> anyhow::Result<()> {
        let FailedChunk { chunk, error } = failed;
        let Some((chunk, attempts)) = chunk.map(|taken| *taken) else {
            // Before a chunk was taken only the way to the servers can fail.
            return if error.class().is_transient() {
                Ok(())
            } else {
                Err(error.while_doing("cannot take a chunk").into())
            };
        };
        let text = error.to_string();
        let noted = self.note_error(chunk.id, &text);
        if error.class().is_transient() && attempts < MOST_ATTEMPTS {
            self.context
                .notice()
                .warn(&format!("{}: {text}; trying again", chunk.name));
            // The server may be away: the note is for people, the attempt itself is counted.
            drop(noted);
            lock(&self.held).remove(&chunk.id);
            return Ok(());
        }
        let error = error
            .while_doing(format!("cannot copy {}", chunk.name))
            .into();
        self.context.item_failed(&chunk.name.to_string(), &error);
        Ok(noted?)
    }

    fn connect(&self) -> Result<Pair, Error> {
        let (source_way, target_way) = &self.ways;
        let name = &self.application_name;
        let mut source = self.source.wire(source_way, Purpose::Read, name)?;
        snapshot::adopt_on_wire(&mut source, &self.snapshot).map_err(|error| {
            match error.sqlstate() {
                // The session that exported it is gone, and the server with it.
                Some("22023") => Error::new(
                    Class::Lost,
                    "the snapshot of this run is gone: the source was restarted",
                )
                .with_hint("Run the same command again: it goes on with a new snapshot.")
                .with_source(error),
                _ => error.while_doing("cannot adopt the snapshot of this run"),
            }
        })?;
        let mut target = self.target.wire(target_way, Purpose::Load, name)?;
        if let Some(sql) = self.toast {
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

    /// Copies the next chunk, or several small ones in one transaction; `false` when none is
    /// left.
    fn copy_next(&self, pair: &mut Pair, worker: &str) -> Result<bool, FailedChunk> {
        let held: Vec<i64> = lock(&self.held).iter().copied().collect();
        let mut chunks = ledger::take(&mut pair.target, &held)?;
        let is_over = chunks.is_empty();
        // What another worker has just failed with is free on the server, and not for us.
        chunks.retain(|chunk| lock(&self.held).insert(chunk.id));
        if chunks.is_empty() {
            pair.target.batch("rollback")?;
            return Ok(!is_over);
        }
        let result = self.copy_together(pair, &chunks, worker);
        let failed = result.as_ref().err().and_then(|failed| {
            let (chunk, _) = &**failed.chunk.as_ref()?;
            Some(chunk.id)
        });
        for chunk in chunks.iter().filter(|chunk| Some(chunk.id) != failed) {
            lock(&self.held).remove(&chunk.id);
        }
        for (chunk, done) in chunks.iter().zip(result?) {
            self.report(chunk, &done);
        }
        Ok(true)
    }

    /// Copies chunks, in the transaction that has taken them, and commits.
    fn copy_together(
        &self,
        pair: &mut Pair,
        chunks: &[TakenChunk],
        worker: &str,
    ) -> Result<Vec<Done>, FailedChunk> {
        let ids: Vec<i64> = chunks.iter().map(|chunk| chunk.id).collect();
        let attempts = self.with_clerk(|clerk| ledger::begin_attempts(clerk, &ids, worker))?;
        let failed = |chunk: &TakenChunk, error| FailedChunk {
            chunk: Some(Box::new((
                chunk.clone(),
                attempts.get(&chunk.id).copied().unwrap_or_default(),
            ))),
            error: Box::new(error),
        };
        let mut done = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let copied = self.copy_chunk(pair, chunk, worker);
            done.push(copied.map_err(|error| failed(chunk, error))?);
        }
        match (self.commit(pair, &ids), chunks.first()) {
            (Err(error), Some(first)) => Err(failed(first, error)),
            _ => Ok(done),
        }
    }

    fn copy_chunk(&self, pair: &mut Pair, chunk: &TakenChunk, worker: &str) -> Result<Done, Error> {
        let relation = self.relations.get(&chunk.name).ok_or_else(|| {
            Error::new(
                Class::Ledger,
                format!(
                    "the ledger has a chunk of {}, which is not in this run",
                    chunk.name
                ),
            )
        })?;
        let begun = Instant::now();
        if chunk.frozen {
            let name = chunk.name.sql();
            pair.target.batch(&format!("truncate only {name}"))?;
        }
        let filter = chunk.blocks.condition();
        let can_hash = self.is_utf8 && chunk.format == Format::Binary;
        let load = Load {
            relation,
            format: chunk.format,
            frozen: chunk.frozen,
            hasher: can_hash
                .then(|| RowHasher::for_relation(relation))
                .flatten(),
            filter: filter.clone(),
        };
        let moved = transfer::copy(&mut pair.source, &mut pair.target, load, &self.counters)?;
        let sum = match moved.total {
            Some(total) => total.checksum(relation),
            None => checksum::sum_on_wire(&mut pair.source, relation, filter.as_deref())?,
        };
        if u64::try_from(sum.rows) != Ok(moved.rows) {
            return Err(Error::new(
                Class::Ledger,
                format!(
                    "the source has {} rows, the target took {}",
                    sum.rows, moved.rows
                ),
            ));
        }
        let done = Done {
            rows: sum.rows,
            bytes: i64::try_from(moved.bytes).unwrap_or(i64::MAX),
            checksum: sum.checksum,
            milliseconds: i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX),
        };
        ledger::mark_done(&mut pair.target, chunk.id, &done, worker)?;
        Ok(done)
    }

    /// A commit whose answer is lost may have happened: the ledger knows.
    fn commit(&self, pair: &mut Pair, chunks: &[i64]) -> Result<(), Error> {
        let error = match pair.target.batch("commit") {
            Ok(()) => return Ok(()),
            Err(error) if error.class().is_connection() => error,
            Err(error) => return Err(error),
        };
        let mut fresh = self.target.connect(Purpose::Load, &self.application_name)?;
        let is_done = ledger::list_chunks(&mut fresh)?
            .iter()
            .any(|known| chunks.contains(&known.id) && known.done.is_some());
        if is_done { Ok(()) } else { Err(error) }
    }

    fn report(&self, chunk: &TakenChunk, done: &Done) {
        self.context.write(Record::Chunk(Chunk {
            schema: chunk.name.schema.clone(),
            table: chunk.name.name.clone(),
            part: chunk.part,
            parts: chunk.parts,
            rows: done.rows,
            bytes: done.bytes,
            milliseconds: done.milliseconds,
        }));
        self.counters
            .add_rows(u64::try_from(done.rows).unwrap_or(0));
        let whole = lock(&self.parts).add(&chunk.name, done.clone(), chunk.parts);
        if let Some(whole) = whole {
            self.context
                .write(Record::Copied(copied(&chunk.name, &whole)));
            self.counters.add_item();
        }
    }

    fn note_error(&self, chunk: i64, text: &str) -> Result<(), Error> {
        self.with_clerk(|clerk| ledger::note_attempt_error(clerk, chunk, text))
    }

    /// Work for the clerk, whose wire is opened anew when it was lost.
    fn with_clerk<T>(&self, work: impl Fn(&mut Wire) -> Result<T, Error>) -> Result<T, Error> {
        let mut clerk = lock(&self.clerk);
        if let Some(wire) = &mut *clerk {
            match work(wire) {
                Err(error) if error.class().is_transient() => {}
                other => return other,
            }
        }
        let (_, way) = &self.ways;
        let wire = self
            .target
            .wire(way, Purpose::Load, &self.application_name)?;
        work(clerk.insert(wire))
    }
}

/// A chunk that failed, or the attempt to take one.
struct FailedChunk {
    chunk: Option<Box<(TakenChunk, i64)>>,
    error: Box<Error>,
}

impl From<Error> for FailedChunk {
    fn from(error: Error) -> Self {
        Self {
            chunk: None,
            error: Box::new(error),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
