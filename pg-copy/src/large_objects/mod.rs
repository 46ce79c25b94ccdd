//! Large objects, with their OIDs: many small ones or parts of a large one to a transaction,
//! side by side, contents and the mark that they are done together.

mod contents;
mod plan;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use pg_pipe::pace::Pace;
use pg_pipe::record::{LargeObjects, Record};
use pg_pipe::{Context, Failure};
use pg_session::snapshot::SnapshotId;
use pg_session::{Endpoint, Error, Session, checksum, ledger};

pub(crate) use plan::{Keeps, Left, plan, require_unknown};
use worker::Crew;

use crate::shared::LONGEST_HOLD;

/// How often what is held is tried again.
const HOLD_POLL: Duration = Duration::from_secs(1);

/// Where large objects are copied from and to, and how.
pub(crate) struct Ways<'a> {
    /// The source.
    pub(crate) source: &'a Endpoint,
    /// The target.
    pub(crate) target: &'a Endpoint,
    /// What sessions are called.
    pub(crate) application_name: &'a str,
    /// What they read.
    pub(crate) snapshot: &'a SnapshotId,
    /// What each session of the target says about compression.
    pub(crate) toast: Option<&'static str>,
    /// How fast.
    pub(crate) pace: Pace,
    /// The run that they are copied in.
    pub(crate) run: i64,
    /// Pairs of sessions.
    pub(crate) jobs: usize,
}

/// Copies what is left of the plan. Gives whether all are in; what is not is an item.
///
/// # Errors
/// A stop, or a server that is lost for good.
pub(crate) fn copy(
    target: &mut Session,
    ways: &Ways<'_>,
    left: &Left,
    context: &Context,
) -> anyhow::Result<bool> {
    let bytes = u64::try_from(left.bytes).unwrap_or(0);
    let meter = context.meter("large objects", left.chunks, Some(bytes));
    let crew = Crew {
        context,
        ways,
        counters: meter.counters(),
        held: Mutex::new(BTreeSet::new()),
        attempts: Mutex::new(BTreeMap::new()),
    };
    if left.chunks > 0 && !copy_all(&crew, target, ways.jobs.min(left.chunks))? {
        return Ok(false);
    }
    drop(meter);
    context.write(Record::LargeObjects(record(target)?));
    Ok(true)
}

/// Runs workers until all is done or given up. What a session has whose client is gone is
/// waited for.
fn copy_all(crew: &Crew<'_>, target: &mut Session, jobs: usize) -> anyhow::Result<bool> {
    let mut waiting_since = None;
    loop {
        run_workers(crew, jobs)?;
        let given_up = crew.held();
        if ledger::count_large_objects_left(target, &given_up)? == 0 {
            return Ok(given_up.is_empty());
        }
        if waiting_since.get_or_insert_with(Instant::now).elapsed() > LONGEST_HOLD {
            let failure = Failure::conflict(format!(
                "cannot copy large objects: another session has held some for {} s",
                LONGEST_HOLD.as_secs()
            ))
            .hint("Look for its backend in pg_stat_activity of the target, end it, and run the same again.");
            crew.context.item_failed("large objects", &failure.into());
            return Ok(false);
        }
        crew.context.check_stop()?;
        thread::sleep(HOLD_POLL);
    }
}

fn run_workers(crew: &Crew<'_>, jobs: usize) -> anyhow::Result<()> {
    let results: Vec<anyhow::Result<()>> = thread::scope(|scope| {
        let workers: Vec<_> = (1..=jobs)
            .map(|number| scope.spawn(move || crew.work(number)))
            .collect();
        workers
            .into_iter()
            .map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|_| Err(Failure::bug("a worker panicked").into()))
            })
            .collect()
    });
    results.into_iter().collect()
}

/// All that is in, as the source had it.
fn record(target: &mut Session) -> Result<LargeObjects, Error> {
    let sums = ledger::list_large_object_sums(target)?;
    let whole = checksum::merge_large_objects(&sums);
    Ok(LargeObjects {
        count: sums.iter().map(|sum| sum.count).sum(),
        bytes: whole.as_ref().map(|whole| whole.bytes),
        checksum: whole.map(|whole| whole.checksum),
    })
}
