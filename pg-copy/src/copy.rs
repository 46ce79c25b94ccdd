//! The run as a whole: plan, snapshot, workers, large objects, sequences.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use pg_pipe::record::{Side, Table};
use pg_pipe::{Context, Exit, Failure, Input};
use pg_session::args::Size;
use pg_session::mark::{self, Standing};
use pg_session::settings::application_name;
use pg_session::{Endpoint, Purpose, RelationName, Role, Session, ledger};

use crate::args::{Args, Toast};
use crate::holder::Holder;
use crate::plan::Plan;
use crate::resume::{Choice, Left};
use crate::worker::Shared;
use crate::{large_objects, resume, sequences};

/// The server notices a lost client within its keepalives and user timeout, a minute or so.
const LONGEST_HOLD: Duration = Duration::from_secs(90);
/// How often a chunk that is held is tried again.
const HOLD_POLL: Duration = Duration::from_secs(1);

/// Where a run copies from and to.
struct Ends {
    source: Endpoint,
    target: Endpoint,
    application_name: String,
}

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
    let ends = resolve(args, &plan, context)?;
    let mut target = ends.target.connect(Purpose::Load, &ends.application_name)?;
    require_ours(&mut target, &plan)?;
    lock_ledger(&mut target)?;
    let (tables, lost) = split(&plan, &mut target, context)?;
    let positions = sequences::left(&plan, &mut target, context)?;
    let mut holder = Holder::open(&ends.source, &ends.application_name, &tables)?;
    let cancel = holder.session.cancel();
    let _registered = context.stop().on_request(move || cancel.fire());
    let choice = Choice {
        format: args.copy_format,
        split_size: args.split_size.map(Size::bytes),
        jobs: args.jobs.jobs.get(),
    };
    let left = resume::plan(&mut target, &mut holder, choice, context)?;
    begin_run(&mut target, &mut holder, &plan)?;
    let tables_well = copy_tables(args, &ends, (&holder, &target), (left, &tables), context)?;
    if plan.large_objects {
        large_objects::copy(&mut holder.session, &mut target, context)
            .context("cannot copy large objects")?;
    }
    // The rows are in: what writes on the source from now on is its own affair.
    holder.session.batch("commit")?;
    let sequences_well = sequences::copy(&mut holder.session, &mut target, &positions, context)?;
    Ok(if tables_well && sequences_well && !lost {
        Exit::Fine
    } else {
        Exit::Partial
    })
}

fn resolve(args: &Args, plan: &Plan, context: &Context) -> anyhow::Result<Ends> {
    let head = &plan.head;
    let given = head.conninfo(Side::Source, args.source.source.as_deref());
    let source = pg_session::resolve(Role::Source, given.as_deref())?
        .password_left_behind(head.password_from(Side::Source, args.source.source.as_deref()))
        .telling(context.teller());
    let given = head.conninfo(Side::Target, args.target.target.as_deref());
    let target = pg_session::resolve(Role::Target, given.as_deref())?
        .password_left_behind(head.password_from(Side::Target, args.target.target.as_deref()))
        .telling(context.teller());
    let database = head.staging().unwrap_or(target.database()).to_owned();
    Ok(Ends {
        source,
        target: target.with_database(&database),
        application_name: application_name(head.hash(), context.tool()),
    })
}

/// The comment on a staging database is the first word: canceled is final.
fn require_ours(target: &mut Session, plan: &Plan) -> anyhow::Result<()> {
    let Some(migration) = &plan.head.migration else {
        return Ok(());
    };
    let found = mark::read(target, &migration.staging)?;
    match mark::standing(found.as_ref(), &migration.hash) {
        Standing::Canceled => Err(Failure::conflict(format!(
            "migration {} was canceled",
            migration.name
        ))
        .hint("Begin a new migration under another name.")
        .into()),
        Standing::Ours => Ok(()),
        Standing::Foreign => Err(Failure::conflict(format!(
            "database {} on the target is not of this migration",
            migration.staging
        ))
        .hint("Run pg-schema-apply --section pre-data first; it makes the database.")
        .into()),
    }
}

