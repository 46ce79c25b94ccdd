//! The way to a server below PostgreSQL's protocol: names to addresses, addresses to a
//! connection that is closed again at once. Hosts are tried in order, as libpq does.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;

use pg_session::endpoint::Host;
use pg_session::{Class, Endpoint, Error};

/// Resolves the host names. Sockets need none.
///
/// # Errors
/// When no host has an address; the last one's.
pub(crate) fn resolve(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, Error> {
    let mut addresses = Vec::new();
    let mut failure = None;
    for host in endpoint.hosts().iter().filter(|host| !host.is_socket()) {
        match (host.name.as_str(), host.port).to_socket_addrs() {
            Ok(found) => addresses.extend(found),
            Err(error) => failure = Some(unresolved(endpoint, host, error)),
        }
    }
    let has_socket = endpoint.hosts().iter().any(Host::is_socket);
    match failure {
        Some(error) if addresses.is_empty() && !has_socket => Err(error),
        _ => Ok(addresses),
    }
}

/// Connects to the first host that answers, and says which.
///
/// # Errors
/// When none answers; the last one's.
pub(crate) fn reach(endpoint: &Endpoint, addresses: &[SocketAddr]) -> Result<String, Error> {
    let limit = endpoint.connect_timeout()?;
    let mut failure = None;
    for host in endpoint.hosts().iter().filter(|host| host.is_socket()) {
        let path = format!("{}/.s.PGSQL.{}", host.name, host.port);
        match UnixStream::connect(&path) {
            Ok(_) => return Ok(format!("connected to {path}")),
            Err(error) => failure = Some(unreached(endpoint, &path, error)),
        }
    }
    for address in addresses {
        match TcpStream::connect_timeout(address, limit) {
            Ok(_) => return Ok(format!("connected to {address}")),
            Err(error) => failure = Some(unreached(endpoint, &address.to_string(), error)),
        }
    }
    Err(failure.unwrap_or_else(|| {
        Error::new(Class::Resolve, "the connection string names no host")
            .with_hint("Give host=, or set PGHOST.")
    }))
}

fn unresolved(endpoint: &Endpoint, host: &Host, error: io::Error) -> Error {
    Error::new(
        Class::Resolve,
        format!(
            "cannot resolve host {} of the {}",
            host.name,
            endpoint.role()
        ),
    )
    .with_hint("Check the host name, and that this machine's DNS knows it (getent hosts NAME).")
    .with_source(error)
}

fn unreached(endpoint: &Endpoint, place: &str, error: io::Error) -> Error {
    let (class, hint) = verdict(error.kind());
    Error::new(
        class,
        format!(
            "cannot connect to the {} {endpoint} at {place}",
            endpoint.role()
        ),
    )
    .with_hint(hint)
    .with_source(error)
}

fn verdict(kind: io::ErrorKind) -> (Class, &'static str) {
    match kind {
        io::ErrorKind::ConnectionRefused => (
            Class::Refused,
            "Check host and port, and that the server runs and listens there (listen_addresses).",
        ),
        io::ErrorKind::NotFound => (
            Class::Refused,
            "Check the socket directory and the port, and that the server runs there \
             (unix_socket_directories).",
        ),
        io::ErrorKind::PermissionDenied => (
            Class::Refused,
            "Check who may use the socket (unix_socket_permissions, unix_socket_group).",
        ),
        io::ErrorKind::TimedOut
        | io::ErrorKind::WouldBlock
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable => (
            Class::Timeout,
            "Check firewall, security group and routing between this machine and the server.",
        ),
        _ => (
            Class::Lost,
            "Check what stands between this machine and the server, such as a proxy.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_session::Role;

    fn endpoint(conninfo: &str) -> Endpoint {
        Endpoint::resolve(Role::Source, Some(conninfo), &|_| None).unwrap()
    }

    #[test]
    fn one_host_that_resolves_is_enough() {
        let both = endpoint("host=no.such.host.invalid,127.0.0.1 port=1 user=u");
        assert_eq!(resolve(&both).unwrap().len(), 1);
    }

    #[test]
    fn a_closed_port_and_a_missing_socket_are_refused() {
        let closed = endpoint("host=127.0.0.1 port=1 user=u");
        let addresses = resolve(&closed).unwrap();
        assert_eq!(
            reach(&closed, &addresses).unwrap_err().class(),
            Class::Refused
        );
        let missing = endpoint("host=/nonexistent user=u");
        let error = reach(&missing, &resolve(&missing).unwrap()).unwrap_err();
        assert_eq!(error.class(), Class::Refused);
        assert!(error.to_string().contains("/nonexistent/.s.PGSQL.5432"));
    }
}
