//! Objects made one after another on one session, in the order of the dump.

use pg_pipe::record::{AppliedStatus, Object, Record};
use pg_pipe::{Context, Exit};
use pg_session::{Error, Session};

use crate::apply::ledgered::Ledgered;
use crate::apply::left_out::{self, Absent};
use crate::apply::one::{adapted, apply_one};
use crate::apply::plan::Plan;

/// What became of objects as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    /// Something is missing.
    pub(crate) any_missing: bool,
    /// The server kept something to itself, or a filter took something that others need.
    pub(crate) any_told: bool,
}

impl Sum {
    /// Counts one more.
    pub(crate) fn add(&mut self, status: AppliedStatus) {
        self.any_missing |= status.is_missing();
        self.any_told |= matches!(status, AppliedStatus::Refused | AppliedStatus::LeftOut);
    }

    /// Both together.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            any_missing: self.any_missing || other.any_missing,
            any_told: self.any_told || other.any_told,
        }
    }

    /// How the tool ends.
    pub(crate) fn exit(self, context: &Context) -> Exit {
        match self {
            Self {
                any_missing: true, ..
            } => Exit::Partial,
            Self { any_told: true, .. } if context.strict() => Exit::No,
            Self { .. } => Exit::Fine,
        }
    }
}

/// Makes objects in order; what depends on one that is not there is not tried.
pub(crate) struct InOrder<'a> {
    session: Session,
    ledgered: Ledgered,
    plan: &'a Plan,
    database: &'a str,
    absent: Absent,
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
            ledgered: Ledgered::open(&mut session, plan)?,
            session,
            plan,
            database,
            absent: Absent::default(),
            context,
        })
    }

    /// Knows of objects that were not made before.
    pub(crate) fn after(mut self, absent: &Absent) -> Self {
        self.absent = absent.clone();
        self
    }

    /// Makes the objects, shown as a phase.
    ///
    /// # Errors
    /// When the server is lost or the tool is to stop.
    pub(crate) fn make(&mut self, phase: &str, objects: &[&Object]) -> anyhow::Result<Sum> {
        let meter = self.context.meter(phase, objects.len(), None);
        let counters = meter.counters();
        let mut sum = Sum::default();
        for object in objects {
            self.make_one(object, &mut sum)?;
            counters.add_item();
        }
        Ok(sum)
    }

    fn make_one(&mut self, object: &Object, sum: &mut Sum) -> anyhow::Result<()> {
        self.context.check_stop()?;
        let Some(object) = adapted(object, self.plan, self.database) else {
            return Ok(());
        };
        let record = match left_out::without(&object, &self.absent, self.plan, self.context) {
            Some(record) => record,
            None => apply_one(&mut self.session, &self.ledgered, &object, self.context)?,
        };
        sum.add(record.status);
        self.absent.note(object.id, record.status);
        self.context.write(Record::Applied(record));
        Ok(())
    }
}
