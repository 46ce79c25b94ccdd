//! Whether what arrived is what there was, and whether nothing else is left on either server or
//! in a directory. None of it asks the tools.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use pg_e2e::cluster::CANARY;
use pg_e2e::database::identifier;
use pg_e2e::schema::{dumpall, pg_dump, psql};
use pg_e2e::tool::Stdin;
use pg_e2e::{Cluster, Database, Majors, workspace};

use crate::ground::Ground;
use crate::stage::Stage;

/// How long sessions and processes may take to notice that all is over.
const PROMPT: Duration = Duration::from_secs(30);

/// What a server has beside databases' contents. A database that is being migrated is named here
/// on its own server only.
const SHARED: &str = "
    select 'database ' || datname || coalesce(': ' || shobj_description(oid, 'pg_database'), '') from pg_database
    union all select 'role ' || rolname || coalesce(': ' || shobj_description(oid, 'pg_authid'), '')
              from pg_roles where rolname !~ '^pg_'
    union all select distinct format('%s is a member of %s', member::regrole, roleid::regrole)
              from pg_auth_members where member >= 16384
    union all select 'setting of ' || setrole::regrole || ' ' || setconfig::text from pg_db_role_setting where setdatabase = 0
    union all select 'prepared ' || gid from pg_prepared_xacts
    union all select 'slot ' || slot_name from pg_replication_slots
    order by 1";

/// Sessions of migrations.
const SESSIONS: &str = "select application_name || ' in ' || coalesce(datname, '') || ': ' || state
    from pg_stat_activity where application_name like 'pgmig%'";

/// What there was before a round.
pub(crate) struct Before {
    /// All of the target.
    pub(crate) all: Vec<String>,
    source: BTreeSet<String>,
    target: BTreeSet<String>,
}

impl Before {
    /// Looks.
    pub(crate) fn of(ground: &Ground) -> Self {
        Self {
            all: dumpall(ground.target),
            source: shared(ground.source),
            target: shared(ground.target),
        }
    }
}

fn shared(cluster: &Cluster) -> BTreeSet<String> {
    ask(cluster, SHARED).into_iter().collect()
}

fn ask(cluster: &Cluster, sql: &str) -> Vec<String> {
    let rows = cluster.connect("postgres").query(sql, &[]);
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row.get(0)).collect()
}

/// Everything after a round; what is wrong is the error.
pub(crate) fn prove(stage: &Stage<'_>) -> Result<(), String> {
    if let Some(why) = stage.failure() {
        return Err(why);
    }
    nobody_is_left(stage)?;
    one_snapshot(stage)?;
    equal(stage)?;
    nothing_is_left(stage)?;
    no_secret_is_told(stage)
}

