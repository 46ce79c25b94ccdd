//! Pre-data: everything that rows need, in the order of the dump. Nothing is changed before
//! the whole stream has been read and found sound.

use pg_pipe::record::{Object, Section};
use pg_pipe::{Context, Exit, Input, Line};
use pg_session::{Session, ledger};

use crate::apply::args::Args;
use crate::apply::in_order::InOrder;
use crate::apply::passwords::Passwords;
use crate::apply::plan::Plan;
use crate::apply::{Target, maintenance, roles};
use crate::reserved;

/// Reads the plan, then applies pre-data.
///
/// # Errors
/// What ends the tool: a stream that is not sound, a target that is not ours or empty, a
/// server that is lost.
pub(crate) fn run(args: &Args, input: Input, context: &Context) -> anyhow::Result<Exit> {
    let mut plan = Plan::new(&args.leave_out);
    for line in input {
        if let Line::Known(record) = line? {
            plan.note(*record);
        }
    }
    if plan.head.validates_only() {
        return Ok(Exit::Fine);
    }
    if plan.objects.is_empty() {
        context
            .notice()
            .note("the stream has no object records: nothing to apply");
        return Ok(Exit::Fine);
    }
    reserved::check(&plan.objects)?;
    let target = Target::resolve(args, &plan.head, context)?;
    if let Some(migration) = &plan.head.migration {
        maintenance::ensure_database(&target, &plan, migration, context)?;
    }
    let passwords = Passwords::read(args, &plan, context)?;
    let mut session = target.connect()?;
    let cancel = session.cancel();
    let _registered = context.stop().on_request(move || cancel.fire());
    require_empty_or_ours(&mut session, &target.database)?;
    ledger::ensure(&mut session)?;
    let migration = plan.head.migration.as_ref();
    let of_roles = roles::ensure(&mut session, &plan.roles, migration, &passwords, context)?;
    let objects: Vec<&Object> = plan.section(Section::PreData).collect();
    let mut in_order = InOrder::open(session, &plan, &target.database, context)?;
    let made = in_order.make("pre-data", &objects)?;
    Ok(made.and(of_roles).exit(context))
}

/// A database with a ledger is ours; any other must hold nothing.
fn require_empty_or_ours(session: &mut Session, database: &str) -> anyhow::Result<()> {
    if ledger::exists(session)? {
        return Ok(());
    }
    let hint = "Give an empty database: createdb NAME, or drop what it holds.";
    maintenance::check_empty(session, database, hint)
}
