//! Which platform a server runs on, by what it shows; what Azure's API calls that; and which
//! of a platform's databases are its own.

use crate::error::Error;
use crate::session::Session;

const SIGNS: &str = include_str!("sql/platform_signs.sql");

/// A platform that can be recognised.
#[derive(Debug)]
pub struct Platform {
    /// The word in records.
    pub id: &'static str,
    /// The name for people.
    pub name: &'static str,
    /// The source type that it is in the words of Azure's API, where there is one.
    pub source_type: Option<&'static str>,
    /// Further source types that it does not contradict.
    also: &'static [&'static str],
    /// Each entry is enough; the signs of one entry must all be there.
    signs: &'static [&'static [Sign<'static>]],
}

/// Something that a server shows: kind and name. A name that ends in a dot is the beginning
/// of one.
type Sign<'a> = (&'a str, &'a str);

/// A server that shows nothing of any provider: on a machine of one's own, or of anybody's.
const SELF_MANAGED: Platform = Platform {
    id: "self-managed",
    name: "self-managed",
    source_type: Some("OnPremises"),
    also: &[
        "AWS",
        "AWS_EC2",
        "ApsaraDB_RDS",
        "AzureVM",
        "Digital_Ocean_Droplets",
        "EDB",
        "EDB_Oracle_Server",
        "EDB_PostgreSQL",
        "GCP",
        "GCP_Compute",
        "Huawei_Compute",
        "Huawei_RDS",
    ],
    signs: &[],
};

/// In the order in which they are tried. First those with a setting, a function or a database
/// that only the provider can make, the more special one before the one that it is made of:
/// Aurora shows RDS's signs, AlloyDB Cloud SQL's, Cosmos DB Azure's. Then those with roles and
/// schemas, which somebody who moved in may have brought along.
const PLATFORMS: &[Platform] = &[
    // Amazon's documents: aurora_version(), the parameters rds.*, the database rdsadmin.
    Platform {
        id: "aurora",
        name: "Amazon Aurora",
        source_type: Some("AWS_AURORA"),
        also: &["AWS"],
        signs: &[&[("function", "aurora_version")]],
    },
    Platform {
        id: "rds",
        name: "Amazon RDS",
        source_type: Some("AWS_RDS"),
        also: &["AWS"],
        signs: &[&[("setting", "rds.")], &[("database", "rdsadmin")]],
    },
    // Microsoft's documents: the roles citus and azure_pg_admin of a cluster; the parameters
    // azure.* and the databases azure_sys and azure_maintenance of a server.
    Platform {
        id: "cosmosdb",
        name: "Azure Cosmos DB for PostgreSQL",
        source_type: Some("PostgreSQLCosmosDB"),
        also: &[],
        signs: &[&[("role", "citus"), ("role", "azure_pg_admin")]],
    },
    Platform {
        id: "azure",
        name: "Azure Database for PostgreSQL",
        source_type: Some("PostgreSQLFlexibleServer"),
        also: &["PostgreSQLSingleServer"],
        signs: &[
            &[("setting", "azure.")],
            &[("database", "azure_maintenance")],
        ],
    },
    // Google's documents: the flags alloydb.* and cloudsql.*, the databases of the provider.
    Platform {
        id: "alloydb",
        name: "AlloyDB",
        source_type: Some("GCP_AlloyDB"),
        also: &["GCP"],
        signs: &[&[("setting", "alloydb.")], &[("database", "alloydbadmin")]],
    },
    Platform {
        id: "cloudsql",
        name: "Cloud SQL",
        source_type: Some("GCP_CloudSQL"),
        also: &["GCP"],
        signs: &[
            &[("setting", "cloudsql.")],
            &[("database", "cloudsqladmin")],
        ],
    },
    // Neon's source: its extension's settings; the role that Neon's documents name.
    Platform {
        id: "neon",
        name: "Neon",
        source_type: None,
        also: &[],
        signs: &[&[("setting", "neon.")], &[("role", "neon_superuser")]],
    },
    // DigitalOcean's documents: the database _dodb beside defaultdb; built on Aiven's.
    Platform {
        id: "digitalocean",
        name: "DigitalOcean",
        source_type: Some("Digital_Ocean_PostgreSQL"),
        also: &[],
        signs: &[&[("database", "_dodb")], &[("role", "doadmin")]],
    },
    // Aiven's documents: the database _aiven, the role avnadmin.
    Platform {
        id: "aiven",
        name: "Aiven",
        source_type: None,
        also: &[],
        signs: &[&[("database", "_aiven")], &[("role", "avnadmin")]],
    },
    // Supabase's documents: the role supabase_admin owns what is the platform's.
    Platform {
        id: "supabase",
        name: "Supabase",
        source_type: Some("Supabase_PostgreSQL"),
        also: &[],
        signs: &[&[("role", "supabase_admin")]],
    },
    // Crunchy Bridge's documents: the roles that team members are given.
    Platform {
        id: "crunchy",
        name: "Crunchy Bridge",
        source_type: Some("Crunchy_PostgreSQL"),
        also: &[],
        signs: &[
            &[("role", "crunchy_superuser")],
            &[("role", "crunchy_read"), ("role", "crunchy_write")],
        ],
    },
    // Timescale's documents: the role that every service begins with.
    Platform {
        id: "timescale",
        name: "Timescale Cloud",
        source_type: None,
        also: &[],
        signs: &[&[("role", "tsdbadmin")]],
    },
    // Heroku's documents: the schema of extensions, the schema that pg:pull leaves out and
    // the role that owns it.
    Platform {
        id: "heroku",
        name: "Heroku Postgres",
        source_type: Some("Heroku_PostgreSQL"),
        also: &[],
        signs: &[
            &[("role", "heroku_admin")],
            &[("schema", "heroku_ext")],
            &[("schema", "_heroku")],
        ],
    },
    // EDB's documents: version() of its Advanced Server. It runs anywhere.
    Platform {
        id: "edb",
        name: "EDB Postgres Advanced Server",
        source_type: Some("EDB_PostgreSQL"),
        also: &[
            "AWS",
            "AWS_EC2",
            "AzureVM",
            "EDB",
            "EDB_Oracle_Server",
            "GCP",
            "GCP_Compute",
            "OnPremises",
        ],
        signs: &[&[("version", "EnterpriseDB")]],
    },
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
    "_dodb",
];

