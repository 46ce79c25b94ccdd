//! How a large migration behaves: the planner and the queue of pg-copy as they are, on a real
//! server, with workers that copy nothing. Time is that of a clock of its own: what a
//! statement of the ledger takes is measured, what a copy takes is computed.
//!
//! ```text
//! PGMIG_TARGET='host=… dbname=empty' cargo bench -p pg-copy --bench scale
//! ```
//!
//! `SCALE_TABLES` (100,000), `SCALE_TERABYTES` (10), `SCALE_WORKERS` (16), `SCALE_JOBS` (4, those that
//! the planner knows of), `SCALE_MBPS` (1,000, all workers together), `SCALE_ZIPF` (1,1.5,2). A database that has a ledger is refused.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a simulation that cannot go on has no result, and its figures are rough"
)]

use std::str::FromStr;
use std::time::Instant;

use pg_session::ledger::{self, Done, Format, PlannedChunk, Range, TakenChunk};
use pg_session::snapshot::{Moment, SnapshotId};
use pg_session::{Purpose, RelationName, Role, Session, Wire, session};

// The planner is no business of other crates, so the simulation takes its file.
#[path = "../src/split.rs"]
#[expect(dead_code, reason = "its tests are empty here")]
mod split;

use split::{Splitter, by_blocks};

/// Bytes a second of one worker: a table of mixed types, binary, frozen (docs/scale.md).
const PER_WORKER: f64 = 100e6;
/// Seconds a chunk beyond its bytes and the ledger: COPY on both sides, and six round trips of 0.5 ms.
const PER_CHUNK: f64 = 0.001 + 6.0 * 0.0005;
/// Bytes of a block.
const BLOCK: i64 = 8192;
/// From here on a whole table is frozen.
const FROZEN: i64 = 1 << 20;

/// What is simulated.
struct Setup {
    tables: i64,
    bytes: f64,
    workers: usize,
    jobs: usize,
    /// Bytes a second of all workers together.
    together: f64,
}

fn asked<T: FromStr>(name: &str, default: T) -> T {
    std::env::var(name)
        .ok()
        .map_or(default, |text| text.parse().ok().expect(name))
}

/// Sizes of tables: the nth has 1/n^s of what the first has.
fn sizes(setup: &Setup, s: f64) -> Vec<i64> {
    let weight = |nth: i64| (nth as f64).powf(-s);
    let all: f64 = (1..=setup.tables).map(weight).sum();
    (1..=setup.tables)
        .map(|nth| (setup.bytes * weight(nth) / all) as i64)
        .collect()
}

/// The plan, as `resume.rs` makes it of the same ranges.
fn plan(setup: &Setup, sizes: &[i64]) -> Vec<PlannedChunk> {
    let splitter = Splitter::new(None, sizes.iter().sum(), setup.jobs);
    let mut chunks = Vec::new();
    for (number, bytes) in sizes.iter().enumerate() {
        let ranges = by_blocks(bytes / BLOCK, splitter.parts(*bytes));
        let parts = i32::try_from(ranges.len()).expect("parts are few");
        for (part, range) in (1..=parts).zip(ranges) {
            chunks.push(PlannedChunk {
                name: RelationName::new("public", format!("table_{number}")),
                columns: ["id", "placed_at", "amount", "note"]
                    .map(str::to_owned)
                    .to_vec(),
                condition: None,
                bytes: bytes / i64::from(parts),
                filenode: Some(1),
                format: Format::Binary,
                frozen: range == Range::Whole && *bytes >= FROZEN,
                part,
                parts,
                range,
            });
        }
    }
    chunks
}

/// A worker: its session, and what it has in hand.
struct Worker {
    wire: Wire,
    chunks: Vec<TakenChunk>,
    /// Seconds before the first byte.
    waits: f64,
    /// Bytes to go.
    bytes: f64,
    /// When it found nothing to take.
    ended: Option<f64>,
}

impl Worker {
    /// Seconds to the end, at so many bytes a second.
    fn left(&self, rate: f64) -> f64 {
        self.waits + self.bytes / rate
    }

    fn go_on(&mut self, seconds: f64, rate: f64) {
        let waited = self.waits.min(seconds);
        self.waits -= waited;
        self.bytes = (self.bytes - (seconds - waited) * rate).max(0.0);
    }
}

/// What came out.
#[derive(Default)]
struct Outcome {
    /// Seconds of the simulated clock.
    end: f64,
    /// When the first worker found nothing to take.
    first_idle: f64,
    /// Statements of the ledger.
    statements: usize,
    /// Seconds that a taking took, in order.
    takes: Vec<f64>,
    /// Seconds that marks took, with the COMMIT.
    marks: Vec<f64>,
}

struct Simulation<'a> {
    run: i64,
    clerk: Wire,
    workers: Vec<Worker>,
    setup: &'a Setup,
    outcome: Outcome,
}

