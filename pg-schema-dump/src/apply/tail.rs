//! What comes last: ANALYZE, owners and grants, materialized views and event triggers.

use std::collections::BTreeSet;

use pg_pipe::Context;
use pg_pipe::record::{Object, Section};

use crate::apply::Target;
use crate::apply::in_order::InOrder;
use crate::apply::memberships;
use crate::apply::plan::Plan;

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
    let sections = [Section::Acl, Section::Final];
    let objects: Vec<&Object> = sections.iter().flat_map(|s| plan.section(*s)).collect();
    InOrder::open(session, plan, &target.database, context)?
        .after(failed)
        .make("owners and grants", &objects)
}
