//! Where results arrive and are paired.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use pg_pipe::progress::Counters;
use pg_pipe::record::{Verdict, VerifiedKind};
use pg_pipe::{Context, Failure};
use pg_session::Role;

use crate::judge::judge;
use crate::plan::{Comparison, Course, Half};
use crate::pool::{Done, Task};
use crate::ranges::Range;
use crate::reading::Reading;
use crate::routed::Routed;
use crate::tally::{Outcome, Readings, Tally};

/// A comparison that ended in a difference which may be looked into.
pub(crate) struct Pending {
    /// Number of the comparison in the plan.
    pub(crate) number: usize,
    /// What is known so far.
    pub(crate) outcome: Outcome,
    /// The parts that differ, each with its rows.
    pub(crate) ranges: Vec<(Range, i64)>,
}

/// A comparison under way: its readings so far, and how many are to come.
struct Slot {
    parts: Vec<[Option<Reading>; 2]>,
    took: [Duration; 2],
    bytes: [u64; 2],
    failure: Option<String>,
    awaited: usize,
}

/// Where results arrive and are paired.
pub(crate) struct Desk<'run, 'tally> {
    context: &'run Context,
    plan: &'run [Comparison],
    routed: Routed,
    tally: &'tally mut Tally<'run>,
    slots: Vec<Slot>,
    counters: Arc<Counters>,
    pending: Vec<Pending>,
}

impl Slot {
    fn of(comparison: &Comparison) -> Self {
        let parts = comparison.ranges.len().max(1);
        let known = match &comparison.course {
            Course::Compare { source, target } => [known(source), known(target)],
            Course::Settled(..) | Course::Told => [None, None],
        };
        Self {
            parts: vec![known; parts],
            took: [Duration::ZERO; 2],
            bytes: [0; 2],
            failure: None,
            awaited: comparison.jobs().into_iter().flatten().count() * parts,
        }
    }

    fn readings(self) -> Readings {
        let [source, target] = Reading::of_sides(&self.parts);
        let [one, other] = self.took;
        let [there, here] = self.bytes;
        Readings {
            source,
            target,
            took: one.max(other),
            bytes: if one > other { there } else { here },
            failure: self.failure,
        }
    }
}

fn known(half: &Half) -> Option<Reading> {
    match half {
        Half::Known(reading) => Some(reading.clone()),
        Half::Read(_) | Half::Unreadable(_) => None,
    }
}

/// What is to be read on one side, in order.
pub(crate) fn tasks(plan: &[Comparison], role: Role) -> Vec<Task> {
    let mut tasks = Vec::new();
    for (number, comparison) in plan.iter().enumerate() {
        let [source, target] = comparison.jobs();
        let job = match role {
            Role::Source => source,
            Role::Target => target,
        };
        let Some(job) = job else { continue };
        let parts = comparison.parts(job).into_iter().enumerate();
        tasks.extend(parts.map(|(part, job)| Task { number, part, job }));
    }
    tasks
}

impl<'run, 'tally> Desk<'run, 'tally> {
    /// A desk for a plan.
    pub(crate) fn new(
        context: &'run Context,
        (plan, routed): (&'run [Comparison], Routed),
        tally: &'tally mut Tally<'run>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            context,
            plan,
            routed,
            tally,
            slots: plan.iter().map(Slot::of).collect(),
            counters,
            pending: Vec::new(),
        }
    }

    /// Tells what the catalog has decided, and judges what pg-copy and the stream tell of both
    /// sides.
    pub(crate) fn settle(&mut self) {
        for (number, comparison) in self.plan.iter().enumerate() {
            if let Course::Settled(verdict, why) = &comparison.course {
                let outcome = Outcome::new(*verdict, Some(why.clone()), Readings::default());
                self.tally.add(comparison, outcome);
                self.counters.add_item();
            } else if comparison.course == Course::Told {
                self.counters.add_item();
            } else if self.slots.get(number).is_some_and(|slot| slot.awaited == 0) {
                self.judge(number);
            }
        }
    }

    /// Takes a reading; the last one of a comparison decides.
    pub(crate) fn take(&mut self, done: Done) {
        let (Some(slot), Some(comparison)) =
            (self.slots.get_mut(done.number), self.plan.get(done.number))
        else {
            return;
        };
        self.counters.add_bytes(done.bytes);
        slot.awaited = slot.awaited.saturating_sub(1);
        let side = usize::from(done.role == Role::Target);
        if let (Some(took), Some(bytes)) = (slot.took.get_mut(side), slot.bytes.get_mut(side)) {
            *took += done.took;
            *bytes += done.bytes;
        }
        let place = slot.parts.get_mut(done.part);
        match (done.result, place.and_then(|part| part.get_mut(side))) {
            (Ok(reading), Some(place)) => *place = Some(reading),
            (Ok(_), None) => {}
            // Parts of a table fail alike: one of them tells.
            (Err(_), _) if slot.failure.is_some() => {}
            (Err(error), _) => {
                let record = self.context.item_failed(&comparison.shown(), &error);
                slot.failure = Some(record.message);
            }
        }
        if slot.awaited == 0 {
            self.judge(done.number);
        }
    }

    fn judge(&mut self, number: usize) {
        let (Some(slot), Some(comparison)) = (self.slots.get_mut(number), self.plan.get(number))
        else {
            return;
        };
        let empty = Slot {
            parts: Vec::new(),
            took: [Duration::ZERO; 2],
            bytes: [0; 2],
            failure: None,
            awaited: 0,
        };
        let slot = mem::replace(slot, empty);
        let ranges = comparison.differing(&slot.parts);
        let read = self.routed.take(comparison, slot.readings());
        self.counters.add_item();
        let Some((whole, readings)) = read else {
            return;
        };
        let (verdict, message) = match (&readings.source, &readings.target, &readings.failure) {
            (Some(source), Some(target), None) => judge(comparison.kind, source, target),
            (_, _, failure) => {
                let message = failure.as_deref().unwrap_or("it was not read");
                (Verdict::Unverified, Some(message.to_owned()))
            }
        };
        let outcome = Outcome {
            condition: whole.condition().cloned(),
            ..Outcome::new(verdict, message, readings)
        };
        // Which leaf a row is in differs between the sides, so none can be looked into.
        let can_be_looked_into = whole.name == comparison.name;
        if verdict == Verdict::Mismatch && can_be_looked_into {
            self.pending.push(Pending {
                number,
                outcome,
                ranges,
            });
        } else {
            self.tally.add(&whole, outcome);
        }
    }

    /// What differs.
    ///
    /// # Errors
    /// When a comparison was left out, which is a bug.
    pub(crate) fn close(self) -> anyhow::Result<Vec<Pending>> {
        if self.slots.iter().any(|slot| slot.awaited > 0) {
            return Err(Failure::bug("a comparison was left out").into());
        }
        let has_table = |one: &Comparison| one.kind == VerifiedKind::Table;
        if !self.plan.iter().any(has_table) {
            self.context
                .notice()
                .note("no rows were compared: neither side has a table");
        }
        Ok(self.pending)
    }
}
