//! A standby as the source: it takes no writes, and exports snapshots all the same.

use pg_e2e::cluster::{Setup, Side};
use pg_e2e::fault::wait_until;
use pg_e2e::{Cluster, Database, Majors, Pipeline, rows};
use std::time::Duration;
use tempfile::TempDir;

use crate::scene::{BY_HAND, Scene};

const LIMIT: Duration = Duration::from_secs(30);

const ROWS: &str = "
    create table large (id bigint primary key, t text, c regclass);
    insert into large select n, repeat(md5(n::text), 4), 'pg_class' from generate_series(1, 30000) n;
    create table \"of a \"\"standby\" (id serial primary key, m text);
    insert into \"of a \"\"standby\" (m) values ('one'), (null);
    select lo_from_bytea(4711, 'kept');";

fn primary() -> &'static Cluster {
    let setup = Setup {
        hba: "local all all trust\nlocal replication all trust",
        conf: "",
    };
    Box::leak(Box::new(Cluster::start(Majors::newest(), setup)))
}

#[test]
fn a_standby_is_a_source_as_any_other() {
    let primary = primary();
    let of_primary = Database::create(primary, "standby").with(ROWS);
    let standby: &'static Cluster = Box::leak(Box::new(primary.standby()));
    // Rows that come by replication only.
    of_primary.run("update large set t = 'late' where id = 1");
    wait_until("the standby has it", LIMIT, || {
        standby
            .connect(&of_primary.name)
            .query("select from large where t = 'late'", &[])
            .is_ok_and(|rows| rows.len() == 1)
    });
    let source = of_primary.seen_on(standby);
    let target = Cluster::of(Majors::newest(), Side::Target);
    let scene = Scene {
        target: source.twin(target),
        source,
        dir: TempDir::new().expect("a temporary directory can be made"),
    };
    let flags: &[&str] = &["pg-copy", "--split-size", "1MB", "--jobs", "2", "-"];
    let mut line: Vec<&[&str]> = BY_HAND.to_vec();
    line[2] = flags;
    let joined = Pipeline::of(scene.tools(&line)).run();
    joined.succeeds();
    rows::are_equal(&scene.source, &scene.target);
    scene.is_the_same_to_pg_dump();
}
