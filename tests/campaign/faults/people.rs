//! What people do meanwhile: begin it a second time, cancel it, write to the source.

use std::thread;
use std::time::{Duration, Instant};

use pg_e2e::Dice;
use pg_e2e::schema::dumpall;
use postgres::Client;

use crate::round::is_done;
use crate::stage::{Stage, held};

/// How long all processes of a migration may go on that was canceled.
const PROMPT: Duration = Duration::from_secs(30);

/// `./migrate FILE` once more, while the first one runs.
pub(super) fn second(stage: &Stage<'_>, _: Dice) {
    let name = held(&stage.name).clone();
    let file = stage.file(&name);
    run_beside(stage, &[&file.display().to_string()]);
}

/// `./migrate --resume NAME` while it runs.
pub(super) fn second_resumes(stage: &Stage<'_>, _: Dice) {
    let name = held(&stage.name).clone();
    run_beside(stage, &["--resume", &name]);
}

fn run_beside(stage: &Stage<'_>, words: &[&str]) {
    stage.note(&format!("a second migrate: {}", words.join(" ")));
    let mut second = stage.tool("migrate").args(words).spawn();
    let began = Instant::now();
    // It may take over what the first one has lost.
    while second.is_alive() {
        if began.elapsed() > Duration::from_mins(3) {
            return stage.fail("the second migrate hangs");
        }
        thread::sleep(Duration::from_millis(20));
    }
    let ran = second.wait();
    stage.note(&format!("the second migrate ended with {}", ran.status));
}

/// Cancels it; then the target is as it was, and the migration is begun under another name.
pub(super) fn cancel(stage: &Stage<'_>, _: Dice) {
    let mut name = held(&stage.name);
    if !is_canceled(stage, &name) {
        return;
    }
    if is_done(stage, &name) {
        stage.fail("it is canceled, and has succeeded");
    }
    let began = Instant::now();
    while !stage.processes().is_empty() {
        if began.elapsed() > PROMPT {
            stage.fail(&format!(
                "processes go on after a cancel: {:?}",
                stage.processes()
            ));
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    let _steady = held(&stage.ground.steady);
    for line in changed(&stage.before.all, &dumpall(stage.ground.target)) {
        stage.fail(&format!(
            "after a cancel the target is not as it was: {line}"
        ));
    }
    *name = format!("{name}-anew");
}

/// Whether a migration could be canceled.
fn is_canceled(stage: &Stage<'_>, name: &str) -> bool {
    for _ in 0..60 {
        if stage.is_over() {
            return false;
        }
        let ran = stage.migstate(&["cancel", name]);
        stage.note(&format!(
            "cancel ended with {}: {}",
            ran.status,
            ran.stderr.trim()
        ));
        match ran.status {
            0 => return true,
            // It was not begun yet, or is too far.
            2 | 7 => return false,
            _ => thread::sleep(Duration::from_millis(500)),
        }
    }
    stage.fail("it cannot be canceled");
    false
}

/// Lines of one side alone, but for what other faults set.
fn changed(before: &[String], after: &[String]) -> Vec<String> {
    let beyond = |one: &[String], other: &[String], sign: &str| -> Vec<String> {
        let lines = one
            .iter()
            .filter(|line| !other.contains(line) && !line.contains("_timeout"));
        lines.map(|line| format!("{sign} {line}")).collect()
    };
    [beyond(before, after, "-"), beyond(after, before, "+")].concat()
}

/// Writes to the source until the round is over, always the same rows to both tables.
pub(super) fn write(stage: &Stage<'_>, mut dice: Dice) {
    stage.note("the source is written to");
    let pause = dice.between(Duration::from_millis(2), Duration::from_millis(200));
    let mut client = None;
    while stage.pause(pause) {
        let open = client.take();
        let open = open.map_or_else(
            || stage.ground.source.try_connect(&stage.set.source.name),
            Ok,
        );
        // After an error it connects anew: the server may have been away.
        client = open.ok().and_then(write_once);
    }
}

fn write_once(mut client: Client) -> Option<Client> {
    let row = "select coalesce(max(id), 0) + 1, 'while it was migrated' from campaign.written";
    let sql = format!(
        "set statement_timeout = 0; begin; insert into campaign.written {row}; \
         insert into campaign.beside select w.id, w.note from campaign.written as w order by id desc limit 1; \
         update campaign.written set note = note || '.' where id = 50; \
         update campaign.beside set note = (select note from campaign.written where id = 50) where id = 50; commit"
    );
    client.batch_execute(&sql).ok().map(|()| client)
}
