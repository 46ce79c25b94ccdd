//! A worker: takes a chunk, copies it, commits rows and mark together, takes the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use pg_pipe::pace::Pace;
use pg_pipe::progress::Counters;
use pg_pipe::record::{Chunk, Record};
use pg_pipe::stop::Registered;
use pg_pipe::{Context, Dial};
use pg_session::checksum::RowHasher;
use pg_session::journey::Way;
use pg_session::ledger::{
    self, Done, Format, Holding, LedgerChunk, MOST_ATTEMPTS, Range, TakenChunk,
};
use pg_session::retry::Backoff;
use pg_session::snapshot::{self, SnapshotId};
use pg_session::{Class, Error, Purpose, Relation, RelationName, Session, Wire, checksum};

use crate::args::LoadArgs;
use crate::ends::Ends;
use crate::filter::Filters;
use crate::guards;
use crate::parts::Parts;
use crate::resume::{Left, copied};
use crate::routes::{Routes, Together};
use crate::shared::lock;
use crate::transfer::{self, Load, Passing};
use crate::widest;

/// How this process copies.
pub(crate) struct Manner {
    /// Jobs.
    pub(crate) dial: Dial,
    pace: Pace,
    /// What each wire to the target says about compression.
    toast: Option<&'static str>,
    filters: Filters,
}

impl Manner {
    /// As it was typed.
    pub(crate) fn new(args: &LoadArgs, dial: Dial, filters: Filters) -> Self {
        Self {
            dial,
            pace: Pace::new(args.rate()),
            toast: args.toast(),
            filters,
        }
    }
}

/// How rows of the source come to their checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hashing {
    /// Whether its database is in UTF8, so that they can be hashed in passing.
    pub(crate) is_utf8: bool,
    /// Whether it has no hash, so that rows which cannot be hashed in passing are sent once
    /// more.
    pub(crate) streams: bool,
}

/// The run that workers take part in.
pub(crate) struct Joining<'a> {
    /// Its number in the ledger.
    pub(crate) run: i64,
    pub(crate) snapshot: &'a SnapshotId,
    pub(crate) relations: &'a BTreeMap<RelationName, Relation>,
    pub(crate) routes: &'a Routes,
    /// How the sessions before came to the source and to the target.
    pub(crate) ways: (Way, Way),
    pub(crate) hashing: Hashing,
    /// Whether triggers and keys of the target are kept quiet.
    pub(crate) quiet: bool,
    /// Whether another process has begun the run, and tells of tables.
    pub(crate) is_guest: bool,
}

/// What all workers share.
pub(crate) struct Shared<'a> {
    pub(crate) context: &'a Context,
    pub(crate) ends: Ends,
    pub(crate) manner: Manner,
    pub(crate) joining: Joining<'a>,
    pub(crate) counters: Arc<Counters>,
    /// Machine and process, for the ledger.
    process: String,
    /// A wire of its own, for attempts, which outlive the chunk's transaction; opened when it
    /// is needed.
    clerk: Mutex<Option<Wire>>,
    /// What is in of tables that are copied in parts.
    parts: Mutex<Parts>,
    /// Chunks that have been told of.
    told: Mutex<BTreeSet<i64>>,
    /// What is in and waits for others to be told.
    together: Mutex<Together>,
    /// Chunks that this process has in hand or has given up. The server lets a chunk go as
    /// soon as its transaction fails, before its worker has decided what becomes of it.
    held: Mutex<BTreeSet<i64>>,
    /// Whether no more chunks are to be taken: the process that has begun the run is gone.
    is_over: AtomicBool,
}

/// The two wires of a worker, both unregistered from the stop switch when dropped.
struct Pair {
    source: Wire,
    target: Wire,
    _registered: [Registered; 2],
}

/// What is left when the workers of this process find nothing to take.
pub(crate) struct LeftOver {
    /// Tables with a chunk that is neither done nor given up.
    pub(crate) tables: BTreeSet<RelationName>,
    /// Sessions elsewhere that are at it.
    pub(crate) holding: Vec<Holding>,
}

impl<'a> Shared<'a> {
    /// What workers of a run share.
    pub(crate) fn new(
        context: &'a Context,
        ends: Ends,
        manner: Manner,
        joining: Joining<'a>,
        counters: Arc<Counters>,
    ) -> Self {
        let machine = whoami::hostname().unwrap_or_default();
        Self {
            context,
            ends,
            manner,
            joining,
            counters,
            process: format!("{machine}/{}", std::process::id()),
            clerk: Mutex::new(None),
            parts: Mutex::default(),
            told: Mutex::default(),
            together: Mutex::default(),
            held: Mutex::default(),
            is_over: AtomicBool::new(false),
        }
    }

    /// Notes what an earlier run has done.
    pub(crate) fn take_up(&self, left: Left) {
        *lock(&self.parts) = left.parts;
        *lock(&self.told) = left.told;
        *lock(&self.together) = left.together;
    }

