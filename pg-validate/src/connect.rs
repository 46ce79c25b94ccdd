//! Sessions to both servers at once, given up as soon as a stop is asked for.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use pg_pipe::{Context, Exit, Failure};
use pg_session::{Endpoint, Error, Purpose, Session};

/// How often a stop is looked for while a server does not answer.
const TICK: Duration = Duration::from_millis(100);

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
    let (to_source, to_target) = (
        begin(source, application_name),
        begin(target, application_name),
    );
    match (wait(&to_source, context)?, wait(&to_target, context)?) {
        (Ok(source), Ok(target)) => Ok((source, target)),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error.into()),
        (Err(first), Err(second)) => {
            context.item_failed(source.role().as_str(), &first.into());
            Err(second.into())
        }
    }
}

/// Begins to connect in a thread of its own, which a stop leaves behind.
fn begin(endpoint: &Endpoint, application_name: &str) -> Receiver<Result<Session, Error>> {
    let (sender, receiver) = mpsc::channel();
    let (endpoint, name) = (endpoint.clone(), application_name.to_owned());
    thread::spawn(move || {
        // Nobody listens any more after a stop.
        drop(sender.send(endpoint.connect(Purpose::Read, &name)));
    });
    receiver
}

fn wait(
    receiver: &Receiver<Result<Session, Error>>,
    context: &Context,
) -> Result<Result<Session, Error>, Failure> {
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Timeout) if context.stop().requested() => {
                return Err(Failure::new(Exit::Interrupted, "stopped", "stopped"));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::bug("the thread of a connection panicked"));
            }
        }
    }
}
