//! `pg-copy worker`: takes part in copies that run elsewhere. The plan on the target is all
//! that the two have in common; who begins a run tells of its tables.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use pg_pipe::{Context, Exit, Failure};
use pg_session::ledger::{self, LedgerChunk, Run};
use pg_session::mark::{self, MarkState};
use pg_session::settings::application_name;
use pg_session::{Class, Endpoint, Error, Purpose, Role, Session, catalog, checksum, snapshot};

use crate::args::WorkerArgs;
use crate::copy::listen;
use crate::crew;
use crate::ends::{Ends, WORKER, canceled};
use crate::filter::Filters;
use crate::guards::Guards;
use crate::routes::Routes;
use crate::worker::{Hashing, Joining, Manner, Shared};

/// How often it is looked for a run.
const POLL: Duration = Duration::from_millis(500);

/// Runs that need no more help: the database and the run's number.
type Finished = BTreeSet<(String, i64)>;

/// Joins one run after the other, until none needs help: of a migration, as long as it is worth
/// waiting for the next database.
///
/// # Errors
/// What ends the tool; a conflict (exit 7) when there has been nothing to join.
pub(crate) fn run(args: &WorkerArgs, context: &Context) -> anyhow::Result<Exit> {
    let dial = listen(args.load.jobs.jobs.get(), context)?;
    let source =
        pg_session::resolve(Role::Source, args.source.source.as_deref())?.telling(context.teller());
    let target =
        pg_session::resolve(Role::Target, args.target.target.as_deref())?.telling(context.teller());
    let mut finished = Finished::new();
    let mut all_well = true;
    // Since when there has been nothing to do, and why.
    let mut idle_since = Instant::now();
    let mut idle = nothing(args);
    loop {
        context.check_stop()?;
        let found = candidates(args, (&source, &target))?
            .into_iter()
            .find_map(|ends| open(ends, &finished).transpose())
            .transpose()?;
        if let Some((ends, session, run)) = found {
            let place = (ends.target.database().to_owned(), run.id);
            let manner = |filters| Manner::new(&args.load, dial.clone(), filters);
            match help(&ends, session, &run, manner, context)? {
                Helped::All(well) => {
                    all_well &= well;
                    finished.insert(place);
                    idle_since = Instant::now();
                    continue;
                }
                Helped::Lost => {
                    idle = left_alone();
                    idle_since = Instant::now();
                }
                Helped::NoSnapshot => idle = elsewhere(&ends),
            }
        } else if args.migration.is_none() && !finished.is_empty() {
            return Ok(ended(all_well));
        }
        if idle_since.elapsed() >= args.wait {
            return if finished.is_empty() {
                Err(idle.into())
            } else {
                Ok(ended(all_well))
            };
        }
        thread::sleep(POLL);
    }
}

fn ended(all_well: bool) -> Exit {
    if all_well { Exit::Fine } else { Exit::Partial }
}

fn nothing(args: &WorkerArgs) -> Failure {
    let whose = match &args.migration {
        Some(name) => format!("of migration {name}"),
        None => "into this database".to_owned(),
    };
    Failure::conflict(format!("there is no copy {whose} to join"))
        .hint("Start pg-copy, or ./migrate, first; --wait says how long to wait for it.")
}

fn left_alone() -> Failure {
    Failure::conflict("the copy that was joined has ended before all was in, and no other came")
        .hint("Run that pg-copy, or ./migrate, again, and this after it.")
}

fn elsewhere(ends: &Ends) -> Failure {
    Failure::conflict(format!(
        "the source has no snapshot of the copy into {}",
        ends.target.database()
    ))
    .hint("Give --source the server and the database that pg-copy copies from.")
}

/// The databases that may be copied now.
fn candidates(
    args: &WorkerArgs,
    (source, target): (&Endpoint, &Endpoint),
) -> anyhow::Result<Vec<Ends>> {
    let ends = |source: Endpoint, target: Endpoint, hash: Option<&str>| Ends {
        source,
        target,
        application_name: application_name(hash, WORKER),
    };
    let Some(name) = &args.migration else {
        return Ok(vec![ends(source.clone(), target.clone(), None)]);
    };
    let mut session = target.connect(Purpose::Read, WORKER)?;
    let marks = mark::list(&mut session)?;
    let ours = marks
        .into_iter()
        .filter(|(_, mark)| mark.migration == *name);
    let mut found = Vec::new();
    for (staging, mark) in ours {
        match mark.state {
            MarkState::Canceled => return Err(canceled(name).into()),
            MarkState::Loading => found.push(ends(
                source.with_database(&mark.database),
                target.with_database(&staging),
                Some(&mark.hash),
            )),
            MarkState::Verified | MarkState::Aside => {}
        }
    }
    Ok(found)
}

