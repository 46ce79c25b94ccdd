//! One round: a migration begins, is struck, is resumed until it is done, and is proven.

use std::fs;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use pg_e2e::Dice;

use crate::Settings;
use crate::faults::{self, CLOCK, Fault, WRITER};
use crate::ground::{Ground, Set};
use crate::proof::{prove, sweep};
use crate::stage::{Stage, held};

/// How long a run may take, and all of them, beside what a clean one takes: a server that says
/// nothing is given up after a minute and more, and one that is away is waited for as long.
const PATIENCE: Duration = Duration::from_mins(4);

/// How often the migration is resumed at most.
const MOST_RUNS: usize = 60;

/// Statuses that no tool ends with by its will: a bug, a panic, a crash.
const BUGS: &[i32] = &[70, 101, 134, 135, 136, 139];

/// When something strikes.
#[derive(Clone, Copy)]
enum When {
    /// So long after the beginning.
    After(Duration),
    /// So long after the databases begin to be put in place.
    AtFinish(Duration),
}

/// What strikes, and when.
struct Strike {
    fault: &'static Fault,
    when: When,
    dice: Dice,
}

/// What is going to happen.
pub(crate) struct Round {
    name: String,
    set: &'static str,
    strikes: Vec<Strike>,
}

impl Round {
    /// What the dice has for a round of a campaign.
    pub(crate) fn draw(settings: &Settings, number: u64, large: bool, ground: &mut Ground) -> Self {
        let mut dice = Dice::of(settings.seed.wrapping_mul(1_000_003).wrapping_add(number));
        let usual = [
            "mixed", "demo", "small", "small", "small", "small", "small", "small",
        ];
        let usual = dice.choose(&usual).copied().unwrap_or_default();
        let set = if large { "large" } else { usual };
        let usual = ground.with(set).usual;
        let strikes = (0..=dice.below(3))
            .map(|_| Strike::draw(&mut dice, usual, (ground, &settings.fault)))
            .collect();
        Self {
            name: format!("round-{number}"),
            set,
            strikes,
        }
    }

    /// A migration that nothing strikes; how long it took.
    pub(crate) fn usual(ground: &Ground, set: &Set) -> Result<Duration, String> {
        let letters = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let name: String = format!("clean-{}", set.source.name)
            .chars()
            .map(letters)
            .collect();
        let stage = Stage::new(ground, set, &name, false);
        let statuses = stage.strike_until_done(&[])?;
        let took = stage.elapsed();
        if statuses != [0] {
            return Err(format!(
                "it ended with {statuses:?}\n{}",
                last_words(&stage)
            ));
        }
        prove(&stage)?;
        sweep(&stage);
        Ok(took)
    }

    /// Strikes, resumes, proves. What was done, or what is wrong.
    pub(crate) fn run(&self, ground: &Ground) -> Result<String, String> {
        let has = |name: &str| self.strikes.iter().any(|strike| strike.fault.name == name);
        let stage = Stage::new(ground, ground.set(self.set), &self.name, has(CLOCK));
        stage.written.store(has(WRITER), Ordering::Relaxed);
        let done = stage.strike_until_done(&self.strikes).and_then(|statuses| {
            prove(&stage)?;
            if has(WRITER) && !is_warned(&stage) {
                return Err("nobody was warned that the source is written to".to_owned());
            }
            Ok(statuses)
        });
        let told = self.told();
        match done {
            Ok(statuses) => {
                sweep(&stage);
                Ok(format!(
                    "{told}: {} of {} came in time, ended with {statuses:?} after {:.1} s",
                    stage.struck.load(Ordering::Relaxed),
                    self.strikes.len(),
                    stage.elapsed().as_secs_f64()
                ))
            }
            Err(why) => Err(format!(
                "{told}:\n{why}\n\nWhat happened:\n{}\n\n{}",
                stage.story(),
                last_words(&stage)
            )),
        }
    }

    fn told(&self) -> String {
        let told: Vec<String> = self
            .strikes
            .iter()
            .map(|strike| match strike.when {
                When::After(moment) => {
                    format!("{} after {:.2} s", strike.fault.name, moment.as_secs_f64())
                }
                When::AtFinish(moment) => format!(
                    "{} {} ms into finish",
                    strike.fault.name,
                    moment.as_millis()
                ),
            })
            .collect();
        format!("{}: {}", self.set, told.join(", "))
    }
}

impl Strike {
    fn draw(dice: &mut Dice, usual: Duration, (ground, part): (&Ground, &str)) -> Self {
        let fault = faults::draw(dice, ground, part);
        // One that comes too late is none; what came before has made it longer.
        let late = usual.mul_f64(0.9);
        let when = match dice.below(8) {
            _ if fault.name == WRITER => When::After(Duration::ZERO),
            0 => When::AtFinish(dice.moment(Duration::from_millis(150))),
            _ => When::After(dice.moment(late)),
        };
        Self {
            fault,
            when,
            dice: Dice::of(dice.below(u64::MAX)),
        }
    }

