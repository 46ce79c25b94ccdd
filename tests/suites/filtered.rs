//! Streams from which something was taken: by jq, or by pg_dump's own filters. What is left
//! applies cleanly; what needs what is not there is told, and is no failure.

use pg_e2e::pipeline::Joined;
use pg_e2e::{Pair, Pipeline, Ran, Record};

use crate::scene::Scene;

/// Things on `customers`, things that need those, and things that need none of it.
const SHOP: &str = "
    create schema sales;
    create function public.tax(n numeric) returns numeric language sql immutable
        return n * 1.2;
    create function public.checked() returns trigger language plpgsql as
        $$ begin return new; end $$;
    create type public.mood as enum ('good', 'bad');
    create table public.customers (id serial primary key, name text unique);
    create index customers_i on public.customers (name);
    comment on table public.customers is 'who buys';
    grant select on public.customers to pg_monitor;
    create table sales.orders (id integer primary key,
        customer integer references public.customers, price numeric);
    create table sales.lines (id integer primary key, of_order integer references sales.orders);
    create table sales.moods (mood public.mood);
    create view sales.named as
        select o.id, c.name from sales.orders o join public.customers c on c.id = o.customer;
    create view sales.named_twice as select * from sales.named;
    grant select on sales.named_twice to pg_monitor;
    create materialized view sales.kept as select * from sales.named;
    create index kept_i on sales.kept (id);
    create view sales.taxed as select public.tax(price) as price from sales.orders;
    create index orders_price on sales.orders (price);
    create index orders_taxed on sales.orders (public.tax(price));
    create trigger checked before insert on sales.orders
        for each row execute function public.checked();
    create view sales.plain as select * from sales.lines;
    insert into public.customers (name) values ('a'), ('b');
    insert into sales.orders values (1, 1, 10), (2, 2, 20);
    insert into sales.lines values (1, 1);
    insert into sales.moods values ('good');";

/// What pg-schema-dump writes with flags, filtered; then the tools up to post-data.
fn moved(scene: &Scene, flags: &[&str], keeps: impl Fn(&Record) -> bool) -> Joined {
    let dumped = scene.tool(&["pg-schema-dump"]).args(flags).run();
    dumped.ends_with(0);
    let kept = dumped.stream().filtered(keeps);
    Pipeline::of([
        scene
            .tool(&["pg-schema-apply", "--section", "pre-data", "-"])
            .input(kept),
        scene.tool(&["pg-copy", "-"]),
        scene.tool(&["pg-schema-apply", "--section", "post-data", "-"]),
    ])
    .run()
}

/// What has a status, each as `KIND name`, sorted.
fn with_status(ran: &Ran, status: &str) -> Vec<String> {
    let stream = ran.stream();
    let mut found: Vec<String> = stream
        .of("applied")
        .filter(|record| record.text("status") == status)
        .map(|record| format!("{} {}", record.text("kind"), record.text("name")))
        .collect();
    found.sort();
    found
}

const RELATIONS: &str = "select string_agg(relname, ',' order by relname) from pg_class
    where relnamespace in ('public'::regnamespace, 'sales'::regnamespace) and relkind <> 'S'";

#[test]
fn what_needs_what_jq_took_is_told_and_all_else_is_there() {
    let scene = Scene::of(Pair::newest(), "taken", SHOP);
    let joined = moved(&scene, &[], |record| {
        record.kind() != "object" || record.text("name") != "customers"
    });
    joined.succeeds();
    let ran = joined.last();
    assert_eq!(with_status(ran, "failed"), Vec::<String>::new());
    assert_eq!(with_status(ran, "skipped"), Vec::<String>::new());
    let left_out = with_status(ran, "left_out");
    for part in [
        "VIEW named",
        "VIEW named_twice",
        "MATERIALIZED VIEW kept",
        "INDEX kept_i",
        "REFRESH kept",
        "FK CONSTRAINT orders orders_customer_fkey",
        "INDEX customers_i",
        "CONSTRAINT customers customers_pkey",
        "COMMENT TABLE customers",
        "ACL TABLE customers",
        "ACL TABLE named_twice",
    ] {
        assert!(left_out.contains(&part.to_owned()), "{part}: {left_out:?}");
    }
    assert_eq!(
        scene.target.ask_one(RELATIONS),
        "lines,lines_pkey,moods,orders,orders_pkey,orders_price,orders_taxed,plain,taxed"
    );
    assert_eq!(
        scene.target.ask_one("select count(*) from sales.orders"),
        "2"
    );
    let ledger = "select count(*) from pg_namespace where nspname = 'pgmig'";
    assert_eq!(scene.target.ask_one(ledger), "0", "nothing is left to do");
}

