//! How far a tool is: a bar where stderr is a terminal, a plain line every 10 s elsewhere,
//! nothing when quiet; and `progress` records, one a second.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use indicatif::{
    HumanBytes, HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle,
};

use crate::notice::{Level, Notice};
use crate::output::Output;
use crate::record::{Progress, Record};
use crate::shown;

/// Set to `1` for all tools of a pipeline whose last one draws the bars.
pub const DRAWN_DOWNSTREAM: &str = "PGMIG_PROGRESS_DOWNSTREAM";

const TICK: Duration = Duration::from_millis(100);
const RECORD_EVERY: Duration = Duration::from_secs(1);
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Over how many ticks the rate is taken.
const RATE_TICKS: usize = 100;

/// What is counted. Working threads add to it; nobody waits.
#[derive(Debug, Default)]
pub struct Counters {
    items: AtomicU64,
    bytes: AtomicU64,
    rows: AtomicU64,
    /// Parts that are done, and in all, where items have some.
    parts: [AtomicU64; 2],
    /// Threads that wait for each side at the moment.
    waiting: [AtomicU64; 2],
    /// Whether somebody else's lock is in the way.
    locked: AtomicBool,
}

/// The side that a working thread waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wait {
    /// Rows are to come.
    Source,
    /// Rows are to be taken.
    Target,
}

/// What one working thread waits for, told to [`Counters`]; nothing any more when dropped.
#[derive(Debug)]
pub struct Waiting<'a> {
    counters: &'a Counters,
    on: Option<Wait>,
}

impl Waiting<'_> {
    /// From now on it waits for this.
    pub fn on(&mut self, wait: Wait) {
        self.change(Some(wait));
    }

    fn change(&mut self, to: Option<Wait>) {
        if let Some(from) = self.on {
            self.counters.waiting(from).fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(to) = to {
            self.counters.waiting(to).fetch_add(1, Ordering::Relaxed);
        }
        self.on = to;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.change(None);
    }
}

impl Counters {
    /// For a thread that is going to wait for one side or the other.
    pub fn begin_waiting(&self) -> Waiting<'_> {
        Waiting {
            counters: self,
            on: None,
        }
    }

    /// Whether somebody else's lock is in the way.
    pub fn set_locked(&self, is_so: bool) {
        self.locked.store(is_so, Ordering::Relaxed);
    }

    /// Bytes that are done.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn waiting(&self, wait: Wait) -> &AtomicU64 {
        let [source, target] = &self.waiting;
        match wait {
            Wait::Source => source,
            Wait::Target => target,
        }
    }

    /// One more item is done: a table, an object.
    pub fn add_item(&self) {
        self.items.fetch_add(1, Ordering::Relaxed);
    }

    /// Items have so many parts in all.
    pub fn set_parts(&self, total: usize) {
        let [_, all] = &self.parts;
        all.store(u64::try_from(total).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// One more part is done.
    pub fn add_part(&self) {
        let [done, _] = &self.parts;
        done.fetch_add(1, Ordering::Relaxed);
    }

    /// So many more bytes are done.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many more rows are done.
    pub fn add_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }
}

/// A phase of work that is being shown. Ends when dropped.
pub struct Meter {
    counters: Arc<Counters>,
    ended: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a phase is called and how large it is.
#[derive(Clone, Debug)]
pub struct Phase {
    /// Name of the tool.
    pub tool: String,
    /// In a word or two, such as `rows`.
    pub name: String,
    /// Items in all.
    pub items: u64,
    /// Bytes in all, as far as they can be estimated; `None` where bytes are not counted.
    pub bytes: Option<u64>,
}

impl Meter {
    pub(crate) fn begin(phase: Phase, output: Output, notice: Notice) -> Self {
        let counters = Arc::new(Counters::default());
        let (ended, end) = bounded(0);
        let show = Show::new(phase, Arc::clone(&counters), output, notice);
        let thread = thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || show.run(&end))
            .ok();
        Self {
            counters,
            ended: Some(ended),
            thread,
        }
    }

    /// The counters, for working threads.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        drop(self.ended.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook.
            drop(thread.join());
        }
    }
}

struct Show {
    phase: Phase,
    counters: Arc<Counters>,
    output: Output,
    notice: Notice,
    bar: ProgressBar,
    on_terminal: bool,
    begun: Instant,
    /// How often a thread was seen to wait for each side since the last record.
    seen: (u64, u64),
    /// Bytes and when they had been done, a few seconds back.
    before: VecDeque<(Instant, u64)>,
}

