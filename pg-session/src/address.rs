//! Names of hosts become addresses to connect to, in the order in which they are tried.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::error::{Class, Error};
use crate::host::Host;

/// Where a server is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Address {
    /// Over the network.
    Network(SocketAddr),
    /// A Unix socket: its directory, or an abstract name with its `@`, and its port.
    Socket(String, u16),
}

impl Address {
    /// The file of a Unix socket.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        match self {
            Self::Network(_) => None,
            Self::Socket(directory, port) => {
                Some(PathBuf::from(format!("{directory}/.s.PGSQL.{port}")))
            }
        }
    }

    /// The address without a port.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Network(address) => Some(address.ip()),
            Self::Socket(..) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => write!(formatter, "{address}"),
            Self::Socket(directory, port) => write!(formatter, "{directory}/.s.PGSQL.{port}"),
        }
    }
}

/// The addresses of a host; never an empty list.
///
/// # Errors
/// [`Class::Resolve`] when it has none, [`Class::Timeout`] when nobody says so in time.
pub(crate) fn resolve(
    endpoint: &Endpoint,
    host: &Host,
    limit: Duration,
) -> Result<Vec<Address>, Error> {
    if let Some(ip) = host.address {
        return Ok(vec![Address::Network(SocketAddr::new(ip, host.port))]);
    }
    if host.is_socket() {
        return Ok(vec![Address::Socket(host.name.clone(), host.port)]);
    }
    let (name, port) = (host.name.clone(), host.port);
    let (sender, receiver) = mpsc::channel();
    // The C library's resolver cannot be interrupted: it is left alone when the time is up.
    thread::spawn(move || {
        let found = (name.as_str(), port).to_socket_addrs();
        drop(sender.send(found.map(Iterator::collect::<Vec<_>>)));
    });
    let failed = |class| {
        Error::new(class, format!("cannot resolve host {}", host.name)).with_hint(
            "Check the host name, and that this machine's DNS knows it (getent hosts NAME).",
        )
    };
    let found = receiver
        .recv_timeout(limit)
        .map_err(|error| failed(Class::Timeout).with_source(error))?
        .map_err(|error| failed(Class::Resolve).with_source(error))?;
    if found.is_empty() {
        return Err(failed(Class::Resolve));
    }
    let mut addresses: Vec<Address> = found.into_iter().map(Address::Network).collect();
    shuffle(endpoint, &mut addresses);
    Ok(addresses)
}

/// Puts a list in random order where `load_balance_hosts` wants that.
pub(crate) fn shuffle<T>(endpoint: &Endpoint, list: &mut [T]) {
    if endpoint.parameter("load_balance_hosts") == Some("random") {
        let random = RandomState::new();
        for last in (1..list.len()).rev() {
            let chosen = usize::try_from(random.hash_one(last) >> 1).unwrap_or(0) % (last + 1);
            list.swap(last, chosen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Role;

    fn resolved(conninfo: &str) -> Result<Vec<Address>, Error> {
        let endpoint = Endpoint::resolve(Role::Source, Some(conninfo), &|_| None).unwrap();
        resolve(&endpoint, &endpoint.hosts()[0], Duration::from_secs(5))
    }

    #[test]
    fn sockets_and_addresses_need_no_resolver() {
        let socket = resolved("host=/tmp port=6000 user=u").unwrap();
        assert_eq!(socket[0].to_string(), "/tmp/.s.PGSQL.6000");
        let address = resolved("host=no.such.host hostaddr=::1 user=u").unwrap();
        assert_eq!(address[0].to_string(), "[::1]:5432");
        let error = resolved("host=no-such-host.invalid user=u").unwrap_err();
        assert_eq!(error.class(), Class::Resolve);
    }

    #[test]
    fn a_shuffled_list_has_the_same_members() {
        let text = "host=h user=u load_balance_hosts=random";
        let endpoint = Endpoint::resolve(Role::Source, Some(text), &|_| None).unwrap();
        let mut list: Vec<u8> = (0..50).collect();
        shuffle(&endpoint, &mut list);
        list.sort_unstable();
        assert!(list.into_iter().eq(0..50));
    }
}