/// The run in a database, if one goes on there, and its plan is made.
fn open(ends: Ends, finished: &Finished) -> Result<Option<(Ends, Session, Run)>, Error> {
    let mut session = ends.target.connect(Purpose::Load, &ends.application_name)?;
    if !ledger::exists(&mut session)? || !ledger::is_running(&mut session)? {
        return Ok(None);
    }
    let database = ends.target.database().to_owned();
    let run = ledger::latest_run(&mut session)?
        .filter(|run| run.is_planned && !finished.contains(&(database, run.id)));
    Ok(run.map(|run| (ends, session, run)))
}

/// How joining a run has ended.
enum Helped {
    /// There was nothing left to take; whether all that was taken went well.
    All(bool),
    /// The run is gone, or another has taken its place.
    Lost,
    /// This source has not got its snapshot, or not any more.
    NoSnapshot,
}

fn help(
    ends: &Ends,
    mut session: Session,
    run: &Run,
    manner: impl Fn(Filters) -> Manner,
    context: &Context,
) -> anyhow::Result<Helped> {
    let chunks = ledger::list_chunks(&mut session)?;
    let (left, bytes) = extent(&chunks);
    if left == 0 {
        return Ok(Helped::All(true));
    }
    let filters = Filters::from_ledger(&chunks);
    let mut source = ends.source.connect(Purpose::Read, &ends.application_name)?;
    if let Err(error) = snapshot::adopt(&mut source, &run.snapshot) {
        // One of another database of the same server cannot be imported.
        let is_elsewhere = snapshot::is_gone(&error) || error.sqlstate() == Some("0A000");
        return if is_elsewhere {
            Ok(Helped::NoSnapshot)
        } else {
            Err(error.into())
        };
    }
    let relations: BTreeMap<_, _> = catalog::list_relations(&mut source, &[])?
        .into_iter()
        .map(|relation| (relation.name.clone(), relation))
        .collect();
    let routes = Routes::read(&mut source)?;
    let quiet = quieten(&mut session, &chunks, &routes)?;
    let joining = Joining {
        run: run.id,
        snapshot: &run.snapshot,
        relations: &relations,
        routes: &routes,
        ways: (source.way().clone(), session.way().clone()),
        hashing: Hashing {
            is_utf8: source.facts().encoding == "UTF8",
            streams: !checksum::is_hashed_by(&mut source)?,
        },
        quiet,
        is_guest: true,
    };
    let meter = context.meter("rows", left, Some(u64::try_from(bytes).unwrap_or(0)));
    meter.counters().set_parts(left);
    let shared = Shared::new(
        context,
        ends.clone(),
        manner(filters),
        joining,
        meter.counters(),
    );
    context.notice().note(&format!(
        "joined the copy into {}: {left} chunks are to be taken",
        ends.target.database()
    ));
    let result = crew::copy_all(&shared, left);
    drop(meter);
    match result {
        Ok(_) if shared.is_over() => Ok(Helped::Lost),
        Ok(_) => Ok(Helped::All(shared.has_given_up_none())),
        Err(error) => {
            context.check_stop()?;
            if is_gone(ends, run, &error) {
                return Ok(Helped::Lost);
            }
            Err(error)
        }
    }
}

/// Chunks that are not done, and their bytes on the source's disk, about.
fn extent(chunks: &[LedgerChunk]) -> (usize, i64) {
    let left = chunks.iter().filter(|chunk| chunk.done.is_none());
    let bytes = left.clone().map(|chunk| chunk.estimated_bytes).sum();
    (left.count(), bytes)
}

/// Whether sessions must keep triggers and keys quiet that are in the way.
fn quieten(session: &mut Session, chunks: &[LedgerChunk], routes: &Routes) -> anyhow::Result<bool> {
    let left = chunks.iter().filter(|chunk| chunk.done.is_none());
    let written = left
        .flat_map(|chunk| [&chunk.name, routes.unit(&chunk.name)])
        .collect();
    Guards::read(session)?.quieten(session, &written, &BTreeSet::new())
}

/// Whether workers failed because the run is no more.
fn is_gone(ends: &Ends, run: &Run, error: &anyhow::Error) -> bool {
    let class = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Error>())
        .map(Error::class);
    if !matches!(
        class,
        Some(Class::Lost | Class::Ledger | Class::Unavailable)
    ) {
        return false;
    }
    let look = || -> Result<bool, Error> {
        let mut session = ends.target.connect(Purpose::Load, &ends.application_name)?;
        let latest = ledger::latest_run(&mut session)?.map(|run| run.id);
        Ok(latest != Some(run.id) || !ledger::is_running(&mut session)?)
    };
    look().unwrap_or(false)
}
