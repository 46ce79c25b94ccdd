//! Sessions to both servers at once.

use std::thread;

use pg_pipe::{Context, Failure};
use pg_session::{Endpoint, Purpose, Session, quote};

/// `invalid_catalog_name`: there is no database of that name.
const NO_DATABASE: &str = "3D000";

/// Connects to both. When both fail, each is reported.
///
/// # Errors
/// When one cannot be connected to. A database of the target that is to be loaded in place, and
/// is not there, is a conflict.
pub(crate) fn both(
    (source, target): (&Endpoint, &Endpoint),
    in_place: bool,
    application_name: &str,
    context: &Context,
) -> anyhow::Result<(Session, Session)> {
    let connect = |endpoint: &Endpoint| endpoint.connect(Purpose::Read, application_name);
    let (at_source, at_target) = thread::scope(|scope| {
        let other = scope.spawn(|| connect(target));
        (connect(source), other.join())
    });
    let at_target = at_target.map_err(|_panic| Failure::bug("connecting panicked"))?;
    match (at_source, at_target) {
        (Ok(source), Ok(target)) => Ok((source, target)),
        (Ok(_), Err(error)) if in_place && error.sqlstate() == Some(NO_DATABASE) => {
            Err(Failure::conflict(format!(
                "the target has no database {} to be loaded in place",
                quote::shown(target.database())
            ))
            .hint("Create it, empty: createdb --template template0 NAME; or leave --in-place out.")
            .into())
        }
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error.into()),
        (Err(first), Err(second)) => {
            context.item_failed(source.role().as_str(), &first.into());
            Err(second.into())
        }
    }
}
