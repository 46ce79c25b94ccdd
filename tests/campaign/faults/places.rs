//! Disks that are full, and the clock.

use std::fs;
use std::time::Duration;

use pg_e2e::{Dice, Disk};

use crate::ground::Disks;
use crate::stage::Stage;

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
pub(super) fn target_is_full(stage: &Stage<'_>, dice: Dice) {
    full(stage, |disks| &disks.target, dice);
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
