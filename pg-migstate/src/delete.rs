//! `delete`: forgets a migration. Its journal goes; no server is touched.

use pg_pipe::{Context, Exit, Failure};

use crate::args::ChosenArgs;
use crate::chosen::Chosen;
use crate::clock;
use crate::history::Run;
use crate::status::{self, Signs};
use crate::store::StateDir;

/// `delete NAME`.
///
/// # Errors
/// A conflict while it runs, waits, or is being put in place.
pub(crate) fn run(args: &ChosenArgs, state: &StateDir, context: &Context) -> anyhow::Result<Exit> {
    let chosen = Chosen::find(args, state)?;
    let history = &chosen.history;
    let name = &history.migration.name;
    let signs = Signs::of(&chosen.place, history, clock::now());
    let status = status::overall(history, signs);
    if status.is_active() || history.is_completing() || history.is_being_canceled() {
        let next = status::next(history, status);
        let next = next.unwrap_or_else(|| format!("pg-migstate cancel {name}"));
        return Err(Failure::conflict(format!("{name} is {}", status.as_str()))
            .hint(format!("Let it end first, or run: {next}"))
            .into());
    }
    let _held = chosen.hold_all()?;
    chosen.place.remove_all()?;
    if !history.every(Run::is_succeeded) && !history.is_canceled() {
        context.notice().warn(
            "what it has loaded on the target stays there, with its mark as a comment; see \\l+ in psql",
        );
    }
    context.notice().note(&format!("{name} is forgotten"));
    Ok(Exit::Fine)
}