/// Two runs over one ledger would plan over each other.
fn lock_ledger(target: &mut Session) -> anyhow::Result<()> {
    let row = target.query_one(
        "select pg_try_advisory_lock(hashtext('pgmig'), hashtext('copy'))",
        &[],
    )?;
    if row.get(0) {
        return Ok(());
    }
    Err(
        Failure::conflict("another pg-copy is copying into this database")
            .hint("Wait for it, or stop it, and run the same again.")
            .into(),
    )
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

fn begin_run(target: &mut Session, holder: &mut Holder, plan: &Plan) -> anyhow::Result<()> {
    let source_snapshot: String = holder
        .session
        .query_one("select txid_current_snapshot()::text", &[])?
        .get(0);
    let system_identifier = plan
        .head
        .source
        .as_ref()
        .and_then(|endpoint| endpoint.system_identifier.as_deref());
    ledger::begin_run(
        target,
        plan.head.hash().unwrap_or_default(),
        &holder.snapshot.0,
        (system_identifier, &source_snapshot),
    )?;
    Ok(())
}

fn copy_tables(
    args: &Args,
    ends: &Ends,
    (holder, target): (&Holder, &Session),
    (left, tables): (Left, &[&Table]),
    context: &Context,
) -> anyhow::Result<bool> {
    if left.chunks == 0 {
        return Ok(true);
    }
    let bytes: i64 = tables.iter().map(|table| table.bytes).sum();
    let meter = context.meter("rows", left.tables, Some(u64::try_from(bytes).unwrap_or(0)));
    let shared = Shared {
        context,
        source: ends.source.clone(),
        target: ends.target.clone(),
        application_name: ends.application_name.clone(),
        snapshot: holder.snapshot.clone(),
        relations: &holder.relations,
        counters: meter.counters(),
        ways: (holder.session.way().clone(), target.way().clone()),
        is_utf8: holder.session.facts().encoding == "UTF8",
        toast: toast(args.toast_compression),
        clerk: Mutex::new(None),
        parts: Mutex::new(left.parts),
        held: Mutex::default(),
    };
    let all_taken = copy_all(&shared, args.jobs.jobs.get().min(left.chunks))?;
    drop(meter);
    // What is still held when all workers have ended was given up.
    let given_up = shared.held.into_inner().unwrap_or_default();
    Ok(all_taken && given_up.is_empty())
}

/// What a session of the target says about compression, if anything.
fn toast(choice: Toast) -> Option<&'static str> {
    match choice {
        Toast::Auto => Some(
            "select set_config(name, 'lz4', false) from pg_settings \
             where name = 'default_toast_compression' and 'lz4' = any (enumvals)",
        ),
        Toast::Lz4 => Some("set default_toast_compression = 'lz4'"),
        Toast::Pglz => Some("set default_toast_compression = 'pglz'"),
        Toast::Server => None,
    }
}

/// Runs workers until every chunk is done or given up. Workers pass over a chunk that another
/// session has, such as one whose client is gone and whose server has not noticed yet; it is
/// waited for, and a chunk that never comes is an item.
fn copy_all(shared: &Shared<'_>, jobs: usize) -> anyhow::Result<bool> {
    let mut waiting_since = None;
    loop {
        run_workers(shared, jobs)?;
        let left = shared.left_over()?;
        if left.is_empty() {
            return Ok(true);
        }
        if waiting_since.get_or_insert_with(Instant::now).elapsed() > LONGEST_HOLD {
            for name in &left {
                let failure = Failure::conflict(format!(
                    "cannot copy {name}: another session has held it for {} s",
                    LONGEST_HOLD.as_secs()
                ))
                .hint("Look for its backend in pg_stat_activity of the target, end it, and run the same again.");
                shared
                    .context
                    .item_failed(&name.to_string(), &failure.into());
            }
            return Ok(false);
        }
        shared.context.notice().detail(&format!(
            "{} tables are held by another session: waiting",
            left.len()
        ));
        shared.context.check_stop()?;
        thread::sleep(HOLD_POLL);
    }
}

fn run_workers(shared: &Shared<'_>, jobs: usize) -> anyhow::Result<()> {
    let results: Vec<anyhow::Result<()>> = thread::scope(|scope| {
        let workers: Vec<_> = (1..=jobs)
            .map(|number| scope.spawn(move || shared.work(number)))
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
