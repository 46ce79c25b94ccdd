//! `--deep`: checks that read rows. Their queries list probes, a query each, which are run on
//! several connections in the snapshot of all checks, without index scans, because an index
//! may be what is wrong. A probe that gives a row, or that the data make fail, is a finding.

use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use pg_pipe::record::Side;
use pg_pipe::{Context, Failure};
use pg_session::snapshot::{self, SnapshotId};
use pg_session::{Class, Endpoint, Error, Purpose, Session};

use crate::args::Args;
use crate::ask::{self, Finding};
use crate::checks::Check;
use crate::outcome::{Fix, Outcome, counted};
use crate::subject::Subject;

/// What each connection sets beside what all have.
const SETTINGS: &str = "set local enable_indexscan = off; set local enable_indexonlyscan = off; \
                        set local enable_bitmapscan = off; set local work_mem = '64MB'; \
                        set local lock_timeout = '2s'";

/// Ends a probe, and gives back the locks that it took.
const BACK: &str = "rollback to savepoint pgmig_probe; release savepoint pgmig_probe";

/// Class of SQLSTATE: the data are wrong.
const DATA_EXCEPTION: &str = "22";

/// SQLSTATE of what amcheck finds.
const INDEX_CORRUPTED: &str = "XX002";

/// Why a query that a check would have is not there.
const OF_OTHERS: &str = "code of somebody who is no superuser is not run with our rights";

/// A query that reads rows.
struct Probe {
    /// Which of the checks.
    check: usize,
    object: String,
    /// Not there where it would run what others have written.
    sql: Option<String>,
    fix: Option<String>,
}

/// What became of a probe.
enum Answer {
    Fine,
    Wrong(Option<String>),
    Unanswered(String),
}

/// Runs checks that read rows; gives the outcome of each.
///
/// # Errors
/// When a server is lost.
pub(crate) fn run(
    checks: &[&Check],
    subject: &mut Subject,
    args: &Args,
    context: &Context,
) -> anyhow::Result<Vec<Outcome>> {
    let deadline = Instant::now() + Duration::from_secs(u64::from(args.deep_time));
    let mut probes = Vec::new();
    let mut failed: Vec<Option<String>> = Vec::new();
    for (index, check) in checks.iter().enumerate() {
        context.check_stop()?;
        match list(index, check, subject) {
            Ok(listed) => {
                probes.extend(listed);
                failed.push(None);
            }
            Err(error) if error.class().is_connection() => return Err(error.into()),
            Err(error) => failed.push(Some(pg_pipe::failure::message(&error.into()))),
        }
    }
    let exported = match export(subject) {
        Ok(id) => id,
        Err(error) if error.class().is_connection() => return Err(error.into()),
        Err(error) => {
            let why = pg_pipe::failure::message(&error.into());
            return Ok(vec![Outcome::unanswered(why); checks.len()]);
        }
    };
    let way = (&subject.source.endpoint, subject.application_name.as_str());
    let answers = in_parallel(probes, (&exported, deadline), way, args, context)?;
    let outcomes = checks
        .iter()
        .zip(failed)
        .enumerate()
        .map(|(index, (check, failed))| {
            if let Some(why) = failed {
                return Outcome::unanswered(why);
            }
            let own = answers.iter().filter(|(probe, _)| probe.check == index);
            outcome(check, subject, own.collect())
        });
    Ok(outcomes.collect())
}

fn list(index: usize, check: &Check, subject: &mut Subject) -> Result<Vec<Probe>, Error> {
    let mut probes = Vec::new();
    for step in &check.steps {
        for row in subject.source.ask(step.sql, &["{}", ""])? {
            let text = |column: &str| row.get(column).cloned();
            probes.push(Probe {
                check: index,
                object: text("object").unwrap_or_default(),
                sql: text("probe"),
                fix: text("fix"),
            });
        }
    }
    Ok(probes)
}

/// Gives the snapshot of all checks to other sessions.
fn export(subject: &mut Subject) -> Result<SnapshotId, Error> {
    let sql = "select pg_export_snapshot()";
    let row = subject.source.session.query_one(sql, &[])?;
    Ok(SnapshotId(row.get(0)))
}