#[test]
fn a_schema_alone_arrives_without_what_needs_others() {
    let scene = Scene::of(Pair::newest(), "alone", SHOP);
    let joined = moved(&scene, &["-n", "sales"], |_| true);
    joined.succeeds();
    let ran = joined.last();
    let left_out = with_status(ran, "left_out");
    for part in [
        "TABLE moods",
        "OWNER TABLE moods",
        "VIEW named",
        "VIEW taxed",
        "INDEX orders_taxed",
        "TRIGGER orders checked",
        "FK CONSTRAINT orders orders_customer_fkey",
    ] {
        assert!(
            left_out.iter().any(|one| one.starts_with(part)),
            "{part}: {left_out:?}"
        );
    }
    assert_eq!(
        scene.target.ask_one(RELATIONS),
        "lines,lines_pkey,orders,orders_pkey,orders_price,plain"
    );
}

#[test]
fn schema_public_alone_arrives_though_every_database_has_one() {
    let scene = Scene::of(Pair::newest(), "only_public", SHOP);
    let joined = moved(&scene, &["-n", "public"], |_| true);
    joined.succeeds();
    assert_eq!(
        scene
            .target
            .ask_one("select count(*) from public.customers"),
        "2"
    );

    let scene = Scene::of(Pair::newest(), "public_dropped", SHOP);
    scene.target.run("drop schema public");
    moved(&scene, &["-n", "pub*"], |_| true).succeeds();
    assert_eq!(
        scene
            .target
            .ask_one("select count(*) from public.customers"),
        "2"
    );
}

#[test]
fn without_a_table_the_rest_arrives() {
    let scene = Scene::of(Pair::newest(), "rest", SHOP);
    let joined = moved(&scene, &["-T", "customers"], |_| true);
    joined.succeeds();
    let ran = joined.last();
    assert_eq!(with_status(ran, "failed"), Vec::<String>::new());
    assert_eq!(
        scene.target.ask_one("select count(*) from sales.moods"),
        "1"
    );
}

#[test]
fn strict_takes_what_is_left_out_for_a_no() {
    let scene = Scene::of(Pair::newest(), "strict gaps", SHOP);
    let plan = scene
        .tool(&["pg-schema-dump", "-n", "sales", "--quiet"])
        .run();
    let ran = scene
        .tool(&["pg-schema-apply", "--section", "pre-data", "--strict", "-"])
        .input(plan.text())
        .run();
    ran.ends_with(1);
    ran.says(&["VIEW sales.named_twice is left out: it needs VIEW sales.named, which is left out"]);
}

#[test]
fn grants_and_owners_of_roles_that_are_not_in_the_stream_are_told() {
    let pair = Pair::widest();
    let scene = Scene::of(
        pair,
        "roleless",
        "create role filtered_owner; create table t (a integer);
         alter table t owner to filtered_owner; grant select on t to filtered_owner;",
    );
    let joined = moved(&scene, &[], |record| record.kind() != "role");
    joined.succeeds();
    let ran = joined.last();
    assert!(!with_status(ran, "left_out").is_empty(), "{ran}");
}

#[test]
fn a_whole_stream_fails_as_ever() {
    let scene = Scene::of(
        Pair::newest(),
        "whole",
        "create table t (a integer); create view v as select * from t;",
    );
    let broken = scene.plan().replace("SELECT a", "SELECT nothing");
    let ran = scene
        .tool(&["pg-schema-apply", "--section", "pre-data", "-"])
        .input(broken)
        .run();
    ran.ends_with(6);
}

#[test]
fn a_schema_with_the_ledgers_name_is_refused_before_anything_is_changed() {
    let scene = Scene::of(
        Pair::newest(),
        "reserved",
        "create schema pgmig; create table pgmig.t (a serial); create table t (a integer);",
    );
    let dump = scene.tool(&["pg-schema-dump"]).run();
    dump.fails_clearly(7, &["schema pgmig"]);
    assert_eq!(dump.stream().of("object").count(), 0, "{dump}");
    let without = scene.tool(&["pg-schema-dump", "-N", "pgmig"]).run();
    without.ends_with(0);
    // A stream that somebody else wrote.
    let plan = without.text();
    let name = plan.replace("\"public\"", "\"pgmig\"");
    assert_ne!(plan, name);
    for words in [
        &["pg-schema-apply", "--section", "pre-data", "-"] as &[&str],
        &["pg-schema-apply", "--section", "post-data", "-"],
        &["pg-copy", "-"],
    ] {
        let act = || scene.tool(words).input(name.as_str()).run();
        let ran = scene.target_is_untouched_by(act);
        ran.fails_clearly(7, &["schema pgmig"]);
    }
}

