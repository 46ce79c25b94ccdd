//! Objects made one after another on one session, in the order of the dump.

use std::collections::BTreeSet;

use pg_pipe::Context;
use pg_pipe::record::{Object, Record};
use pg_session::{Error, Session};

use crate::apply::ledgered::Ledgered;
use crate::apply::one::{adapted, apply_one};
use crate::apply::plan::Plan;

/// Makes objects in order; what depends on one that failed is skipped.
pub(crate) struct InOrder<'a> {
    session: Session,
    ledgered: Ledgered,
    plan: &'a Plan,
    database: &'a str,
    failed: BTreeSet<i64>,
    context: &'a Context,
}

impl<'a> InOrder<'a> {
    /// On a session in the database that is loaded.
    ///
    /// # Errors
    /// What the server says of its ledger.
    pub(crate) fn open(
        mut session: Session,
        plan: &'a Plan,
        database: &'a str,
        context: &'a Context,
    ) -> Result<Self, Error> {
        Ok(Self {
            ledgered: Ledgered::open(&mut session)?,
            session,
            plan,
            database,
            failed: BTreeSet::new(),
            context,
        })
    }

    /// Knows of objects that failed before.
    pub(crate) fn after(mut self, failed: &BTreeSet<i64>) -> Self {
        self.failed.extend(failed);
        self
    }

    /// Makes the objects, shown as a phase; says whether all of them are there.
    ///
    /// # Errors
    /// When the server is lost or the tool is to stop.
    pub(crate) fn make(&mut self, phase: &str, objects: &[&Object]) -> anyhow::Result<bool> {
        let meter = self.context.meter(phase, objects.len(), None);
        let counters = meter.counters();
        let mut all_there = true;
        for object in objects {
            all_there &= self.make_one(object)?;
            counters.add_item();
        }
        Ok(all_there)
    }

    fn make_one(&mut self, object: &Object) -> anyhow::Result<bool> {
        self.context.check_stop()?;
        let Some(object) = adapted(object, self.plan, self.database) else {
            return Ok(true);
        };
        let (session, failed) = (&mut self.session, &self.failed);
        let record = apply_one(session, &self.ledgered, &object, failed, self.context)?;
        let is_there = record.status.is_there();
        if !is_there {
            self.failed.insert(object.id);
        }
        self.context.write(Record::Applied(record));
        Ok(is_there)
    }
}
