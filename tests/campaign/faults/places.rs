//! Disks that are full, and the clock.

use std::fs;
use std::thread;
use std::time::Duration;

use pg_e2e::{Cluster, Dice, Disk};

use super::servers::crashes;
use crate::disks::Disks;
use crate::stage::{Stage, held};

fn full(stage: &Stage<'_>, which: fn(&Disks) -> &Disk, mut dice: Dice) {
    let Some(disks) = &stage.ground.disks else {
        return;
    };
    let disk = which(disks);
    disk.fill();
    stage.note(&format!("{} is full", disk.at().display()));
    stage.pause(dice.between(Duration::from_millis(200), Duration::from_secs(5)));
    disk.clear();
    stage.note(&format!("{} has room", disk.at().display()));
}

/// The tablespace of the target.
pub(super) fn tablespace_is_full(stage: &Stage<'_>, dice: Dice) {
    full(stage, |disks| disks.tablespace, dice);
}

/// A disk below the target itself is full: what it does then is its own affair, and it is started
/// again when it has given up.
fn below_server(stage: &Stage<'_>, disk: &Disk, meanwhile: fn(&Cluster), mut dice: Dice) {
    let _steady = held(&stage.ground.steady);
    if stage.is_over() {
        return;
    }
    let target = stage.ground.target;
    disk.fill();
    stage.note(&format!("{} is full", disk.at().display()));
    let until = stage.elapsed() + dice.between(Duration::from_millis(200), Duration::from_secs(5));
    while stage.elapsed() < until && stage.pause(Duration::from_millis(20)) {
        crashes(stage);
        meanwhile(target);
    }
    crashes(stage);
    disk.clear();
    stage.note(&format!("{} has room", disk.at().display()));
    while target.try_connect("postgres").is_err() {
        if !target.is_running() {
            stage.note("the target has given up, and is started again");
            target.start_again();
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Writes WAL for nothing: a server keeps segments that it has no need of yet.
fn use_up(target: &Cluster) {
    let sql = "select count(pg_logical_emit_message(false, 'campaign', repeat('x', 1000000))) from generate_series(1, 8)";
    drop(
        target
            .try_connect("postgres")
            .and_then(|mut client| client.batch_execute(sql)),
    );
}

/// All of the target but its WAL and the tablespace.
pub(super) fn data_are_full(stage: &Stage<'_>, dice: Dice) {
    if let Some(disks) = &stage.ground.disks {
        below_server(stage, disks.data, |_| (), dice);
    }
}

/// The target's WAL.
pub(super) fn wal_is_full(stage: &Stage<'_>, dice: Dice) {
    if let Some(disks) = &stage.ground.disks {
        below_server(stage, disks.wal, use_up, dice);
    }
}

/// Where the journal is.
pub(super) fn journal_is_full(stage: &Stage<'_>, dice: Dice) {
    full(stage, |disks| &disks.journal, dice);
}

/// Where temporary files are.
pub(super) fn temporary_is_full(stage: &Stage<'_>, dice: Dice) {
    full(stage, |disks| &disks.temporary, dice);
}

/// The clock of our machine is set, back or forth, once or several times.
pub(super) fn clock_jumps(stage: &Stage<'_>, mut dice: Dice) {
    const JUMPS: &[&str] = &[
        "+3600",
        "-3600",
        "+86400",
        "-86400",
        "+2",
        "-2",
        "+31536000",
    ];
    let Some(clock) = &stage.clock else { return };
    for _ in 0..=dice.below(4) {
        let jump = dice.choose(JUMPS).copied().unwrap_or_default();
        // A reader never sees half of it.
        let new = clock.with_extension("new");
        let written = fs::write(&new, format!("{jump}\n")).and_then(|()| fs::rename(&new, clock));
        written.expect("the directory is ours");
        stage.note(&format!("the clock is off by {jump} s"));
        if !stage.pause(dice.moment(Duration::from_secs(2))) {
            break;
        }
    }
}