#[test]
fn what_reads_a_table_of_the_ledgers_name_does_not_go_with_the_ledger() {
    let scene = Scene::of(
        Pair::newest(),
        "mistaken",
        "create schema pgmig; create table pgmig.run (migration text);
         create view public.mistaken as select migration from pgmig.run;",
    );
    let joined = moved(&scene, &["-N", "pgmig"], |_| true);
    joined.last().fails_clearly(5, &["mistaken", "pgmig.run"]);
}

#[test]
fn a_pattern_that_matches_nothing_or_is_none_is_a_matter_of_usage() {
    let scene = Scene::plain(Pair::newest());
    for (flags, words) in [
        (["-t", "nosuch"], "no matching tables were found"),
        (["-n", "nosuch"], "no matching schemas were found"),
        (["-e", "nosuch"], "no matching extensions were found"),
        (["-t", "a.b.c.d"], "improper relation name"),
        (["-n", "a.b.c"], "improper qualified name"),
        (["-t", "other.public.t"], "cross-database references"),
        (["-t", "t["], "invalid regular expression"),
    ] {
        let ran = scene.tool(&["pg-schema-dump"]).args(flags).run();
        ran.fails_clearly(2, &["pg_dump: ", words]);
    }
}

#[test]
fn what_is_left_out_is_verified_by_what_the_stream_still_has() {
    let scene = Scene::of(Pair::newest(), "verified", SHOP);
    let joined = moved(&scene, &[], |record| {
        let is_customers = ["name", "table"]
            .iter()
            .any(|field| record.field(field).is_some_and(|name| name == "customers"));
        !(is_customers && ["object", "table"].contains(&record.kind()))
    });
    joined.succeeds();
    let verified = scene
        .tool(&["pg-verify", "-"])
        .input(joined.last().text())
        .run();
    verified.ends_with(0);
}

#[test]
fn rows_of_a_table_that_jq_took_are_told_by_the_copy_and_missed_by_the_verification() {
    let scene = Scene::of(Pair::newest(), "rows taken", SHOP);
    let joined = moved(&scene, &[], |record| {
        record.kind() != "object" || record.text("name") != "customers"
    });
    joined.succeeds();
    joined.parts[1].says(&[
        "table public.customers is left out: the target lacks it, and the stream does not make it",
    ]);
    let verified = scene
        .tool(&["pg-verify", "-"])
        .input(joined.last().text())
        .run();
    verified.ends_with(1);
}

#[test]
fn what_fails_for_another_reason_is_no_gap_of_a_filter() {
    for (flags, takes_other) in [
        (["-T", "junk"], false),
        (["-N", "other"], true),
        (["-n", "public"], true),
    ] {
        let scene = Scene::of(
            Pair::newest(),
            "reasons",
            "create schema other; create table other.u (a integer);
             create table junk (a integer); create table t (a integer);
             create view v as select a from t; create view w as select a from other.u;",
        );
        let dumped = scene.tool(&["pg-schema-dump"]).args(flags).run();
        dumped.ends_with(0);
        let stream = dumped.stream();
        let has_gap = |name: &str| {
            let object = stream
                .of("object")
                .find(|object| object.text("kind") == "VIEW" && object.text("name") == name)
                .expect("the view is dumped");
            let ids = object.field("depends_on").map(ToString::to_string);
            let ids = ids.unwrap_or_default();
            ids.trim_matches(['[', ']']).split(',').any(|id| id == "0")
        };
        assert!(!has_gap("v"), "{flags:?}");
        assert_eq!(has_gap("w"), takes_other, "{flags:?}");
        let broken = dumped.text().replace("SELECT a", "SELECT b");
        let ran = scene
            .tool(&["pg-schema-apply", "--section", "pre-data", "-"])
            .input(broken)
            .run();
        ran.ends_with(6);
        let failed = with_status(&ran, "failed");
        assert!(failed.contains(&"VIEW v".to_owned()), "{ran}");
    }
}
