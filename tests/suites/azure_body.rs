//! The JSON body of Azure's command line as the migration file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use pg_e2e::tls::TlsServers;
use pg_e2e::{Database, Pair, Ran};
use serde_json::json;

use crate::recorded::{file, migrate};
use crate::scene::{Scene, private, same_to_pg_dump, skip};

const PASSWORD: &str = "pw-mover";

/// The body of the tutorial, with names and passwords of the servers here.
fn body(scene: &Scene, port: u16) -> PathBuf {
    let file = scene.dir.path().join("migrationBody.json");
    let body = json!({
        "properties": {
            "SourceDBServerResourceId": format!("127.0.0.1:{port}@mover"),
            "SecretParameters": {
                "AdminCredentials": {
                    "SourceServerPassword": PASSWORD,
                    "TargetServerPassword": PASSWORD
                },
                "targetServerUserName": "mover"
            },
            "DBsToMigrate": [scene.source.name],
            "OverwriteDBsInTarget": "true",
            "sourceType": "AWS_AURORA",
            "sslMode": "Require"
        }
    });
    fs::write(&file, body.to_string()).expect("the directory is ours");
    private(&file);
    file
}

/// Every file below the state directory that holds a text.
fn files_with(scene: &Scene, text: &str) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    let mut open = vec![scene.state_dir()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if fs::read_to_string(&path).is_ok_and(|body| body.contains(text)) {
                let mode = entry.metadata().expect("it is there").permissions().mode();
                found.push((path.display().to_string(), mode & 0o777));
            }
        }
    }
    found
}

#[test]
fn the_body_of_the_tutorial_migrates_a_database() {
    let Some(servers) = TlsServers::running() else {
        return skip("openssl is not installed");
    };
    let source = Database::create(servers.get("good"), "azure").with(
        "create table t (id integer primary key, name text);
         insert into t select n, 'name ' || n from generate_series(1, 100) as n",
    );
    let scene = Scene {
        target: source.twin(servers.get("named")),
        source,
        dir: tempfile::TempDir::new().expect("a temporary directory can be made"),
    };
    scene.target.run("create table old (a integer)");
    let file = body(&scene, servers.get("good").port())
        .display()
        .to_string();
    let server = format!("127.0.0.1:{}", servers.get("named").port());
    let words = ["--name", "from-aurora", "--target-server", &server];
    let held = migrate(&scene, &[&["--hold", &file], &words[..]].concat());
    held.ends_with(0);
    no_password(&held);
    let kept = files_with(&scene, PASSWORD);
    assert!(
        !kept.is_empty()
            && kept
                .iter()
                .all(|(path, mode)| path.ends_with(".pgpass") && *mode == 0o600),
        "{kept:?}"
    );
    let finish = scene.tool(&["pg-migstate", "finish", "from-aurora"]).run();
    finish.ends_with(0);
    no_password(&finish);
    assert_eq!(
        files_with(&scene, PASSWORD),
        [],
        "nothing needs it any more"
    );
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
    let list = scene
        .tool(&["pg-migstate", "list", "--format", "csv"])
        .run();
    assert!(list.text().contains("AWS_AURORA"), "{list}");
}

fn no_password(ran: &Ran) {
    let said = ran.to_string();
    assert!(!said.contains(PASSWORD), "the password was seen");
}

#[test]
fn a_body_that_others_can_read_or_with_unknown_keys_or_without_a_name_is_refused() {
    let scene = Scene::plain(Pair::newest());
    let file = body(&scene, 5432);
    let path = file.display().to_string();
    let begin = |words: &[&str]| {
        let mut all = vec!["pg-migstate", "begin", path.as_str()];
        all.extend(words);
        scene.tool(&all).run()
    };
    let named = ["--name", "m1", "--target-server", "127.0.0.1:1"];
    begin(&named[2..]).fails_clearly(2, &["no name"]);
    begin(&named[..2]).fails_clearly(2, &["does not name the target server"]);
    begin(&["--name=-m1", "--target-server", "h"]).fails_clearly(2, &["-m1"]);
    begin(&["--name", "m_1", "--target-server", "h"]).fails_clearly(2, &["m_1"]);
    fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).expect("the file is ours");
    let refused = begin(&named);
    refused.fails_clearly(2, &["others can read it"]);
    refused.says(&["chmod 600"]);
    no_password(&refused);
    private(&file);
    let text = fs::read_to_string(&file).expect("the file is ours");
    let wrong = text
        .replace("sslMode", "sslMood")
        .replace("DBsToMigrate", "DBs");
    fs::write(&file, wrong).expect("the file is ours");
    let refused = begin(&named);
    refused.fails_clearly(2, &["properties.sslMood", "properties.DBs"]);
    no_password(&refused);
    assert!(!scene.state_dir().exists(), "nothing was begun");
}

#[test]
fn a_name_is_unique_on_a_server_whatever_address_leads_there() {
    let scene = Scene::plain(Pair::newest());
    scene.target.drop_now();
    migrate(&scene, &["--hold", &file(&scene, "once")]).ends_with(0);
    let cluster = scene.target.cluster;
    let other = format!("{}/.", cluster.home().display());
    let second = cluster
        .conninfo("postgres")
        .replace(&cluster.home().display().to_string(), &other);
    let source = scene.source.cluster.conninfo("postgres");
    let file = scene.migration_file("once", &source, &second);
    let ran = migrate(&scene, &[&file.display().to_string()]);
    ran.ends_with(7);
    ran.says(&["once", "already"]);
    // What is refused leaves nothing behind.
    let made = format!(
        "select datname from pg_database where datname like '{}\\_\\_pgmig%'",
        scene.target.name
    );
    assert_eq!(
        cluster
            .connect("postgres")
            .query(&made, &[])
            .expect("a list")
            .len(),
        1
    );
    let args = ["pg-migstate", "finish", "once", "--target-server"];
    let server = format!("{}:{}", cluster.home().display(), cluster.port());
    scene.tool(&args).arg(server).run().ends_with(0);
    same_to_pg_dump(&scene.source.conninfo(), &scene.target.conninfo());
}
