//! The probe of both servers at once, and the records of what was found: source first, in
//! the same order every time.

use std::sync::mpsc::{self, Receiver};
use std::thread;

use pg_pipe::record::{Database, Endpoint as EndpointRecord, Migration, ProbeStep, Record};
use pg_pipe::{Context, Exit, Failure, Head, Input};
use pg_session::catalog::{self, DatabaseFacts, platform};
use pg_session::{Endpoint, Error, Role, endpoint, quote, settings};

use crate::args::Args;
use crate::sides::Given;
use crate::steps::{self, Probed, Steps};
use crate::{records, sides, throughput};

/// What came of one side.
struct Side {
    role: Role,
    steps: Vec<ProbeStep>,
    found: Result<Found, Error>,
}

/// The records of a side that could be probed.
struct Found {
    endpoint: EndpointRecord,
    databases: Vec<DatabaseFacts>,
}

/// What is known of the source when all sides were probed.
#[derive(Default)]
struct Source {
    platform: Option<String>,
    /// Its user databases; nothing when it was not probed.
    databases: Option<Vec<Database>>,
}

/// Probes what is given.
///
/// # Errors
/// When a side cannot be probed, or lacks a database of the migration.
pub(crate) fn run(args: &Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit> {
    let head = Head::read(input)?;
    let given: Vec<Given> = sides::resolve(args, &head, &endpoint::environment)?
        .into_iter()
        .map(|(role, endpoint)| (role, endpoint.map(|one| one.telling(context.teller()))))
        .collect();
    let endpoints: Vec<Endpoint> = given
        .iter()
        .filter_map(|(_, endpoint)| endpoint.as_ref().ok().cloned())
        .collect();
    let application_name = settings::application_name(head.hash(), context.tool());
    let source = probe(given, &application_name, args.all, context)?;
    let mut exit = Exit::Fine;
    if let Some(migration) = &head.migration {
        exit = check_migration(migration, &source, context)?;
    }
    if let Some(limit) = args.throughput {
        let wanted = head.migration.as_ref().map(|one| one.databases.as_slice());
        let databases = source.databases.as_deref().unwrap_or_default();
        let asked = throughput::Asked {
            limit,
            endpoints: &endpoints,
            application_name: &application_name,
            total_bytes: throughput::total_bytes(databases, wanted),
        };
        let measured = asked.measure(context)?;
        if exit == Exit::Fine {
            exit = measured;
        }
    }
    Ok(exit)
}

/// Probes all sides at once and writes what was found.
///
/// # Errors
/// When a side cannot be probed; the others are probed and told all the same.
fn probe(
    given: Vec<Given>,
    application_name: &str,
    all: bool,
    context: &Context,
) -> anyhow::Result<Source> {
    let probing: Vec<Receiver<Side>> = given
        .into_iter()
        .map(|given| begin(given, application_name.to_owned()))
        .collect();
    let mut failures = Vec::new();
    let mut source = Source::default();
    for receiver in probing {
        let side = wait(&receiver)?;
        write_steps(side.steps, context);
        match side.found {
            Ok(found) => {
                let known = report(found, all, context);
                if side.role == Role::Source {
                    source = known;
                }
            }
            Err(error) => failures.push((side.role, error)),
        }
    }
    conclude(failures, context)?;
    Ok(source)
}

/// Begins to probe a side in a thread of its own: both sides at once.
fn begin((role, endpoint): Given, application_name: String) -> Receiver<Side> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut steps = Steps::new(role);
        let found = endpoint.and_then(|endpoint| {
            let probed = steps::take_all(&endpoint, &application_name, &mut steps)?;
            found(&endpoint, probed)
        });
        // Nobody listens any more when the tool was stopped.
        drop(sender.send(Side {
            role,
            steps: steps.taken,
            found,
        }));
    });
    receiver
}

fn wait(receiver: &Receiver<Side>) -> Result<Side, Failure> {
    receiver
        .recv()
        .map_err(|_disconnected| Failure::bug("the thread of a probe panicked"))
}

