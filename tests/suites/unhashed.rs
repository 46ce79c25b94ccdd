//! Sources that have no hash for rows: each is hashed as it passes, or sent once more.

use pg_e2e::{Database, Majors, Pair};

use tempfile::TempDir;

use crate::drilled::{found, twins};
use crate::scene::{BY_HAND, Scene, skip};

/// The newest version without the hash.
const WITHOUT: u32 = 10;

const SQL: &str = r#"
    create type mood as enum ('sad', 'it''s ok');
    create domain amount as numeric(10, 2);
    create type pair as (a integer, b text);
    create table passing (id bigint primary key, t text, n numeric, f float8, m mood);
    insert into passing values (1, E'é\t', 'NaN', 'NaN', 'sad'), (2, null, null, '-0', null);
    create table again (p pair, c regclass, r regtype[], ms mood[], f float4[], a amount, i interval);
    insert into again values
        (row(1, 'x,"y'), 'passing', '{integer,mood}', '{sad,"it''s ok"}', '{NaN,1}', 7.25, '1 mon -1 day'),
        (null, null, null, null, null, null, null), (row(null, ''), null, '{}', '{null}', '{}', 0, null);
    create table none ();
    insert into none default values;
    insert into none default values;
    create table "it's ""large""" (id integer primary key, p pair, pad text);
    insert into "it's ""large"""
        select n, (n, 'x')::pair, repeat('x', 600) from generate_series(1, 4000) n;
    select lo_from_bytea(4711, repeat('x', 3000000)::bytea), lo_from_bytea(4712, '');
"#;

/// From such a server to the newest, in an encoding; pre-data is applied.
fn begun(stem: &str, encoding: &str) -> Option<(Scene, String)> {
    if !Majors::probed().contains_key(&WITHOUT) {
        skip("no server is here that has no hash");
        return None;
    }
    let pair = Pair {
        source: WITHOUT,
        target: Majors::newest(),
    };
    let scene = if encoding == "UTF8" {
        Scene::of(pair, stem, SQL)
    } else {
        let source = Database::encoded(pair.source(), stem, encoding).with(SQL);
        Scene {
            target: source.twin(pair.target()),
            source,
            dir: TempDir::new().expect("a temporary directory can be made"),
        }
    };
    let plan = scene.plan();
    let pre_data = scene.tool(BY_HAND[1]).input(plan.clone()).run();
    pre_data.ends_with(0);
    Some((scene, plan))
}

/// Compares both sides anew, after a change.
fn compared_by_who_can(scene: &Scene) {
    // Each side is hashed by who can, in parts, too; rows are found by a hash of both.
    scene.target.run(
        "update \"it's \"\"large\"\"\" set pad = 'y' where id = 3999; delete from passing where id = 1",
    );
    let verify = scene.tool(&["pg-verify", "--split-size", "1MB"]).run();
    verify.ends_with(1);
    assert_eq!(
        found(&verify),
        [
            "again extra   1 times",
            "again missing   1 times",
            "it's \"large\" changed id=3999 pad",
            "passing missing id=1"
        ],
        "{verify}"
    );
    let stream = verify.stream();
    let none = stream.of("verified").find(|one| one.text("name") == "none");
    let none = none.expect("a table");
    let mut all = stream.of("verified");
    let objects = all.find(|one| one.text("kind") == "large_objects");
    let objects = objects.expect("large objects");
    assert_eq!(objects.text("verdict"), "match", "{verify}");
    assert_eq!(objects.text("source_method"), "stream", "{verify}");
    let methods = ["source_method", "target_method"].map(|side| none.text(side));
    assert_eq!(methods, ["stream", "server"], "{verify}");
    scene
        .tool(&["pg-verify", "--method", "server"])
        .run()
        .fails_clearly(2, &["10", "no hash"]);
}

#[test]
fn rows_are_copied_and_proven_whatever_their_types() {
    for encoding in ["UTF8", "LATIN1"] {
        let Some((scene, plan)) = begun("unhashed", encoding) else {
            return;
        };
        let words = ["pg-copy", "--split-size", "1MB", "--jobs", "2", "-"];
        let copy = scene.tool(&words).input(plan).run();
        copy.ends_with(0);
        let parts = "select max(parts) > 1 from pgmig.chunk where method = 'key'";
        assert_eq!(scene.target.ask_one(parts), "t");
        let post_data = scene.tool(BY_HAND[3]).input(copy.text()).run();
        post_data.ends_with(0);
        if encoding == "UTF8" {
            scene.is_the_same_to_pg_dump();
        }
        let verify = scene
            .tool(&["pg-verify", "-"])
            .input(post_data.text())
            .run();
        verify.ends_with(0);
        let verified = verify.stream();
        assert!(verified.of("verified").count() >= 5, "{verify}");
        scene
            .target
            .run("update again set c = 'again' where c is not null");
        let verify = scene
            .tool(&["pg-verify", "-"])
            .input(post_data.text())
            .run();
        verify.ends_with(1).says(&["again"]);
        compared_by_who_can(&scene);
    }
}

#[test]
fn what_changed_meanwhile_is_seen() {
    for (change, again) in [("analyze", 0), ("update again set a = 1 where a = 0", 1)] {
        let Some((scene, plan)) = begun("unhashed again", "UTF8") else {
            return;
        };
        let copy = scene.tool(&["pg-copy", "-"]).input(plan.clone()).run();
        copy.ends_with(0);
        scene.source.run(change);
        let copy = scene.tool(&["pg-copy", "-"]).input(plan).run();
        copy.ends_with(0);
        assert_eq!(copy.stream().of("chunk").count(), again, "{copy}");
        let post_data = scene.tool(BY_HAND[3]).input(copy.text()).run();
        scene
            .tool(&["pg-verify", "-"])
            .input(post_data.text())
            .run()
            .ends_with(0);
    }
}

#[test]
fn floats_inside_of_types_are_equal_although_their_text_has_other_digits() {
    if !Majors::probed().contains_key(&WITHOUT) {
        return skip("no server is here that has no hash");
    }
    let pair = Pair {
        source: WITHOUT,
        target: Majors::newest(),
    };
    let scene = twins(
        pair,
        "digits",
        "create type dot as (x double precision, y real, note text);
         create type span as range (subtype = double precision);
         create table floats (id integer primary key, d dot, s span, a double precision[]);
         insert into floats values (1, row(0.1, 123456.7, 'x'), span(0.1, 0.3), '{0.1,NaN}'),
             (2, row(1e15, '-0', null), null, '{}');",
    );
    let verify = |status| {
        let ran = scene.tool(&["pg-verify"]).run();
        ran.ends_with(status);
        found(&ran)
    };
    assert!(verify(0).is_empty());
    scene
        .target
        .run("update floats set d = row(1e15, '0', null) where id = 2");
    assert_eq!(verify(1), ["floats changed id=2 d"]);
}
