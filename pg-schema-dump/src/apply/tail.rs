//! What comes last: ANALYZE, owners and grants, materialized views and event triggers.

use std::collections::BTreeSet;

use pg_pipe::Context;
use pg_pipe::record::{AppliedStatus, Object, Record, Section};
use pg_session::Session;

use crate::apply::Target;
use crate::apply::ledgered::Ledgered;
use crate::apply::memberships;
use crate::apply::plan::Plan;
use crate::apply::pre_data::{adapted, apply_one};

/// Runs the sections after post-data; says whether all of it is well.
///
/// # Errors
/// When the server is lost or the tool is to stop.
pub(crate) fn run(
    target: &Target,
    plan: &Plan,
    failed: &BTreeSet<i64>,
    context: &Context,
) -> anyhow::Result<bool> {
    let mut session = target.connect()?;
    let cancel = session.cancel();
    let _registered = context.stop().on_request(move || cancel.fire());
    // Before owners change: only an owner may ANALYZE, and all tables are still ours.
    context.notice().detail("analyzing");
    session.batch("analyze")?;
    memberships::ensure(&mut session, plan, target, context)?;
    let mut tail = Tail {
        ledgered: Ledgered::open(&mut session)?,
        session,
        plan,
        database: &target.database,
        failed: failed.clone(),
        context,
    };
    let sections = [Section::Acl, Section::Final];
    let objects: Vec<&Object> = sections.iter().flat_map(|s| plan.section(*s)).collect();
    let meter = context.meter("owners and grants", objects.len(), None);
    let counters = meter.counters();
    let mut all_well = true;
    for object in objects {
        all_well &= tail.apply(object)?;
        counters.add_item();
    }
    Ok(all_well)
}

struct Tail<'a> {
    ledgered: Ledgered,
    session: Session,
    plan: &'a Plan,
    database: &'a str,
    failed: BTreeSet<i64>,
    context: &'a Context,
}

impl Tail<'_> {
    fn apply(&mut self, object: &Object) -> anyhow::Result<bool> {
        self.context.check_stop()?;
        let Some(object) = adapted(object, self.plan, self.database) else {
            return Ok(true);
        };
        let (session, failed) = (&mut self.session, &self.failed);
        let record = apply_one(session, &self.ledgered, &object, failed, self.context)?;
        let bad = matches!(
            record.status,
            AppliedStatus::Failed | AppliedStatus::Skipped
        );
        if bad {
            self.failed.insert(object.id);
        }
        self.context.write(Record::Applied(record));
        Ok(!bad)
    }
}
