//! The run as a whole: plan, snapshot, workers, large objects, sequences.

use anyhow::Context as _;
use pg_pipe::pace::Pace;
use pg_pipe::record::Table;
use pg_pipe::{Context, Dial, Exit, Failure, Input};
use pg_session::args::Size;
use pg_session::{Purpose, RelationName, Session, ledger};

use crate::args::Args;
use crate::crew;
use crate::ends::{self, Ends};
use crate::filter::Filters;
use crate::holder::Holder;
use crate::large_objects::{Keeps, Ways};
use crate::plan::Plan;
use crate::resume::{Choice, Left};
use crate::worker::{Hashing, Joining, Manner, Shared, taken_over};
use crate::{large_objects, resume, sequences};

/// Reads the plan, then copies.
///
/// # Errors
/// What ends the tool.
pub(crate) fn run(args: &Args, input: Input, context: &Context) -> anyhow::Result<Exit> {
    let plan = Plan::read(input)?;
    if plan.head.validates_only() {
        return Ok(Exit::Fine);
    }
    if plan.is_empty() {
        context
            .notice()
            .note("the stream has no table, sequence or large_objects records: nothing to copy");
        return Ok(Exit::Fine);
    }
    plan.check_names()?;
    plan.tell_foreign_tables(context);
    let filters = Filters::of(&args.filters, &plan.tables)?;
    let dial = listen(args.load.jobs.jobs.get(), context)?;
    let ends = Ends::resolve(args, &plan.head, context)?;
    let mut target = ends.target.connect(Purpose::Load, &ends.application_name)?;
    ends::require_ours(&mut target, &plan.head)?;
    require_alone(&mut target)?;
    let (tables, lost) = split(&plan, &mut target, context)?;
    let positions = sequences::left(&plan, &mut target, context)?;
    let mut holder = Holder::open(&ends.source, &ends.application_name, &tables)?;
    let cancel = holder.session.cancel();
    let _registered = context.stop().on_request(move || cancel.fire());
    filters.check(&mut holder)?;
    let places = (&mut holder, &mut target);
    let (all_well, run) = copy_rows(
        (args, &plan, &ends),
        &tables,
        places,
        (dial, filters),
        context,
    )?;
    // The rows are in: what writes on the source from now on is its own affair.
    holder.session.batch("commit")?;
    regain(&ends, &mut target, run)?;
    let sequences_well = sequences::copy(&mut holder.session, &mut target, &positions, context)?;
    ledger::make_durable(&mut target)?;
    if all_well && ledger::count_left(&mut target, run)? > 0 {
        return Err(lost_again().into());
    }
    Ok(if all_well && sequences_well && !lost {
        Exit::Fine
    } else {
        Exit::Partial
    })
}

/// Plans and copies tables, then large objects; gives whether all are in.
fn copy_rows(
    (args, plan, ends): (&Args, &Plan, &Ends),
    tables: &[&Table],
    (holder, target): (&mut Holder, &mut Session),
    (dial, filters): (Dial, Filters),
    context: &Context,
) -> anyhow::Result<(bool, i64)> {
    let choice = Choice {
        format: args.copy_format,
        split_size: args.split_size.map(Size::bytes),
        jobs: args.load.jobs.jobs.get(),
        starts_over: args.no_resume,
        migration: plan.head.hash().unwrap_or_default(),
    };
    // What an earlier run began is ended, even when the source has none of them any more.
    let with_large_objects = plan.large_objects || ledger::has_large_objects(target)?;
    if with_large_objects {
        large_objects::require_unknown(target, &mut holder.session)?;
    }
    let keeps = if args.no_resume || holder.streamer.is_some() {
        Keeps::Nothing
    } else {
        Keeps::TheSame
    };
    let left = resume::plan(target, holder, &filters, choice, context)?;
    let large = with_large_objects
        .then(|| large_objects::plan(target, &mut holder.session, (keeps, left.run), context))
        .transpose()?;
    if large.is_some() {
        ledger::make_durable(target)?;
    }
    let run = left.run;
    let steered = dial.clone();
    let manner = Manner::new(&args.load, dial, filters);
    let well = copy_tables(ends, manner, (holder, target), (left, tables), context);
    if well.is_err() {
        // Workers elsewhere would go on without us. Best effort: they end with their chunk.
        let _left_alone = ledger::end_run(target, run);
    }
    let mut all_well = well?;
    if let Some(left) = large {
        let ways = Ways {
            source: &ends.source,
            target: &ends.target,
            application_name: &ends.application_name,
            snapshot: &holder.snapshot,
            toast: args.load.toast(),
            pace: Pace::new(args.load.rate()),
            run,
            jobs: steered.value(),
        };
        regain(ends, target, run)?;
        all_well &= large_objects::copy(target, &ways, &left, context)
            .context("cannot copy large objects")?;
    }
    Ok((all_well, run))
}

