//! As wide, as many and as few as PostgreSQL lets them be.

use std::time::Duration;

use pg_e2e::database::identifier;
use pg_e2e::{Pair, Tool, rows};

use crate::scene::Scene;

fn copy(scene: &Scene, plan: &str, flags: &[&str]) -> Tool {
    scene
        .tool(&["pg-copy", "-"])
        .args(flags)
        .input(plan.to_owned())
}

#[test]
fn as_many_columns_as_there_can_be_keep_their_names_and_values() {
    let names: Vec<String> = (1..=1600)
        .map(|n| match n % 8 {
            0 => format!("it's {n}"),
            1 => format!("\"quoted\" {n}"),
            2 => format!("new\nline {n}"),
            3 => format!("back\\slash {n}"),
            4 => format!("naïve 😀 {n}"),
            5 => format!("SELECT {n}"),
            6 => format!("tab\t, {n}"),
            _ => format!("{}{n:04}", "x".repeat(59)),
        })
        .map(|name| identifier(&name))
        .collect();
    let columns: Vec<String> = names
        .iter()
        .map(|name| format!("{name} smallint"))
        .collect();
    let values: Vec<String> = (1..=1600).map(|n| n.to_string()).collect();
    let sql = format!(
        "create table \"mo'st\" ({}); insert into \"mo'st\" values ({}); insert into \"mo'st\" ({}) values (7);",
        columns.join(","),
        values.join(","),
        names[1599]
    );
    for format in ["auto", "text"] {
        let (scene, plan) = Scene::begun("widest", &sql);
        copy(&scene, &plan, &["--copy-format", format])
            .run()
            .ends_with(0);
        rows::are_equal(&scene.source, &scene.target);
        assert_eq!(scene.target.ask_one("select count(*) from \"mo'st\""), "2");
    }
}

#[test]
fn rows_without_columns_are_counted() {
    let (scene, plan) = Scene::begun(
        "none",
        "create table \"no'thing\" (); create table dropped (a integer);
         create table made (a integer generated always as (1) stored);
         insert into dropped select generate_series(1, 5000); alter table dropped drop a;
         do $$ begin for n in 1..300 loop
             insert into \"no'thing\" default values; insert into made default values;
         end loop; end $$;",
    );
    let ran = copy(&scene, &plan, &[]).run();
    ran.ends_with(0);
    rows::are_equal(&scene.source, &scene.target);
    for (table, count) in [("no'thing", 300), ("dropped", 5000), ("made", 300)] {
        let stream = ran.stream();
        let one = stream.of("copied").find(|one| one.text("table") == table);
        let told = one.map(|one| one.number("rows"));
        assert_eq!(told, Some(count), "{table}\n{ran}");
        let there = format!("select count(*) from {}", identifier(table));
        assert_eq!(scene.target.ask_one(&there), count.to_string());
    }
}

/// A value of 600 MB, whose text has twice as many bytes: more than a server can send.
const HUGE: &str = "
    create table \"hu'ge\" (\"k'ey\" integer primary key, v bytea);
    alter table \"hu'ge\" alter v set storage external;
    insert into \"hu'ge\" values (1, 'small'), (3, 'small');
    insert into \"hu'ge\" select 42, convert_to(repeat('x', 600000000), 'SQL_ASCII');
    create table small (id integer primary key);
    insert into small values (1);";

#[test]
#[ignore = "long: make torture runs it"]
fn a_row_that_has_no_text_is_named_and_goes_in_binary() {
    let (scene, plan) = Scene::begun("huge", HUGE);
    let patient = |flags: &[&str]| copy(&scene, &plan, flags).timeout(Duration::from_mins(5));
    let ran = patient(&["--copy-format", "text"]).run();
    ran.fails_clearly(6, &["hu'ge", "k'ey", "42"]);
    let stream = ran.stream();
    let error = stream.the("error");
    assert_eq!(error.text("scope"), "item", "{ran}");
    assert!(error.text("object").contains("hu'ge"), "{ran}");
    assert_eq!(scene.target.ask_one("select count(*) from \"hu'ge\""), "0");
    assert_eq!(scene.target.ask_one("select count(*) from small"), "1");
    patient(&[]).run().ends_with(0);
    let held = "select \"k'ey\", length(v), sha256(v) from \"hu'ge\" order by 1";
    assert_eq!(scene.source.ask(held), scene.target.ask(held));
    assert_eq!(scene.target.ask(held).len(), 3);
}

#[test]
#[ignore = "long: make torture runs it"]
fn rows_of_almost_a_gigabyte_go_over() {
    let scene = Scene::of(
        Pair::newest(),
        "almost",
        "create table widest (id integer primary key, t text, u text);
         alter table widest alter t set storage external, alter u set storage external;
         insert into widest select 1, repeat('y', 500000000), repeat('z', 500000000);",
    );
    let plan = scene.plan();
    scene
        .tool(crate::scene::BY_HAND[1])
        .input(plan.clone())
        .run()
        .ends_with(0);
    let ran = copy(&scene, &plan, &[])
        .timeout(Duration::from_mins(5))
        .run();
    ran.ends_with(0);
    let held = "select id, length(t), md5(t), length(u), md5(u) from widest";
    assert_eq!(scene.source.ask(held), scene.target.ask(held));
}
