//! The network before both servers.

use std::time::Duration;

use pg_e2e::Dice;
use pg_e2e::proxy::Proxy;

use crate::stage::Stage;

/// How late a message is.
const LATE: Duration = Duration::from_millis(100);
/// Bytes a second.
const NARROW: u64 = 5_000_000;

fn cut(stage: &Stage<'_>, proxy: &Proxy, side: &str, dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        proxy.cut();
        stage.note(&format!("connections of the {side} are cut"));
        if !stage.pause(dice.moment(Duration::from_secs(1))) {
            break;
        }
    }
}

/// All connections to the source end, once or several times.
pub(super) fn source_is_cut(stage: &Stage<'_>, mut dice: Dice) {
    cut(stage, &stage.ground.to_source, "source", &mut dice);
}

/// All connections to the target.
pub(super) fn target_is_cut(stage: &Stage<'_>, mut dice: Dice) {
    cut(stage, &stage.ground.to_target, "target", &mut dice);
}

/// Nothing arrives for a while; then all goes on, or ends.
fn silent(stage: &Stage<'_>, proxy: &Proxy, side: &str, dice: &mut Dice) {
    let time = dice.between(Duration::from_millis(300), Duration::from_secs(12));
    proxy.hold_after(dice.below(200_000));
    stage.note(&format!(
        "nothing comes from the {side} or gets there for {time:?}"
    ));
    stage.pause(time);
    if dice.below(2) == 0 {
        proxy.release();
        stage.note(&format!("the {side} is heard again"));
    } else {
        proxy.cut();
        stage.note(&format!("the {side} is cut off"));
    }
}

/// The source's side of the network is a black hole.
pub(super) fn source_is_silent(stage: &Stage<'_>, mut dice: Dice) {
    silent(stage, &stage.ground.to_source, "source", &mut dice);
}

/// The target's side.
pub(super) fn target_is_silent(stage: &Stage<'_>, mut dice: Dice) {
    silent(stage, &stage.ground.to_target, "target", &mut dice);
}

fn late(stage: &Stage<'_>, by: Duration) {
    for proxy in [&stage.ground.to_source, &stage.ground.to_target] {
        proxy.delay(by);
    }
}

fn narrow(stage: &Stage<'_>, bytes: u64) {
    for proxy in [&stage.ground.to_source, &stage.ground.to_target] {
        proxy.limit(bytes);
    }
}

/// Answers of both come late for a while.
pub(super) fn delay(stage: &Stage<'_>, mut dice: Dice) {
    stage.note(&format!("messages are late by {LATE:?}"));
    late(stage, LATE);
    stage.pause(dice.between(Duration::from_secs(1), Duration::from_secs(8)));
    late(stage, Duration::ZERO);
    stage.note("messages are in time");
}

/// Both are slow for a while.
pub(super) fn limit(stage: &Stage<'_>, mut dice: Dice) {
    stage.note(&format!("{NARROW} bytes a second"));
    narrow(stage, NARROW);
    stage.pause(dice.between(Duration::from_secs(1), Duration::from_secs(15)));
    narrow(stage, 0);
    stage.note("as many bytes as there are");
}