    /// Whether nothing was given up.
    pub(crate) fn has_given_up_none(&self) -> bool {
        lock(&self.held).is_empty()
    }

    /// No more chunks are taken.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Whether no more chunks are taken.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Whether a worker of that number is to end: there are fewer jobs now, or none at all.
    fn is_surplus(&self, number: usize) -> bool {
        number > self.manner.dial.value() || self.is_over()
    }

    /// Copies chunks until none is left, `true`, or until there are fewer jobs.
    ///
    /// # Errors
    /// What ends the run: a stop, or a server that is lost for good. A table that fails is an
    /// item, and stays in `held`.
    pub(crate) fn work(&self, number: usize) -> anyhow::Result<bool> {
        let worker = format!("{}/{number}", self.process);
        let mut pair = self.connect()?;
        let mut backoff = Backoff::default();
        loop {
            self.context.check_stop()?;
            if self.is_surplus(number) {
                return Ok(false);
            }
            let error = match self.copy_next(&mut pair, &worker) {
                Ok(true) => {
                    backoff.reset();
                    continue;
                }
                Ok(false) => return Ok(true),
                Err(failed) => failed,
            };
            self.context.check_stop()?;
            self.after_failure(error)?;
            backoff.pause();
            pair = self.connect()?;
        }
    }

