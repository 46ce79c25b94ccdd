//! Whole migrations, each struck at random moments until it is done: `make torture`.
//!
//! - [`ground`] is what stands from the first round to the last: servers, the network before
//!   them, the databases that are migrated, and [`disks`] that can be full;
//! - [`faults`] is the list of what strikes; a new one is a line and a function;
//! - [`stage`] is what one round shares with all that strikes it, [`round`] its course;
//! - [`proof`] says whether what arrived is equal, and whether nothing else is left.
//!
//! `MINUTES` bounds the time of the rounds (10), `SEED` chooses the faults (without it, the clock does),
//! `ROUND` runs that one round of a seed alone, `FAULT` has only faults with that in their names,
//! and every `LARGE`-th round migrates a database of 2 GB (0, which is never). The first round that fails ends the campaign with status 1, with the
//! command that repeats it.
//!
//! A seed chooses the same servers, databases and faults again. When a fault strikes is a share of
//! what a clean migration has taken just before, and the machine's own pace does the rest: a round
//! is tried again, not replayed. So no seeds are kept. What a round has found is a test of the
//! suites instead, which strikes at the very moment.
#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a campaign that cannot go on has no result"
)]

mod disks;
mod faults;
mod ground;
mod proof;
mod round;
mod stage;

use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use pg_e2e::Dice;

use crate::ground::Ground;
use crate::round::Round;

/// What was asked for.
pub(crate) struct Settings {
    minutes: u64,
    /// Chooses the faults.
    pub(crate) seed: u64,
    only: Option<u64>,
    large: u64,
    /// What the name of each fault has.
    pub(crate) fault: String,
}

impl Settings {
    fn read() -> Self {
        Self {
            minutes: asked("MINUTES").unwrap_or(10),
            seed: asked("SEED").unwrap_or_else(Dice::seed),
            only: asked("ROUND"),
            large: asked("LARGE").unwrap_or(0),
            fault: asked("FAULT").unwrap_or_default(),
        }
    }

    /// The command that repeats a round.
    fn again(&self, round: u64) -> String {
        let large = match self.large {
            0 => String::new(),
            every => format!(" LARGE={every}"),
        };
        let fault = match self.fault.as_str() {
            "" => String::new(),
            part => format!(" FAULT=\"{part}\""),
        };
        format!(
            "make torture SEED={} ROUND={round}{large}{fault}",
            self.seed
        )
    }
}

/// The value of a variable that is there and not empty.
fn asked<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    let value = text.parse();
    Some(value.unwrap_or_else(|_| panic!("{name} cannot be '{text}'")))
}

/// Says how far it is, to people.
pub(crate) fn say(text: &str) {
    drop(writeln!(io::stderr(), "torture: {text}"));
}

fn main() -> ExitCode {
    let settings = Settings::read();
    say(&format!("seed {}", settings.seed));
    let mut ground = Ground::start(&mut Dice::of(settings.seed));
    let began = Instant::now();
    let mut clean = 0;
    for number in 1.. {
        let is_over = began.elapsed() > Duration::from_mins(settings.minutes);
        match settings.only {
            Some(only) if only < number => break,
            Some(only) if only > number => continue,
            None if is_over => break,
            _ => {}
        }
        let large = settings.large > 0 && number % settings.large == 0;
        let round = Round::draw(&settings, number, large, &mut ground);
        let ran = panic::catch_unwind(AssertUnwindSafe(|| round.run(&ground)));
        match ran.unwrap_or_else(|_| Err("the campaign itself cannot go on".to_owned())) {
            Ok(told) => say(&format!("round {number}: {told}")),
            Err(why) => {
                say(&format!("round {number} failed: {why}"));
                say(&format!(
                    "{clean} rounds before it were clean; again: {}",
                    settings.again(number)
                ));
                return ExitCode::FAILURE;
            }
        }
        clean += 1;
    }
    say(&format!(
        "{clean} rounds, all clean, by the seed {}",
        settings.seed
    ));
    ExitCode::SUCCESS
}
