//! The whole comparison: the stream's word, both servers, the plan, the readings, and what is
//! done about differences.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use pg_pipe::pace::Pace;
use pg_pipe::{Context, Exit, Failure, Input};
use pg_session::{RelationName, RowFilter};

use crate::args::Args;
use crate::dearness;
use crate::desk::{Desk, Pending, tasks};
use crate::drill::Wanted;
use crate::fresh::Fresh;
use crate::history::History;
use crate::known::Known;
use crate::metrics;
use crate::objects;
use crate::parameters;
use crate::plan::{self, Comparison, Course, Listing};
use crate::pool::{self, Queue};
use crate::pursue::Pursuit;
use crate::ranges;
use crate::repair::Repair;
use crate::resume::Resume;
use crate::routed::Routed;
use crate::sample;
use crate::scope::{Depth, Scope};
use crate::server::{Server, undisturbed};
use crate::sides::Sides;
use crate::soundness;
use crate::tally::{Closed, Tally};
use crate::watch::Watch;

/// Compares what the flags or the stream name.
///
/// # Errors
/// What ends the tool: a cut stream, a server that cannot be reached or is lost.
pub(crate) fn run(args: &Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit> {
    let scope = Scope::of(&args.scope)?;
    let mut known = input.map(Known::read).transpose()?.unwrap_or_default();
    if known.head.validates_only() {
        context
            .notice()
            .note("the migration only validates: nothing was copied, nothing is verified");
        return Ok(Exit::Fine);
    }
    let mut files = Files::open(args)?;
    let begun = Instant::now();
    let mut sides = Sides::open(args, &known, &scope, context)?;
    let _watch = Watch::begin(&sides, context);
    check_conditions(&scope, &mut sides)?;
    let mut warned = sides.warn(context)?;
    warned |= soundness::warn_of_collations(sides.target.session(), context)?;
    let mut plan = plan(&mut known, &mut sides, &scope)?;
    let allow_skipped = args.scope.allow_skipped;
    let mut tally = Tally::new(context, args.audience(), allow_skipped, sides.methods());
    let behind = soundness::sequences_behind(sides.target.session(), context)?;
    warned |= tally.note_sequences(behind, &plan);
    if let Some(path) = &args.files.resume {
        take_up(path, (&mut plan, &scope), &sides, context, &mut tally)?;
    }
    prepare(args, &scope, &mut plan, &mut sides, (context, &mut tally))?;
    let routed = Routed::new(sides.target.routes()?, &plan);
    let pending = read(args, &plan, (&sides, routed), context, &mut tally)?;
    let mut pursuit = Pursuit {
        args,
        scope: &scope,
        known: &known,
        plan: &plan,
        sides: &mut sides,
        context,
    };
    pursuit.run(pending, files.repair.take(), &mut tally)?;
    beyond_rows((args, &known), &scope, &mut sides, context, &mut tally)?;
    say_what_is_proven(&scope, context);
    let closed = tally.close();
    let exit = closed.exit;
    files.write(closed, &sides, begun)?;
    Ok(match exit {
        Exit::Fine if warned && context.strict() => Exit::No,
        exit => exit,
    })
}

/// Takes large tables apart, and samples those that are to be sampled only.
fn prepare<'run>(
    args: &Args,
    scope: &Scope,
    plan: &mut [Comparison],
    sides: &mut Sides,
    (context, tally): (&'run Context, &mut Tally<'run>),
) -> anyhow::Result<()> {
    if let Some(source) = &mut sides.source {
        let split_bytes = args.rows.split_size.bytes();
        ranges::split(plan, source, &mut sides.target, split_bytes)?;
    }
    if let Depth::Sample(percent) = scope.depth {
        let wanted = Wanted {
            rows: args.rows.max_differences,
            values: !args.rows.no_values,
        };
        sample::compare((plan, percent), sides, wanted, context, tally)?;
    }
    if let Some(most) = args.live.statement_cost {
        dearness::limit(plan, sides, most)?;
    }
    Ok(())
}

/// Compares what is no row, as far as it is asked for.
fn beyond_rows(
    (args, known): (&Args, &Known),
    scope: &Scope,
    sides: &mut Sides,
    context: &Context,
    tally: &mut Tally<'_>,
) -> anyhow::Result<()> {
    if args.beyond.objects {
        let objects = objects::compare(scope, sides, context, tally)?;
        tally.count_objects(objects);
    }
    if args.beyond.parameters {
        let source = sides.source_of_parameters(args, known, context);
        parameters::compare(sides, source, context)?;
    }
    Ok(())
}

/// Files that are written at the end. They are opened first: nobody waits an hour to hear that
/// a directory does not exist.
struct Files {
    repair: Option<Repair>,
    history: Option<History>,
    metrics: Option<Fresh>,
}

impl Files {
    fn open(args: &Args) -> anyhow::Result<Self> {
        let files = &args.files;
        Ok(Self {
            repair: args
                .rows
                .repair_sql
                .as_deref()
                .map(Repair::begin)
                .transpose()?,
            history: files.history.as_deref().map(History::open).transpose()?,
            metrics: files.metrics.as_deref().map(metrics::begin).transpose()?,
        })
    }

    fn write(self, closed: Closed, sides: &Sides, begun: Instant) -> anyhow::Result<()> {
        if let Some(history) = self.history {
            let places = (&*sides.source_place(), &*sides.target.place());
            history.append(places, &closed.all)?;
        }
        if let Some(file) = self.metrics {
            metrics::write(file, &closed.sum, &closed.all, begun.elapsed())?;
        }
        match closed.resume {
            Some(resume) => resume.end(),
            None => Ok(()),
        }
    }
}

