//! The verdicts as they come in: records, one line on stderr for each difference, and the
//! sum of them.

use std::time::Duration;

use pg_pipe::record::{Record, Verdict, Verification, VerificationStatus, Verified, VerifiedKind};
use pg_pipe::{Context, Exit};

use crate::args::Audience;
use crate::judge::judge;
use crate::plan::Comparison;
use crate::reading::Reading;

/// Both sides of a comparison, as far as they are read.
#[derive(Default)]
pub(crate) struct Readings {
    /// The source's.
    pub(crate) source: Option<Reading>,
    /// The target's.
    pub(crate) target: Option<Reading>,
    /// How long the slower side took.
    pub(crate) took: Duration,
    /// Why a side could not be read; an `error` record has said so already.
    pub(crate) failure: Option<String>,
}

/// Verdicts so far.
pub(crate) struct Tally<'context> {
    context: &'context Context,
    audience: Audience,
    held: Vec<Verified>,
    sum: Verification,
}

impl<'context> Tally<'context> {
    /// Nothing yet.
    pub(crate) fn new(context: &'context Context, audience: Audience) -> Self {
        Self {
            context,
            audience,
            held: Vec::new(),
            sum: Verification {
                status: VerificationStatus::Equal,
                matched: 0,
                mismatched: 0,
                unverified: 0,
                rows: 0,
            },
        }
    }

    /// Adds what the catalog has decided.
    pub(crate) fn settle(&mut self, comparison: &Comparison, verdict: Verdict, why: &str) {
        let readings = Readings::default();
        self.add(comparison, readings, verdict, Some(why.to_owned()));
    }

    /// Adds what was read on both sides.
    pub(crate) fn judge(&mut self, comparison: &Comparison, readings: Readings) {
        let (verdict, message) = match (&readings.source, &readings.target, &readings.failure) {
            (Some(source), Some(target), None) => judge(comparison.kind, source, target),
            (_, _, failure) => {
                let message = failure.as_deref().unwrap_or("it was not read");
                (Verdict::Unverified, Some(message.to_owned()))
            }
        };
        let counts = [&readings.source, &readings.target];
        let none = counts
            .iter()
            .all(|reading| reading.as_ref().is_some_and(|reading| reading.count == 0));
        let is_nothing = comparison.kind == VerifiedKind::LargeObjects && none;
        if !(is_nothing && verdict == Verdict::Match) {
            self.add(comparison, readings, verdict, message);
        }
    }

    fn add(
        &mut self,
        comparison: &Comparison,
        readings: Readings,
        verdict: Verdict,
        message: Option<String>,
    ) {
        let target_rows = readings.target.as_ref().map(|reading| reading.count);
        count(&mut self.sum, comparison.kind, verdict, target_rows);
        if readings.failure.is_none() {
            self.tell(comparison, verdict, message.as_deref());
        }
        let (source_rows, source_checksum) = parts(readings.source);
        let (target_rows, target_checksum) = parts(readings.target);
        let verified = Verified {
            kind: comparison.kind,
            schema: comparison.name.schema.clone(),
            name: comparison.name.name.clone(),
            verdict,
            source_rows,
            target_rows,
            source_checksum,
            target_checksum,
            message,
            milliseconds: u64::try_from(readings.took.as_millis()).unwrap_or(u64::MAX),
        };
        match self.audience {
            Audience::Stream => self.context.write(Record::Verified(verified)),
            Audience::Differences if verdict == Verdict::Match => {}
            Audience::Report | Audience::Differences => self.held.push(verified),
        }
    }

    fn tell(&self, comparison: &Comparison, verdict: Verdict, message: Option<&str>) {
        let message = message.unwrap_or_default();
        let name = comparison.shown();
        self.context.notice().warn(&match verdict {
            Verdict::Match => return,
            Verdict::Missing | Verdict::Extra => format!("{name} is {message}"),
            Verdict::Mismatch => format!("{name}: {message}"),
            Verdict::Unverified => format!("{name} is not verified: {message}"),
        });
    }

    /// Writes what was held back, and the sum. Gives the exit status.
    pub(crate) fn close(mut self) -> Exit {
        self.held.sort_by(|a, b| {
            let rank = |kind| kind == VerifiedKind::LargeObjects;
            (rank(a.kind), &a.schema, &a.name).cmp(&(rank(b.kind), &b.schema, &b.name))
        });
        for verified in self.held {
            self.context.write(Record::Verified(verified));
        }
        self.sum.status = status(&self.sum);
        let exit = exit(self.sum.status);
        if self.audience != Audience::Differences || exit != Exit::Fine {
            self.context.write(Record::Verification(self.sum));
        }
        exit
    }
}

fn parts(reading: Option<Reading>) -> (Option<i64>, Option<String>) {
    reading.map_or((None, None), |reading| {
        (Some(reading.count), reading.checksum)
    })
}

fn count(sum: &mut Verification, kind: VerifiedKind, verdict: Verdict, target_rows: Option<i64>) {
    let is_table = kind == VerifiedKind::Table;
    match verdict {
        Verdict::Match if is_table => sum.matched += 1,
        Verdict::Match => {}
        Verdict::Mismatch | Verdict::Missing | Verdict::Extra => sum.mismatched += 1,
        Verdict::Unverified => sum.unverified += 1,
    }
    let was_compared = matches!(verdict, Verdict::Match | Verdict::Mismatch);
    if is_table && was_compared {
        sum.rows = sum.rows.saturating_add(target_rows.unwrap_or(0));
    }
}

/// A difference outweighs what could not be compared, and that outweighs what is equal.
fn status(sum: &Verification) -> VerificationStatus {
    match (sum.mismatched, sum.unverified) {
        (0, 0) => VerificationStatus::Equal,
        (0, _) => VerificationStatus::Incomplete,
        _ => VerificationStatus::Different,
    }
}

fn exit(status: VerificationStatus) -> Exit {
    match status {
        VerificationStatus::Equal => Exit::Fine,
        VerificationStatus::Different => Exit::No,
        VerificationStatus::Incomplete => Exit::Partial,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit_of(verdicts: &[Verdict]) -> Exit {
        let mut sum = Verification {
            status: VerificationStatus::Equal,
            matched: 0,
            mismatched: 0,
            unverified: 0,
            rows: 0,
        };
        for verdict in verdicts {
            count(&mut sum, VerifiedKind::Table, *verdict, Some(1));
        }
        exit(status(&sum))
    }

    #[test]
    fn only_matches_end_with_status_0() {
        use Verdict::{Extra, Match, Mismatch, Missing, Unverified};
        assert_eq!(exit_of(&[]), Exit::Fine);
        assert_eq!(exit_of(&[Match, Match]), Exit::Fine);
        for verdict in [Mismatch, Missing, Extra] {
            assert_eq!(exit_of(&[Match, verdict, Unverified]), Exit::No);
        }
        assert_eq!(exit_of(&[Match, Unverified]), Exit::Partial);
    }

    #[test]
    fn rows_are_those_of_tables_that_were_compared() {
        let mut sum = Verification {
            status: VerificationStatus::Equal,
            matched: 0,
            mismatched: 0,
            unverified: 0,
            rows: 0,
        };
        count(&mut sum, VerifiedKind::Table, Verdict::Match, Some(5));
        count(&mut sum, VerifiedKind::Sequence, Verdict::Match, Some(7));
        count(&mut sum, VerifiedKind::Table, Verdict::Unverified, Some(9));
        assert_eq!((sum.matched, sum.unverified, sum.rows), (1, 1, 5));
    }
}
