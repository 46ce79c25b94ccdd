//! The ways on which checks are made to fire: two servers, what they have beforehand, and the
//! flags.

use pg_e2e::cluster::{Setup, Side};
use pg_e2e::{Cluster, Database, Majors, Ran, Tool};

use crate::scene::skip;

/// One way from a source to a target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// Between servers of the newest version, as superuser.
    Plain,
    /// From PostgreSQL 10.
    Old,
    /// To PostgreSQL 13.
    Back,
    /// As somebody who may little on both sides.
    Guest,
    /// To a server that looks like one of Azure.
    Azure,
    /// To one that looks like Amazon's.
    Rds,
    /// To one that looks like Google's.
    Cloud,
    /// From a server whose functions lie.
    Odd,
    /// From a database with very many tables.
    Crowded,
    /// From a database of no encoding.
    Ascii,
}

pub(super) const WAYS: &[(&str, Way)] = &[
    ("plain", Way::Plain),
    ("old", Way::Old),
    ("back", Way::Back),
    ("guest", Way::Guest),
    ("azure", Way::Azure),
    ("rds", Way::Rds),
    ("cloud", Way::Cloud),
    ("odd", Way::Odd),
    ("crowded", Way::Crowded),
    ("ascii", Way::Ascii),
];

/// Servers that nobody else uses and that let their catalogs be changed.
pub(super) struct Servers {
    source: &'static Cluster,
    target: &'static Cluster,
}

impl Servers {
    pub(super) fn start() -> Self {
        let own = |major| {
            let setup = Setup {
                conf: "allow_system_table_mods = on\nmax_prepared_transactions = 5",
                ..Setup::default()
            };
            &*Box::leak(Box::new(Cluster::start(major, setup)))
        };
        Self {
            source: own(Majors::newest()),
            target: own(Majors::newest()),
        }
    }
}

/// A database on either side, for one way.
pub(super) struct Ends {
    way: Way,
    pub(super) source: Database,
    pub(super) target: Database,
}

impl Ends {
    /// Makes both; `None`, and said so, where a server is missing.
    pub(super) fn make(way: Way, servers: &Servers) -> Option<Self> {
        let source = match way {
            Way::Old => server(10, Side::Source)?,
            _ => servers.source,
        };
        let target = match way {
            Way::Back => server(13, Side::Target)?,
            _ => servers.target,
        };
        let (source, target) = if way == Way::Ascii {
            (
                Database::encoded(source, "ascii", "SQL_ASCII"),
                Database::encoded(target, "ascii", "SQL_ASCII"),
            )
        } else {
            let source = Database::create(source, "way");
            let target = source.twin(target);
            (source, target)
        };
        let ends = Self {
            way,
            source,
            target,
        };
        ends.prepare();
        Some(ends)
    }

    fn prepare(&self) {
        match self.way {
            Way::Guest => {
                for side in [&self.source, &self.target] {
                    side.run("create role guest login; create role boss");
                }
            }
            Way::Azure => self.show("azure.extensions", "PGCRYPTO,CITEXT"),
            Way::Rds => self.show("rds.extensions", "pgcrypto, citext"),
            Way::Cloud => self.show("cloudsql.iam_authentication", "on"),
            _ => {}
        }
    }

    /// Has the target list a setting of a platform.
    fn show(&self, name: &str, value: &str) {
        self.target.run(&format!(
            "create or replace view pg_catalog.pg_settings as
             select a.* from pg_catalog.pg_show_all_settings() as a
             union all
             select '{name}', '{value}', null, 'Customized Options', '', null, 'postmaster', 'string',
                    'configuration file', null, null, null, 'on', 'on', null, null, false"
        ));
    }

    /// Validates.
    pub(super) fn validate(&self) -> Ran {
        let user = if self.way == Way::Guest {
            "user=guest"
        } else {
            "user=postgres"
        };
        let conninfo = |side: &Database| side.conninfo().replace("user=postgres", user);
        let more: &[&str] = match self.way {
            Way::Plain | Way::Ascii => &["--deep"],
            Way::Crowded => &["--only", "src.max_locks,tbl.too_many_objects"],
            _ => &[],
        };
        Tool::new("pg-validate")
            .args(["--source", &conninfo(&self.source)])
            .args(["--target", &conninfo(&self.target)])
            .args(more)
            .run()
    }
}

/// A server of a major that checks know of; `None`, and said so, without one.
pub(super) fn server(major: u32, side: Side) -> Option<&'static Cluster> {
    if !Majors::probed().contains_key(&major) {
        skip(&format!("PostgreSQL {major} is not here"));
        return None;
    }
    Some(Cluster::of(major, side))
}