fn found(endpoint: &Endpoint, mut probed: Probed) -> Result<Found, Error> {
    let databases = match endpoint.role() {
        Role::Source => catalog::list_databases(&mut probed.session)?,
        Role::Target => Vec::new(),
    };
    Ok(Found {
        endpoint: records::endpoint(endpoint, probed),
        databases,
    })
}

fn write_steps(steps: Vec<ProbeStep>, context: &Context) {
    for step in steps {
        let verdict = if step.ok { "ok" } else { "failed" };
        context.notice().detail(&format!(
            "{} {} {verdict} ({} ms): {}",
            step.role.as_str(),
            step.step,
            step.milliseconds,
            step.message
        ));
        context.write(Record::Probe(step));
    }
}

/// Writes what was found; gives what is needed of it.
fn report(found: Found, all: bool, context: &Context) -> Source {
    let platform = found.endpoint.platform.clone();
    context.write(Record::Endpoint(found.endpoint));
    let mut databases = Vec::new();
    for facts in found.databases {
        let is_user = records::is_user_database(&facts);
        let record = records::database(facts);
        if is_user || all {
            context.write(Record::Database(record.clone()));
        }
        if is_user {
            databases.push(record);
        }
    }
    Source {
        platform,
        databases: Some(databases),
    }
}

/// Compares the migration with the source, where that was probed.
fn check_migration(
    migration: &Migration,
    source: &Source,
    context: &Context,
) -> Result<Exit, Failure> {
    if let Some(databases) = &source.databases {
        let names: Vec<&str> = databases.iter().map(|one| one.name.as_str()).collect();
        check_wanted(migration, &names)?;
    }
    let platform = source.platform.as_deref().and_then(platform::of_id);
    let odd = platform.and_then(|platform| platform.contradiction(&migration.source_type));
    let Some(odd) = odd else {
        return Ok(Exit::Fine);
    };
    context.notice().warn(&odd);
    Ok(if context.strict() {
        Exit::No
    } else {
        Exit::Fine
    })
}

/// Says so when the migration wants a database that is not there.
fn check_wanted(migration: &Migration, names: &[&str]) -> Result<(), Failure> {
    let mut wanted = migration.databases.iter().chain([&migration.database]);
    let Some(missing) = wanted.find(|name| !names.contains(&name.as_str())) else {
        return Ok(());
    };
    let shown: Vec<String> = names.iter().map(|name| quote::shown(name)).collect();
    Err(Failure::usage(format!(
        "database {} of the migration is no user database of the source",
        quote::shown(missing)
    ))
    .object(missing.clone())
    .hint(format!(
        "The source has: {}. Correct the migration file.",
        shown.join(", ")
    )))
}

/// Ends with the last failure; those before it are reported by themselves, so that no side
/// hides the other.
fn conclude(mut failures: Vec<(Role, Error)>, context: &Context) -> Result<(), Error> {
    let Some((_, last)) = failures.pop() else {
        return Ok(());
    };
    for (role, error) in failures {
        context.item_failed(role.as_str(), &error.into());
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_missing_is_named_with_those_that_exist() {
        let migration: Migration = serde_json::from_str(
            r#"{"name":"m","hash":"0","option":"Migrate","mode":"Offline","source_type":"x",
                "databases":["shop","shpo"],"database":"shop","staging":"s","overwrite":false}"#,
        )
        .unwrap();
        assert!(check_wanted(&migration, &["shop", "shpo"]).is_ok());
        let failure = check_wanted(&migration, &["shop", "My DB"]).unwrap_err();
        assert!(failure.to_string().contains("database shpo"));
        let hint = failure.diagnosis().hint.clone().unwrap();
        assert!(hint.contains("shop, \"My DB\""), "{hint}");
        assert_eq!(failure.diagnosis().exit, Exit::Usage);
    }
}
