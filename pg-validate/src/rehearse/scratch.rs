//! The scratch database of a rehearsal. Its name is always the same for the same database, an
//! advisory lock tells whether somebody rehearses at this moment, and a comment tells that it
//! is one: so what a killed run left is found and dropped by the next one.

use std::time::Duration;

use pg_pipe::record::Migration;
use pg_session::staging::{self, Like};
use pg_session::{Class, Endpoint, Error, Purpose, Session, catalog, mark, quote};

use crate::subject::Subject;

/// What the number of the lock is made of, with the name.
const STEM: &str = "rehearsal";

/// SQLSTATE `object_in_use`.
const IN_USE: &str = "55006";

/// How often something that is in use is tried again, and the pause between.
const MOST_TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

const LOCK: &str = "select pg_try_advisory_lock($1)";
const TERMINATE: &str = "select pg_terminate_backend(a.pid) from pg_stat_activity a \
                         where a.datname = $1 and a.pid <> pg_backend_pid()";

/// A scratch database, and the session that has made it.
pub(super) struct Scratch {
    name: String,
    /// A session in the target's own database, which holds the lock.
    pub(super) session: Session,
}

/// What became of making one.
pub(super) enum Made {
    /// It is there, and empty.
    Ready(Box<Scratch>),
    /// Something of that name is there and has to stay.
    InTheWay(String),
}

impl Scratch {
    /// Makes it like the source database, or like the target's own where that is loaded.
    ///
    /// # Errors
    /// What the target says.
    pub(super) fn make(subject: &mut Subject) -> Result<Made, Error> {
        let name = name(subject);
        let like = like(subject)?;
        let endpoint = subject.target.endpoint.clone();
        let mut session = endpoint.connect(Purpose::Load, &subject.application_name)?;
        if !session.query_one(LOCK, &[&key(&name)])?.get::<_, bool>(0) {
            return Ok(Made::InTheWay(format!(
                "another run rehearses in {} at this moment",
                quote::shown(&name)
            )));
        }
        let mut scratch = Self { name, session };
        match mark::read_comment(&mut scratch.session, &scratch.name)? {
            None => {}
            Some(comment) if comment == mark::REHEARSAL => scratch.drop_now()?,
            // Killed between making and marking.
            Some(comment) if comment.is_empty() && scratch.is_blank(&endpoint, subject)? => {
                scratch.drop_now()?;
            }
            Some(_) => {
                return Ok(Made::InTheWay(format!(
                    "database {} of the target is not of a rehearsal",
                    quote::shown(&scratch.name)
                )));
            }
        }
        let has_provider = scratch.session.version().has_locale_provider();
        let create = staging::create_statement(&scratch.name, like.borrowed(), has_provider);
        scratch.create(&create)?;
        let comment = mark::comment_statement(&scratch.name, Some(mark::REHEARSAL));
        if let Err(error) = scratch.session.batch(&comment) {
            drop(scratch.drop_anyway(subject));
            return Err(error);
        }
        Ok(Made::Ready(Box::new(scratch)))
    }

    /// Makes it; another session that makes a database at this moment is waited for.
    fn create(&mut self, statement: &str) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.session.batch(statement) {
                Err(error) if error.sqlstate() == Some(IN_USE) && tries < MOST_TRIES => {
                    std::thread::sleep(PAUSE);
                }
                result => return result,
            }
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn is_blank(&self, endpoint: &Endpoint, subject: &Subject) -> Result<bool, Error> {
        let mut session = endpoint
            .with_database(&self.name)
            .connect(Purpose::Read, &subject.application_name)?;
        Ok(catalog::list_contents(&mut session)?.is_empty())
    }

    /// Drops it, over another session when its own is lost. Whoever has the lock by then, a run
    /// that began since, has dropped it itself.
    ///
    /// # Errors
    /// What the target says.
    pub(super) fn drop_anyway(&mut self, subject: &Subject) -> Result<(), Error> {
        match self.drop_now() {
            Err(error) if error.class().is_connection() => {}
            result => return result,
        }
        let endpoint = &subject.target.endpoint;
        self.session = endpoint.connect(Purpose::Load, &subject.application_name)?;
        let is_ours: bool = self.session.query_one(LOCK, &[&key(&self.name)])?.get(0);
        if is_ours { self.drop_now() } else { Ok(()) }
    }

    /// Drops it, whoever is still connected.
    ///
    /// # Errors
    /// What the target says.
    pub(super) fn drop_now(&mut self) -> Result<(), Error> {
        let name = quote::identifier(&self.name);
        // A template cannot be dropped; the source's may be one.
        let statement = format!("drop database if exists {name}");
        let mut tries = 0;
        loop {
            tries += 1;
            self.session.query(TERMINATE, &[&self.name])?;
            match self.session.batch(&statement) {
                // Somebody is still going away.
                Err(error) if error.sqlstate() == Some(IN_USE) && tries < MOST_TRIES => {
                    std::thread::sleep(PAUSE);
                }
                Err(error) if error.sqlstate() == Some("42809") && tries < MOST_TRIES => {
                    self.session
                        .batch(&format!("alter database {name} is_template false"))?;
                }
                result => return result,
            }
        }
    }
}

fn name(subject: &Subject) -> String {
    let hash = subject
        .migration
        .as_ref()
        .map_or("", |Migration { hash, .. }| hash);
    staging::rehearsal_name(hash, subject.final_database())
}

/// A number for the lock, out of the name.
fn key(name: &str) -> i64 {
    i64::from_str_radix(&staging::hex(&[STEM, name], 15), 16).unwrap_or_default()
}

/// What the new database is to have.
struct Owned {
    encoding: String,
    collate: String,
    ctype: String,
    locale_provider: String,
    locale: Option<String>,
    icu_rules: Option<String>,
}

impl Owned {
    fn borrowed(&self) -> Like<'_> {
        Like {
            encoding: &self.encoding,
            collate: &self.collate,
            ctype: &self.ctype,
            locale_provider: &self.locale_provider,
            locale: self.locale.as_deref(),
            icu_rules: self.icu_rules.as_deref(),
        }
    }
}

/// The database whose encoding and locale the new one is to have.
fn like(subject: &Subject) -> Result<Owned, Error> {
    let server = if subject.into_new {
        &subject.source
    } else {
        &subject.target
    };
    let name = server.facts.database.clone();
    // Of this moment: a database that others have dropped since the checks began is in their
    // snapshot, and can no longer be measured.
    let mut session = server
        .endpoint
        .connect(Purpose::Read, &subject.application_name)?;
    let facts = catalog::list_databases(&mut session)?
        .into_iter()
        .find(|database| database.name == name)
        .ok_or_else(|| Error::new(Class::NoDatabase, format!("database {name} is gone")))?;
    Ok(Owned {
        encoding: facts.encoding,
        collate: facts.collate,
        ctype: facts.ctype,
        locale_provider: facts.locale_provider,
        locale: facts.locale,
        icu_rules: facts.icu_rules,
    })
}
