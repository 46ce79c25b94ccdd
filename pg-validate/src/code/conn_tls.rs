//! `conn.tls`: rows and passwords that cross a network in the clear.

use pg_session::Endpoint;
use pg_session::host::Host;

use crate::outcome::Outcome;
use crate::subject::Subject;

pub(super) fn run(subject: &Subject) -> Outcome {
    let bare: Vec<String> = [&subject.source, &subject.target]
        .into_iter()
        .filter(|server| server.session.facts().tls.is_none() && crosses_network(&server.endpoint))
        .map(|server| server.endpoint.role().to_string())
        .collect();
    if bare.is_empty() {
        Outcome::fine("every connection uses TLS or stays on this machine")
    } else {
        Outcome::warning(
            "rows and passwords cross the network without TLS; sslmode=verify-full forbids it",
        )
        .objects(bare)
    }
}

fn crosses_network(endpoint: &Endpoint) -> bool {
    let is_local = |host: &Host| {
        host.is_socket() || ["localhost", "127.0.0.1", "::1"].contains(&host.name.as_str())
    };
    !endpoint.hosts().iter().all(is_local)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_session::Role;

    #[test]
    fn sockets_and_loopback_do_not_cross_a_network() {
        for (host, expected) in [
            ("/tmp", false),
            ("::1", false),
            ("db1", true),
            ("/tmp,db1", true),
        ] {
            let text = format!("host={host} user=u");
            let endpoint = Endpoint::resolve(Role::Source, Some(&text), &|_| None).unwrap();
            assert_eq!(crosses_network(&endpoint), expected, "{host}");
        }
    }
}
