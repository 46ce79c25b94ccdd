//! A look at both servers while workers are at it: what is in the way, what workers elsewhere
//! have done, whether the run that we have joined is still there.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use pg_pipe::record::Side;
use pg_session::catalog::{self, Blocker};
use pg_session::{Endpoint, Error, Purpose, Role, Session, ledger};

use crate::worker::Shared;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);
/// How many times as long as the plan takes to be read it is left alone then: that of 100,000
/// tables is 20 MB.
const REST: u32 = 20;
/// How long nothing moves before it is asked why.
const STILL: Duration = Duration::from_secs(3);

/// What has been seen.
pub(crate) struct Watch<'a> {
    shared: &'a Shared<'a>,
    source: Option<Session>,
    target: Option<Session>,
    looked: Instant,
    /// When the plan is read again.
    read_again: Instant,
    /// Bytes, and since when there have been no more.
    still: (u64, Instant),
    told: BTreeSet<(Side, Blocker)>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(shared: &'a Shared<'a>) -> Self {
        let now = Instant::now();
        Self {
            shared,
            source: None,
            target: None,
            looked: now,
            read_again: now,
            still: (0, now),
            told: BTreeSet::new(),
        }
    }

    /// Looks, when it is time to. A server that does not answer is the workers' affair.
    pub(crate) fn look(&mut self) {
        if self.looked.elapsed() < EVERY {
            return;
        }
        self.looked = Instant::now();
        if self.look_at_run().is_err() {
            self.target = None;
        }
        let bytes = self.shared.counters.bytes();
        if bytes != self.still.0 {
            self.still = (bytes, Instant::now());
            self.shared.counters.set_locked(false);
        } else if self.still.1.elapsed() >= STILL {
            let is_locked = self.look_for_locks(Side::Source) | self.look_for_locks(Side::Target);
            self.shared.counters.set_locked(is_locked);
        }
    }

    fn look_at_run(&mut self) -> Result<(), Error> {
        let shared = self.shared;
        let session = open(&mut self.target, shared, &shared.ends.target)?;
        if shared.joining.is_guest {
            let latest = ledger::latest_run(session)?.map(|run| run.id);
            if latest != Some(shared.joining.run) || !ledger::is_running(session)? {
                shared.end();
            }
        } else if Instant::now() >= self.read_again
            && ledger::list_holding(session, shared.joining.run, false)?
                .iter()
                .any(|one| one.application != shared.ends.application_name)
        {
            let begun = Instant::now();
            let chunks = ledger::list_chunks(session)?;
            shared.tell_others(&chunks);
            self.read_again = Instant::now() + begun.elapsed() * REST;
        }
        Ok(())
    }

    /// Whether sessions of ours wait for somebody else's there; each is told of once.
    fn look_for_locks(&mut self, side: Side) -> bool {
        let shared = self.shared;
        let (slot, endpoint, role) = match side {
            Side::Source => (&mut self.source, &shared.ends.source, Role::Source),
            Side::Target => (&mut self.target, &shared.ends.target, Role::Target),
        };
        let found = open(slot, shared, endpoint)
            .and_then(|session| catalog::list_blockers(session, &shared.ends.application_name));
        let Ok(blockers) = found else {
            *slot = None;
            return false;
        };
        let is_locked = !blockers.is_empty();
        for blocker in blockers {
            let text = blocker.sentence(role);
            if self.told.insert((side, blocker)) {
                shared.context.notice().warn(&text);
            }
        }
        is_locked
    }
}

fn open<'s>(
    slot: &'s mut Option<Session>,
    shared: &Shared<'_>,
    endpoint: &Endpoint,
) -> Result<&'s mut Session, Error> {
    if let Some(session) = slot {
        return Ok(session);
    }
    let name = format!("{} watch", shared.ends.application_name);
    let session = endpoint.connect(Purpose::Read, &name)?;
    Ok(slot.insert(session))
}
