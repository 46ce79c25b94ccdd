//! The whole comparison: the stream's word, both servers, the plan, the readings.

use std::mem;
use std::sync::Arc;

use pg_pipe::progress::Counters;
use pg_pipe::record::VerifiedKind;
use pg_pipe::{Context, Exit, Failure, Input};
use pg_session::Role;

use crate::args::Args;
use crate::known::Known;
use crate::plan::{self, Comparison, Course, Half, Listing};
use crate::pool::{self, Done, Queue, Task};
use crate::reading::Reading;
use crate::routed::Routed;
use crate::server::{self, Server};
use crate::tally::{Readings, Tally};

/// Compares what the flags or the stream name.
///
/// # Errors
/// What ends the tool: a cut stream, a server that cannot be reached or is lost.
pub(crate) fn run(args: &Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit> {
    let known = input.map(Known::read).transpose()?.unwrap_or_default();
    if known.head.validates_only() {
        context
            .notice()
            .note("the migration only validates: nothing was copied, nothing is verified");
        return Ok(Exit::Fine);
    }
    let mut sides = open(args, &known, context)?;
    let warned = warn(&mut sides, context)?;
    let plan = plan(&known, &mut sides)?;
    let routed = Routed::new(sides.target.routes()?, &plan);
    let exit = read_and_judge(args, &plan, (&sides, routed), context)?;
    Ok(match exit {
        Exit::Fine if warned && context.strict() => Exit::No,
        exit => exit,
    })
}

/// Both sides, or the target alone when the stream tells all of the source.
struct Sides {
    source: Option<Server>,
    target: Server,
}

impl Sides {
    fn each(&self) -> impl Iterator<Item = &Server> {
        self.source.iter().chain([&self.target])
    }
}

fn open(args: &Args, known: &Known, context: &Context) -> anyhow::Result<Sides> {
    let hash = known.head.hash();
    let wants_source = if known.has_scope() {
        known.needs_source() && server::is_given(Role::Source, args, known)
    } else {
        true
    };
    // Both are located before either is connected to: a missing flag costs no login.
    let source = wants_source
        .then(|| server::locate(Role::Source, args, known, context))
        .transpose()?;
    let target = server::locate(Role::Target, args, known, context)?;
    let source = source
        .map(|endpoint| Server::open(endpoint, hash, context))
        .transpose()?;
    let target = Server::open(target, hash, context)?;
    Ok(Sides { source, target })
}

/// Warns of comparisons that prove less than they seem to.
fn warn(sides: &mut Sides, context: &Context) -> anyhow::Result<bool> {
    let mut warned = false;
    if let Some(source) = &mut sides.source
        && source.identity()? == sides.target.identity()?
    {
        context
            .notice()
            .warn("source and target are the same database of the same server");
        warned = true;
    }
    for side in sides.each() {
        if side.facts().encoding == "SQL_ASCII" {
            context.notice().warn(&format!(
                "the {} is SQL_ASCII: its bytes are compared unconverted",
                side.role()
            ));
            warned = true;
        }
    }
    Ok(warned)
}

fn plan(known: &Known, sides: &mut Sides) -> anyhow::Result<Vec<Comparison>> {
    let source: Option<Listing> = sides.source.as_mut().map(Server::list).transpose()?;
    let target = sides.target.list()?;
    Ok(if known.has_scope() {
        plan::scoped(known, source, target)
    } else {
        plan::whole(source.unwrap_or_default(), target)
    })
}

/// A comparison under way: its readings so far, and how many are to come.
struct Slot<'plan> {
    comparison: &'plan Comparison,
    readings: Readings,
    awaited: usize,
}

fn read_and_judge(
    args: &Args,
    plan: &[Comparison],
    (sides, routed): (&Sides, Routed),
    context: &Context,
) -> anyhow::Result<Exit> {
    let bytes = plan.iter().map(Comparison::bytes).sum();
    let meter = context.meter("verify", plan.len(), Some(bytes));
    let mut desk = Desk {
        context,
        tally: Tally::new(context, args.audience()),
        slots: plan.iter().map(Slot::of).collect(),
        routed,
        counters: meter.counters(),
    };
    desk.settle();
    let queues = sides.each().map(|side| queue(plan, side)).collect();
    let read = pool::read(queues, args.jobs.jobs, context.stop(), |done| {
        desk.take(done);
    });
    drop(meter);
    read?;
    context.check_stop()?;
    desk.close()
}

impl<'plan> Slot<'plan> {
    fn of(comparison: &'plan Comparison) -> Self {
        let mut readings = Readings::default();
        if let Course::Compare { source, target } = &comparison.course {
            readings.source = known(source);
            readings.target = known(target);
        }
        Self {
            comparison,
            readings,
            awaited: comparison.jobs().into_iter().flatten().count(),
        }
    }
}

fn known(half: &Half) -> Option<Reading> {
    match half {
        Half::Known(reading) => Some(reading.clone()),
        Half::Read(_) | Half::Unreadable(_) => None,
    }
}

fn queue(plan: &[Comparison], side: &Server) -> Queue {
    let tasks = plan
        .iter()
        .enumerate()
        .filter_map(|(number, comparison)| {
            let [source, target] = comparison.jobs();
            let job = match side.role() {
                Role::Source => source,
                Role::Target => target,
            };
            Some(Task {
                number,
                job: job?.clone(),
            })
        })
        .collect();
    Queue {
        opener: side.opener(),
        tasks,
    }
}

/// Where results arrive and are paired.
struct Desk<'run> {
    context: &'run Context,
    tally: Tally<'run>,
    slots: Vec<Slot<'run>>,
    routed: Routed,
    counters: Arc<Counters>,
}

impl Desk<'_> {
    /// Tells what the catalog has decided.
    fn settle(&mut self) {
        for slot in &self.slots {
            if let Course::Settled(verdict, why) = &slot.comparison.course {
                self.tally.settle(slot.comparison, *verdict, why);
                self.counters.add_item();
            }
        }
    }

    fn take(&mut self, done: Done) {
        let Some(slot) = self.slots.get_mut(done.number) else {
            return;
        };
        self.counters.add_bytes(done.bytes);
        slot.awaited = slot.awaited.saturating_sub(1);
        slot.readings.took = slot.readings.took.max(done.took);
        match done.result {
            Ok(reading) if done.role == Role::Source => slot.readings.source = Some(reading),
            Ok(reading) => slot.readings.target = Some(reading),
            Err(error) => {
                let record = self.context.item_failed(&slot.comparison.shown(), &error);
                slot.readings.failure = Some(record.message);
            }
        }
        if slot.awaited == 0 {
            let readings = mem::take(&mut slot.readings);
            if let Some((comparison, readings)) = self.routed.take(slot.comparison, readings) {
                self.tally.judge(&comparison, readings);
            }
            self.counters.add_item();
        }
    }

    fn close(self) -> anyhow::Result<Exit> {
        if self.slots.iter().any(|slot| slot.awaited > 0) {
            return Err(Failure::bug("a comparison was left out").into());
        }
        let has_tables = |slot: &Slot<'_>| slot.comparison.kind == VerifiedKind::Table;
        if !self.slots.iter().any(has_tables) {
            self.context
                .notice()
                .note("no rows were compared: neither side has a table");
        }
        Ok(self.tally.close())
    }
}
