//! Which platform a server runs on, by what it shows. The servers here are made to show what
//! those of each platform do.

use pg_e2e::cluster::Setup;
use pg_e2e::database::identifier;
use pg_e2e::{Cluster, Database, Majors, Ran, Tool};

/// What a server of a platform shows. Roles and databases are the server's, the rest is the
/// database's.
struct Platform {
    name: &'static str,
    roles: &'static [&'static str],
    /// Databases of the platform's own.
    databases: &'static [&'static str],
    settings: &'static [&'static str],
    sql: &'static str,
}

/// A server that shows nothing.
const NOTHING: Platform = Platform {
    name: "self-managed",
    roles: &[],
    databases: &[],
    settings: &[],
    sql: "",
};

const CITUS: &str = "
    insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    values (90001, 'citus', 10, 11, false, '12.1-1')";

const PLATFORMS: &[Platform] = &[
    NOTHING,
    Platform {
        name: "aurora",
        roles: &["rds_superuser", "rdsadmin", "rds_iam", "rds_replication"],
        databases: &["rdsadmin"],
        settings: &[
            "rds.extensions",
            "rds.logical_replication",
            "apg_plan_mgmt.max_plans",
        ],
        sql: "create function pg_catalog.aurora_version() returns text
              language sql as $$ select '16.4.1' $$",
    },
    Platform {
        name: "rds",
        roles: &["rds_superuser", "rdsadmin", "rds_iam", "rds_replication"],
        databases: &["rdsadmin"],
        settings: &["rds.extensions", "rds.logical_replication", "rds.force_ssl"],
        ..NOTHING
    },
    Platform {
        name: "azure",
        roles: &["azure_pg_admin", "azuresu"],
        databases: &["azure_maintenance", "azure_sys"],
        settings: &["azure.extensions", "azure.accepted_password_auth_method"],
        ..NOTHING
    },
    Platform {
        name: "cosmosdb",
        roles: &["citus", "azure_pg_admin", "azuresu"],
        settings: &["azure.extensions", "citus.shard_count", "citus.version"],
        sql: CITUS,
        ..NOTHING
    },
    Platform {
        name: "cloudsql",
        roles: &["cloudsqladmin", "cloudsqlsuperuser", "cloudsqlagent"],
        databases: &["cloudsqladmin"],
        settings: &["cloudsql.iam_authentication", "cloudsql.logical_decoding"],
        ..NOTHING
    },
    Platform {
        name: "alloydb",
        roles: &["alloydbadmin", "alloydbsuperuser", "alloydbreplica"],
        databases: &["alloydbadmin", "alloydbmetadata"],
        settings: &[
            "alloydb.iam_authentication",
            "google_columnar_engine.enabled",
        ],
        ..NOTHING
    },
    Platform {
        name: "supabase",
        roles: &[
            "supabase_admin",
            "supabase_auth_admin",
            "supabase_storage_admin",
            "authenticator",
            "anon",
            "authenticated",
            "service_role",
        ],
        sql: "create schema auth; create schema storage; create schema extensions",
        ..NOTHING
    },
    Platform {
        name: "neon",
        roles: &["neon_superuser", "cloud_admin"],
        settings: &["neon.tenant_id", "neon.timeline_id", "neon.safekeepers"],
        ..NOTHING
    },
    Platform {
        name: "heroku",
        roles: &["u8k2n1q0x7y3m5"],
        settings: &["extwlist.extensions"],
        sql: "create schema heroku_ext;
              create function heroku_ext.validate_extension() returns event_trigger
              language plpgsql as $$ begin null; end $$;
              create event trigger validate_extension on ddl_command_end
              execute function heroku_ext.validate_extension()",
        ..NOTHING
    },
    Platform {
        name: "crunchy",
        roles: &[
            "crunchy_superuser",
            "ccp_monitoring",
            "_crunchyrepl",
            "_crunchypgbouncer",
        ],
        settings: &["crunchy.tier"],
        ..NOTHING
    },
    Platform {
        name: "aiven",
        roles: &["avnadmin", "_aiven"],
        databases: &["_aiven"],
        settings: &["aiven.pg_security_agent"],
        ..NOTHING
    },
    Platform {
        name: "digitalocean",
        roles: &["doadmin"],
        databases: &["_dodb"],
        ..NOTHING
    },
    Platform {
        name: "timescale",
        roles: &["tsdbadmin"],
        ..NOTHING
    },
    Platform {
        name: "edb",
        sql: "create or replace function pg_catalog.version() returns text
              language sql stable as $$ select 'PostgreSQL 18.1 (EnterpriseDB Advanced Server)' $$",
        ..NOTHING
    },
    // Somebody who moved in has brought something along.
    Platform {
        name: "azure",
        roles: &["azure_pg_admin", "supabase_admin", "crunchy_superuser"],
        settings: &["azure.extensions"],
        sql: "create schema heroku_ext",
        ..NOTHING
    },
    // What anybody can have.
    Platform {
        roles: &["admin", "anon", "azure"],
        settings: &["citus.shard_count", "myapp.tenant"],
        sql: CITUS,
        ..NOTHING
    },
];

