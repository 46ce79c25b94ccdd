//! Objects made one after another on one session, in the order of the dump.

use pg_pipe::record::{AppliedStatus, Object, Record, Section};
use pg_pipe::{Context, Exit};
use pg_session::{Error, Session};

use crate::apply::ledgered::{Ledgered, applied};
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

/// Objects that are made in one transaction at the most, and bytes of their SQL: it saves the
/// better part of what a small one costs, and a refusal costs that much again.
const TOGETHER: (usize, usize) = (50, 256 * 1024);

/// Objects that go together, in their order. Alone go grants, whose warnings are looked at, and
/// what takes time, such as the refresh of a materialized view.
fn groups<'o, 'p>(objects: &'o [&'p Object]) -> Vec<&'o [&'p Object]> {
    let goes_together =
        |object: &Object| object.section == Section::PreData || object.kind == "OWNER";
    let (most, most_bytes) = TOGETHER;
    let mut groups = Vec::new();
    let mut rest = objects;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take(most).take_while(|object| {
            bytes += object.sql.len();
            goes_together(object) && bytes <= most_bytes
        });
        let (group, later) = rest.split_at(fits.count().max(1));
        groups.push(group);
        rest = later;
    }
    groups
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
        for group in groups(objects) {
            if !self.make_together(group, &mut sum)? {
                for object in group {
                    self.make_one(object, &mut sum)?;
                    counters.add_item();
                }
                continue;
            }
            for _ in group {
                counters.add_item();
            }
        }
        Ok(sum)
    }

    /// Makes objects in one transaction, if that is all there is to do for them. Says whether it
    /// did; what the server refuses is to be made one by one.
    fn make_together(&mut self, group: &[&Object], sum: &mut Sum) -> anyhow::Result<bool> {
        self.context.check_stop()?;
        let is_plain = |object: &Object| self.absent.fate(object).is_none();
        let objects: Vec<Object> = group
            .iter()
            .filter_map(|object| adapted(object, self.plan, self.database))
            .collect();
        if group.len() < 2 || objects.is_empty() || !objects.iter().all(is_plain) {
            return Ok(false);
        }
        let statements: Vec<(&Object, &str)> = objects
            .iter()
            .map(|object| (object, object.sql.as_str()))
            .collect();
        let made = self.ledgered.make_together(&mut self.session, &statements);
        let Ok(Some(milliseconds)) = made else {
            return Ok(false);
        };
        for object in &objects {
            let record = applied(object, AppliedStatus::Applied, milliseconds);
            sum.add(record.status);
            self.context.write(Record::Applied(record));
        }
        Ok(true)
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