impl Simulation<'_> {
    /// The worker that is done next goes first, until none has anything in hand.
    fn play(mut self) -> Outcome {
        for number in 0..self.workers.len() {
            self.take(number, 0.0);
        }
        let mut now = 0.0;
        loop {
            let busy = self.workers.iter().filter(|one| one.ended.is_none());
            let rate = (self.setup.together / busy.count().max(1) as f64).min(PER_WORKER);
            let next = self
                .workers
                .iter()
                .enumerate()
                .filter(|(_, one)| one.ended.is_none())
                .map(|(number, one)| (number, one.left(rate)))
                .min_by(|one, other| one.1.total_cmp(&other.1));
            let Some((number, seconds)) = next else { break };
            now += seconds;
            for worker in self.workers.iter_mut().filter(|one| one.ended.is_none()) {
                worker.go_on(seconds, rate);
            }
            self.mark(number);
            self.take(number, now);
        }
        self.outcome.end = now;
        let ended = self.workers.iter().filter_map(|one| one.ended);
        self.outcome.first_idle = ended.fold(now, f64::min);
        self.outcome
    }

    fn take(&mut self, number: usize, now: f64) {
        let worker = self.workers.get_mut(number).expect("it is there");
        let begun = Instant::now();
        worker.chunks = ledger::take(&mut worker.wire, self.run, &[]).expect("a chunk is taken");
        let took = begun.elapsed().as_secs_f64();
        self.outcome.takes.push(took);
        self.outcome.statements += 1;
        if worker.chunks.is_empty() {
            worker.wire.batch("rollback").expect("it ends");
            worker.ended = Some(now);
            return;
        }
        let ids: Vec<i64> = worker.chunks.iter().map(|chunk| chunk.id).collect();
        let begun = Instant::now();
        ledger::begin_attempts(&mut self.clerk, &ids, "scale/1").expect("attempts are noted");
        self.outcome.statements += 2;
        let bytes: i64 = worker.chunks.iter().map(|one| one.estimated_bytes).sum();
        worker.bytes = bytes as f64;
        worker.waits = PER_CHUNK * ids.len() as f64 + took + begun.elapsed().as_secs_f64();
    }

    fn mark(&mut self, number: usize) {
        let worker = self.workers.get_mut(number).expect("it is there");
        let begun = Instant::now();
        for chunk in &worker.chunks {
            let done = Done {
                rows: 1,
                bytes: chunk.estimated_bytes,
                checksum: "b64s/1:00000000:1".to_owned(),
                milliseconds: 1,
            };
            ledger::mark_done(&mut worker.wire, &[(chunk.id, done)], "scale/1")
                .expect("it is marked");
        }
        worker.wire.batch("commit").expect("it is committed");
        self.outcome.statements += worker.chunks.len() + 1;
        self.outcome.marks.push(begun.elapsed().as_secs_f64());
    }
}

fn wire(session: &Session) -> Wire {
    session::resolve(Role::Target, None)
        .and_then(|target| target.wire(session.way(), Purpose::Load, "pgmig/scale"))
        .expect("the target can be reached")
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn simulate(setup: &Setup, s: f64) {
    let mut target = session::resolve(Role::Target, None)
        .and_then(|target| target.connect(Purpose::Load, "pgmig/scale"))
        .expect("PGMIG_TARGET can be reached");
    let is_used = ledger::exists(&mut target).expect("the target answers");
    assert!(!is_used, "the database has a ledger: give an empty one");
    ledger::ensure(&mut target).expect("there is a ledger");
    let moment = Moment {
        lineage: None,
        snapshot: "1:1:".to_owned(),
    };
    let snapshot = SnapshotId("none".to_owned());
    let run = ledger::begin_run(&mut target, "", &snapshot, &moment).expect("a run begins");
    let sizes = sizes(setup, s);
    let begun = Instant::now();
    let chunks = plan(setup, &sizes);
    ledger::plan(&mut target, run, &chunks).expect("the plan is written");
    let planned = begun.elapsed().as_secs_f64();
    let largest = chunks.iter().map(|one| one.bytes).max().unwrap_or_default();
    let workers = (0..setup.workers).map(|_| Worker {
        wire: wire(&target),
        chunks: Vec::new(),
        waits: 0.0,
        bytes: 0.0,
        ended: None,
    });
    let simulation = Simulation {
        run,
        clerk: wire(&target),
        workers: workers.collect(),
        setup,
        outcome: Outcome::default(),
    };
    let begun = Instant::now();
    let outcome = simulation.play();
    let rate = (PER_WORKER * setup.workers as f64).min(setup.together);
    let model = setup.bytes / rate + PER_CHUNK * chunks.len() as f64 / setup.workers as f64;
    let of = |values: &[f64]| values.iter().map(|one| one * 1e3).collect::<Vec<_>>();
    let takes = of(&outcome.takes);
    let tenth = (takes.len() / 10).max(1);
    let medians: Vec<String> = takes
        .chunks(tenth)
        .map(|part| format!("{:.2}", median(part)))
        .collect();
    println!(
        "zipf {s}: largest table {:.0} GB, {} chunks, largest {:.0} GB, planned in {planned:.1} s\n  \
         rows {:.2} h, model {:.2} h ({:+.1} %), tail {:.2} h; ledger {:.1} statements/s, {:.0} s really\n  \
         ms a mark {:.2}, a taking by tenths of the queue: {}",
        sizes.first().copied().unwrap_or_default() as f64 / 1e9,
        chunks.len(),
        largest as f64 / 1e9,
        outcome.end / 3600.0,
        model / 3600.0,
        (outcome.end / model - 1.0) * 100.0,
        (outcome.end - outcome.first_idle) / 3600.0,
        outcome.statements as f64 / outcome.end,
        begun.elapsed().as_secs_f64(),
        median(&of(&outcome.marks)),
        medians.join(" ")
    );
    ledger::drop_ledger(&mut target).expect("the ledger is dropped");
}

fn main() {
    let setup = Setup {
        tables: asked("SCALE_TABLES", 100 * 1000),
        bytes: asked("SCALE_TERABYTES", 10.0) * 1e12,
        workers: asked("SCALE_WORKERS", 16),
        jobs: asked("SCALE_JOBS", 4),
        together: asked("SCALE_MBPS", 1000.0) * 1e6,
    };
    let exponents: String = asked("SCALE_ZIPF", "1,1.5,2".to_owned());
    for s in exponents.split(',') {
        simulate(&setup, s.parse().expect("SCALE_ZIPF"));
    }
}