fn in_parallel(
    probes: Vec<Probe>,
    (id, deadline): (&SnapshotId, Instant),
    way: (&Endpoint, &str),
    args: &Args,
    context: &Context,
) -> anyhow::Result<Vec<(Probe, Answer)>> {
    let workers = args.jobs.jobs.get().min(probes.len());
    let meter = context.meter("reading rows", probes.len(), None);
    let (sender, queue) = unbounded();
    for probe in probes {
        // The receiver is held by us.
        drop(sender.send(probe));
    }
    drop(sender);
    let (done, answers) = unbounded();
    thread::scope(|scope| {
        let running: Vec<_> = (0..workers)
            .map(|_| {
                let (queue, done) = (queue.clone(), done.clone());
                scope.spawn(move || work(way, id, deadline, (queue, done), context))
            })
            .collect();
        drop(done);
        let answers: Vec<(Probe, Answer)> = answers
            .iter()
            .inspect(|_| meter.counters().add_item())
            .collect();
        for worker in running {
            worker
                .join()
                .map_err(|_panic| Failure::bug("a worker panicked"))??;
        }
        Ok(answers)
    })
}

fn work(
    (endpoint, application_name): (&Endpoint, &str),
    id: &SnapshotId,
    deadline: Instant,
    (queue, done): (Receiver<Probe>, Sender<(Probe, Answer)>),
    context: &Context,
) -> anyhow::Result<()> {
    let mut session = endpoint.connect(Purpose::Read, application_name)?;
    let cancel = session.cancel();
    let _registered = context.stop().on_request(move || cancel.fire());
    snapshot::adopt(&mut session, id)?;
    session.batch(SETTINGS)?;
    for probe in queue {
        context.check_stop()?;
        let answer = answer(&mut session, &probe, deadline)?;
        // Nobody listens any more once another worker has failed.
        drop(done.send((probe, answer)));
    }
    Ok(())
}

fn answer(session: &mut Session, probe: &Probe, deadline: Instant) -> Result<Answer, Error> {
    let left = deadline
        .saturating_duration_since(Instant::now())
        .as_millis();
    if left == 0 {
        return Ok(Answer::Unanswered("no time was left".to_owned()));
    }
    let Some(sql) = &probe.sql else {
        return Ok(Answer::Unanswered(OF_OTHERS.to_owned()));
    };
    let sql =
        format!("savepoint pgmig_probe;\nset local statement_timeout = {left};\n{sql}\n;{BACK}");
    match session.simple_rows(&sql) {
        Ok(rows) => Ok(match rows.into_iter().next() {
            Some(row) => Answer::Wrong(row.into_values().next()),
            None => Answer::Fine,
        }),
        Err(error) if error.class().is_connection() => Err(error),
        Err(error) => {
            // Without a SQLSTATE all is done on the server, and only not understood here.
            if error.sqlstate().is_some() {
                session.batch(BACK)?;
            }
            let is_of_data = error
                .sqlstate()
                .is_some_and(|state| state.starts_with(DATA_EXCEPTION) || state == INDEX_CORRUPTED);
            let is_late = error.class() == Class::Canceled;
            let said = pg_pipe::failure::message(&error.into());
            Ok(if is_of_data {
                Answer::Wrong(Some(said))
            } else if is_late {
                Answer::Unanswered("no time was left".to_owned())
            } else {
                Answer::Unanswered(said)
            })
        }
    }
}

fn outcome(check: &Check, subject: &Subject, answers: Vec<&(Probe, Answer)>) -> Outcome {
    let all = answers.len();
    let mut found = Vec::new();
    let mut unanswered: Vec<(String, &str)> = Vec::new();
    for (probe, answer) in answers {
        match answer {
            Answer::Fine => {}
            Answer::Wrong(detail) => found.push(Finding {
                object: probe.object.clone(),
                detail: detail.clone(),
                fix: probe.fix.clone().map(|sql| Fix {
                    side: Side::Source,
                    sql,
                }),
                ..Finding::default()
            }),
            Answer::Unanswered(why) => unanswered.push((probe.object.clone(), why)),
        }
    }
    found.sort_by(|one, other| one.object.cmp(&other.object));
    unanswered.sort();
    let Some((_, why)) = unanswered.first() else {
        return ask::outcome(check, subject, &found);
    };
    let rest = format!(
        "{} of {} not looked at: {why}",
        unanswered.len(),
        counted(all, "object")
    );
    if found.is_empty() {
        let objects = unanswered.into_iter().map(|(object, _)| object).collect();
        return Outcome::unanswered(rest).objects(objects);
    }
    let mut outcome = ask::outcome(check, subject, &found);
    outcome.message = format!("{}; {rest}", outcome.message);
    outcome
}
