//! Wires beside sessions: the same settings, the same answers, and what they have of their own.

use std::thread;
use std::time::{Duration, Instant};

use pg_session::wire::Copied;
use pg_session::{Class, Purpose, Wire};

use crate::cluster::{Cluster, installed};

const SETTINGS: &str = "select name || '=' || setting from pg_settings \
                        where name <> 'application_name' order by name";

#[test]
fn a_wire_has_every_setting_of_a_session() {
    for (major, bin) in installed() {
        let cluster = Cluster::start(&bin);
        let endpoint = cluster.endpoint();
        for purpose in [Purpose::Read, Purpose::Load] {
            let mut session = endpoint.connect(purpose, "pgmig/test").unwrap();
            let rows = session.query(SETTINGS, &[]).unwrap();
            let of_session: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            let mut wire = endpoint.wire(session.way(), purpose, "pgmig/test").unwrap();
            let rows = wire.rows(SETTINGS).unwrap();
            let of_wire: Vec<String> = rows.into_iter().filter_map(|row| row[0].clone()).collect();
            assert!(of_wire.len() > 200, "{}", of_wire.len());
            assert_eq!(of_wire, of_session, "{major} {purpose:?}");
        }
    }
}

/// A wire to the newest server.
fn newest() -> (Cluster, Wire) {
    let (_, bin) = installed().pop().unwrap();
    let cluster = Cluster::start(&bin);
    let session = cluster.connect();
    let wire = cluster
        .endpoint()
        .wire(session.way(), Purpose::Load, "pgmig/test")
        .unwrap();
    (cluster, wire)
}

#[test]
fn a_wire_goes_on_after_an_error_and_a_copy_is_all_or_nothing() {
    let (_cluster, mut wire) = newest();
    let error = wire.batch("select 1; select 1/0; select 2").unwrap_err();
    assert_eq!(error.sqlstate(), Some("22012"));
    let rows = wire.rows("select 1; select 'é', null, ''").unwrap();
    assert_eq!(rows, [[Some("é".to_owned()), None, Some(String::new())]]);
    assert!(wire.batch("select '\0'").is_err());

    wire.batch("create temp table t (i integer not null)")
        .unwrap();
    let error = wire.begin_copy_in("copy nothing from stdin").unwrap_err();
    assert_eq!(error.sqlstate(), Some("42P01"));
    wire.begin_copy_in("copy t from stdin").unwrap();
    wire.write_frames(b"d\0\0\0\x067\n").unwrap();
    wire.fail_copy_in().unwrap();
    wire.begin_copy_in("copy t from stdin").unwrap();
    wire.write_frames(b"d\0\0\0\x068\n").unwrap();
    wire.check_copy_in().unwrap();
    assert_eq!(wire.finish_copy_in().unwrap(), 1);
    let sum = wire.value("select sum(i) from t").unwrap();
    assert_eq!(sum.as_deref(), Some("8"));
}

#[test]
fn an_error_of_a_copy_that_goes_on_is_heard_before_its_end() {
    let (_cluster, mut wire) = newest();
    wire.batch("create temp table t (i integer)").unwrap();
    wire.begin_copy_in("copy t from stdin").unwrap();
    wire.write_frames(b"d\0\0\0\x06x\n").unwrap();
    // The server reads a buffer at a time.
    let frame = [&b"d\0\0\x20\x04"[..], &[b'1'; 8191], b"\n"].concat();
    let until = Instant::now() + Duration::from_secs(10);
    let error = loop {
        wire.write_frames(&frame).unwrap();
        match wire.check_copy_in() {
            Err(error) => break error,
            Ok(()) => assert!(Instant::now() < until, "never heard"),
        }
    };
    assert_eq!(error.sqlstate(), Some("22P02"));
    assert_eq!(wire.value("select 1").unwrap().as_deref(), Some("1"));
}

#[test]
fn rows_of_any_size_come_whole_and_a_row_that_fails_is_told() {
    let (_cluster, mut wire) = newest();
    for (length, count) in [(1, 99_999), (1 << 16, 50), (3 << 20, 3)] {
        let sql = format!(
            "copy (select repeat('x', {length}) from generate_series(1, {count})) to stdout"
        );
        wire.begin_copy_out(&sql).unwrap();
        let mut bytes = 0;
        let rows = loop {
            match wire.read_copy().unwrap() {
                Copied::Frames(frames) => bytes += frames.len(),
                Copied::End(rows) => break rows,
            }
        };
        assert_eq!(rows, count);
        assert_eq!(bytes, (5 + length + 1) * usize::try_from(count).unwrap());
    }
    wire.begin_copy_out("copy (select 1/(3000 - i) from generate_series(1, 5000) i) to stdout")
        .unwrap();
    let error = loop {
        match wire.read_copy() {
            Ok(Copied::Frames(_)) => {}
            Ok(Copied::End(rows)) => panic!("{rows} rows"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.sqlstate(), Some("22012"));
    wire.begin_copy_out("copy (select) to stdout").unwrap();
    while !matches!(wire.read_copy().unwrap(), Copied::End(1)) {}
}

#[test]
fn what_a_server_says_between_rows_takes_none_of_them() {
    let (_cluster, mut wire) = newest();
    wire.batch(
        "create function public.noisy(i integer) returns integer language plpgsql as
         $$ begin raise notice 'said'; return i; end $$",
    )
    .unwrap();
    wire.begin_copy_out(
        "copy (select public.noisy(i) from generate_series(1000, 9999) i) to stdout",
    )
    .unwrap();
    let mut frames = Vec::new();
    let rows = loop {
        match wire.read_copy().unwrap() {
            Copied::Frames(more) => frames.extend_from_slice(more),
            Copied::End(rows) => break rows,
        }
    };
    assert_eq!((rows, frames.len()), (9000, 9000 * 10));
    assert!(
        frames
            .chunks(10)
            .all(|frame| frame.starts_with(b"d\0\0\0\x09"))
    );
    assert_eq!(wire.rows(";").unwrap().len(), 0);
}

#[test]
fn what_a_wire_is_running_can_be_canceled() {
    let (_cluster, mut wire) = newest();
    let cancel = wire.cancel();
    let begun = Instant::now();
    let canceling = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        cancel.fire();
    });
    let error = wire.batch("select pg_sleep(60)").unwrap_err();
    canceling.join().unwrap();
    assert_eq!(error.class(), Class::Canceled);
    assert!(begun.elapsed() < Duration::from_secs(10));
    wire.batch("select 1").unwrap();
}
