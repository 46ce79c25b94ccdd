//! What comes last: ANALYZE, owners and grants, materialized views and event triggers.

use pg_pipe::Context;
use pg_pipe::record::{Object, Section};
use pg_session::ledger;

use crate::apply::Target;
use crate::apply::in_order::{InOrder, Sum};
use crate::apply::left_out::Absent;
use crate::apply::memberships;
use crate::apply::plan::Plan;
use crate::apply::statistics;

/// Runs the sections after post-data.
///
/// # Errors
/// When the server is lost or the tool is to stop.
pub(crate) fn run(
    target: &Target,
    plan: &Plan,
    jobs: usize,
    absent: &Absent,
    context: &Context,
) -> anyhow::Result<Sum> {
    // Before owners change: only an owner may ANALYZE, and all tables are still ours.
    statistics::run(target, plan, jobs, absent, context)?;
    let mut session = target.connect()?;
    let cancel = session.cancel();
    let _registered = context.stop().on_request(move || cancel.fire());
    memberships::ensure(&mut session, plan, target, context)?;
    ledger::forget_early_refreshes(&mut session)?;
    // A new owner takes over what was granted to the old one, so grants come after all owners.
    let is_owner = |object: &&Object| object.kind == "OWNER";
    let (owners, grants): (Vec<&Object>, Vec<&Object>) =
        plan.section(Section::Acl).partition(is_owner);
    let last = plan.section(Section::Final);
    let objects: Vec<&Object> = owners.into_iter().chain(grants).chain(last).collect();
    InOrder::open(session, plan, &target.database, context)?
        .after(absent)
        .make("owners and grants", &objects)
}