/// Two runs over one ledger would plan over each other.
fn require_alone(target: &mut Session) -> anyhow::Result<()> {
    if ledger::lock_runs(target)? {
        return Ok(());
    }
    Err(
        Failure::conflict("another pg-copy is copying into this database")
            .hint("Wait for it, stop it and run the same again, or help it: pg-copy worker.")
            .into(),
    )
}

/// The session of the beginning may have been lost while others worked. Another does, unless
/// somebody else has begun a run since.
fn regain(ends: &Ends, target: &mut Session, run: i64) -> anyhow::Result<()> {
    match target.batch("select") {
        Err(error) if error.class().is_connection() => {}
        other => return Ok(other?),
    }
    let mut fresh = ends.target.connect(Purpose::Load, &ends.application_name)?;
    require_alone(&mut fresh)?;
    if ledger::latest_run(&mut fresh)?.map(|latest| latest.id) != Some(run) {
        return Err(taken_over().into());
    }
    *target = fresh;
    Ok(())
}

/// Commits do not wait for the disk, but for the last one.
fn lost_again() -> Failure {
    Failure::new(
        Exit::Connection,
        "lost",
        "the target died and has lost rows that it had",
    )
    .hint("Run the same again: it copies what is missing.")
}

/// The jobs, which signals change from now on.
///
/// # Errors
/// When signals cannot be listened to.
pub(crate) fn listen(jobs: usize, context: &Context) -> Result<Dial, Failure> {
    Dial::listen(jobs, context.notice().clone())
        .map_err(|error| Failure::bug(format!("cannot listen for signals: {error}")))
}

/// The tables to copy, and whether some are lost because they could not be created. What a
/// filter took out of the schema is told.
fn split<'p>(
    plan: &'p Plan,
    target: &mut Session,
    context: &Context,
) -> anyhow::Result<(Vec<&'p Table>, bool)> {
    let mut tables = Vec::new();
    let mut lost = false;
    for table in &plan.tables {
        let name = RelationName::new(table.schema.clone(), table.name.clone());
        if plan.not_created.contains(&name) {
            lost = true;
            let failure = Failure::new(
                Exit::Refused,
                "skipped",
                format!("table {name} is not copied: it could not be created"),
            );
            context.item_failed(&name.to_string(), &failure.into());
        } else if plan.lacks(&name, target)? {
            context.notice().warn(&format!(
                "table {name} is left out: the target lacks it, and the stream does not make it"
            ));
        } else {
            tables.push(table);
        }
    }
    Ok((tables, lost))
}

fn copy_tables(
    ends: &Ends,
    manner: Manner,
    (holder, target): (&Holder, &Session),
    (left, tables): (Left, &[&Table]),
    context: &Context,
) -> anyhow::Result<bool> {
    if left.chunks == 0 {
        return Ok(true);
    }
    let bytes: i64 = tables.iter().map(|table| table.bytes).sum();
    let meter = context.meter("rows", left.tables, Some(u64::try_from(bytes).unwrap_or(0)));
    let joining = Joining {
        run: left.run,
        snapshot: &holder.snapshot,
        relations: &holder.relations,
        routes: &holder.routes,
        ways: (holder.session.way().clone(), target.way().clone()),
        quiet: left.quiet,
        is_guest: false,
        hashing: Hashing {
            is_utf8: holder.session.facts().encoding == "UTF8",
            streams: holder.streamer.is_some(),
        },
    };
    let chunks = left.chunks;
    meter.counters().set_parts(chunks);
    let shared = Shared::new(context, ends.clone(), manner, joining, meter.counters());
    shared.take_up(left);
    let all_taken = crew::copy_all(&shared, chunks)?;
    drop(meter);
    // What is still held when all workers have ended was given up.
    Ok(all_taken && shared.has_given_up_none())
}
