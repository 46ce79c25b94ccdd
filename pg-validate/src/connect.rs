//! Sessions to both servers at once.

use std::thread;

use pg_pipe::{Context, Failure};
use pg_session::{Endpoint, Purpose, Session};

/// Connects to both. When both fail, each is reported.
///
/// # Errors
/// When one cannot be connected to.
pub(crate) fn both(
    source: &Endpoint,
    target: &Endpoint,
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
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error.into()),
        (Err(first), Err(second)) => {
            context.item_failed(source.role().as_str(), &first.into());
            Err(second.into())
        }
    }
}
