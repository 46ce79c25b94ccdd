//! From a table that differs to the rows that do.
//!
//! - by range, where both sides sort the key alike: ranges that differ are split until their
//!   keys can be compared one by one;
//! - by bucket elsewhere: a hash of the key's bytes is the same on every server and under every
//!   collation; one reading gives the sums of the buckets, one more the keys in those that differ;
//! - without a key: rows are counted by their hash, and what differs is how often each is there.
//!
//! What is found is looked up by key on both sides and compared byte by byte, so that neither a
//! hash nor an order has the last word.

mod by_bucket;
mod by_range;
mod keyless;
mod look;
mod suspects;

use std::thread;

use pg_pipe::Failure;
use pg_pipe::stop::Stop;
use pg_session::checksum::RowHash;
use pg_session::{Class, Session};

use crate::ranges::{self, Range};
use crate::reading::TableJob;
use crate::server::undisturbed;

pub(crate) use look::has_operators;
pub(crate) use suspects::Suspect;

/// Keys that are looked up at a time.
const BATCH: usize = 100;

/// A value as the server prints it; `None` is NULL.
pub(crate) type Value = Option<String>;

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fault {
    /// The source has it, the target has not.
    Missing,
    /// The target has it, the source has not.
    Extra,
    /// Both have its key, with other values.
    Changed,
}

/// A row as one side has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Row {
    /// The bytes that are compared, in hexadecimal digits, by column.
    pub(crate) bytes: String,
    /// Its values, in the order of the columns' names; none when they are not to be shown.
    pub(crate) values: Vec<Value>,
}

/// A row that differs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    /// What is wrong.
    pub(crate) fault: Fault,
    /// The key; none for a table without.
    pub(crate) suspect: Option<Suspect>,
    /// The row on the source.
    pub(crate) source: Option<Row>,
    /// The row on the target.
    pub(crate) target: Option<Row>,
    /// Columns that differ, by their place in the order of names.
    pub(crate) columns: Vec<usize>,
    /// How many rows it stands for; more than one only without a key.
    pub(crate) times: i64,
}

impl Found {
    /// Leaves keys and names only.
    pub(crate) fn hide_values(&mut self) {
        for row in [&mut self.source, &mut self.target].into_iter().flatten() {
            row.values.clear();
        }
    }
}

/// A table on both sides.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'t> {
    /// As the source has it.
    pub(crate) source: &'t TableJob,
    /// As the target has it.
    pub(crate) target: &'t TableJob,
}

/// How much is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Rows at the most.
    pub(crate) rows: usize,
    /// Whether their values are wanted, too.
    pub(crate) values: bool,
}

/// Looks for rows on the sessions that hold the snapshots.
pub(crate) struct Drill<'run> {
    /// The source's session.
    pub(crate) source: &'run mut Session,
    /// The target's session.
    pub(crate) target: &'run mut Session,
    /// Whether all is to end.
    pub(crate) stop: &'run Stop,
    /// The hash that both have for rows.
    pub(crate) hash: RowHash,
    /// How much is looked for.
    pub(crate) wanted: Wanted,
}

/// Whether all rows that differ were found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Extent {
    /// All.
    All,
    /// There may be more.
    Some,
}

