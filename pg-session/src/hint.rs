//! What to change when a server cannot be connected to: one sentence for each class of error.

use crate::endpoint::Endpoint;
use crate::error::Class;

impl Endpoint {
    /// What to change when a connection fails so.
    pub(crate) fn connect_hint(&self, class: Class, server: Option<&str>) -> String {
        let role = self.role();
        match class {
            Class::Refused => "Check host and port, and that the server runs and listens there \
                               (listen_addresses)."
                .to_owned(),
            Class::Timeout => "Check firewall, security group and routing between this machine \
                               and the server."
                .to_owned(),
            Class::NotPostgres => "Something else listens there: check the port, and any proxy or \
                                   load balancer in the way."
                .to_owned(),
            Class::Resolve => "Check the host name.".to_owned(),
            Class::Authentication if self.password().is_none() => self.password_hint(),
            Class::Authentication => "Check user and password.".to_owned(),
            Class::Hba => "Add a line for this user, database and address to pg_hba.conf, or \
                           check that the role may log in."
                .to_owned(),
            Class::NoDatabase => format!("Check dbname, or create the database on the {role}."),
            Class::Tls => "Check sslmode and sslrootcert.".to_owned(),
            Class::TooMany => "Free connections or raise max_connections.".to_owned(),
            Class::Unavailable => "Wait until the server is up and run the same again.".to_owned(),
            _ => server
                .unwrap_or("Try the same connection string with psql.")
                .to_owned(),
        }
    }

    /// Why there is no password, and where it could come from.
    fn password_hint(&self) -> String {
        let variable = self.role().password_variable();
        if self.left_behind() == Some("conninfo") {
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