/// Recognises the platform.
///
/// # Errors
/// What the server says.
pub fn recognise(session: &mut Session) -> Result<&'static Platform, Error> {
    let found: Vec<(String, String)> = session
        .query(SIGNS, &[])?
        .iter()
        .map(|row| (row.get("kind"), row.get("name")))
        .collect();
    Ok(of_signs(&found))
}

/// The platform that a record names; a newer tool may know more of them.
pub fn of_id(id: &str) -> Option<&'static Platform> {
    PLATFORMS
        .iter()
        .chain([&SELF_MANAGED])
        .find(|platform| platform.id == id)
}

/// Whether a database belongs to the platform.
pub fn is_provider_database(name: &str) -> bool {
    PROVIDER_DATABASES.contains(&name)
}

impl Platform {
    /// What is odd about a server that is said to be of a source type and shows this
    /// platform. Where Azure has no word for it, nothing is.
    pub fn contradiction(&self, said: &str) -> Option<String> {
        let own = self.source_type?;
        if own == said || self.also.contains(&said) {
            return None;
        }
        let shows = if self.signs.is_empty() {
            "shows no sign of that".to_owned()
        } else {
            format!("shows itself as {}", self.name)
        };
        Some(format!(
            "the migration says that the source is {said}, but it {shows}: \
             \"source_type\":\"{own}\" would be right"
        ))
    }

    /// Whether somebody else runs the server, so that nobody is superuser there and its files
    /// are out of reach. EDB's server runs anywhere.
    pub fn is_managed(&self) -> bool {
        !["self-managed", "edb"].contains(&self.id)
    }