impl Drill<'_> {
    /// Looks for the rows that differ, in the ranges that do where they are known, each with
    /// the rows that it has, and hands each to `take`.
    ///
    /// # Errors
    /// What a server says.
    pub(crate) fn find(
        &mut self,
        pair: Pair<'_>,
        ranges: Vec<(Range, i64)>,
        take: &mut Take<'_>,
    ) -> anyhow::Result<Extent> {
        if pair.source.key.is_empty() || pair.source.relation.key != pair.target.relation.key {
            return self.find_keyless(pair, take);
        }
        let alike = ranges::sorts_alike((self.source, self.target), pair.source, pair.target)?;
        let is_split = ranges.iter().all(|(range, _)| *range != Range::default());
        let (suspects, extent) = if alike && (is_split || self.is_in_order(pair)?) {
            self.by_range(pair, ranges)?
        } else {
            self.by_bucket(pair)?
        };
        let found = self.look(pair, &suspects, take)?;
        // The sums differ: rows that no key finds are hidden by an index that is damaged.
        if found == 0 && extent == Extent::All {
            return self.find_keyless(pair, take);
        }
        Ok(extent)
    }

    /// Keys of rows of the source that a condition holds for and that the target has not, or
    /// has otherwise, and the rows that were read.
    ///
    /// # Errors
    /// What a server says.
    pub(crate) fn by_lookup(
        &mut self,
        pair: Pair<'_>,
        condition: &str,
    ) -> anyhow::Result<(Vec<Suspect>, usize)> {
        self.check_stop()?;
        let hash = self.hash;
        let there = undisturbed(self.source, |session| {
            suspects::read(session, pair.source, condition, hash)
        })?;
        let read = there.len();
        if read == 0 {
            return Ok((Vec::new(), 0));
        }
        let keys: Vec<Suspect> = there.iter().map(|row| row.suspect.clone()).collect();
        let among = look::among(pair.target, &keys);
        let here = undisturbed(self.target, |session| {
            suspects::read(session, pair.target, &among, hash)
        })?;
        Ok((suspects::differing(there, here), read))
    }

    /// Looks some keys up, and hands those that differ to `take`; gives their number.
    ///
    /// # Errors
    /// What a server says.
    pub(crate) fn look(
        &mut self,
        pair: Pair<'_>,
        suspects: &[Suspect],
        take: &mut Take<'_>,
    ) -> anyhow::Result<usize> {
        let values = self.wanted.values;
        let mut count = 0;
        for batch in suspects.chunks(BATCH) {
            let (there, here) =
                self.both(|session, half| look::look_at(session, pair.of(half), batch, values))?;
            for row in look::found(batch, there, here) {
                count += 1;
                take(row)?;
            }
        }
        Ok(count)
    }

    /// Whether a table is small, or its rows lie in the order of its key.
    fn is_in_order(&mut self, pair: Pair<'_>) -> anyhow::Result<bool> {
        const SMALL: i64 = 16 << 20;
        if pair.source.bytes.max(pair.target.bytes) < SMALL {
            return Ok(true);
        }
        let there = ranges::probe(self.source, pair.source, 64)?;
        Ok(there.is_some() && ranges::probe(self.target, pair.target, 64)?.is_some())
    }

    /// Runs the same on both sides at once.
    fn both<T: Send>(
        &mut self,
        work: impl Fn(&mut Session, Half) -> anyhow::Result<T> + Sync,
    ) -> anyhow::Result<(T, T)> {
        self.check_stop()?;
        let (source, target) = (&mut *self.source, &mut *self.target);
        thread::scope(|scope| {
            let work = &work;
            let there =
                scope.spawn(move || undisturbed(source, |session| work(session, Half::Source)));
            let here = undisturbed(target, |session| work(session, Half::Target));
            let there = there
                .join()
                .unwrap_or_else(|_| Err(Failure::bug("a reading thread panicked").into()));
            Ok((there?, here?))
        })
    }

    fn check_stop(&self) -> anyhow::Result<()> {
        match self.stop.reason() {
            Some(exit) => Err(Failure::new(exit, "stopped", "stopped on request").into()),
            None => Ok(()),
        }
    }
}

/// What is done with a row that was found.
pub(crate) type Take<'t> = dyn FnMut(Found) -> anyhow::Result<()> + 't;

/// Which of the two.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Half {
    /// The source.
    Source,
    /// The target.
    Target,
}

impl<'t> Pair<'t> {
    fn of(&self, half: Half) -> &'t TableJob {
        match half {
            Half::Source => self.source,
            Half::Target => self.target,
        }
    }
}

/// What a server printed where it should have printed something else.
fn garbled() -> anyhow::Error {
    pg_session::Error::new(Class::Statement, "the server gave a row that does not fit").into()
}
