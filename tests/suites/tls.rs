//! TLS as the tools have it on real servers: what is said when it fails, what is told of a
//! certificate, how a role proved who it is, and a whole pipeline that trusts nobody unseen.

use std::collections::BTreeSet;
use std::net::IpAddr;

use pg_e2e::tls::TlsServers;
use pg_e2e::{Database, Pipeline, Ran, Record, Tool};
use tempfile::TempDir;

use crate::scene::{BY_HAND, Scene, skip};

/// The servers, or the reason why there are none.
fn servers() -> Option<&'static TlsServers> {
    let servers = TlsServers::running();
    if servers.is_none() {
        skip("openssl is not installed");
    }
    servers
}

/// A connection string: `NAME` of a server, then parameters, `PKI` for the directory of the
/// certificates.
fn conninfo(servers: &TlsServers, text: &str) -> String {
    let (name, parameters) = text.split_once(' ').expect("a server and parameters");
    let pki = servers.certificate("").display().to_string();
    format!(
        "hostaddr=127.0.0.1 port={} dbname=postgres {}",
        servers.get(name).port(),
        parameters.replace("PKI/", &pki)
    )
}

fn probe(servers: &TlsServers, text: &str) -> Ran {
    let source = conninfo(servers, text);
    Tool::new("pg-probe")
        .args(["--source", &source, "--format", "ndjson"])
        .run()
}

/// Faults, one a line: the step that fails, its class, what the record names, and what is given.
const FAULTS: &str = "
tls tls sslrootcert good host=localhost user=trusted sslmode=verify-full sslrootcert=PKI/other.crt
tls tls sslrootcert good host=localhost user=trusted sslmode=verify-ca
tls tls sslrootcert good host=localhost user=trusted sslrootcert=system
tls tls 2021 expired host=localhost user=trusted sslmode=verify-full sslrootcert=PKI/ca.crt
tls tls elsewhere.example named host=localhost user=trusted sslmode=verify-full sslrootcert=PKI/ca.crt
tls tls revoked revoked host=localhost user=trusted sslmode=verify-ca sslrootcert=PKI/ca.crt sslcrl=PKI/revoked.crl
tls tls sslmode plain host=localhost user=trusted sslmode=require
tls tls ssl_min_protocol_version named host=localhost user=trusted sslmode=require ssl_min_protocol_version=TLSv1.3
auth hba|authentication|tls sslcert good host=localhost user=certified sslmode=require
tls|auth tls sslcert good user=certified sslmode=require sslcert=PKI/stranger.crt sslkey=PKI/stranger.key
tls tls 600 good user=certified sslmode=require sslcert=PKI/certified.crt sslkey=PKI/loose.key
tls tls sslpassword good user=certified sslmode=require sslcert=PKI/certified.crt sslkey=PKI/locked.key
";

/// What is wrong with what is said about a fault.
fn answer_lacks(servers: &TlsServers, fault: &str) -> Option<String> {
    let words: Vec<&str> = fault.splitn(4, ' ').collect();
    let [step, class, named, given] = words.as_slice() else {
        panic!("step, class, name and what is given: {fault}")
    };
    let ran = probe(servers, given);
    let stream = ran.stream();
    let Some(failed) = stream.of("probe").rfind(|probe| !probe.is("ok")) else {
        return Some(format!("{given}\n    no step has failed\n{ran}"));
    };
    let one_of = |field: &str, words: &str| words.split('|').any(|word| failed.text(field) == word);
    let told = format!("{} {}", failed.text("hint"), failed.text("message"));
    let is_right = ran.status == 4
        && one_of("step", step)
        && one_of("class", class)
        && !failed.text("hint").is_empty()
        && told.contains(named);
    let expected = format!("expected status 4, step {step}, class {class}, {named:?} told");
    (!is_right).then(|| format!("{given}\n    {expected}\n    {}", failed.line))
}

