//! What strikes a migration. Each is a function that begins at its moment, in a thread of its own,
//! and leaves nothing behind when it returns.

mod network;
mod people;
mod places;
mod processes;
mod servers;

use pg_e2e::Dice;

use crate::ground::Ground;
use crate::stage::Stage;

/// Something that strikes.
pub(crate) struct Fault {
    /// What it is called.
    pub(crate) name: &'static str,
    /// How often it is chosen beside the others.
    weight: u64,
    /// Strikes. The dice has what there is to choose, the stage what is struck.
    pub(crate) strike: fn(&Stage<'_>, Dice),
}

/// All there is.
const FAULTS: &[Fault] = &[
    Fault {
        name: "a process is killed",
        weight: 6,
        strike: processes::kill_one,
    },
    Fault {
        name: "all processes are killed",
        weight: 2,
        strike: processes::kill_all,
    },
    Fault {
        name: "a process gets SIGTERM",
        weight: 3,
        strike: processes::end_one,
    },
    Fault {
        name: "Ctrl-C",
        weight: 2,
        strike: processes::interrupt_all,
    },
    Fault {
        name: "a process is stopped for a while",
        weight: 3,
        strike: processes::stop_one,
    },
    Fault {
        name: "the source dies",
        weight: 2,
        strike: servers::source_dies,
    },
    Fault {
        name: "the target dies",
        weight: 4,
        strike: servers::target_dies,
    },
    Fault {
        name: "the source is shut down",
        weight: 2,
        strike: servers::source_is_shut_down,
    },
    Fault {
        name: "the target is shut down",
        weight: 2,
        strike: servers::target_is_shut_down,
    },
    Fault {
        name: "a session of the source is ended",
        weight: 2,
        strike: servers::session_of_source,
    },
    Fault {
        name: "a session of the target is ended",
        weight: 4,
        strike: servers::session_of_target,
    },
    Fault {
        name: "statements are canceled",
        weight: 2,
        strike: servers::statements,
    },
    Fault {
        name: "a backend of the source is killed",
        weight: 1,
        strike: servers::backend_of_source,
    },
    Fault {
        name: "a backend of the target is killed",
        weight: 2,
        strike: servers::backend_of_target,
    },
    Fault {
        name: "timeouts are set",
        weight: 2,
        strike: servers::timeouts,
    },
    Fault {
        name: "autovacuum and checkpoints",
        weight: 2,
        strike: servers::storm,
    },
    Fault {
        name: "the source is cut off",
        weight: 2,
        strike: network::source_is_cut,
    },
    Fault {
        name: "the target is cut off",
        weight: 2,
        strike: network::target_is_cut,
    },
    Fault {
        name: "the network is slow to answer",
        weight: 2,
        strike: network::delay,
    },
    Fault {
        name: "the network is narrow",
        weight: 2,
        strike: network::limit,
    },
    Fault {
        name: "a black hole before the source",
        weight: 2,
        strike: network::source_is_silent,
    },
    Fault {
        name: "a black hole before the target",
        weight: 2,
        strike: network::target_is_silent,
    },
    Fault {
        name: "a tablespace of the target is full",
        weight: 2,
        strike: places::tablespace_is_full,
    },
    Fault {
        name: "the target's data directory is full",
        weight: 2,
        strike: places::data_are_full,
    },
    Fault {
        name: "the target's WAL directory is full",
        weight: 2,
        strike: places::wal_is_full,
    },
    Fault {
        name: "the journal's disk is full",
        weight: 3,
        strike: places::journal_is_full,
    },
    Fault {
        name: "the temporary directory is full",
        weight: 2,
        strike: places::temporary_is_full,
    },
    Fault {
        name: CLOCK,
        weight: 2,
        strike: places::clock_jumps,
    },
    Fault {
        name: "a second migrate",
        weight: 3,
        strike: people::second,
    },
    Fault {
        name: "a second migrate resumes",
        weight: 2,
        strike: people::second_resumes,
    },
    Fault {
        name: "a cancel",
        weight: 4,
        strike: people::cancel,
    },
    Fault {
        name: WRITER,
        weight: 3,
        strike: people::write,
    },
];

/// The fault that needs another clock from the first moment on.
pub(crate) const CLOCK: &str = "the clock jumps";

/// The one that begins before the migration does, so that the first snapshot is not the last.
pub(crate) const WRITER: &str = "the source is written to";

/// One of those that can be had here and have this in their names.
pub(crate) fn draw(dice: &mut Dice, ground: &Ground, part: &str) -> &'static Fault {
    let wanted = |fault: &Fault| fault.name.contains(part) && is_there(fault, ground);
    assert!(FAULTS.iter().any(wanted), "no fault has '{part}' here");
    // The same seed chooses the same here and elsewhere, as far as it can be had.
    loop {
        let mut left = dice.below(FAULTS.iter().map(|fault| fault.weight).sum());
        for fault in FAULTS {
            if left < fault.weight {
                if wanted(fault) {
                    return fault;
                }
                break;
            }
            left -= fault.weight;
        }
    }
}

fn is_there(fault: &Fault, ground: &Ground) -> bool {
    match fault.name {
        CLOCK => ground.clock.is_some(),
        name if name.ends_with("full") => ground.disks.is_some(),
        _ => true,
    }
}
