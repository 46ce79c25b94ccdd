//! Post-data: indexes, constraints, triggers, started as soon as the rows of their tables are
//! in. One thread listens to the stream and to the workers and decides; workers run SQL.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, select, unbounded};
use pg_pipe::progress::{Counters, Meter};
use pg_pipe::record::{Applied, AppliedStatus, Object, Record, Scope};
use pg_pipe::{Context, Exit, Failure, Input, Line};
use pg_session::{RelationName, ledger};

use crate::apply::args::Args;
use crate::apply::crew::{Bench, Crew, Outcome, work};
use crate::apply::graph::Graph;
use crate::apply::ledgered::Ledgered;
use crate::apply::one::{adapted, skipped};
use crate::apply::plan::Plan;
use crate::apply::{Target, tail};

/// Applies post-data while the stream comes in, then the rest of the schema.
///
/// # Errors
/// What ends the tool: a stream that is cut or was stopped, a server that is lost.
pub(crate) fn run(args: &Args, input: Input, context: &Context) -> anyhow::Result<Exit> {
    let mut desk = Desk::new(args, context);
    let crew = Crew::default();
    let shared = crew.clone();
    let _registered = context.stop().on_request(move || shared.cancel_all());
    thread::scope(|scope| {
        let result = desk.listen(&input, scope, &crew);
        if result.is_err() {
            crew.cancel_all();
        }
        desk.dismiss();
        result
    })?;
    desk.conclude()
}

/// The deciding thread.
struct Desk<'a> {
    args: &'a Args,
    context: &'a Context,
    plan: Plan,
    graph: Option<Graph>,
    meter: Option<Meter>,
    counters: Option<Arc<Counters>>,
    target: Option<Target>,
    jobs: Option<Sender<Object>>,
    outcomes: (Sender<Outcome>, Receiver<Outcome>),
    running: usize,
    any_failed: bool,
}

impl<'a> Desk<'a> {
    fn new(args: &'a Args, context: &'a Context) -> Self {
        Self {
            args,
            context,
            plan: Plan::default(),
            graph: None,
            meter: None,
            counters: None,
            target: None,
            jobs: None,
            outcomes: unbounded(),
            running: 0,
            any_failed: false,
        }
    }

