//! Statements and their marks in the ledger, in one transaction.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Instant;

use pg_pipe::record::{Applied, AppliedStatus, Object};
use pg_session::ledger::{self, AppliedKey};
use pg_session::{Error, ServerVersion, Session, quote};

use crate::apply::left_out::Gaps;
use crate::apply::plan::Plan;

/// Makes objects on one session, leaving out what the ledger says is done.
pub(crate) struct Ledgered {
    done: BTreeSet<AppliedKey>,
    /// Ids of the plan's own objects.
    own: BTreeSet<i64>,
    /// Superusers of the source.
    superusers: BTreeSet<String>,
    gaps: Gaps,
}

impl Ledgered {
    /// Reads what is done.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn open(session: &mut Session, plan: &Plan) -> Result<Self, Error> {
        Ok(Self {
            done: ledger::list_applied(session)?,
            own: plan.objects.iter().map(|object| object.id).collect(),
            superusers: superusers(plan),
            gaps: Gaps::of(plan),
        })
    }

    /// What the stream lacks.
    pub(crate) fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// Whether an object is about something that is not of the plan, such as a member of an
    /// extension.
    pub(crate) fn is_about_foreign(&self, object: &Object) -> bool {
        object.depends_on.iter().all(|id| !self.own.contains(id))
    }

    /// Whether an object belongs to a superuser of the source.
    pub(crate) fn is_of_superuser(&self, object: &Object) -> bool {
        let owner = object.owner.as_ref();
        owner.is_some_and(|owner| self.superusers.contains(owner))
    }

    /// Whether a statement of an object is done, by itself or as a part of the whole.
    pub(crate) fn is_done(&self, object: &Object, sql: &str) -> bool {
        self.has(&key(object, sql), object, sql)
    }

    fn has(&self, part: &AppliedKey, object: &Object, sql: &str) -> bool {
        let is_part = sql != object.sql;
        self.done.contains(part) || is_part && self.done.contains(&key(object, &object.sql))
    }

    /// Makes an object, or a part of it, unless that is made already. `settings` last for its
    /// transaction.
    ///
    /// # Errors
    /// What the server says; nothing of the statement is left then.
    pub(crate) fn make(
        &self,
        session: &mut Session,
        object: &Object,
        sql: &str,
        settings: &str,
    ) -> Result<(AppliedStatus, u64), Error> {
        self.make_by(session, object, (sql, sql), settings)
    }

    /// Makes an object by other SQL than what it is known by.
    ///
    /// # Errors
    /// What the server says; nothing of the statement is left then.
    pub(crate) fn make_by(
        &self,
        session: &mut Session,
        object: &Object,
        (sql, by): (&str, &str),
        settings: &str,
    ) -> Result<(AppliedStatus, u64), Error> {
        let key = key(object, sql);
        if self.has(&key, object, sql) {
            return Ok((AppliedStatus::Present, 0));
        }
        let begun = Instant::now();
        let mut making = Making::new(session.version());
        making.add(object, by, key);
        session.at_once(settings, &making.finish())?;
        Ok((AppliedStatus::Applied, elapsed(begun)))
    }

    /// Makes objects, each by its statement, all or none of them. Gives the milliseconds that one
    /// of them took, on average; `None` when some of them are made already, so that it did nothing.
    ///
    /// # Errors
    /// What the server says; nothing of them is left then.
    pub(crate) fn make_together(
        &self,
        session: &mut Session,
        objects: &[(&Object, &str)],
    ) -> Result<Option<u64>, Error> {
        let is_done = |(object, sql): &(&Object, &str)| self.is_done(object, sql);
        if objects.iter().any(is_done) {
            return Ok(None);
        }
        let begun = Instant::now();
        let mut making = Making::new(session.version());
        for (object, sql) in objects {
            making.add(object, sql, key(object, sql));
        }
        session.at_once("", &making.finish())?;
        let many = u64::try_from(objects.len()).unwrap_or_default().max(1);
        Ok(Some(elapsed(begun) / many))
    }
}

/// A message that makes objects and marks them.
struct Making<'a> {
    version: ServerVersion,
    statements: String,
    tablespace: Option<&'a str>,
    access_method: Option<&'a str>,
    keys: Vec<AppliedKey>,
}

impl<'a> Making<'a> {
    fn new(version: ServerVersion) -> Self {
        Self {
            version,
            statements: String::new(),
            tablespace: None,
            access_method: None,
            keys: Vec::new(),
        }
    }

    /// Adds an object. pg_dump leaves tablespace and access method to settings.
    fn add(&mut self, object: &'a Object, sql: &str, key: AppliedKey) {
        let Self {
            tablespace,
            access_method,
            ..
        } = self;
        let settings = [
            ("default_tablespace", &object.tablespace, tablespace),
            (
                "default_table_access_method",
                &object.access_method,
                access_method,
            ),
        ];
        for (name, wanted, is) in settings {
            let wanted = wanted.as_deref();
            if *is != wanted {
                let value = wanted.map_or("default".to_owned(), quote::identifier);
                self.statements
                    .push_str(&format!("set local {name} to {value};\n"));
                *is = wanted;
            }
        }
        self.statements
            .push_str(&for_version(object, sql, self.version));
        self.statements.push_str("\n;\n");
        self.keys.push(key);
    }

    fn finish(mut self) -> String {
        self.statements.push_str(&ledger::mark_applied(&self.keys));
        self.statements
    }
}

fn superusers(plan: &Plan) -> BTreeSet<String> {
    let is_one = |attribute: &String| attribute == "SUPERUSER";
    let roles = plan.roles.iter();
    roles
        .filter(|role| role.attributes.iter().any(is_one))
        .map(|role| role.name.clone())
        .collect()
}

/// A statement in words that a server of this version knows. pg_dump 16 and up writes how a
/// subscription of an older server works, which had no other way.
fn for_version<'a>(object: &Object, sql: &'a str, version: ServerVersion) -> Cow<'a, str> {
    if object.kind != "SUBSCRIPTION" || version.has_subscription_owner_option() {
        return Cow::Borrowed(sql);
    }
    // Not in a name or a connection string that reads so.
    let (statement, options) = sql.split_at(sql.rfind(" WITH (").unwrap_or(sql.len()));
    Cow::Owned(format!(
        "{statement}{}",
        options.replace(", run_as_owner = true", "")
    ))
}

fn key(object: &Object, sql: &str) -> AppliedKey {
    AppliedKey::new(&object.kind, object.schema.as_deref(), &object.name, sql)
}

pub(crate) fn elapsed(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The record of what became of an object.
pub(crate) fn applied(object: &Object, status: AppliedStatus, milliseconds: u64) -> Applied {
    Applied {
        id: Some(object.id),
        kind: object.kind.clone(),
        schema: object.schema.clone(),
        name: object.name.clone(),
        section: object.section,
        status,
        sqlstate: None,
        message: None,
        milliseconds,
    }
}

/// The object as messages name it: `TABLE sales.orders`.
pub(crate) fn shown(object: &Object) -> String {
    let name = quote::shown_tag(object.schema.as_deref(), &object.name);
    format!("{} {name}", object.kind)
}
