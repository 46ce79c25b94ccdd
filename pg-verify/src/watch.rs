//! Who stands in our way: a session that waits for a lock says nothing by itself, however long it
//! waits.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use pg_pipe::Context;
use pg_session::catalog::{self, Blocker};
use pg_session::{Endpoint, Error, Purpose, Role, Session};

use crate::sides::Sides;

/// How often it is looked. What takes less is over before, and has no session for this.
const EVERY: Duration = Duration::from_secs(5);

/// Looks at both sides until it is dropped.
pub(crate) struct Watch {
    /// Nothing is ever sent.
    _end: Sender<()>,
}

/// What one side is looked at with.
struct Look {
    role: Role,
    endpoint: Endpoint,
    application_name: String,
    session: Option<Session>,
}

impl Watch {
    /// Begins to look, and warns once of each session that ours wait for.
    pub(crate) fn begin(sides: &Sides, context: &Context) -> Self {
        let (end, ended) = bounded(0);
        for side in sides.each() {
            let (ended, tell) = (ended.clone(), context.teller());
            let look = Look {
                role: side.role(),
                endpoint: side.endpoint().clone(),
                application_name: side.application_name().to_owned(),
                session: None,
            };
            // Nobody waits for its end: it may be connecting to a server that does not answer.
            thread::spawn(move || look.until(&ended, tell));
        }
        Self { _end: end }
    }
}

impl Look {
    fn until(mut self, ended: &Receiver<()>, tell: impl Fn(&str)) {
        let mut told = BTreeSet::new();
        while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            // A server that does not answer is the affair of those who read it.
            let Ok(blockers) = self.blockers() else {
                self.session = None;
                continue;
            };
            for blocker in blockers {
                let sentence = blocker.sentence(self.role);
                if told.insert(blocker) {
                    tell(&sentence);
                }
            }
        }
    }

    fn blockers(&mut self) -> Result<Vec<Blocker>, Error> {
        let session = match &mut self.session {
            Some(session) => session,
            none => {
                let name = format!("{} watch", self.application_name);
                none.insert(self.endpoint.connect(Purpose::Read, &name)?)
            }
        };
        catalog::list_blockers(session, &self.application_name)
    }
}
