//! What was found, as records.

use pg_pipe::record::{Database, Endpoint as EndpointRecord};
use pg_session::catalog::{DatabaseFacts, platform};
use pg_session::journey::Tls;
use pg_session::{Endpoint, Role};

use crate::steps::{self, Probed};
use crate::{facts, sides};

/// The record of a side that was probed.
pub(crate) fn endpoint(endpoint: &Endpoint, probed: Probed) -> EndpointRecord {
    let session = probed.session.facts();
    let way = probed.session.way();
    let Probed {
        facts, privileges, ..
    } = &probed;
    let platform = facts.platform;
    let is_source = endpoint.role() == Role::Source;
    let record = EndpointRecord {
        role: sides::side(endpoint.role()),
        conninfo: endpoint.conninfo(),
        password_from: endpoint.password_from().map(str::to_owned),
        address: Some(way.address.clone()).filter(|address| !address.is_empty()),
        region: region(endpoint),
        version: Some(session.version_text.clone()),
        version_num: Some(session.version.0),
        platform: Some(platform.id.to_owned()),
        platform_version: facts.platform_version.clone(),
        source_type: platform
            .source_type
            .filter(|_| is_source)
            .map(str::to_owned),
        system_identifier: facts.system_identifier.clone(),
        database: Some(facts.server.database.clone()),
        user: Some(facts.server.user.clone()),
        encoding: Some(session.encoding.clone()),
        superuser: Some(privileges.superuser),
        create_db: Some(privileges.create_db),
        create_role: Some(privileges.create_role),
        replication: Some(privileges.replication),
        bypass_rls: Some(privileges.bypass_rls),
        create_here: Some(privileges.create_here),
        member_of: privileges.member_of.clone(),
        in_recovery: Some(session.in_recovery),
        read_only: Some(facts.server.read_only),
        // What the server says of TLS is that of a pooler's own connection.
        tls: session.tls.clone().filter(|_| !way.pooled),
        auth_method: way.method.clone(),
        pooler: way.pooled,
        max_connections: Some(facts.server.max_connections),
        free_connections: Some(facts.server.free_connections),
        round_trip_ms: Some(steps::milliseconds(facts.distance.median)),
        round_trip_p99_ms: Some(steps::milliseconds(facts.distance.p99)),
        clock_skew_ms: Some(facts.distance.clock_skew_ms),
        ..EndpointRecord::default()
    };
    match &way.tls {
        Some(tls) => with_tls(record, tls),
        None => record,
    }
}

fn with_tls(record: EndpointRecord, tls: &Tls) -> EndpointRecord {
    let told = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    EndpointRecord {
        tls: told(&tls.version),
        tls_cipher: told(&tls.cipher),
        tls_verified: Some(tls.verified),
        certificate_subject: told(&tls.subject),
        certificate_issuer: told(&tls.issuer),
        certificate_names: tls.names.clone(),
        certificate_expires: told(&tls.expires),
        ..record
    }
}

/// The region by the name that was asked for: `hostaddr` is what we connect to, `host` then
/// still says who that is.
fn region(endpoint: &Endpoint) -> Option<String> {
    let names = endpoint.parameter("host")?;
    names.split(',').find_map(facts::region).map(str::to_owned)
}

/// Whether a database is one that somebody may want to migrate.
pub(crate) fn is_user_database(facts: &DatabaseFacts) -> bool {
    facts.takes_connections && !facts.is_template && !platform::is_provider_database(&facts.name)
}

/// The record of a database.
pub(crate) fn database(facts: DatabaseFacts) -> Database {
    Database {
        provider: platform::is_provider_database(&facts.name),
        name: facts.name,
        bytes: facts.bytes,
        encoding: facts.encoding,
        collate: facts.collate,
        ctype: facts.ctype,
        locale_provider: facts.locale_provider,
        locale: facts.locale,
        icu_rules: facts.icu_rules,
        owner: facts.owner,
        comment: facts.comment,
        template: facts.is_template,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(name: &str, is_template: bool, takes_connections: bool) -> DatabaseFacts {
        DatabaseFacts {
            name: name.to_owned(),
            bytes: None,
            encoding: "UTF8".to_owned(),
            collate: "C".to_owned(),
            ctype: "C".to_owned(),
            locale_provider: "libc".to_owned(),
            locale: None,
            icu_rules: None,
            owner: "o".to_owned(),
            comment: None,
            is_template,
            takes_connections,
        }
    }

    #[test]
    fn user_databases_are_those_that_somebody_may_want_to_migrate() {
        for (name, is_template, takes_connections, is_user) in [
            ("shop", false, true, true),
            ("postgres", false, true, true),
            ("template1", true, true, false),
            ("rdsadmin", false, true, false),
            ("closed", false, false, false),
        ] {
            let facts = facts(name, is_template, takes_connections);
            assert_eq!(is_user_database(&facts), is_user, "{name}");
            let record = database(facts);
            assert_eq!(record.template, is_template, "{name}");
            assert_eq!(record.provider, name == "rdsadmin", "{name}");
        }
    }

    #[test]
    fn the_region_is_that_of_the_name_even_when_the_address_is_given() {
        let resolved = |conninfo: &str| Endpoint::resolve(Role::Source, Some(conninfo), &|_| None);
        let named = resolved("host=a.b.eu-west-1.rds.amazonaws.com hostaddr=10.0.0.1 user=u");
        assert_eq!(region(&named.unwrap()).as_deref(), Some("eu-west-1"));
        assert_eq!(region(&resolved("host=/tmp user=u").unwrap()), None);
    }
}