/// Waits until all processes and sessions have gone.
fn nobody_is_left(stage: &Stage<'_>) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let processes = stage.processes();
        let sides = [stage.ground.source, stage.ground.target];
        let sessions: Vec<String> = sides
            .into_iter()
            .flat_map(|side| ask(side, SESSIONS))
            .collect();
        if processes.is_empty() && sessions.is_empty() {
            return Ok(());
        }
        if began.elapsed() > PROMPT {
            return Err(format!("still there: {processes:?} {sessions:?}"));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Two tables that are always written together are the same: all of it is of one snapshot. Then
/// both sides forget what was written, so that the rest can be compared.
fn one_snapshot(stage: &Stage<'_>) -> Result<(), String> {
    let set = stage.set;
    let torn = "(table campaign.written except table campaign.beside) \
                union all (table campaign.beside except table campaign.written)";
    let torn = format!("select count(*) from ({torn}) as torn");
    let count = set.target.ask_one(&torn);
    if count != "0" {
        return Err(format!("{count} rows are of two snapshots"));
    }
    let at = set.target.ask_one("select max(id) from campaign.written");
    stage.note(&format!("the snapshot was taken at row {at}"));
    if stage.written.load(Ordering::Relaxed) {
        for side in [&set.source, &set.target] {
            side.run(
                "delete from campaign.beside where id > 100; delete from campaign.written where id > 100; \
                 update campaign.beside set note = 'row 50' where id = 50; \
                 update campaign.written set note = 'row 50' where id = 50",
            );
        }
    }
    Ok(())
}

/// A server that crashes empties its unlogged tables. Before finish that is noticed; once databases
/// are put in place it is as with any crash, of either side, and only those tables may be empty.
fn refill_unlogged(stage: &Stage<'_>) {
    let sides = [&stage.set.source, &stage.set.target];
    let [source, target] = sides;
    let unlogged =
        "select oid::regclass::text from pg_class where relpersistence = 'u' and relkind = 'r'";
    for table in target.ask(unlogged) {
        let count = format!("select count(*) from only {table}");
        let (from, to) = match sides.map(|side| side.ask_one(&count) == "0") {
            [false, true] => (source, target),
            [true, false] => (target, source),
            _ => continue,
        };
        stage.note(&format!("the crash has emptied {table}"));
        let rows = pg_dump(from, &["--data-only", "--table", &table]);
        psql(to, Stdin::Bytes(rows.into_bytes()));
    }
}

/// The comparison of the demo, which is pg_dump's and psql's alone.
fn equal(stage: &Stage<'_>) -> Result<(), String> {
    if stage.crashed_in_finish.load(Ordering::Relaxed) {
        refill_unlogged(stage);
    }
    let clients = Majors::clients().expect("psql and pg_dump lie beside a server");
    let ran = Command::new(workspace().join("tests/demo/compare"))
        .arg(clients)
        .args([stage.set.source.conninfo(), stage.set.target.conninfo()])
        .output()
        .expect("the script can be run");
    if ran.status.success() {
        return Ok(());
    }
    let said = [ran.stdout, ran.stderr].concat();
    Err(format!(
        "both sides differ:\n{}",
        String::from_utf8_lossy(&said)
    ))
}

/// The source has what it had; the target has the migrated database and the source's roles beside that.
fn nothing_is_left(stage: &Stage<'_>) -> Result<(), String> {
    let (ground, before) = (stage.ground, &stage.before);
    let is_kept = |line: &&String| {
        line.starts_with("role ")
            || line.contains(" is a member of ")
            || line.starts_with("setting ")
    };
    let mut wanted: BTreeSet<String> = before.source.iter().filter(is_kept).cloned().collect();
    wanted.extend(before.target.iter().cloned());
    let migrated = format!("database {}", stage.set.target.name);
    wanted.extend(
        before
            .source
            .iter()
            .filter(|line| **line == migrated || line.starts_with(&format!("{migrated}: ")))
            .cloned(),
    );
    let (on_source, on_target) = (shared(ground.source), shared(ground.target));
    // Roles that the database does not need stay where they are.
    let lost = before.target.difference(&on_target);
    let came = on_target.difference(&wanted);
    let changed = on_source.symmetric_difference(&before.source);
    let beyond: Vec<&String> = lost.chain(came).chain(changed).collect();
    if !beyond.is_empty() {
        return Err(format!(
            "a server has more or less than it should have: {beyond:?}"
        ));
    }
    // Who is killed cannot remove anything.
    let files = files(&stage.temporary());
    if !files.is_empty() && !stage.killed.load(Ordering::Relaxed) {
        return Err(format!("temporary files are left: {files:?}"));
    }
    Ok(())
}

fn no_secret_is_told(stage: &Stage<'_>) -> Result<(), String> {
    let mut all = files(&stage.state());
    all.push(stage.log());
    for file in all {
        let text = fs::read(&file).unwrap_or_default();
        if text
            .windows(CANARY.len())
            .any(|window| window == CANARY.as_bytes())
        {
            return Err(format!("{} has a password", file.display()));
        }
    }
    Ok(())
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}

/// Makes the target as it was before, for the next round.
pub(crate) fn sweep(stage: &Stage<'_>) {
    let target: &Database = &stage.set.target;
    target.drop_now();
    let now = shared(stage.ground.target);
    let came = now
        .difference(&stage.before.target)
        .filter_map(|line| line.strip_prefix("role "));
    for role in came {
        let role = role.split(": ").next().unwrap_or_default();
        let sql = format!("drop role {}", identifier(role));
        let dropped = stage.ground.target.connect("postgres").batch_execute(&sql);
        dropped.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    for directory in [stage.state(), stage.temporary()] {
        drop(fs::remove_dir_all(directory));
    }
}
