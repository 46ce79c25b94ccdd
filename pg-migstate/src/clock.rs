//! The time: UTC, milliseconds in the journal and whole seconds for people. Clocks may go
//! backwards; nothing here minds.

use jiff::Timestamp;

/// Now, in milliseconds, as the journal has it: a chart of tables and indexes needs them.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// A time without its fraction.
pub(crate) fn shown(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second())
        .unwrap_or(at)
        .to_string()
}

/// Hours, minutes and seconds from one time to another; zero when the clock went back.
pub(crate) fn duration(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.as_second().saturating_sub(from.as_second()).max(0);
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_count_hours_past_a_day_and_never_go_below_zero() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(duration(at(0), at(90_061)), "25:01:01");
        assert_eq!(duration(at(10), at(0)), "00:00:00");
    }

    #[test]
    fn times_are_shown_without_a_fraction() {
        let text = shown(now());
        assert_eq!(text.len(), "2026-11-22T12:00:00Z".len(), "{text}");
    }
}
