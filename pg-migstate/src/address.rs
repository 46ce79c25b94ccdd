//! How a server is called in the list, and what a migration's hash is taken over.

use pg_session::{Endpoint, Error, Role, conninfo};

/// `host:port` of each address of a server, joined by commas; host names in lower case.
pub(crate) fn of(endpoint: &Endpoint) -> String {
    endpoint
        .hosts()
        .iter()
        .map(|host| {
            let name = if host.is_socket() {
                host.name.clone()
            } else {
                host.name.to_lowercase()
            };
            format!("{name}:{}", host.port)
        })
        .collect::<Vec<_>>()
        .join(",")
}

/// The address in a record's connection string, which is complete: the environment has no say.
///
/// # Errors
/// When it does not parse.
pub(crate) fn of_conninfo(role: Role, conninfo: &str) -> Result<String, Error> {
    let mut parameters = conninfo::parse(conninfo)?;
    // What the service said stands in the record, too.
    parameters.remove("service");
    let complete = conninfo::write(&parameters);
    Endpoint::resolve(role, Some(&complete), &|_| None).map(|endpoint| of(&endpoint))
}

/// Whether an address is the one that was asked for: the whole of it, or one of its hosts.
pub(crate) fn matches(address: &str, wanted: &str) -> bool {
    let wanted = wanted.to_lowercase();
    let address = address.to_lowercase();
    address == wanted || address.split(',').any(|one| one == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(conninfo: &str) -> String {
        of_conninfo(Role::Target, conninfo).unwrap()
    }

    #[test]
    fn names_are_lowered_and_sockets_are_not() {
        assert_eq!(address("host=DB1.example user=u"), "db1.example:5432");
        assert_eq!(address("host=/Tmp port=5602 user=u"), "/Tmp:5602");
        assert_eq!(address("host=A,b port=1,2 user=u"), "a:1,b:2");
    }

    #[test]
    fn one_host_of_several_is_enough_to_ask_for() {
        assert!(matches("a:1,b:2", "B:2"));
        assert!(matches("a:1,b:2", "a:1,b:2"));
        assert!(!matches("a:1,b:2", "b:1"));
    }
}
