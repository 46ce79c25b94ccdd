//! The probe of both servers at once, and the records of what was found: source first, in
//! the same order every time.

use std::sync::mpsc::{self, Receiver};
use std::thread;

use pg_pipe::record::{Database, Endpoint as EndpointRecord, Migration, ProbeStep, Record};
use pg_pipe::{Context, Exit, Failure, Head, Input};
use pg_session::catalog::{self, DatabaseFacts};
use pg_session::{Endpoint, Error, Role, endpoint, quote, settings};

use crate::args::Args;
use crate::steps::{self, Probed, Steps};
use crate::{platform, sides};

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

/// Probes what is given.
///
/// # Errors
/// When a side cannot be probed, or lacks a database of the migration.
pub(crate) fn run(args: &Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit> {
    let head = Head::read(input)?;
    let endpoints = sides::resolve(args, &head, &endpoint::environment)?;
    let application_name = settings::application_name(head.hash(), context.tool());
    let probing: Vec<Receiver<Side>> = endpoints
        .into_iter()
        .map(|endpoint| begin(endpoint, application_name.clone()))
        .collect();
    let mut failures = Vec::new();
    let mut source_names = None;
    for receiver in probing {
        let side = wait(&receiver)?;
        write_steps(side.steps, context);
        match side.found {
            Ok(found) => {
                let names = report(found, context);
                if side.role == Role::Source {
                    source_names = Some(names);
                }
            }
            Err(error) => failures.push((side.role, error)),
        }
    }
    conclude(failures, context)?;
    if let (Some(migration), Some(names)) = (&head.migration, source_names) {
        check_wanted(migration, &names)?;
    }
    Ok(Exit::Fine)
}

/// Begins to probe a side in a thread of its own: both sides at once.
fn begin(endpoint: Endpoint, application_name: String) -> Receiver<Side> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut steps = Steps::new(endpoint.role());
        let found = steps::take_all(&endpoint, &application_name, &mut steps)
            .and_then(|probed| found(&endpoint, probed));
        drop(sender.send(Side {
            role: endpoint.role(),
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
        endpoint: endpoint_record(endpoint, probed),
        databases,
    })
}

fn endpoint_record(endpoint: &Endpoint, probed: Probed) -> EndpointRecord {
    let session = probed.session.facts();
    EndpointRecord {
        role: sides::side(endpoint.role()),
        conninfo: endpoint.conninfo(),
        password_from: endpoint.password_from().map(str::to_owned),
        version: Some(session.version_text.clone()),
        version_num: Some(session.version.0),
        platform: Some(probed.facts.platform.to_owned()),
        system_identifier: probed.facts.system_identifier,
        database: Some(probed.facts.database),
        user: Some(probed.facts.user),
        encoding: Some(session.encoding.clone()),
        superuser: Some(probed.privileges.superuser),
        create_db: Some(probed.privileges.create_db),
        create_role: Some(probed.privileges.create_role),
        in_recovery: Some(session.in_recovery),
        read_only: Some(probed.facts.read_only),
        tls: session.tls.clone(),
        free_connections: Some(probed.facts.free_connections),
        round_trip_ms: Some(probed.facts.round_trip_ms),
    }
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

/// Writes what was found; gives the names of the user databases.
fn report(found: Found, context: &Context) -> Vec<String> {
    context.write(Record::Endpoint(found.endpoint));
    let databases: Vec<DatabaseFacts> = found
        .databases
        .into_iter()
        .filter(|database| !platform::is_provider_database(&database.name))
        .collect();
    let names = databases.iter().map(|d| d.name.clone()).collect();
    for database in databases {
        context.write(Record::Database(database_record(database)));
    }
    names
}

/// Says so when the migration wants a database that is not there.
fn check_wanted(migration: &Migration, names: &[String]) -> Result<(), Failure> {
    let mut wanted = migration.databases.iter().chain([&migration.database]);
    let Some(missing) = wanted.find(|name| !names.contains(name)) else {
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

fn database_record(facts: DatabaseFacts) -> Database {
    Database {
        name: facts.name,
        bytes: facts.bytes,
        encoding: facts.encoding,
        collate: facts.collate,
        ctype: facts.ctype,
        locale_provider: facts.locale_provider,
        locale: facts.locale,
        icu_rules: facts.icu_rules,
        owner: facts.owner,
        comment: facts.comment,
    }
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
        let there = ["shop".to_owned(), "shpo".to_owned()];
        assert!(check_wanted(&migration, &there).is_ok());
        let names = ["shop".to_owned(), "My DB".to_owned()];
        let failure = check_wanted(&migration, &names).unwrap_err();
        assert!(failure.to_string().contains("database shpo"));
        let hint = failure.diagnosis().hint.clone().unwrap();
        assert!(hint.contains("shop, \"My DB\""), "{hint}");
        assert_eq!(failure.diagnosis().exit, Exit::Usage);
    }
}
