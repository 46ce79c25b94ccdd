//! What pg-probe finds beside its steps: the rate of each way, the databases of a provider, and
//! a source that is not what the migration says.

use pg_e2e::wire::Record;
use pg_e2e::{Database, Majors, Pair, Ran, Tool, cluster::Side};

use crate::scene::Scene;

fn rates(ran: &Ran) -> Vec<(String, i64)> {
    let rate = |record: &Record| (record.text("path").to_owned(), record.number("bytes"));
    ran.stream().of("throughput").map(rate).collect()
}

#[test]
fn the_rate_of_each_way_is_measured_and_nothing_stays_on_the_target() {
    let scene = Scene::plain(Pair::newest());
    let ran = scene.target_is_untouched_by(|| {
        scene
            .tool(&["pg-probe", "--throughput", "0.3", "--format", "ndjson"])
            .run()
    });
    ran.ends_with(0);
    let rates = rates(&ran);
    let paths: Vec<&str> = rates.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["source", "target", "through"], "{ran}");
    assert!(rates.iter().all(|(_, bytes)| *bytes > 100_000), "{ran}");
}

#[test]
fn a_side_that_takes_no_rows_is_an_item_and_the_other_is_measured() {
    let scene = Scene::plain(Pair::newest());
    let name = &scene.target.name;
    scene.target.run(&format!(
        "create role meek_{name} login; revoke temporary on database \"{name}\" from public"
    ));
    let target = scene
        .target
        .conninfo()
        .replace("user=postgres", &format!("user=meek_{name}"));
    let ran = scene
        .tool(&["pg-probe", "--throughput", "0.2", "--format", "ndjson"])
        .env("PGMIG_TARGET", target)
        .run();
    ran.ends_with(6).says(&["GRANT TEMPORARY"]);
    assert_eq!(rates(&ran).len(), 1, "{ran}");
}

#[test]
fn time_to_measure_is_a_number_above_zero() {
    for wrong in ["0", "-1", "soon", "nan"] {
        let ran = Tool::new("pg-probe")
            .args(["--throughput", wrong, "--source", "user=u"])
            .run();
        ran.ends_with(2);
    }
}

#[test]
fn templates_are_shown_when_all_are_asked_for() {
    let database = Database::create(Pair::newest().source(), "alone");
    let names = |words: &[&str]| -> Vec<String> {
        let ran = Tool::new("pg-probe")
            .args(["--format", "ndjson", "--source", &database.conninfo()])
            .args(words)
            .run();
        ran.ends_with(0);
        let stream = ran.stream();
        stream
            .of("database")
            .map(|one| one.text("name").to_owned())
            .collect()
    };
    assert!(names(&[]).contains(&database.name));
    assert!(!names(&[]).contains(&"template1".to_owned()));
    assert!(names(&["--all"]).contains(&"template1".to_owned()));
}

#[test]
fn a_source_of_another_type_than_the_migration_says_is_a_warning() {
    let major = Majors::newest();
    let scene = Scene::plain(Pair {
        source: major,
        target: major,
    });
    let server = |side| pg_e2e::Cluster::of(major, side).conninfo("postgres");
    let file = scene.migration_file("typed", &server(Side::Source), &server(Side::Target));
    let text = std::fs::read_to_string(&file).expect("it was written");
    std::fs::write(&file, text.replace("OnPremises", "AWS_AURORA")).expect("it is ours");
    let head = scene
        .tool(&["pg-migstate", "begin", &file.display().to_string()])
        .run();
    let probe = |words: &[&str]| scene.tool(words).input(head.stdout.clone()).run();
    probe(&["pg-probe", "-"])
        .ends_with(0)
        .says(&["warning", "AWS_AURORA", "OnPremises"]);
    probe(&["pg-probe", "--strict", "-"]).ends_with(1);
}