    fn is_shown_by(&self, found: &[(String, String)]) -> bool {
        let is_there = |(kind, name): &Sign<'_>| {
            found.iter().any(|(other_kind, other)| {
                let same = other == name || name.ends_with('.') && other.starts_with(name);
                same && other_kind == kind
            })
        };
        self.signs.iter().any(|all| all.iter().all(is_there))
    }
}

fn of_signs(found: &[(String, String)]) -> &'static Platform {
    PLATFORMS
        .iter()
        .find(|platform| platform.is_shown_by(found))
        .unwrap_or(&SELF_MANAGED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(signs: &[Sign<'_>]) -> &'static Platform {
        let found: Vec<(String, String)> = signs
            .iter()
            .map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned()))
            .collect();
        of_signs(&found)
    }

    #[test]
    fn platforms_are_told_apart_by_what_they_show() {
        let rds = ("setting", "rds.extensions");
        let azure = ("setting", "azure.extensions");
        let admin = ("role", "azure_pg_admin");
        let cloudsql = ("setting", "cloudsql.iam_authentication");
        let cases: &[(&[Sign<'_>], &str)] = &[
            (&[], "self-managed"),
            (&[rds, ("database", "rdsadmin")], "rds"),
            (&[("function", "aurora_version"), rds], "aurora"),
            (&[azure, admin], "azure"),
            (&[admin, ("role", "citus")], "cosmosdb"),
            (&[admin], "self-managed"),
            (&[cloudsql], "cloudsql"),
            (&[("database", "alloydbadmin"), cloudsql], "alloydb"),
            (&[("database", "_aiven")], "aiven"),
            (
                &[("database", "_dodb"), ("role", "avnadmin")],
                "digitalocean",
            ),
            (&[("role", "supabase_admin")], "supabase"),
            (&[("role", "crunchy_read")], "self-managed"),
            (
                &[("role", "crunchy_read"), ("role", "crunchy_write")],
                "crunchy",
            ),
            (&[("schema", "heroku_ext")], "heroku"),
            (&[("role", "tsdbadmin")], "timescale"),
            (&[("version", "EnterpriseDB")], "edb"),
        ];
        for (signs, id) in cases {
            assert_eq!(platform(signs).id, *id, "{signs:?}");
        }
    }

    #[test]
    fn what_was_brought_along_does_not_hide_the_provider() {
        let moved_in = [("schema", "heroku_ext"), ("role", "supabase_admin")];
        let azure = ("setting", "azure.extensions");
        assert_eq!(platform(&[moved_in[0], moved_in[1], azure]).id, "azure");
    }

    #[test]
    fn every_platform_is_found_by_its_id_and_its_signs_are_asked_for() {
        for known in PLATFORMS {
            assert_eq!(of_id(known.id).map(|other| other.name), Some(known.name));
            for (kind, name) in known.signs.iter().copied().flatten() {
                let asked = name.trim_end_matches('.');
                assert!(SIGNS.contains(&format!("'{kind}'")), "{kind}");
                assert!(SIGNS.contains(asked), "{name}");
            }
        }
        assert!(of_id("mainframe").is_none());
    }

    #[test]
    fn a_source_type_that_is_contradicted_is_told() {
        let aurora = of_id("aurora").unwrap();
        assert_eq!(aurora.contradiction("AWS_AURORA"), None);
        assert_eq!(aurora.contradiction("AWS"), None);
        let told = aurora.contradiction("OnPremises").unwrap();
        assert!(
            told.contains("Amazon Aurora") && told.contains("AWS_AURORA"),
            "{told}"
        );
        assert_eq!(SELF_MANAGED.contradiction("AzureVM"), None);
        let told = SELF_MANAGED.contradiction("AWS_RDS").unwrap();
        assert!(told.contains("no sign"), "{told}");
        assert_eq!(of_id("neon").unwrap().contradiction("OnPremises"), None);
    }
}
