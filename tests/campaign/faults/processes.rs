//! Signals to the processes of a migration: its tools, their children, and the script.

use std::sync::atomic::Ordering;
use std::time::Duration;

use pg_e2e::{Dice, Process};

use crate::stage::Stage;

/// A process as a reader knows it.
fn shown(process: &Process) -> String {
    let words: Vec<&str> = process
        .words
        .iter()
        .map(|word| word.rsplit('/').next().unwrap_or_default())
        .filter(|word| !word.is_empty() && word.len() < 40)
        .take(4)
        .collect();
    format!("{} ({})", words.join(" "), process.pid)
}

fn one(stage: &Stage<'_>, dice: &mut Dice, signal: &str) -> Option<Process> {
    let processes = stage.processes();
    let process = dice.choose(&processes)?;
    let done = process.signal(signal);
    stage.note(&format!(
        "SIG{signal} to {}{}",
        shown(process),
        if done { "" } else { ", which has gone" }
    ));
    Some(process.clone())
}

/// SIGKILL to one.
pub(super) fn kill_one(stage: &Stage<'_>, mut dice: Dice) {
    stage.killed.store(true, Ordering::Relaxed);
    one(stage, &mut dice, "KILL");
}

/// SIGKILL to all, as when the machine goes.
pub(super) fn kill_all(stage: &Stage<'_>, _: Dice) {
    stage.killed.store(true, Ordering::Relaxed);
    let processes = stage.processes();
    for process in &processes {
        process.signal("KILL");
    }
    stage.note(&format!("SIGKILL to all {} processes", processes.len()));
}

/// SIGTERM to one.
pub(super) fn end_one(stage: &Stage<'_>, mut dice: Dice) {
    one(stage, &mut dice, "TERM");
}

/// SIGINT to all, which is what a terminal does.
pub(super) fn interrupt_all(stage: &Stage<'_>, _: Dice) {
    let processes = stage.processes();
    for process in &processes {
        process.signal("INT");
    }
    stage.note(&format!("SIGINT to all {} processes", processes.len()));
}

/// SIGSTOP to one, and SIGCONT some seconds later.
pub(super) fn stop_one(stage: &Stage<'_>, mut dice: Dice) {
    let time = dice.between(Duration::from_millis(200), Duration::from_secs(6));
    if let Some(process) = one(stage, &mut dice, "STOP") {
        stage.pause(time);
        process.signal("CONT");
        stage.note(&format!("SIGCONT to {}", shown(&process)));
    }
}
