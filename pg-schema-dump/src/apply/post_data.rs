//! Post-data: indexes, constraints, triggers, started as soon as the rows of their tables are
//! in. One thread listens to the stream and to the workers and decides; workers run SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};
use pg_pipe::progress::{Counters, Meter};
use pg_pipe::record::{Applied, AppliedStatus, Object, Record, Scope};
use pg_pipe::{Context, Exit, Failure, Input, Line};
use pg_session::{RelationName, ledger};

use crate::apply::args::Args;
use crate::apply::budget::Budget;
use crate::apply::crew::{Bench, Crew, Done, Job, Outcome, work};
use crate::apply::graph::{Graph, Key, Task};
use crate::apply::in_order::Sum;
use crate::apply::ledgered::Ledgered;
use crate::apply::left_out;
use crate::apply::monitor::{self, Board};
use crate::apply::one::adapted;
use crate::apply::plan::Plan;
use crate::apply::step::Part;
use crate::apply::{Target, tail};
use crate::reserved;

/// Small steps that go together at the most.
pub(crate) const TOGETHER: usize = 20;

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
    budget: Option<Budget>,
    watching: Option<Sender<()>>,
    jobs: Option<Sender<Job>>,
    /// Milliseconds of objects of which the rest is still to come.
    begun: BTreeMap<i64, u64>,
    outcomes: (Sender<Outcome>, Receiver<Outcome>),
    running: usize,
    sum: Sum,
}

