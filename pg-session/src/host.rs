//! The servers of a connection string: names, addresses, ports and socket directories.

use std::net::IpAddr;
use std::path::Path;

use crate::conninfo::Parameters;
use crate::error::{Class, Error};

/// Where PostgreSQL's packages put the socket: Debian's default and upstream's.
const DEFAULT_SOCKETS: &[&str] = &["/var/run/postgresql", "/run/postgresql", "/tmp"];

/// One server to try.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Host {
    /// Host name, address, or directory of a Unix socket.
    pub name: String,
    /// The address to connect to when the name is not to be looked up (`hostaddr`).
    pub address: Option<IpAddr>,
    /// Whether a name was given, so that a certificate can be checked for it.
    pub(crate) is_named: bool,
    /// Port.
    pub port: u16,
}

impl Host {
    /// A host by its name or socket directory.
    pub fn named(name: impl Into<String>, port: u16) -> Self {
        Self {
            name: name.into(),
            address: None,
            is_named: true,
            port,
        }
    }

    /// Whether it is the directory of a Unix socket.
    pub fn is_socket(&self) -> bool {
        self.address.is_none() && (self.name.starts_with('/') || self.name.starts_with('@'))
    }

    /// How a password file names it: a socket in the default directory is `localhost`.
    pub(crate) fn in_passfile(&self) -> &str {
        if DEFAULT_SOCKETS.contains(&self.name.as_str()) {
            "localhost"
        } else {
            &self.name
        }
    }
}

/// The servers that `host`, `hostaddr` and `port` name, in order.
///
/// # Errors
/// [`Class::Conninfo`] when they do not go together.
pub(crate) fn list(parameters: &Parameters) -> Result<Vec<Host>, Error> {
    let parts = |key: &str| -> Vec<&str> {
        let text = parameters.get(key).filter(|text| !text.is_empty());
        text.map(|text| text.split(',').collect())
            .unwrap_or_default()
    };
    let (names, addresses, ports) = (parts("host"), parts("hostaddr"), parts("port"));
    let count = names.len().max(addresses.len()).max(1);
    let mismatch = |what: &str, other: usize| {
        Error::new(
            Class::Conninfo,
            format!("{other} {what} do not match {count} hosts"),
        )
        .with_hint("Give one of each for every host, separated by commas.")
    };
    if !names.is_empty() && !addresses.is_empty() && names.len() != addresses.len() {
        return Err(mismatch("addresses", addresses.len()));
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(mismatch("ports", ports.len()));
    }
    (0..count)
        .map(|index| {
            let port = ports.get(index).or(ports.first());
            host(names.get(index), addresses.get(index), port)
        })
        .collect()
}

fn host(name: Option<&&str>, address: Option<&&str>, port: Option<&&str>) -> Result<Host, Error> {
    let given = |text: Option<&&str>| -> Option<String> {
        let text = text.filter(|text| !text.is_empty());
        text.map(|text| (*text).to_owned())
    };
    let (name, address) = (given(name), given(address));
    let ip = address.as_deref().map(|address| {
        address.parse::<IpAddr>().map_err(|error| {
            Error::new(Class::Conninfo, format!("{address:?} is no address"))
                .with_hint("Addresses of IPv4 or IPv6 belong in hostaddr, names in host.")
                .with_source(error)
        })
    });
    let port = port_number(port.copied().unwrap_or_default())?;
    Ok(Host {
        address: ip.transpose()?,
        is_named: name.is_some(),
        name: name.or(address).unwrap_or_else(|| default_host(port)),
        port,
    })
}

/// The directory of the server's socket, which each build of libpq knows for itself: the one
/// where there is a socket of that port, else Debian's if there is one.
fn default_host(port: u16) -> String {
    let has_socket = |directory: &&&str| {
        let socket = format!(".s.PGSQL.{port}");
        Path::new(directory).join(socket).exists()
    };
    let exists = |directory: &&&str| Path::new(directory).is_dir();
    let mut directories = DEFAULT_SOCKETS.iter();
    let found = directories.clone().find(has_socket);
    let directory = found.or_else(|| directories.find(exists));
    directory.map_or_else(|| "/tmp".to_owned(), |directory| (*directory).to_owned())
}

fn port_number(text: &str) -> Result<u16, Error> {
    let text = if text.is_empty() { "5432" } else { text };
    text.trim()
        .parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| {
            // A part of a password may stand there, in a URI that is not encoded.
            Error::new(Class::Conninfo, "a port is not a number").with_hint(
                "Ports are numbers from 1 to 65535; in a URI a colon, slash or at sign of the \
                 password is written as %3A, %2F or %40.",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conninfo;

    fn hosts(text: &str) -> Result<Vec<Host>, Error> {
        list(&conninfo::parse(text).unwrap())
    }

    #[test]
    fn hosts_and_ports_pair_up() {
        let both = hosts("host=a,/tmp port=1,2").unwrap();
        assert_eq!(both[0], Host::named("a", 1));
        assert!(both[1].is_socket());
        let one_port = hosts("host=a,b port=6000").unwrap();
        assert_eq!(one_port[1].port, 6000);
        assert!(hosts("host=a,b port=1,2,3").is_err());
        assert!(hosts("host=a,b hostaddr=::1").is_err());
        let error = hosts("host=a port=hunter2").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn an_address_stands_beside_the_name_that_a_certificate_is_for() {
        let both = hosts("host=a hostaddr=::1").unwrap();
        assert_eq!(both[0].name, "a");
        assert!(both[0].address.is_some() && both[0].is_named && !both[0].is_socket());
        let bare = hosts("hostaddr=127.0.0.1").unwrap();
        assert_eq!(bare[0].name, "127.0.0.1");
        assert!(!bare[0].is_named);
        assert!(hosts("hostaddr=db1").is_err());
    }
}