    /// A session to look at the ledger with.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub(crate) fn look(&self) -> Result<Session, Error> {
        let ends = &self.ends;
        ends.target.connect(Purpose::Load, &ends.application_name)
    }

    /// What is neither done nor given up.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn left_over(&self, session: &mut Session) -> Result<LeftOver, Error> {
        // First, so that what they end with in between is seen.
        let holding = ledger::list_holding(session, self.joining.run, false)?;
        if ledger::latest_run(session)?.map(|run| run.id) != Some(self.joining.run) {
            return Err(taken_over());
        }
        let chunks = ledger::list_chunks(session)?;
        self.tell_others(&chunks);
        self.require_plan(&chunks)?;
        let held = lock(&self.held).clone();
        Ok(LeftOver {
            tables: chunks
                .into_iter()
                .filter(|chunk| chunk.done.is_none() && !held.contains(&chunk.id))
                .map(|chunk| chunk.name)
                .filter(|name| self.joining.relations.contains_key(name))
                .collect(),
            holding,
        })
    }

    /// Whether every table is in the plan: what is not would count as done.
    fn require_plan(&self, chunks: &[LedgerChunk]) -> Result<(), Error> {
        let planned: BTreeSet<&RelationName> = chunks.iter().map(|chunk| &chunk.name).collect();
        let lost = |name: &&RelationName| !planned.contains(name);
        match self.joining.relations.keys().find(lost) {
            None => Ok(()),
            Some(name) => Err(Error::new(
                Class::Ledger,
                format!("table {name} is gone from the plan in the ledger"),
            )
            .with_hint("Run the same command again: it plans what is missing.")),
        }
    }

    /// Tells of chunks that workers elsewhere have copied.
    pub(crate) fn tell_others(&self, chunks: &[LedgerChunk]) {
        if self.joining.is_guest {
            return;
        }
        for chunk in chunks {
            let Some(done) = &chunk.done else { continue };
            let is_told = lock(&self.told).contains(&chunk.id);
            if !is_told && self.joining.relations.contains_key(&chunk.name) {
                self.report(chunk.id, (&chunk.name, chunk.part, chunk.parts), done);
            }
        }
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
        let error = self
            .explained(&chunk.name, *error)
            .while_doing(format!("cannot copy {}", chunk.name))
            .into();
        self.context.item_failed(&chunk.name.to_string(), &error);
        Ok(noted?)
    }

    /// The same error; where a row is too wide to be sent, with that row.
    fn explained(&self, name: &RelationName, error: Error) -> Error {
        if !widest::is_too_wide(&error) {
            return error;
        }
        match (self.joining.relations.get(name), self.connect()) {
            (Some(relation), Ok(mut pair)) => widest::named(&mut pair.source, relation, error),
            _ => error,
        }
    }

    fn connect(&self) -> Result<Pair, Error> {
        let (source_way, target_way) = &self.joining.ways;
        let name = &self.ends.application_name;
        let mut target = self.ends.target.wire(target_way, Purpose::Load, name)?;
        self.require_run(&mut target)?;
        let mut source = self.ends.source.wire(source_way, Purpose::Read, name)?;
        snapshot::adopt_on_wire(&mut source, self.joining.snapshot)
            .map_err(snapshot::not_adopted)?;
        if self.joining.quiet {
            target.batch(guards::QUIET)?;
        }
        if let Some(sql) = self.manner.toast {
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

    /// A session of an earlier run must not take chunks of a later one, which has another
    /// snapshot. Whoever begins a run notes it first, then ends all sessions that are there.
    fn require_run(&self, target: &mut Wire) -> Result<(), Error> {
        let latest = target.value("select max(id) from pgmig.run")?;
        if latest == Some(self.joining.run.to_string()) {
            return Ok(());
        }
        Err(taken_over())
    }

    /// Copies the next chunk, or several small ones in one transaction; `false` when none is
    /// left.
    fn copy_next(&self, pair: &mut Pair, worker: &str) -> Result<bool, FailedChunk> {
        let held: Vec<i64> = lock(&self.held).iter().copied().collect();
        let mut chunks = ledger::take(&mut pair.target, self.joining.run, &held)?;
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
        for (chunk, (_, done)) in chunks.iter().zip(result?) {
            self.report(chunk.id, (&chunk.name, chunk.part, chunk.parts), &done);
        }
        Ok(true)
    }

    /// Copies chunks, in the transaction that has taken them, and commits.
    fn copy_together(
        &self,
        pair: &mut Pair,
        chunks: &[TakenChunk],
        worker: &str,
    ) -> Result<Vec<(i64, Done)>, FailedChunk> {
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
            let copied = self.copy_chunk(pair, chunk);
            done.push((chunk.id, copied.map_err(|error| failed(chunk, error))?));
        }
        let ended = ledger::mark_done(&mut pair.target, &done, worker)
            .and_then(|()| self.commit(pair, &ids));
        match (ended, chunks.first()) {
            (Err(error), Some(first)) => Err(failed(first, error)),
            _ => Ok(done),
        }
    }

    fn copy_chunk(&self, pair: &mut Pair, chunk: &TakenChunk) -> Result<Done, Error> {
        let relation = self.joining.relations.get(&chunk.name).ok_or_else(|| {
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
        let filters = &self.manner.filters;
        let filter = filters.sql(&chunk.name, chunk.range.condition());
        let can_hash = self.joining.hashing.is_utf8 && chunk.format == Format::Binary;
        let load = Load {
            relation,
            into: match chunk.range {
                Range::ThroughRoot => self.joining.routes.unit(&chunk.name),
                _ => &chunk.name,
            },
            format: chunk.format,
            frozen: chunk.frozen,
            hasher: can_hash
                .then(|| RowHasher::for_relation(relation))
                .flatten(),
            filter: filter.clone(),
        };
        let passing = Passing {
            counters: &self.counters,
            pace: &self.manner.pace,
            stop: self.context.stop(),
        };
        let moved = transfer::copy(&mut pair.source, &mut pair.target, load, &passing)?;
        let sum = match moved.total {
            Some(total) => total.checksum(relation),
            None if self.joining.hashing.streams => {
                checksum::stream_on_wire(&mut pair.source, relation, filter.as_deref())?
            }
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
        Ok(Done {
            rows: sum.rows,
            bytes: i64::try_from(moved.bytes).unwrap_or(i64::MAX),
            checksum: sum.checksum,
            milliseconds: i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX),
        })
    }

    /// A commit whose answer is lost may have happened: the ledger knows.
    fn commit(&self, pair: &mut Pair, chunks: &[i64]) -> Result<(), Error> {
        let error = match pair.target.batch("commit") {
            Ok(()) => return Ok(()),
            Err(error) if error.class().is_connection() => error,
            Err(error) => return Err(error),
        };
        let mut fresh = self.look()?;
        if ledger::are_done(&mut fresh, chunks)? {
            Ok(())
        } else {
            Err(error)
        }
    }

    /// Tells of a chunk; once more of one that a dying target had lost.
    fn report(&self, id: i64, (name, part, parts): (&RelationName, i32, i32), done: &Done) {
        lock(&self.told).insert(id);
        self.context.write(Record::Chunk(Chunk {
            schema: name.schema.clone(),
            table: name.name.clone(),
            part,
            parts,
            rows: done.rows,
            bytes: done.bytes,
            milliseconds: done.milliseconds,
        }));
        self.counters.add_part();
        self.counters
            .add_rows(u64::try_from(done.rows).unwrap_or(0));
        if self.joining.is_guest {
            return;
        }
        let whole = lock(&self.parts).add(name, (id, done.clone()), parts);
        if let Some(whole) = whole {
            let condition = self.manner.filters.typed(name);
            let copied = copied(name, &whole, condition);
            for copied in lock(&self.together).add(name, copied) {
                self.context.write(Record::Copied(copied));
            }
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
        let (_, way) = &self.joining.ways;
        let ends = &self.ends;
        let wire = ends
            .target
            .wire(way, Purpose::Load, &ends.application_name)?;
        work(clerk.insert(wire))
    }
}

/// What ends a run whose ledger is another's by now.
pub(crate) fn taken_over() -> Error {
    Error::new(
        Class::Ledger,
        "another pg-copy has begun to copy into this database since",
    )
    .with_hint("One pg-copy plans and tells; others join it as pg-copy worker.")
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