impl Show {
    fn new(phase: Phase, counters: Arc<Counters>, output: Output, notice: Notice) -> Self {
        let on_terminal = notice.level() > Level::Quiet && io::stderr().is_terminal();
        let length = phase.bytes.unwrap_or(phase.items);
        let bar = if on_terminal && std::env::var_os(DRAWN_DOWNSTREAM).is_none() {
            begin_bar(notice.bars(), &phase.tool, length)
        } else {
            ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::hidden())
        };
        Self {
            phase,
            counters,
            output,
            notice,
            bar,
            on_terminal,
            begun: Instant::now(),
            seen: (0, 0),
            before: VecDeque::new(),
        }
    }

    fn run(mut self, end: &Receiver<()>) {
        let mut next_record = RECORD_EVERY;
        let mut next_line = LINE_EVERY;
        while end.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            self.look();
            let record = self.record();
            self.draw(&record);
            let elapsed = self.begun.elapsed();
            if elapsed >= next_record {
                next_record = elapsed + RECORD_EVERY;
                self.output.write(&Record::Progress(record.clone()));
                self.seen = (0, 0);
            }
            if elapsed >= next_line && !self.on_terminal {
                next_line = elapsed + LINE_EVERY;
                self.notice.note(&sentence(&record));
            }
        }
        self.seen = (0, 0);
        let record = self.record();
        self.draw(&record);
        self.bar.finish_and_clear();
        self.output.write(&Record::Progress(record));
    }

    /// Looks at what is waited for, and at the rate.
    fn look(&mut self) {
        let now = |wait| self.counters.waiting(wait).load(Ordering::Relaxed);
        self.seen.0 += now(Wait::Source);
        self.seen.1 += now(Wait::Target);
        self.before
            .push_back((Instant::now(), self.counters.bytes()));
        while self.before.len() > RATE_TICKS {
            self.before.pop_front();
        }
    }

    /// Bytes a second over the last seconds.
    fn rate(&self) -> Option<u64> {
        let ((then, before), (now, bytes)) = (self.before.front()?, self.before.back()?);
        let milliseconds = u64::try_from(now.duration_since(*then).as_millis()).ok()?;
        (bytes - before)
            .saturating_mul(1000)
            .checked_div(milliseconds)
    }

    fn waits_for(&self) -> Option<&'static str> {
        match self.seen {
            _ if self.counters.locked.load(Ordering::Relaxed) => Some("lock"),
            (0, 0) => None,
            (source, target) if source > target => Some("source"),
            _ => Some("target"),
        }
    }

    fn draw(&self, record: &Progress) {
        self.bar
            .set_position(record.done_bytes.unwrap_or(record.done));
        self.bar.set_message(sentence(record));
    }

    fn record(&self) -> Progress {
        let done = self.counters.items.load(Ordering::Relaxed);
        let rows = self.counters.rows.load(Ordering::Relaxed);
        let done_bytes = self.phase.bytes.map(|_| self.counters.bytes());
        let milliseconds = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (position, length) = match (done_bytes, self.phase.bytes) {
            (Some(bytes), Some(total)) => (bytes, total),
            _ => (done, self.phase.items),
        };
        let [done_parts, total_parts] = &self.counters.parts;
        let total_parts = total_parts.load(Ordering::Relaxed);
        Progress {
            tool: self.phase.tool.clone(),
            phase: self.phase.name.clone(),
            done,
            total: self.phase.items,
            done_parts: (total_parts > 0).then(|| done_parts.load(Ordering::Relaxed)),
            total_parts: (total_parts > 0).then_some(total_parts),
            done_bytes,
            total_bytes: self.phase.bytes,
            done_rows: (rows > 0).then_some(rows),
            bytes_per_second: self.phase.bytes.and_then(|_| self.rate()),
            eta_seconds: eta(position, length, milliseconds),
            waits_for: self.waits_for().map(str::to_owned),
        }
    }
}

/// A bar of `length` items or bytes.
pub(crate) fn begin_bar(bars: &MultiProgress, tool: &str, length: u64) -> ProgressBar {
    let bar = bars.add(ProgressBar::new(length));
    if let Ok(style) = ProgressStyle::with_template("{prefix:>15} [{bar:30}] {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(shown::line(tool));
    bar
}

/// Seconds to the end at the rate so far; nothing before the first second or the first piece.
fn eta(position: u64, length: u64, milliseconds: u64) -> Option<u64> {
    if milliseconds < 1_000 || length <= position {
        return None;
    }
    milliseconds
        .saturating_mul(length - position)
        .checked_div(position)
        .map(|left| left / 1_000)
}

/// What a bar and a plain line say; nothing in it acts on a terminal.
pub(crate) fn sentence(record: &Progress) -> String {
    let mut text = format!("{} {} of {}", record.phase, record.done, record.total);
    if let (Some(done), Some(total)) = (record.done_parts, record.total_parts) {
        text.push_str(&format!(", {done} of {total} parts"));
    }
    if let Some(rows) = record.done_rows {
        text.push_str(&format!(", {rows} rows"));
    }
    if let (Some(bytes), Some(rate)) = (record.done_bytes, record.bytes_per_second) {
        text.push_str(&format!(
            ", {} at {}/s",
            HumanBytes(bytes),
            HumanBytes(rate)
        ));
    }
    if let Some(seconds) = record.eta_seconds {
        let left = HumanDuration(Duration::from_secs(seconds));
        text.push_str(&format!(", {left} left"));
    }
    if let Some(what) = &record.waits_for {
        text.push_str(&format!(", waits for {what}"));
    }
    shown::line(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_is_linear_and_absent_where_it_would_be_a_guess() {
        assert_eq!(eta(0, 100, 5_000), None);
        assert_eq!(eta(50, 100, 500), None);
        assert_eq!(eta(25, 100, 4_000), Some(12));
        assert_eq!(eta(120, 100, 4_000), None);
    }

    #[test]
    fn the_sentence_has_only_what_is_known() {
        let record = Progress {
            tool: "pg-copy".to_owned(),
            phase: "rows".to_owned(),
            done: 3,
            total: 7,
            done_parts: Some(5),
            total_parts: Some(20),
            done_bytes: Some(2048),
            total_bytes: Some(4096),
            done_rows: Some(10),
            bytes_per_second: Some(1024),
            eta_seconds: None,
            waits_for: Some("target".to_owned()),
        };
        assert_eq!(
            sentence(&record),
            "rows 3 of 7, 5 of 20 parts, 10 rows, 2.00 KiB at 1.00 KiB/s, waits for target"
        );
    }
}
