//! The workers: as many as the dial says, until every chunk is done or given up.

use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::unbounded;
use pg_pipe::{Context, Failure};

use crate::shared::LONGEST_HOLD;
use crate::watch::Watch;
use crate::worker::{LeftOver, Shared};

/// How long that is so before it is told.
const WORTH_TELLING: Duration = Duration::from_secs(10);
/// How often a chunk that is held is tried again.
const HOLD_POLL: Duration = Duration::from_millis(500);
/// How often it is looked whether there are to be more workers.
const TICK: Duration = Duration::from_millis(100);

/// Runs workers until every chunk is done or given up. Workers pass over a chunk that another
/// session has: one of a worker elsewhere, or one whose client is gone and whose server has
/// not noticed yet. It is waited for; a chunk that never comes is an item. A guest leaves that
/// to its host.
///
/// # Errors
/// What ends the run.
pub(crate) fn copy_all(shared: &Shared<'_>, chunks: usize) -> anyhow::Result<bool> {
    run_workers(shared, chunks)?;
    if shared.joining.is_guest {
        return Ok(true);
    }
    let mut session = shared.look()?;
    let mut hold = Hold::new();
    loop {
        let left = shared.left_over(&mut session)?;
        if left.tables.is_empty() {
            return Ok(true);
        }
        if hold.look(&left, shared.context) > LONGEST_HOLD {
            give_up(shared, &left);
            return Ok(false);
        }
        shared.context.check_stop()?;
        thread::sleep(HOLD_POLL);
        run_workers(shared, chunks)?;
    }
}

/// How long sessions elsewhere have held what is left without getting on.
struct Hold {
    progress: String,
    since: Instant,
    is_told: bool,
}

impl Hold {
    fn new() -> Self {
        Self {
            progress: String::new(),
            since: Instant::now(),
            is_told: false,
        }
    }

    fn look(&mut self, left: &LeftOver, context: &Context) -> Duration {
        let progress: Vec<&str> = left
            .holding
            .iter()
            .map(|one| one.progress.as_str())
            .collect();
        let progress = progress.join("; ");
        if progress != self.progress {
            *self = Self {
                progress,
                ..Self::new()
            };
        }
        let stuck = self.since.elapsed();
        if stuck > WORTH_TELLING && !self.is_told {
            self.is_told = true;
            let who: Vec<String> = left.holding.iter().map(ToString::to_string).collect();
            let tables: Vec<String> = left.tables.iter().map(ToString::to_string).collect();
            context.notice().warn(&format!(
                "waits for {}, which has {} in hand and does not get on",
                who.join(", "),
                tables.join(", ")
            ));
        }
        stuck
    }
}

fn give_up(shared: &Shared<'_>, left: &LeftOver) {
    for name in &left.tables {
        let failure = Failure::conflict(format!(
            "cannot copy {name}: another session has held it for {} s",
            LONGEST_HOLD.as_secs()
        ))
        .hint("Look for its backend in pg_stat_activity of the target, end it, and run the same again.");
        shared
            .context
            .item_failed(&name.to_string(), &failure.into());
    }
}

/// Runs workers until none finds a chunk to take; no more than there are chunks.
fn run_workers(shared: &Shared<'_>, chunks: usize) -> anyhow::Result<()> {
    let mut watch = Watch::new(shared);
    let (sender, receiver) = unbounded();
    let run_one = &|number| {
        let ended = panic::catch_unwind(AssertUnwindSafe(|| shared.work(number)))
            .unwrap_or_else(|_| Err(Failure::bug("a worker panicked").into()));
        // The receiver outlives the scope.
        drop(sender.send((number, ended)));
    };
    thread::scope(|scope| {
        let mut at_work = BTreeSet::new();
        let mut result = Ok(());
        // Once one has found nothing to take, or has failed for good, no more are begun.
        let mut is_over = false;
        loop {
            is_over |= shared.is_over();
            let wanted = if is_over {
                0
            } else {
                shared.manner.dial.value().min(chunks)
            };
            for number in 1..=wanted {
                if at_work.insert(number) {
                    scope.spawn(move || run_one(number));
                }
            }
            if at_work.is_empty() {
                return result;
            }
            let Ok((number, ended)) = receiver.recv_timeout(TICK) else {
                watch.look();
                continue;
            };
            at_work.remove(&number);
            is_over |= !matches!(ended, Ok(false));
            result = result.and(ended.map(drop));
        }
    })
}
