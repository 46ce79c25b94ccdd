//! Opening a wire: the way that a session has gone is gone again, as far as the login; then
//! the same first words are said.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio_postgres::CancelToken;

use crate::address::Address;
use crate::attempt::{Attempt, at_login, within};
use crate::endpoint::Endpoint;
use crate::error::{Class, Error};
use crate::journey::Way;
use crate::settings::{self, Purpose};
use crate::startup::{Startup, Stream};
use crate::tls::Mode;
use crate::way::{Trouble, in_words};
use crate::wire::Wire;
use crate::wire::line::{Done, Lent, Line, block_on};

/// What is needed to reach the same server once more, only to stop it.
struct Place {
    address: Address,
    startup: Startup,
    config: tokio_postgres::Config,
    limit: Duration,
}

impl Place {
    /// Goes there, up to where the server expects the first message.
    fn reach(&self) -> Result<Stream<Line>, Error> {
        let line = Line::connect(&self.address, &self.config, self.limit)?;
        let is_local = self.address.ip().is_none();
        block_on(self.startup.clone().negotiate(line, is_local))
    }
}

/// Cancels whatever its wire is running. May be sent to another thread.
#[derive(Clone)]
pub struct WireCancel {
    token: CancelToken,
    place: Arc<Place>,
}

impl WireCancel {
    /// Sends the cancel request from a thread of its own and does not wait for it.
    pub fn fire(&self) {
        let cancel = self.clone();
        // As with sessions: what does not arrive leaves the statement to the end of its wire.
        drop(
            thread::Builder::new()
                .name("cancel".to_owned())
                .spawn(move || drop(cancel.send())),
        );
    }

    fn send(&self) -> Result<(), Error> {
        let stream = Lent::new(self.place.reach()?);
        block_on(self.token.cancel_query_raw(stream, Done)).map_err(Error::of_driver)
    }
}

impl Endpoint {
    /// Opens a wire to the server that a session is with, which is known by its way.
    ///
    /// # Errors
    /// A connection class, with a hint that names what to change.
    pub fn wire(&self, way: &Way, purpose: Purpose, application_name: &str) -> Result<Wire, Error> {
        self.patience.open(|| {
            open(self, way, purpose, application_name)
                .map_err(|error| in_words(self, Trouble::of(error)))
        })
    }
}

fn open(
    endpoint: &Endpoint,
    way: &Way,
    purpose: Purpose,
    application_name: &str,
) -> Result<Wire, Error> {
    let (Some(host), Some((address, encryption))) = (&way.host, &way.reached) else {
        return Err(Error::new(
            Class::Lost,
            "no session has found the server yet",
        ));
    };
    let password = endpoint.password_for(host)?;
    let attempt = Attempt {
        endpoint,
        host,
        password: password.as_ref(),
        address,
        encryption: *encryption,
        mode: Mode::of(endpoint)?,
        limit: endpoint.connect_timeout(),
    };
    let (config, startup) = attempt.prepare(application_name)?;
    let place = Place {
        address: address.clone(),
        startup,
        config,
        limit: attempt.limit,
    };
    let mut wire = within(attempt.limit, move || log_in(place))?;
    wire.batch(settings::DISARM)?;
    wire.batch(&settings::opening(purpose))?;
    let encoding = wire.value("select getdatabaseencoding()")?;
    if encoding.as_deref() == Some("SQL_ASCII") {
        wire.batch(settings::AS_BYTES)?;
    }
    Ok(wire)
}

fn log_in(place: Place) -> Result<Wire, Error> {
    let lent = Lent::new(place.reach()?);
    let connecting = place.config.connect_raw(lent.clone(), Done);
    let (client, connection) = block_on(connecting).map_err(at_login)?;
    let token = client.cancel_token();
    let stream = lent
        .take()
        .ok_or_else(|| Error::new(Class::Lost, "the connection was lost"))?;
    // The driver says good-bye to a line that is no longer there.
    drop((client, connection));
    Ok(Wire::new(
        stream,
        WireCancel {
            token,
            place: Arc::new(place),
        },
    ))
}
