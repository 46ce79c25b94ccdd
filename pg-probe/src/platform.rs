//! Which platform a server runs on, by what it shows; and which of a platform's databases
//! are its own.

use pg_session::{Error, Session};

const SIGNS: &str = include_str!("platform.sql");

/// The platform of a server that shows nothing of any other.
const SELF_MANAGED: &str = "self-managed";

/// Something that a server shows.
#[derive(Debug)]
struct Sign {
    kind: String,
    name: String,
}

/// How platforms are told apart, in this order: Aurora shows RDS's signs too, and AlloyDB
/// Cloud SQL's. A name that ends in a dot is the beginning of one.
const PLATFORMS: &[(&str, &str, &str)] = &[
    ("aurora", "function", "aurora_version"),
    ("alloydb", "setting", "alloydb."),
    ("alloydb", "database", "alloydbadmin"),
    ("cloudsql", "setting", "cloudsql."),
    ("cloudsql", "database", "cloudsqladmin"),
    ("azure", "setting", "azure."),
    ("azure", "database", "azure_maintenance"),
    ("rds", "setting", "rds."),
    ("rds", "database", "rdsadmin"),
    ("neon", "setting", "neon."),
    ("supabase", "role", "supabase_admin"),
    ("aiven", "database", "_aiven"),
];

/// Databases of platforms, which are no user's.
const PROVIDER_DATABASES: &[&str] = &[
    "rdsadmin",
    "azure_sys",
    "azure_maintenance",
    "cloudsqladmin",
    "alloydbadmin",
    "alloydbmetadata",
    "_aiven",
];

/// Recognises the platform.
///
/// # Errors
/// What the server says.
pub(crate) fn recognise(session: &mut Session) -> Result<&'static str, Error> {
    let signs: Vec<Sign> = session
        .query(SIGNS, &[])?
        .iter()
        .map(|row| Sign {
            kind: row.get("kind"),
            name: row.get("name"),
        })
        .collect();
    Ok(of_signs(&signs))
}

/// Whether a database belongs to the platform.
pub(crate) fn is_provider_database(name: &str) -> bool {
    PROVIDER_DATABASES.contains(&name)
}

fn of_signs(signs: &[Sign]) -> &'static str {
    PLATFORMS
        .iter()
        .find(|(_, kind, name)| signs.iter().any(|sign| sign.matches(kind, name)))
        .map_or(SELF_MANAGED, |(platform, _, _)| platform)
}

impl Sign {
    fn matches(&self, kind: &str, name: &str) -> bool {
        let same = if name.ends_with('.') {
            self.name.starts_with(name)
        } else {
            self.name == name
        };
        same && self.kind == kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(signs: &[(&str, &str)]) -> &'static str {
        let signs: Vec<Sign> = signs
            .iter()
            .map(|(kind, name)| Sign {
                kind: (*kind).to_owned(),
                name: (*name).to_owned(),
            })
            .collect();
        of_signs(&signs)
    }

    #[test]
    fn platforms_are_told_apart_by_what_they_show() {
        let rds = ("setting", "rds.extensions");
        assert_eq!(platform(&[rds]), "rds");
        assert_eq!(platform(&[("function", "aurora_version"), rds]), "aurora");
        assert_eq!(platform(&[("setting", "azure.extensions")]), "azure");
        assert_eq!(
            platform(&[("setting", "cloudsql.iam_authentication")]),
            "cloudsql"
        );
        assert_eq!(platform(&[("role", "supabase_admin")]), "supabase");
        assert_eq!(platform(&[]), "self-managed");
    }
}