#[test]
fn each_fault_is_told_with_its_step_and_what_to_change() {
    let Some(servers) = servers() else { return };
    let wrong: Vec<String> = FAULTS
        .lines()
        .filter(|line| !line.is_empty())
        .filter_map(|fault| answer_lacks(servers, fault))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The one endpoint record of a probe that succeeds.
#[track_caller]
fn endpoint(servers: &TlsServers, text: &str) -> Record {
    let ran = probe(servers, text);
    ran.ends_with(0);
    ran.stream().the("endpoint").clone()
}

#[test]
fn the_version_and_the_cipher_of_tls_are_told_and_nothing_without_it() {
    let Some(servers) = servers() else { return };
    let newest = endpoint(servers, "good user=trusted sslmode=require");
    assert_eq!(newest.text("tls"), "TLSv1.3", "{}", newest.line);
    assert!(
        newest.text("tls_cipher").starts_with("TLS_"),
        "{}",
        newest.line
    );
    for text in [
        "named user=trusted sslmode=require",
        "good user=trusted sslmode=require ssl_max_protocol_version=TLSv1.2",
    ] {
        let older = endpoint(servers, text);
        assert_eq!(older.text("tls"), "TLSv1.2", "{}", older.line);
        assert!(
            older.text("tls_cipher").starts_with("ECDHE-ECDSA-"),
            "{}",
            older.line
        );
    }
    let plain = endpoint(servers, "plain user=trusted");
    for field in [
        "tls",
        "tls_cipher",
        "certificate_subject",
        "certificate_names",
        "certificate_expires",
    ] {
        assert!(plain.field(field).is_none(), "{field}: {}", plain.line);
    }
}

/// The names of a certificate as openssl prints them, addresses in their short form.
fn names_by_openssl(servers: &TlsServers, name: &str) -> BTreeSet<String> {
    let printed = servers.openssl_says(name, &["-ext", "subjectAltName"]);
    let names = printed.lines().nth(1).unwrap_or_default().split(',');
    names
        .filter_map(|name| name.trim().split_once(':'))
        .map(|(_, value)| {
            let address: Result<IpAddr, _> = value.parse();
            address.map_or_else(|_| value.to_owned(), |address| address.to_string())
        })
        .collect()
}

#[test]
fn a_certificate_is_told_as_openssl_reads_it() {
    let Some(servers) = servers() else { return };
    for name in ["good", "named", "expired"] {
        let text = format!("{name} user=trusted sslmode=require");
        let endpoint = endpoint(servers, &text);
        let file = format!("{name}.crt");
        let names = endpoint.field("certificate_names");
        let names = names.and_then(|names| names.as_array()).cloned();
        let names: BTreeSet<String> = names
            .unwrap_or_default()
            .iter()
            .filter_map(|name| Some(name.as_str()?.to_owned()))
            .collect();
        assert_eq!(names, names_by_openssl(servers, &file), "{}", endpoint.line);
        let subject = servers.openssl_says(&file, &["-subject", "-nameopt", "RFC2253"]);
        for part in subject.trim_start_matches("subject=").split(',') {
            let told = endpoint.text("certificate_subject").replace(" = ", "=");
            assert!(told.contains(part.trim()), "{part}: {}", endpoint.line);
        }
        let end = servers.openssl_says(&file, &["-enddate", "-dateopt", "iso_8601"]);
        let end = end.trim_start_matches("notAfter=").replace(' ', "T");
        assert_eq!(
            endpoint.text("certificate_expires"),
            end,
            "{}",
            endpoint.line
        );
    }
}

/// The longest first, since one begins with another.
const PROOFS: [&str; 3] = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "md5"];

