//! Servers, their sessions and their settings.

use std::sync::atomic::Ordering;
use std::time::Duration;

use pg_e2e::cluster::CANARY_USER;
use pg_e2e::{Cluster, Dice};

use crate::round::is_done;
use crate::stage::{Stage, held};

/// The sessions of a migration.
const OURS: &str = "application_name ~ '^pgmig/[0-9a-f]{12}/'";

/// Remembers that a server crashes, if it does while or after databases are put in place.
pub(super) fn crashes(stage: &Stage<'_>) {
    // Who cancels it holds its name, and waits for us.
    let name = || stage.name.try_lock().map(|name| name.clone());
    let is_late = || stage.finishes() || name().is_ok_and(|name| is_done(stage, &name));
    if is_late() {
        stage.crashed_in_finish.store(true, Ordering::Relaxed);
    }
}

/// Ends a server in some way, and starts it again after a while.
fn ended(stage: &Stage<'_>, cluster: &Cluster, how: (&str, &str), pause: Duration) {
    let _steady = held(&stage.ground.steady);
    if stage.is_over() {
        return;
    }
    crashes(stage);
    cluster.signal(how.0);
    stage.note(how.1);
    stage.pause(pause);
    cluster.start_again();
    stage.note("the server is there again");
}

/// As by a power failure; there again at once.
pub(super) fn source_dies(stage: &Stage<'_>, _: Dice) {
    ended(
        stage,
        stage.ground.source,
        ("KILL", "the source dies"),
        Duration::ZERO,
    );
}

/// The target, the same.
pub(super) fn target_dies(stage: &Stage<'_>, _: Dice) {
    ended(
        stage,
        stage.ground.target,
        ("KILL", "the target dies"),
        Duration::ZERO,
    );
}

fn shut_down(stage: &Stage<'_>, cluster: &Cluster, side: &str, mut dice: Dice) {
    let (signal, how) = if dice.below(2) == 0 {
        ("INT", "fast")
    } else {
        ("QUIT", "immediate")
    };
    let pause = dice.moment(Duration::from_secs(3));
    let said = format!("the {side} is shut down ({how}) for {pause:?}");
    ended(stage, cluster, (signal, &said), pause);
}

/// Shut down, fast or at once, and away for a while.
pub(super) fn source_is_shut_down(stage: &Stage<'_>, dice: Dice) {
    shut_down(stage, stage.ground.source, "source", dice);
}

/// The target, the same.
pub(super) fn target_is_shut_down(stage: &Stage<'_>, dice: Dice) {
    shut_down(stage, stage.ground.target, "target", dice);
}

/// Does something to sessions, each a row of a query; a server that is away has none.
fn to_sessions(stage: &Stage<'_>, cluster: &Cluster, (what, how_many): (&str, u64), said: &str) {
    let sql = format!(
        "select {what}, application_name || ' in ' || coalesce(datname, '') from \
                       (select * from pg_stat_activity where {OURS} order by random() limit {how_many}) as ours"
    );
    let rows = cluster
        .try_connect("postgres")
        .and_then(|mut client| client.query(&sql, &[]));
    for row in rows.unwrap_or_default() {
        stage.note(&format!("{said}: {}", row.get::<_, String>(1)));
    }
}

/// `pg_terminate_backend` for one to three.
pub(super) fn session_of_source(stage: &Stage<'_>, mut dice: Dice) {
    let what = ("pg_terminate_backend(pid)", 1 + dice.below(3));
    to_sessions(stage, stage.ground.source, what, "ended on the source");
}

/// The target's.
pub(super) fn session_of_target(stage: &Stage<'_>, mut dice: Dice) {
    let what = ("pg_terminate_backend(pid)", 1 + dice.below(3));
    to_sessions(stage, stage.ground.target, what, "ended on the target");
}

/// `pg_cancel_backend` for all of one side.
pub(super) fn statements(stage: &Stage<'_>, mut dice: Dice) {
    let sides = [
        (stage.ground.source, "source"),
        (stage.ground.target, "target"),
    ];
    if let Some((cluster, side)) = dice.choose(&sides) {
        to_sessions(
            stage,
            cluster,
            ("pg_cancel_backend(pid)", 100),
            &format!("canceled on the {side}"),
        );
    }
}

