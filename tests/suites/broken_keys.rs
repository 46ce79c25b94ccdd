//! Foreign keys to and on partitioned tables that the rows break: they stay NOT VALID where the
//! server can have that, and are told with sample keys; mended, they become whole.

use pg_e2e::{Majors, Pair, Pipeline, Ran};

use crate::scene::{Scene, skip};

/// Keys to a partitioned table, from a plain and from a partitioned one.
const BROKEN: &str = "
    create table parent (id integer primary key) partition by range (id);
    create table p1 partition of parent for values from (0) to (10);
    create table p2 partition of parent for values from (10) to (20);
    insert into parent select n from generate_series(1, 19) as n;
    create table base (id integer primary key);
    insert into base values (1), (2);
    create table plain (n integer);
    create table child (n integer, b integer) partition by range (n);
    create table c1 partition of child for values from (0) to (100);
    create table c2 partition of child for values from (100) to (200);
    alter table plain add constraint to_parent foreign key (n) references parent;
    alter table child add constraint to_base foreign key (b) references base;
    alter table child add constraint to_parent foreign key (n) references parent;
    comment on constraint to_parent on plain is 'it''s told';
    create index plain_i on plain (n);
    set session_replication_role = replica;
    insert into plain values (1), (55), (56);
    insert into child values (1, 1), (77, 2), (150, 3);
    reset session_replication_role;";

/// Keys that are no partition's, and whether each is valid.
const KEYS: &str = "select string_agg(conrelid::regclass || '.' || conname || ' ' || convalidated, ','
    order by conrelid::regclass::text, conname) from pg_constraint where contype = 'f' and conparentid = 0";

fn applied(scene: &Scene) -> Ran {
    let mut joined = Pipeline::of([
        scene.tool(&["pg-schema-dump"]),
        scene.tool(&["pg-schema-apply", "--section", "pre-data", "-"]),
        scene.tool(&["pg-copy", "-"]),
        scene.tool(&["pg-schema-apply", "--section", "post-data", "-"]),
    ])
    .run();
    assert_eq!(joined.statuses(), [0, 0, 0, 6], "{joined}");
    joined.parts.pop().expect("four tools")
}

/// The same again, with what the last run wrote.
fn again(scene: &Scene, last: &Ran) -> Ran {
    scene
        .tool(&["pg-schema-apply", "--section", "post-data", "-"])
        .input(last.text())
        .run()
}

/// A scene on two servers of one version, or none where there is no such server.
fn scene(major: u32) -> Option<Scene> {
    if !Majors::available().contains_key(&major) {
        skip("no server of that version");
        return None;
    }
    let pair = Pair {
        source: major,
        target: major,
    };
    Some(Scene::of(pair, "broken keys", BROKEN))
}

#[test]
fn keys_to_and_on_partitioned_tables_stay_open_and_are_whole_when_mended() {
    let Some(scene) = scene(18) else { return };
    let ran = applied(&scene);
    ran.says(&[
        "cannot validate FK CONSTRAINT public.plain to_parent: the rows break it: no match for (n)=(55), (n)=(56)",
        "cannot validate FK CONSTRAINT public.child to_parent: the rows break it: no match for (n)=(150), (n)=(77)",
        "cannot validate FK CONSTRAINT public.child to_base: the rows break it: no match for (b)=(3)",
    ]);
    assert_eq!(
        scene.target.ask_one(KEYS),
        "child.to_base false,child.to_parent false,plain.to_parent false"
    );
    again(&scene, &ran).ends_with(6);
    scene.target.run(
        "delete from plain where n > 50; delete from child where n > 50; delete from child where b = 3",
    );
    again(&scene, &ran);
    is_mended(
        &scene,
        "child.to_base true,child.to_parent true,plain.to_parent true",
    );
}

#[test]
fn on_older_servers_only_a_partitioned_tables_own_keys_are_missing() {
    let Some(scene) = scene(15) else { return };
    let ran = applied(&scene);
    ran.says(&["public.plain to_parent: the rows break it: no match for (n)=(55), (n)=(56)"]);
    assert_eq!(scene.target.ask_one(KEYS), "plain.to_parent false");
    scene.target.run(
        "delete from plain where n > 50; delete from child where n > 50; delete from child where b = 3",
    );
    again(&scene, &ran);
    is_mended(
        &scene,
        "child.to_base true,child.to_parent true,plain.to_parent true",
    );
}

/// All keys are valid, with what partitions have of them and with the comment.
fn is_mended(scene: &Scene, keys: &str) {
    assert_eq!(scene.target.ask_one(KEYS), keys);
    let open = "select conname from pg_constraint where not convalidated";
    assert_eq!(scene.target.ask(open), Vec::<String>::new());
    let comment = "select obj_description(oid, 'pg_constraint') from pg_constraint
        where conname = 'to_parent' and conrelid = 'plain'::regclass";
    assert_eq!(scene.target.ask_one(comment), "it's told");
}