/// Leaves out what an interrupted run has found equal.
fn take_up<'run>(
    path: &Path,
    (plan, scope): (&mut [Comparison], &Scope),
    sides: &Sides,
    context: &'run Context,
    tally: &mut Tally<'run>,
) -> anyhow::Result<()> {
    let (source, target) = (sides.source_place(), sides.target.place());
    let mut resume = Resume::open(path, &[&source, &target, &scope.text()], plan, context)?;
    for comparison in plan {
        let is_open = matches!(comparison.course, Course::Compare { .. });
        if let Some(verified) = resume.take(comparison.kind, &comparison.name)
            && is_open
        {
            tally.add_record(verified, Vec::new());
            comparison.course = Course::Told;
        }
    }
    tally.note_in(resume);
    Ok(())
}

fn say_what_is_proven(scope: &Scope, context: &Context) {
    match scope.depth {
        Depth::Whole => {}
        Depth::Count => context
            .notice()
            .note("rows were counted only: that proves nothing equal"),
        Depth::Sample(_) => context
            .notice()
            .note("large tables were sampled only: that proves nothing equal"),
    }
}

fn plan(known: &mut Known, sides: &mut Sides, scope: &Scope) -> anyhow::Result<Vec<Comparison>> {
    let mut source: Option<Listing> = sides.source.as_mut().map(Server::list).transpose()?;
    let mut target = sides.target.list()?;
    let mut names: BTreeSet<RelationName> = known
        .tables
        .keys()
        .chain(known.sequences.keys())
        .cloned()
        .collect();
    for listing in source.iter().chain([&target]) {
        names.extend(listing.relations.iter().map(|one| one.name.clone()));
        names.extend(listing.sequences.iter().cloned());
    }
    let chosen = scope.choose(sides.target.session(), names)?;
    check_columns(scope, source.as_ref(), &target)?;
    known.keep(&chosen, scope);
    for listing in source.iter_mut().chain([&mut target]) {
        listing.keep(&chosen, scope);
    }
    let plan = if known.has_scope() {
        plan::scoped(known, source, target, scope)
    } else {
        plan::whole(source.unwrap_or_default(), target, scope)
    };
    if plan.is_empty() && scope.is_chosen() {
        return Err(Failure::usage("the patterns leave nothing to compare")
            .hint("A pattern of -T or -N takes away what -t and -n have chosen, and a stream names what is compared.")
            .into());
    }
    Ok(plan)
}

/// A condition must be one on both sides: what closes a bracket that it has not opened would take
/// in rows that are none of its business.
fn check_conditions(scope: &Scope, sides: &mut Sides) -> anyhow::Result<()> {
    for (name, condition) in &scope.conditions {
        let filter = RowFilter {
            name: name.clone(),
            condition: condition.clone(),
        };
        for side in sides.source.iter_mut().chain([&mut sides.target]) {
            let role = side.role().as_str();
            let checked = undisturbed(side.session(), |session| Ok(filter.check(session)?));
            let found = checked
                .err()
                .and_then(|error| error.downcast::<pg_session::Error>().ok());
            // A table that one side lacks is told as that.
            if let Some(error) = found.filter(|error| error.sqlstate() != Some("42P01")) {
                return Err(
                    Failure::usage(format!("--where {name}: the {role} says: {error}"))
                        .hint("Try it in psql: select count(*) from the table where the condition.")
                        .object(name.to_string())
                        .into(),
                );
            }
        }
    }
    Ok(())
}

/// A column that neither side has would be compared on none, and pass; one that is generated, too,
/// since its values are nobody's to compare.
fn check_columns(scope: &Scope, source: Option<&Listing>, target: &Listing) -> Result<(), Failure> {
    for (table, columns) in &scope.columns {
        let sides = || source.into_iter().chain([target]);
        let generated = columns
            .iter()
            .find(|column| sides().any(|listing| listing.generates(table, column)));
        if let Some(column) = generated {
            return Err(Failure::usage(format!(
                "--columns: column {column} of table {table} is generated, and its values are not compared"
            ))
            .hint("Compare the columns that it is computed from."));
        }
        let unknown = columns
            .iter()
            .find(|column| !sides().any(|listing| listing.has_column(table, column)));
        if let Some(column) = unknown {
            return Err(Failure::usage(format!(
                "--columns: table {table} has no column {column} on either side"
            ))
            .hint("Names of columns are exact; put those with upper case in double quotes."));
        }
    }
    Ok(())
}

fn read<'run>(
    args: &Args,
    plan: &'run [Comparison],
    (sides, routed): (&Sides, Routed),
    context: &'run Context,
    tally: &mut Tally<'run>,
) -> anyhow::Result<Vec<Pending>> {
    let bytes = plan.iter().map(Comparison::bytes).sum();
    let meter = context.meter("verify", plan.len(), Some(bytes));
    let mut desk = Desk::new(context, (plan, routed), tally, meter.counters());
    desk.settle();
    let limit = args.live.rate_limit.map(|size| size.bytes().unsigned_abs());
    let queue = |side: &Server| Queue {
        opener: side.opener(),
        tasks: tasks(plan, side.role()),
        pace: Pace::new(limit),
    };
    let queues = sides.each().map(queue).collect();
    let read = pool::read(queues, args.jobs(), context.stop(), |done| {
        desk.take(done);
    });
    drop(meter);
    read?;
    context.check_stop()?;
    desk.close()
}
