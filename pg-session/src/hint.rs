//! What to change when a server cannot be connected to: the exact thing, as far as the error
//! and the connection string tell it.

use std::net::IpAddr;

use crate::endpoint::Endpoint;
use crate::error::{Class, Error};

/// What to change on a source whose lock table has no room for one lock a table. Servers call that
/// «out of shared memory», 53200, and name the setting in whatever language.
pub const FEW_LOCKS: &str = "Raise max_locks_per_transaction on the source and restart it: times \
    max_connections it must be more than there are tables (pg-validate: src.max_locks).";

impl Endpoint {
    /// What to change when a connection fails so; `from` is our address as the server sees it.
    pub(crate) fn connect_hint(&self, error: &Error, from: Option<IpAddr>) -> String {
        let role = self.role();
        match error.class() {
            Class::Authentication if error.sqlstate().is_none() && error.hint().is_some() => {
                own_hint(error)
            }
            Class::NoPassword => self.password_hint(),
            Class::Authentication if self.password_from().is_none() => self.password_hint(),
            Class::Authentication => self.wrong_password_hint(),
            Class::Hba => self.hba_hint(&error.told(), from),
            Class::NoDatabase if error.sqlstate() == Some("55000") => format!(
                "Open it: ALTER DATABASE {} ALLOW_CONNECTIONS true.",
                crate::quote::shown(self.database())
            ),
            Class::NoDatabase => format!(
                "Check dbname, or create the database on the {role}; psql -l lists those that are \
                 there."
            ),
            Class::Privilege => format!(
                "Let the role in: GRANT CONNECT ON DATABASE {} TO {}.",
                crate::quote::shown(self.database()),
                crate::quote::shown(self.user())
            ),
            Class::Timeout => format!(
                "Check firewall, security group and routing between this machine and the server{}.",
                self.cloud_firewall()
            ),
            Class::Refused => self.refused_hint(),
            Class::TooMany => format!(
                "Free connections, or raise max_connections or the limit of role {} \
                 (ALTER ROLE … CONNECTION LIMIT).",
                self.user()
            ),
            Class::NotPostgres => "Something else listens there: check the port, and any proxy or \
                                   load balancer in the way."
                .to_owned(),
            Class::Statement if self.parameter("options").is_some() => {
                "Check what options= sets; psql says the same.".to_owned()
            }
            Class::Unavailable => "Wait until the server is up and run the same again.".to_owned(),
            _ => own_hint(error),
        }
    }

    fn refused_hint(&self) -> String {
        if self.hosts().iter().all(crate::host::Host::is_socket) {
            "Check the socket directory and the port, and that the server runs there \
             (unix_socket_directories); for TCP give host=localhost."
                .to_owned()
        } else {
            "Check host and port, and that the server runs and listens there (listen_addresses)."
                .to_owned()
        }
    }