/// SIGKILL to a server process of ours: its server ends all others and recovers.
fn backend(stage: &Stage<'_>, cluster: &Cluster, side: &str) {
    let _steady = held(&stage.ground.steady);
    if stage.is_over() {
        return;
    }
    let sql = format!("select pid from pg_stat_activity where {OURS} order by random() limit 1");
    let rows = cluster
        .try_connect("postgres")
        .and_then(|mut client| client.query(&sql, &[]));
    crashes(stage);
    for row in rows.unwrap_or_default() {
        let pid: i32 = row.get(0);
        // It may have gone meanwhile.
        let killed = std::process::Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status();
        stage.note(&format!(
            "backend {pid} of the {side} is killed: {killed:?}"
        ));
    }
    // It answers until it has noticed.
    std::thread::sleep(Duration::from_millis(200));
    while cluster.try_connect("postgres").is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The source's.
pub(super) fn backend_of_source(stage: &Stage<'_>, _: Dice) {
    backend(stage, stage.ground.source, "source");
}

/// The target's.
pub(super) fn backend_of_target(stage: &Stage<'_>, _: Dice) {
    backend(stage, stage.ground.target, "target");
}

/// Runs statements on both servers, one by one, each until its server has taken it.
fn on_both(stage: &Stage<'_>, statements: &[String]) {
    for cluster in [stage.ground.source, stage.ground.target] {
        for sql in statements {
            let take = || -> Result<(), postgres::Error> {
                let mut client = cluster.try_connect("postgres")?;
                client.batch_execute("set statement_timeout = 0; set lock_timeout = 0")?;
                client.batch_execute(sql)
            };
            // Parameters are refused that its version does not know.
            while take().is_err_and(|error| error.as_db_error().is_none()) {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

fn set(stage: &Stage<'_>, parameters: &[(&str, &str)]) {
    let mut statements: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("alter system set {name} = '{value}'"))
        .collect();
    statements.push("select pg_reload_conf()".to_owned());
    on_both(stage, &statements);
}

fn reset(stage: &Stage<'_>, parameters: &[(&str, &str)]) {
    let mut statements: Vec<String> = parameters
        .iter()
        .map(|(name, _)| format!("alter system reset {name}"))
        .collect();
    statements.push("select pg_reload_conf()".to_owned());
    on_both(stage, &statements);
}

/// Timeouts of the server and of the role, each much too short for what has to be done.
pub(super) fn timeouts(stage: &Stage<'_>, mut dice: Dice) {
    const TIMEOUTS: &[(&str, &str)] = &[
        ("statement_timeout", "60ms"),
        ("lock_timeout", "20ms"),
        ("idle_in_transaction_session_timeout", "50ms"),
        ("idle_session_timeout", "80ms"),
        ("transaction_timeout", "90ms"),
    ];
    set(stage, TIMEOUTS);
    let of_role = |words: &str| -> Vec<String> {
        TIMEOUTS
            .iter()
            .map(|(name, value)| words.replace("NAME", name).replace("VALUE", value))
            .collect()
    };
    on_both(
        stage,
        &of_role(&format!("alter role {CANARY_USER} set NAME = 'VALUE'")),
    );
    stage.note("timeouts are set");
    stage.pause(dice.between(Duration::from_secs(1), Duration::from_secs(20)));
    reset(stage, TIMEOUTS);
    on_both(
        stage,
        &of_role(&format!("alter role {CANARY_USER} reset NAME")),
    );
    stage.note("timeouts are as they were");
}

/// Autovacuum of everything at once, and one checkpoint after the other.
pub(super) fn storm(stage: &Stage<'_>, mut dice: Dice) {
    const EAGER: &[(&str, &str)] = &[
        ("autovacuum_naptime", "1s"),
        ("autovacuum_vacuum_threshold", "0"),
        ("autovacuum_vacuum_scale_factor", "0"),
        ("autovacuum_vacuum_insert_threshold", "0"),
        ("autovacuum_vacuum_insert_scale_factor", "0"),
        ("autovacuum_analyze_threshold", "0"),
        ("autovacuum_analyze_scale_factor", "0"),
        ("autovacuum_vacuum_cost_delay", "0"),
    ];
    let time = dice.between(Duration::from_secs(2), Duration::from_secs(12));
    set(stage, EAGER);
    stage.note("a storm of autovacuum and checkpoints");
    let until = stage.elapsed() + time;
    while stage.elapsed() < until && stage.pause(Duration::from_millis(100)) {
        for cluster in [stage.ground.source, stage.ground.target] {
            // A server that is away has none.
            drop(
                cluster
                    .try_connect("postgres")
                    .and_then(|mut client| client.batch_execute("checkpoint")),
            );
        }
    }
    reset(stage, EAGER);
    stage.note("the storm is over");
}