/// A setting that somebody made up is not listed, those of a platform's server are. So the
/// list gets them here.
fn settings_sql(database: &Database, names: &[&str]) -> String {
    let name = identifier(&database.name);
    let set: Vec<String> = names
        .iter()
        .map(|setting| format!("alter database {name} set {setting} = 'on';"))
        .collect();
    let rows: Vec<String> = names.iter().map(|name| format!("('{name}')")).collect();
    format!(
        "{} create or replace view pg_catalog.pg_settings as
         select a.* from pg_catalog.pg_show_all_settings() as a
         union all
         select name, 'on', null, 'Customized Options', '', null, 'postmaster', 'string',
                'configuration file', null, null, null, 'on', 'on', null, null, false
         from (values {}) as shown (name)",
        set.concat(),
        rows.join(", ")
    )
}

/// Shows what servers of the platform show, runs `check`, takes everything away again.
fn on(platform: &Platform, cluster: &'static Cluster, check: impl FnOnce(&Database)) {
    let mut client = cluster.connect("postgres");
    let mut run = |sql: String| {
        client
            .batch_execute(&sql)
            .expect("the superuser may do this");
    };
    for role in platform.roles {
        run(format!("create role {}", identifier(role)));
    }
    for name in platform.databases {
        run(format!("create database {}", identifier(name)));
    }
    let database = Database::create(cluster, "shown").with(platform.sql);
    if !platform.settings.is_empty() {
        database.run(&settings_sql(&database, platform.settings));
    }
    check(&database);
    drop(database);
    for name in platform.databases {
        run(format!("drop database {}", identifier(name)));
    }
    for role in platform.roles {
        run(format!("drop role {}", identifier(role)));
    }
}

fn probe(database: &Database, more: &[&str]) -> Ran {
    let conninfo = database.conninfo();
    let ran = Tool::new("pg-probe")
        .args(["--source", &conninfo])
        .args(more)
        .run();
    ran.ends_with(0);
    ran
}

/// Names of the databases that a probe lists.
fn listed(ran: &Ran) -> Vec<String> {
    let stream = ran.stream();
    let names = stream.of("database").map(|one| one.text("name").to_owned());
    names.collect()
}

/// One test, since roles and databases are the whole server's.
#[test]
fn each_platform_is_told_by_what_its_servers_show_and_its_own_databases_are_hidden() {
    let setup = Setup {
        conf: "allow_system_table_mods = on",
        ..Setup::default()
    };
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start(Majors::newest(), setup)));
    let mut wrong = Vec::new();
    for platform in PLATFORMS {
        on(platform, cluster, |database| {
            let ran = probe(database, &[]);
            let told = ran.stream().the("endpoint").text("platform").to_owned();
            if platform.name == "aurora" {
                let version = ran
                    .stream()
                    .the("endpoint")
                    .text("platform_version")
                    .to_owned();
                assert_eq!(version, "16.4.1", "{ran}");
            }
            if told != platform.name {
                wrong.push(format!("{} is told as {told}", platform.name));
            }
            let (few, all) = (listed(&ran), listed(&probe(database, &["--all"])));
            assert!(few.contains(&database.name), "{ran}");
            for name in platform.databases {
                let is_in = |names: &[String]| names.iter().any(|listed| listed == name);
                if is_in(&few) || !is_in(&all) {
                    wrong.push(format!(
                        "{}: {name} is to be hidden, and shown with --all",
                        platform.name
                    ));
                }
            }
        });
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
