//! Small objects that pg-schema-apply makes in one transaction: what the server refuses takes
//! none of the others with it, and what is done is done once.

use pg_e2e::{Pair, Ran};

use crate::scene::{BY_HAND, Scene};

/// Seventy tables of one row, each with a key, an index, a comment and a name that tries to get
/// out of a statement.
const SEVENTY: &str = r#"
    do $do$
    declare t text;
    begin
        for n in 1..70 loop
            t := format('it''s; commit; -- "%s" $$ \', n);
            execute format('create table %I (id integer not null, %I text default %L)', t, 'of ' || n, '; rollback; /* ' || n);
            execute format('insert into %I values (%s)', t, n);
            execute format('alter table %I add primary key (id)', t);
            execute format('create index on %I (%I)', t, 'of ' || n);
            execute format('comment on table %I is %L', t, E'no end: '' -- \n $q$ /*' || n);
        end loop;
    end $do$;"#;

/// Statements that are marked as done, how many are marked more than once, and transactions.
const MARKS: &str =
    "select count(*), count(*) - count(distinct (kind, schema_name, name, sql_sha256)),
        count(distinct xmin::text)
    from pgmig.applied where kind in (";

fn with_status(ran: &Ran, status: &str) -> Vec<String> {
    ran.stream()
        .of("applied")
        .filter(|record| record.text("status") == status)
        .map(|record| format!("{} {}", record.text("kind"), record.text("name")))
        .collect()
}

#[test]
fn a_table_that_is_refused_takes_none_with_it() {
    let scene = Scene::of(Pair::newest(), "together", SEVENTY);
    let plan = scene.plan();
    let broken = plan.replace(r#"\"of 33\" text"#, r#"\"of 33\" no_such_type"#);
    assert_ne!(broken, plan);
    let ran = scene.tool(BY_HAND[1]).input(broken).run();
    ran.ends_with(6);
    assert_eq!(
        with_status(&ran, "failed"),
        [r#"TABLE it's; commit; -- "33" $$ \"#]
    );
    assert_eq!(with_status(&ran, "skipped").len(), 1, "its comment");
    let marks = || scene.target.ask_one(&format!("{MARKS}'TABLE')"));
    assert!(marks().starts_with("69|0|"), "{}", marks());
    // The mended table and its comment, all else is there.
    let again = scene.tool(BY_HAND[1]).input(plan).run();
    again.ends_with(0);
    assert_eq!(with_status(&again, "applied").len(), 2);
    assert!(marks().starts_with("70|0|"), "{}", marks());
    let whole = "select count(*), count(obj_description(oid)) from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'";
    assert_eq!(scene.target.ask_one(whole), "70|70");
}

#[test]
fn a_key_that_is_refused_takes_none_with_it() {
    let (scene, plan) = Scene::begun("together", SEVENTY);
    let xids = scene.target.ask_one(&format!("{MARKS}'TABLE')"));
    assert_eq!(xids.split('|').next(), Some("70"));
    let transactions: u32 = xids
        .rsplit('|')
        .next()
        .unwrap_or_default()
        .parse()
        .expect("a number");
    assert!(transactions < 10, "they go together, not in {transactions}");
    let copied = scene.tool(BY_HAND[2]).input(plan).run();
    copied.ends_with(0);
    let table = r#""it's; commit; -- ""33"" $$ \""#;
    scene
        .target
        .run(&format!("insert into {table} values (33)"));
    let post = || scene.tool(BY_HAND[3]).input(copied.text()).run();
    let ran = post();
    ran.ends_with(6);
    assert_eq!(with_status(&ran, "failed").len(), 1, "\n{ran}");
    let keys = "select count(*) filter (where indisprimary), count(*) from pg_index where indisvalid and indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)";
    assert_eq!(scene.target.ask_one(keys), "69|139");
    let marks = scene
        .target
        .ask_one(&format!("{MARKS}'CONSTRAINT', 'INDEX')"));
    // Each key has two, of its index and of its constraint.
    assert!(marks.starts_with("208|0|"), "{marks}");
    scene.target.run(&format!(
        "delete from {table} where ctid = (select max(ctid) from {table})"
    ));
    let again = post();
    again.ends_with(0);
    let key = r#"it's; commit; -- "33" $$ \_pkey"#;
    let whole = r#"CONSTRAINT it's; commit; -- "33" $$ \ "#;
    assert_eq!(
        with_status(&again, "applied"),
        [format!("INDEX {key}"), format!("{whole}{key}")]
    );
    assert_eq!(scene.target.ask_one(keys), "70|140");
}