impl<'a> Desk<'a> {
    fn new(args: &'a Args, context: &'a Context) -> Self {
        Self {
            args,
            context,
            plan: Plan::new(&args.leave_out),
            graph: None,
            meter: None,
            counters: None,
            target: None,
            budget: None,
            watching: None,
            jobs: None,
            begun: BTreeMap::new(),
            outcomes: unbounded(),
            running: 0,
            sum: Sum::default(),
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
                    self.running -= 1;
                    for (key, done) in outcome.into_iter().flatten() {
                        self.take_outcome(key, done?);
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
        reserved::check(&self.plan.objects)?;
        let target = Target::resolve(self.args, &self.plan.head, self.context)?;
        let mut session = target.connect()?;
        if !ledger::exists(&mut session)? {
            return Err(not_ours(&target.database).into());
        }
        let ledgered = Arc::new(Ledgered::open(&mut session, &self.plan)?);
        let most = self.args.jobs.jobs.get();
        let memory = self.args.maintenance_work_mem;
        self.budget = Some(Budget::open(&mut session, memory, most)?);
        let can_leave_open = session.version().has_open_keys_on_partitioned();
        let graph = Graph::new(&self.plan, can_leave_open);
        let bytes = Some(graph.bytes()).filter(|bytes| *bytes > 0);
        let meter = self.context.meter("post-data", graph.objects(), bytes);
        let (jobs, waiting) = unbounded();
        let bench = Bench {
            target: target.clone(),
            ledgered,
            context: self.context.clone(),
            jobs: waiting,
            outcomes: self.outcomes.0.clone(),
            board: Board::default(),
            counters: meter.counters(),
        };
        self.watching = Some(hire(bench, most, scope, crew));
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
            let left_out = left_out::tables(&self.plan);
            let is_lost = |table: &&RelationName| {
                !self.plan.copied.contains(*table) && !left_out.contains(*table)
            };
            self.plan.tables.keys().filter(is_lost).cloned().collect()
        } else {
            BTreeSet::new()
        };
        let skipped = self.graph.as_mut().map(|graph| graph.no_more_tables(&lost));
        self.skip(skipped.unwrap_or_default());
        Ok(())
    }

    fn take_outcome(&mut self, key: Key, Done { applied, stands }: Done) {
        self.sum.add(applied.status);
        let Some(graph) = &mut self.graph else {
            return;
        };
        let (id, part) = key;
        if applied.status == AppliedStatus::LeftOut {
            graph.note_absent(id, applied.status);
        }
        if !graph.ended(key, stands) {
            self.begun.insert(id, applied.milliseconds);
            return;
        }
        let before = self.begun.remove(&id).unwrap_or_default();
        let status = match applied.status {
            AppliedStatus::Present if part == Part::Rest && before > 0 => AppliedStatus::Applied,
            status => status,
        };
        self.report(Applied {
            status,
            milliseconds: applied.milliseconds.saturating_add(before),
            ..applied
        });
    }

    /// Gives free workers what may run now.
    fn hand_out(&mut self) {
        let doomed = self.graph.as_mut().map(Graph::take_doomed);
        self.skip(doomed.unwrap_or_default());
        while self.running < self.args.jobs.jobs.get() {
            let Some(job) = self.next_job() else {
                return;
            };
            let is_sent = !job.tasks.is_empty()
                && self
                    .jobs
                    .as_ref()
                    .is_some_and(|jobs| jobs.send(job).is_ok());
            if is_sent {
                self.running += 1;
            }
        }
    }

    /// A step, or several that are small; none of them where the target wants none.
    fn next_job(&mut self) -> Option<Job> {
        let (Some(graph), Some(budget), Some(target)) =
            (&mut self.graph, self.budget, &self.target)
        else {
            return None;
        };
        let left = graph.builds();
        let first = graph.start_next()?;
        let mut settings = String::new();
        let mut tasks = vec![first];
        if tasks.iter().all(Task::is_small) {
            let more = std::iter::from_fn(|| graph.start_small());
            tasks.extend(more.take(TOGETHER - 1));
        } else if let Some(task) = tasks.first().filter(|task| task.step.work.reads_tables()) {
            settings = budget.settings(left, task.bytes, task.step.sorts());
        }
        let (plan, database) = (&self.plan, target.database.as_str());
        let wanted = tasks.into_iter().filter_map(|task| {
            let key = task.key();
            let task = for_target(task, plan, database);
            if task.is_none() {
                graph.ended(key, true);
            }
            task
        });
        Some(Job {
            tasks: wanted.collect(),
            settings,
        })
    }

    fn skip(&mut self, objects: Vec<Object>) {
        for object in objects {
            let Some(graph) = &self.graph else { return };
            let absent = graph.absent();
            let applied = left_out::without(&object, absent, &self.plan, self.context)
                .unwrap_or_else(|| left_out::skipped(&object, self.context));
            self.sum.add(applied.status);
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
        self.watching = None;
        self.meter = None;
    }

    /// Owners, grants and the final section, once all of post-data is done.
    fn conclude(self) -> anyhow::Result<Exit> {
        let (Some(target), Some(graph)) = (&self.target, &self.graph) else {
            return Ok(Exit::Fine);
        };
        let jobs = self.args.jobs.jobs.get();
        let of_tail = tail::run(target, &self.plan, jobs, graph.absent(), self.context)?;
        let sum = self.sum.and(of_tail);
        if !sum.any_missing && self.plan.head.migration.is_none() && !self.plan.item_errors {
            ledger::drop_ledger(&mut target.connect()?)?;
        }
        Ok(sum.exit(self.context))
    }
}

/// Starts the workers and who watches them; the latter ends when what it gives is dropped.
fn hire<'scope>(
    bench: Bench,
    workers: usize,
    scope: &'scope thread::Scope<'scope, '_>,
    crew: &'scope Crew,
) -> Sender<()> {
    for _ in 0..workers {
        let bench = bench.clone();
        scope.spawn(move || work(&bench, crew));
    }
    let (watching, end) = bounded(0);
    scope.spawn(move || {
        let Bench {
            target,
            board,
            counters,
            context,
            ..
        } = bench;
        monitor::watch(&target, &board, &counters, &context, &end);
    });
    watching
}

/// The step as this target wants it.
fn for_target(task: Task, plan: &Plan, database: &str) -> Option<Task> {
    let object = adapted(&task.object, plan, database)?;
    let mut step = task.step;
    if step.sql == task.object.sql {
        step.sql.clone_from(&object.sql);
    }
    Some(Task {
        object,
        step,
        ..task
    })
}

/// A database without a ledger is not one that we have begun to load.
fn not_ours(database: &str) -> Failure {
    Failure::conflict(format!(
        "database {database} on the target has no ledger of ours"
    ))
    .hint("Run pg-schema-apply --section pre-data and pg-copy first; a finished database needs nothing more.")
}