    /// Takes events until the stream has ended and nothing is left to run.
    fn listen<'scope>(
        &mut self,
        input: &Input,
        scope: &'scope thread::Scope<'scope, '_>,
        crew: &'scope Crew,
    ) -> anyhow::Result<()> {
        let outcomes = self.outcomes.1.clone();
        let mut stream_is_open = true;
        let never = crossbeam_channel::never();
        while stream_is_open || self.running > 0 || self.has_work() {
            let lines = if stream_is_open {
                input.channel()
            } else {
                &never
            };
            select! {
                recv(lines) -> line => if let Ok(line) = line {
                    self.take_line(line?, scope, crew)?;
                } else {
                    stream_is_open = false;
                    self.end_of_stream(scope, crew)?;
                },
                recv(outcomes) -> outcome => {
                    if let Ok((id, outcome)) = outcome {
                        self.running -= 1;
                        self.take_outcome(id, outcome?);
                    }
                }
            }
            self.hand_out();
            if !stream_is_open && self.running == 0 && self.has_work() {
                return Err(Failure::bug("post-data objects wait for one another").into());
            }
        }
        Ok(())
    }

    fn has_work(&self) -> bool {
        self.graph.as_ref().is_some_and(|graph| graph.len() > 0)
    }

    fn take_line<'scope>(
        &mut self,
        line: Line,
        scope: &'scope thread::Scope<'scope, '_>,
        crew: &'scope Crew,
    ) -> anyhow::Result<()> {
        let Line::Known(record) = line else {
            return Ok(());
        };
        let copied = match &*record {
            Record::Copied(copied) => Some(RelationName::new(
                copied.schema.clone(),
                copied.table.clone(),
            )),
            Record::Error(error) if error.scope == Scope::Stream => {
                crew.cancel_all();
                self.jobs = None;
                None
            }
            _ => None,
        };
        self.plan.note(*record);
        if let Some(table) = copied {
            self.open(scope, crew)?;
            if let Some(graph) = &mut self.graph {
                graph.table_is_in(&table);
            }
        }
        Ok(())
    }

    /// Connects and builds the graph, at the first table that is in. All objects have been
    /// read by then: pg-copy reads its whole input before it copies.
    fn open<'scope>(
        &mut self,
        scope: &'scope thread::Scope<'scope, '_>,
        crew: &'scope Crew,
    ) -> anyhow::Result<()> {
        if self.graph.is_some() || self.plan.objects.is_empty() {
            return Ok(());
        }
        let target = Target::resolve(self.args, &self.plan.head, self.context)?;
        let mut session = target.connect()?;
        if !ledger::exists(&mut session)? {
            return Err(not_ours(&target.database).into());
        }
        let ledgered = Arc::new(Ledgered::open(&mut session)?);
        let (jobs, waiting) = unbounded();
        for _ in 0..self.args.jobs.jobs.get() {
            let bench = Bench {
                target: target.clone(),
                ledgered: Arc::clone(&ledgered),
                context: self.context.clone(),
                jobs: waiting.clone(),
                outcomes: self.outcomes.0.clone(),
            };
            scope.spawn(move || work(&bench, crew));
        }
        let graph = Graph::new(&self.plan);
        let meter = self.context.meter("post-data", graph.len(), None);
        self.counters = Some(meter.counters());
        self.meter = Some(meter);
        self.graph = Some(graph);
        self.jobs = Some(jobs);
        self.target = Some(target);
        Ok(())
    }

    fn end_of_stream<'scope>(
        &mut self,
        scope: &'scope thread::Scope<'scope, '_>,
        crew: &'scope Crew,
    ) -> anyhow::Result<()> {
        if self.plan.head.validates_only() {
            return Ok(());
        }
        self.open(scope, crew)?;
        let lost: BTreeSet<RelationName> = if self.plan.is_copying {
            let missing = |table: &&RelationName| !self.plan.copied.contains(*table);
            self.plan.tables.keys().filter(missing).cloned().collect()
        } else {
            BTreeSet::new()
        };
        let skipped = self.graph.as_mut().map(|graph| graph.no_more_tables(&lost));
        self.skip(skipped.unwrap_or_default());
        Ok(())
    }

    fn take_outcome(&mut self, id: i64, applied: Applied) {
        let is_made = applied.status != AppliedStatus::Failed;
        self.any_failed |= !is_made;
        if let Some(graph) = &mut self.graph {
            graph.ended(id, is_made);
        }
        self.report(applied);
    }

    /// Gives free workers what may run now.
    fn hand_out(&mut self) {
        let doomed = self.graph.as_mut().map(Graph::take_doomed);
        self.skip(doomed.unwrap_or_default());
        while self.running < self.args.jobs.jobs.get() {
            let (Some(graph), Some(jobs), Some(target)) =
                (&mut self.graph, &self.jobs, &self.target)
            else {
                return;
            };
            let Some(object) = graph.start_next() else {
                return;
            };
            let Some(adapted) = adapted(&object, &self.plan, &target.database) else {
                graph.ended(object.id, true);
                continue;
            };
            if jobs.send(adapted).is_ok() {
                self.running += 1;
            }
        }
    }

    fn skip(&mut self, objects: Vec<Object>) {
        for object in objects {
            self.any_failed = true;
            let applied = skipped(&object, self.context);
            self.report(applied);
        }
    }

    fn report(&self, applied: Applied) {
        self.context.write(Record::Applied(applied));
        if let Some(counters) = &self.counters {
            counters.add_item();
        }
    }

    /// Sends the workers home.
    fn dismiss(&mut self) {
        self.jobs = None;
        self.meter = None;
    }

    /// Owners, grants and the final section, once all of post-data is done.
    fn conclude(self) -> anyhow::Result<Exit> {
        let (Some(target), Some(graph)) = (&self.target, &self.graph) else {
            return Ok(Exit::Fine);
        };
        let tail_well = tail::run(target, &self.plan, graph.failed(), self.context)?;
        let all_well = tail_well && !self.any_failed;
        if all_well && self.plan.head.migration.is_none() && !self.plan.item_errors {
            ledger::drop_ledger(&mut target.connect()?)?;
        }
        Ok(if all_well { Exit::Fine } else { Exit::Partial })
    }
}

/// A database without a ledger is not one that we have begun to load.
fn not_ours(database: &str) -> Failure {
    Failure::conflict(format!(
        "database {database} on the target has no ledger of ours"
    ))
    .hint("Run pg-schema-apply --section pre-data and pg-copy first; a finished database needs nothing more.")
}
