//! How fast a database moves, from the `progress` records that come by: rates and the time that
//! is left, as far as the tools can tell.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use pg_pipe::record::{Progress, Record, State};
use pg_pipe::report::{clock, size};

/// Tools tell their progress once a second. One that has said nothing for so long is held up,
/// stopped or gone.
const SILENCE: Duration = Duration::from_secs(10);

/// Over how long rows are counted: as long as the tools take their rate of bytes.
const WINDOW: Duration = Duration::from_secs(10);

/// What is at work.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// The latest word of each phase of a tool that has not ended.
    phases: BTreeMap<(String, String), (Instant, Progress)>,
    /// Rows that were in, and when.
    rows: VecDeque<(Instant, u64)>,
}

impl Pulse {
    /// Takes in a record.
    pub(crate) fn note(&mut self, record: &Record, now: Instant) {
        match record {
            Record::Progress(progress) => {
                let key = (progress.tool.clone(), progress.phase.clone());
                if progress.done >= progress.total {
                    self.phases.remove(&key);
                    return;
                }
                if is_copy(progress) {
                    self.count(now, progress.done_rows.unwrap_or(0));
                }
                self.phases.insert(key, (now, progress.clone()));
            }
            Record::End(end) => self.phases.retain(|(tool, _), _| *tool != end.tool),
            _ => {}
        }
    }

    /// A state with the rates of this moment.
    pub(crate) fn told(&self, state: State, now: Instant) -> State {
        let heard = self.phases.values();
        let at_work: Vec<&Progress> = heard
            .filter(|(at, _)| now.duration_since(*at) < SILENCE)
            .map(|(_, told)| told)
            .collect();
        let copy = at_work.iter().find(|told| is_copy(told));
        // What stands still would end by its average so far, which nobody believes.
        let is_stuck = at_work.iter().any(|told| told.bytes_per_second == Some(0));
        let eta = at_work.iter().filter_map(|told| told.eta_seconds).max();
        State {
            bytes_per_second: copy.and_then(|told| told.bytes_per_second),
            rows_per_second: copy.and_then(|_| self.rows_per_second()),
            eta_seconds: eta.filter(|_| !is_stuck),
            ..state
        }
    }

    fn count(&mut self, now: Instant, rows: u64) {
        // A copy that has begun anew counts from nothing.
        if self.rows.back().is_some_and(|(_, before)| *before > rows) {
            self.rows.clear();
        }
        self.rows.push_back((now, rows));
        while self
            .rows
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) > WINDOW)
        {
            self.rows.pop_front();
        }
    }

    fn rows_per_second(&self) -> Option<u64> {
        let ((then, before), (now, rows)) = (self.rows.front()?, self.rows.back()?);
        let milliseconds = u64::try_from(now.duration_since(*then).as_millis()).ok()?;
        (rows - before)
            .saturating_mul(1000)
            .checked_div(milliseconds)
    }
}

/// How fast databases move together and how long the slowest of them takes, in words; `None` when
/// no rows are copied and nobody tells an end.
pub(crate) fn pace(states: &[&State]) -> Option<String> {
    let (mut bytes, mut rows, mut eta) = (None, 0, None);
    for state in states {
        if let Some(rate) = state.bytes_per_second {
            bytes = Some(bytes.unwrap_or(0) + rate);
        }
        rows += state.rows_per_second.unwrap_or(0);
        eta = eta.max(state.eta_seconds);
    }
    let mut parts = match bytes {
        Some(0) => vec!["nothing moves".to_owned()],
        Some(rate) => vec![format!("{}/s", size(rate))],
        None => Vec::new(),
    };
    if rows > 0 {
        parts.push(format!("{rows} rows/s"));
    }
    if let Some(seconds) = eta {
        parts.push(format!("about {} left", clock(seconds)));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Only pg-copy's rows count as moved: others read, or build.
fn is_copy(progress: &Progress) -> bool {
    progress.tool == "pg-copy" && progress.phase == "rows"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::samples;
    use pg_pipe::record::{MigrationState, Substate};

    fn progress(tool: &str, rate: Option<u64>, rows: u64, eta: Option<u64>) -> Record {
        Record::Progress(Progress {
            tool: tool.to_owned(),
            phase: "rows".to_owned(),
            done: 1,
            total: 9,
            done_parts: None,
            total_parts: None,
            done_bytes: rate,
            total_bytes: None,
            done_rows: Some(rows),
            bytes_per_second: rate,
            eta_seconds: eta,
            waits_for: None,
        })
    }

    fn told(pulse: &Pulse, now: Instant) -> (Option<u64>, Option<u64>, Option<u64>) {
        let state = samples::state("a", MigrationState::InProgress, Substate::MigratingData);
        let state = pulse.told(state, now);
        (
            state.bytes_per_second,
            state.rows_per_second,
            state.eta_seconds,
        )
    }

    #[test]
    fn rates_are_the_copys_and_the_slowest_tool_tells_how_long() {
        let mut pulse = Pulse::default();
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        assert_eq!(told(&pulse, start), (None, None, None));
        pulse.note(&progress("pg-copy", Some(500), 0, Some(40)), at(0));
        pulse.note(&progress("pg-copy", Some(500), 300, Some(38)), at(2));
        pulse.note(&progress("pg-schema-apply", Some(7), 0, Some(60)), at(2));
        assert_eq!(told(&pulse, at(2)), (Some(500), Some(150), Some(60)));
    }

    #[test]
    fn what_stands_still_has_no_end_and_what_is_silent_no_rate() {
        let mut pulse = Pulse::default();
        let start = Instant::now();
        pulse.note(&progress("pg-copy", Some(0), 10, Some(40)), start);
        assert_eq!(told(&pulse, start), (Some(0), None, None));
        assert_eq!(told(&pulse, start + SILENCE), (None, None, None));
    }

    #[test]
    fn a_tool_that_has_ended_moves_nothing() {
        let mut pulse = Pulse::default();
        let start = Instant::now();
        pulse.note(&progress("pg-copy", Some(9), 10, Some(40)), start);
        let end = r#"{"type":"end","tool":"pg-copy","id":"i","exit":0}"#;
        pulse.note(&serde_json::from_str(end).unwrap(), start);
        assert_eq!(told(&pulse, start), (None, None, None));
    }

    #[test]
    fn databases_move_together_and_the_slowest_tells_the_end() {
        let state = |bytes_per_second, rows_per_second, eta_seconds| State {
            bytes_per_second,
            rows_per_second,
            eta_seconds,
            ..samples::state("a", MigrationState::InProgress, Substate::MigratingData)
        };
        let two = [
            state(Some(20 << 20), Some(30), Some(9)),
            state(Some(10 << 20), None, Some(70)),
        ];
        assert_eq!(
            pace(&[&two[0], &two[1]]).as_deref(),
            Some("30 MB/s, 30 rows/s, about 00:01:10 left")
        );
        let stuck = [state(Some(0), None, None)];
        assert_eq!(pace(&[&stuck[0]]).as_deref(), Some("nothing moves"));
        assert_eq!(pace(&[&state(None, None, None)]), None);
    }
}