#[test]
fn the_step_auth_tells_how_the_role_proved_who_it_is() {
    let Some(servers) = servers() else { return };
    for (text, proof) in [
        ("good user=scram password=pw-scram", "SCRAM-SHA-256-PLUS"),
        ("named user=scram password=pw-scram", "SCRAM-SHA-256-PLUS"),
        (
            "good user=scram password=pw-scram channel_binding=disable",
            "SCRAM-SHA-256",
        ),
        ("plain user=scram password=pw-scram", "SCRAM-SHA-256"),
        ("good user=md5er password=pw-md5er", "md5"),
        (
            "good user=certified sslcert=PKI/certified.crt sslkey=PKI/certified.key",
            "",
        ),
    ] {
        let ran = probe(servers, text);
        ran.ends_with(0);
        let stream = ran.stream();
        let auth = stream.of("probe").find(|one| one.text("step") == "auth");
        let message = auth.map_or("", |auth| auth.text("message"));
        let told = PROOFS.into_iter().find(|word| message.contains(word));
        assert_eq!(told.unwrap_or_default(), proof, "{message:?}\n{ran}");
    }
}

const ROWS: &str = "
    create table parent (id integer primary key, name text);
    insert into parent select n, 'name ' || n from generate_series(1, 500) as n;
    create table child (id serial primary key, parent integer references parent);
    insert into child (parent) select id from parent;
    create view pairs as select * from parent join child using (id);";

/// Two servers that let the role in by TLS only: the source is reached by an address that its
/// certificate does not have, under a name that it has.
struct Verified {
    scene: Scene,
    servers: &'static TlsServers,
}

impl Verified {
    fn new(servers: &'static TlsServers) -> Self {
        let source = Database::create(servers.get("named"), "verified").with(ROWS);
        let scene = Scene {
            target: source.twin(servers.get("good")),
            source,
            dir: TempDir::new().expect("a temporary directory can be made"),
        };
        Self { scene, servers }
    }

    /// A tool with both servers verified by a root certificate each, passwords in variables.
    fn tool(&self, words: &[&str], [source_root, target_root]: [&str; 2]) -> Tool {
        let side = |database: &Database, host: &str, root: &str| {
            format!(
                "host={host} hostaddr=127.0.0.1 port={} user=mover dbname={} \
                 sslmode=verify-full sslrootcert={}",
                database.cluster.port(),
                database.name,
                self.servers.certificate(root).display()
            )
        };
        let scene = &self.scene;
        let source = side(&scene.source, "db.example.test", source_root);
        scene
            .tool(words)
            .env("PGMIG_SOURCE", source)
            .env(
                "PGMIG_TARGET",
                side(&scene.target, "localhost", target_root),
            )
            .env("PGMIG_SOURCE_PASSWORD", "pw-mover")
            .env("PGMIG_TARGET_PASSWORD", "pw-mover")
    }

    fn by_hand(&self, roots: [&str; 2]) -> Pipeline {
        Pipeline::of(BY_HAND.iter().map(|words| self.tool(words, roots)))
    }
}

#[test]
fn a_whole_pipeline_runs_between_servers_that_it_verifies() {
    let Some(servers) = servers() else { return };
    let verified = Verified::new(servers);
    let joined = verified.by_hand(["ca.crt", "ca.crt"]).run();
    joined.succeeds();
    let stream = joined.last().stream();
    let status = stream.the("verification").text("status").to_owned();
    assert_eq!(status, "equal", "{joined}");
    verified.scene.is_the_same_to_pg_dump();
    for words in [&["pg-probe"], &["pg-validate"]] {
        let ran = verified.tool(words, ["ca.crt", "ca.crt"]).run();
        assert!([0, 1].contains(&ran.status), "{ran}");
        assert_eq!(ran.stream().of("error").count(), 0, "{ran}");
    }
}

#[test]
fn no_tool_goes_on_with_a_server_that_it_cannot_verify() {
    let Some(servers) = servers() else { return };
    let verified = Verified::new(servers);
    for roots in [["other.crt", "ca.crt"], ["ca.crt", "other.crt"]] {
        let scene = &verified.scene;
        let joined = scene.target_is_untouched_by(|| verified.by_hand(roots).run());
        joined.last().ends_with(4);
        let stream = joined.last().stream();
        let class = stream.of("error").next().map(|error| error.text("class"));
        assert_eq!(class, Some("tls"), "{joined}");
    }
}