    /// Strikes at its moment, unless the migration is done before.
    fn strike(&self, stage: &Stage<'_>) {
        let has_come = match self.when {
            When::After(moment) => stage.until(moment),
            When::AtFinish(moment) => finishes(stage) && stage.pause(moment),
        };
        if has_come {
            stage.struck.fetch_add(1, Ordering::Relaxed);
            (self.fault.strike)(stage, self.dice.clone());
        }
    }
}

/// Waits until the databases are put in place, if they ever are.
fn finishes(stage: &Stage<'_>) -> bool {
    while stage.pause(Duration::from_millis(1)) {
        if stage.finishes() {
            return true;
        }
    }
    false
}

impl Stage<'_> {
    /// Runs `./migrate` until it is done, while it is struck; the status of each run.
    fn strike_until_done(&self, strikes: &[Strike]) -> Result<Vec<i32>, String> {
        thread::scope(|scope| {
            for strike in strikes {
                scope.spawn(move || strike.strike(self));
            }
            let done = self.run_until_done();
            self.end();
            done
        })
    }

    fn run_until_done(&self) -> Result<Vec<i32>, String> {
        let mut statuses = Vec::new();
        let until = self.set.usual * 4 + PATIENCE;
        while statuses.len() < MOST_RUNS && self.elapsed() < until {
            let name = held(&self.name).clone();
            let status = self.run_once(&name)?;
            statuses.push(status);
            if BUGS.contains(&status) || self.has_panicked() {
                return Err(format!("a bug: ended with {statuses:?}"));
            }
            // A cancel that is under way has its time.
            let is_other = *held(&self.name) != name;
            if is_other && status != 0 {
                continue;
            }
            // Who resumes what another has finished is told so, with 0, too.
            if status == 0 && is_done(self, &name) {
                return Ok(statuses);
            }
            if status == 0 {
                return Err("status 0, and yet it has not succeeded".to_owned());
            }
            thread::sleep(Duration::from_millis(300));
        }
        Err(format!("it never succeeds: ended with {statuses:?}"))
    }

    /// Begins it, or resumes it where it was begun.
    fn run_once(&self, name: &str) -> Result<i32, String> {
        let file = self.file(name).display().to_string();
        let is_begun = self.migstate(&["show", name]).status == 0;
        let words: &[&str] = if is_begun {
            &["--resume", name]
        } else {
            &[&file]
        };
        self.note(&format!("./migrate {}", words.join(" ")));
        let mut running = self.tool("migrate").args(words).spawn();
        let until = Instant::now() + self.set.usual * 4 + PATIENCE;
        while running.is_alive() {
            if Instant::now() > until {
                let stuck = self.stuck();
                for process in self.processes() {
                    process.signal("KILL");
                }
                return Err(format!("it hangs:\n{stuck}"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        let ran = running.wait();
        self.note(&format!("ended with {}", ran.status));
        Ok(ran.status)
    }

    fn has_panicked(&self) -> bool {
        fs::read_to_string(self.log()).is_ok_and(|text| text.contains("panicked at"))
    }

    /// What processes and sessions do that do not end.
    fn stuck(&self) -> String {
        let sql = "select concat_ws(' | ', application_name, datname, state, wait_event_type, wait_event, left(query, 100))
                   from pg_stat_activity where application_name like 'pgmig%'";
        let mut said: Vec<String> = self
            .processes()
            .iter()
            .map(|process| format!("{process:?}"))
            .collect();
        for side in [self.ground.source, self.ground.target] {
            let rows = side
                .try_connect("postgres")
                .and_then(|mut client| client.query(sql, &[]));
            said.extend(rows.unwrap_or_default().iter().map(|row| row.get(0)));
        }
        said.join("\n")
    }
}

/// Whether the journal says that a migration has succeeded.
pub(crate) fn is_done(stage: &Stage<'_>, name: &str) -> bool {
    let list = stage.migstate(&["list", "--format", "csv"]);
    let text = list.text();
    let mut lines = text.lines();
    lines.any(|line| line.starts_with(&format!("{name},")) && line.contains("Succeeded"))
}

/// Whether somebody was told that the source is written to. A check counts rows, so that one that
/// was over between two writes may have seen none; the rows of our writer come faster.
fn is_warned(stage: &Stage<'_>) -> bool {
    let said = fs::read_to_string(stage.log()).unwrap_or_default();
    said.contains("of the source database written within")
        || stage
            .migstate(&["show", &held(&stage.name), "--format", "json"])
            .text()
            .contains("src.write_activity")
}

/// The end of what all runs have said.
fn last_words(stage: &Stage<'_>) -> String {
    let text = fs::read_to_string(stage.log()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(60);
    lines.get(from..).unwrap_or_default().join("\n")
}
