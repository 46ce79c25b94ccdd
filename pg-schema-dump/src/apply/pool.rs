//! The same work on many things, on several sessions.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::thread;

use pg_pipe::{Context, Failure};
use pg_session::Session;

use crate::apply::Target;
use crate::apply::crew::Crew;

/// Does `work` on each item, in their order, on `jobs` sessions at most.
///
/// # Errors
/// The first error of `work`, or of a connection; the rest is not begun then.
pub(crate) fn each<T: Send>(
    target: &Target,
    jobs: usize,
    items: Vec<T>,
    context: &Context,
    work: impl Fn(&mut Session, T) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<()> {
    let crew = Crew::default();
    let shared = crew.clone();
    let _registered = context.stop().on_request(move || shared.cancel_all());
    let workers = jobs.min(items.len());
    let queue = Mutex::new(VecDeque::from(items));
    let next = || {
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.pop_front()
    };
    let run = || -> anyhow::Result<()> {
        let mut session = target.connect()?;
        crew.add(session.cancel());
        while let Some(item) = next() {
            context.check_stop()?;
            work(&mut session, item)?;
        }
        Ok(())
    };
    // One that fails takes the rest of the work out of the others' hands.
    let run = || run().inspect_err(|_error| while next().is_some() {});
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(run)).collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(Failure::bug("a worker panicked").into()))
        })
    })
}
