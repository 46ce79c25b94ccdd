//! The time: whole seconds, UTC. Clocks may go backwards; nothing here minds.

use jiff::Timestamp;

/// Now, in whole seconds, as the journal has it.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
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
    fn now_prints_without_a_fraction() {
        let text = now().to_string();
        assert_eq!(text.len(), "2026-11-22T12:00:00Z".len(), "{text}");
    }
}