    /// Where the firewall of a cloud is set, told by the host name.
    fn cloud_firewall(&self) -> &'static str {
        let is_of = |suffix| self.hosts().iter().any(|host| host.name.ends_with(suffix));
        if is_of(".rds.amazonaws.com") {
            " (Amazon: an inbound rule of the security group for this machine and the port, and \
             «publicly accessible» or a route into the VPC)"
        } else if is_of(".postgres.database.azure.com") {
            " (Azure: a firewall rule under Networking, or the private endpoint's network)"
        } else {
            ""
        }
    }

    /// What a pg_hba.conf that lets nobody in should have, or what else 28000 means.
    fn hba_hint(&self, message: &str, from: Option<IpAddr>) -> String {
        let user = self.user();
        if message.contains("does not exist") {
            return format!(
                "Check user, or create it on the {}: CREATE ROLE … LOGIN.",
                self.role()
            );
        }
        if message.contains("not permitted to log in") {
            return format!(
                "Let it log in: ALTER ROLE {} LOGIN.",
                crate::quote::shown(user)
            );
        }
        if message.contains("eer authentication") || message.contains("dent authentication") {
            return "Run as the operating system's user of that name, map it in pg_ident.conf, or \
                    connect over TCP with a password: host=localhost."
                .to_owned();
        }
        if message.contains("certificate") {
            return "Give a client certificate for this user: sslcert and sslkey.".to_owned();
        }
        if self.hosts().iter().all(crate::host::Host::is_socket) {
            return format!(
                "Add to pg_hba.conf: local  {}  {}  peer",
                in_hba(self.database()),
                in_hba(user)
            );
        }
        if !message.contains("pg_hba.conf") {
            return format!(
                "Check that role {} exists and may log in, and that pg_hba.conf lets it in.",
                crate::quote::shown(user)
            );
        }
        let kind = if message.contains("no encryption") && self.parameter("sslmode").is_some() {
            "Use sslmode=require if the server wants TLS, or add to pg_hba.conf: host"
        } else {
            "Add to pg_hba.conf: host"
        };
        format!(
            "{kind}  {}  {}  {}  scram-sha-256",
            in_hba(self.database()),
            in_hba(user),
            network(message, from)
        )
    }

    fn wrong_password_hint(&self) -> String {
        let from = match self.password_from() {
            Some("conninfo") => format!("the connection string of the {}", self.role()),
            Some("environment") => "the environment".to_owned(),
            Some("command") => self.role().command_variable().to_owned(),
            Some("service") => "the service file".to_owned(),
            Some("passfile") => "the password file".to_owned(),
            _ => "what was typed".to_owned(),
        };
        format!("Check user and password; the password came from {from}.")
    }

    /// Why there is no password, and where it could come from.
    fn password_hint(&self) -> String {
        let variable = self.role().password_variable();
        if matches!(self.left_behind(), Some("conninfo" | "prompt")) {
            format!(
                "An earlier tool had the password in its --{}; passwords do not travel in the \
                 stream. Set {variable}, or put it in ~/.pgpass with mode 0600.",
                self.role()
            )
        } else if let Some(file) = self.ignored_passfile() {
            format!(
                "The password file is ignored because others can read it: chmod 600 {}",
                file.display()
            )
        } else {
            format!("No password was found: set {variable}, or put it in ~/.pgpass with mode 0600.")
        }
    }
}

/// The hint that the error brought along.
fn own_hint(error: &Error) -> String {
    let hint = error.hint().map(str::to_owned);
    hint.unwrap_or_else(|| "Try the same connection string with psql.".to_owned())
}

/// A name as pg_hba.conf takes it: in quotes where it is not plain, since words such as `all`
/// mean something else there.
fn in_hba(name: &str) -> String {
    let plain = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !["all", "replication", "sameuser", "samerole"].contains(&name);
    if plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// The client's address as the server tells it in its message, else by our own routes.
fn network(message: &str, from: Option<IpAddr>) -> String {
    let told = message
        .split_once("for host \"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .and_then(|(address, _)| address.parse::<IpAddr>().ok());
    match told.or(from) {
        Some(IpAddr::V4(address)) => format!("{address}/32"),
        Some(IpAddr::V6(address)) => format!("{address}/128"),
        None => "ADDRESS/32".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Role;

    fn hint(conninfo: &str, class: Class, message: &str) -> String {
        let endpoint = Endpoint::resolve(Role::Source, Some(conninfo), &|_| None).unwrap();
        endpoint.connect_hint(&Error::new(class, message), None)
    }

    #[test]
    fn a_missing_line_of_pg_hba_is_written_out() {
        let message = "no pg_hba.conf entry for host \"10.0.0.7\", user \"app\", database \"all\", \
                       no encryption";
        let hint = hint("host=db user=app dbname=all", Class::Hba, message);
        assert!(
            hint.ends_with("host  \"all\"  app  10.0.0.7/32  scram-sha-256"),
            "{hint}"
        );
    }

    #[test]
    fn a_firewall_is_told_by_the_name_of_its_cloud() {
        let azure = "host=x.postgres.database.azure.com user=u";
        assert!(hint(azure, Class::Timeout, "no answer").contains("Azure"));
        assert!(!hint("host=db user=u", Class::Timeout, "no answer").contains("Azure"));
    }

    #[test]
    fn a_role_that_may_not_log_in_is_told_from_one_that_is_not_let_in() {
        let hint = hint(
            "host=db user=app",
            Class::Hba,
            "role \"app\" is not permitted to log in",
        );
        assert_eq!(hint, "Let it log in: ALTER ROLE app LOGIN.");
    }
}
