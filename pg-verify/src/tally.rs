//! The verdicts as they come in: records, one line on stderr for each difference, and the
//! sum of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pg_pipe::record::{
    Difference, Method, Record, Verdict, Verification, VerificationStatus, Verified, VerifiedKind,
};
use pg_pipe::{Context, Exit};
use pg_session::RelationName;

use crate::args::Audience;
use crate::details::Details;
use crate::plan::{Comparison, Course, Half};
use crate::reading::{Job, Reading};
use crate::resume::Resume;

/// Both sides of a comparison, as far as they are read.
#[derive(Clone, Default)]
pub(crate) struct Readings {
    /// The source's.
    pub(crate) source: Option<Reading>,
    /// The target's.
    pub(crate) target: Option<Reading>,
    /// How long the slower side took.
    pub(crate) took: Duration,
    /// Bytes that the slower side read.
    pub(crate) bytes: u64,
    /// Why a side could not be read; an `error` record has said so already.
    pub(crate) failure: Option<String>,
}

/// What came of a comparison.
pub(crate) struct Outcome {
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// What differs, or why it is not known.
    pub(crate) message: Option<String>,
    /// What was read.
    pub(crate) readings: Readings,
    /// Rows that were found.
    pub(crate) details: Option<Details>,
    /// The condition of the rows that were compared.
    pub(crate) condition: Option<String>,
}

impl Outcome {
    /// Without any rows.
    pub(crate) fn new(verdict: Verdict, message: Option<String>, readings: Readings) -> Self {
        Self {
            verdict,
            message,
            readings,
            details: None,
            condition: None,
        }
    }
}

/// Verdicts so far.
pub(crate) struct Tally<'context> {
    context: &'context Context,
    audience: Audience,
    allow_skipped: bool,
    methods: [Option<Method>; 2],
    resume: Option<Resume>,
    behind: BTreeMap<RelationName, String>,
    held: Vec<(Verified, Vec<Difference>)>,
    all: Vec<Verified>,
    sum: Verification,
}

/// How it ended: for the shell, and for files.
pub(crate) struct Closed {
    /// The status.
    pub(crate) exit: Exit,
    /// Every comparison.
    pub(crate) all: Vec<Verified>,
    /// Their sum.
    pub(crate) sum: Verification,
    /// The file that says how far the run came.
    pub(crate) resume: Option<Resume>,
}

impl<'context> Tally<'context> {
    /// Nothing yet.
    pub(crate) fn new(
        context: &'context Context,
        audience: Audience,
        allow_skipped: bool,
        methods: [Option<Method>; 2],
    ) -> Self {
        Self {
            context,
            audience,
            allow_skipped,
            methods,
            resume: None,
            behind: BTreeMap::new(),
            held: Vec::new(),
            all: Vec::new(),
            sum: Verification {
                status: VerificationStatus::Equal,
                matched: 0,
                mismatched: 0,
                unverified: 0,
                rows: 0,
                objects: None,
            },
        }
    }

    /// Notes what is wrong with sequences of the target, and warns of those that are compared;
    /// tells whether there are any.
    pub(crate) fn note_sequences(
        &mut self,
        mut behind: BTreeMap<RelationName, String>,
        plan: &[Comparison],
    ) -> bool {
        let sequences = plan.iter().filter(|one| one.kind == VerifiedKind::Sequence);
        let names: BTreeSet<&RelationName> = sequences.map(|one| &one.name).collect();
        behind.retain(|name, _| names.contains(name));
        for (name, sentence) in &behind {
            self.context.notice().warn(&format!("{name}: {sentence}"));
        }
        self.behind = behind;
        !self.behind.is_empty()
    }

    /// Notes how many objects were compared.
    pub(crate) fn count_objects(&mut self, objects: u64) {
        self.sum.objects = Some(objects);
    }

    /// Has what is equal noted in a file.
    pub(crate) fn note_in(&mut self, resume: Resume) {
        self.resume = Some(resume);
    }

    /// Adds what came of a comparison. Large objects that neither side has are none.
    pub(crate) fn add(&mut self, comparison: &Comparison, mut outcome: Outcome) {
        if comparison.kind == VerifiedKind::Sequence
            && let Some(sentence) = self.behind.get(&comparison.name)
        {
            let message = outcome.message.take();
            outcome.message = Some(match message {
                Some(message) => format!("{message}; {sentence}"),
                None => sentence.clone(),
            });
        }
        let none = |reading: &Option<Reading>| reading.as_ref().is_some_and(|one| one.count == 0);
        let readings = &outcome.readings;
        if comparison.kind == VerifiedKind::LargeObjects
            && outcome.verdict == Verdict::Match
            && none(&readings.source)
            && none(&readings.target)
        {
            return;
        }
        if readings.failure.is_none() {
            self.tell(comparison, outcome.verdict, outcome.message.as_deref());
        }
        let (verified, rows) = records(comparison, outcome, self.methods);
        if let Some(resume) = &mut self.resume
            && let Err(error) = resume.note(&verified)
        {
            // The comparison is right without it.
            self.context.notice().warn(&format!("{error:#}"));
            self.resume = None;
        }
        self.add_record(verified, rows);
    }

    /// Adds a record, such as one that an earlier run has made, with rows that differ.
    pub(crate) fn add_record(&mut self, verified: Verified, rows: Vec<Difference>) {
        count(&mut self.sum, &verified);
        self.all.push(verified.clone());
        match self.audience {
            Audience::Stream => {
                self.context.write(Record::Verified(verified));
                for row in rows {
                    self.context.write(Record::Difference(row));
                }
            }
            Audience::Differences if verified.verdict == Verdict::Match => {}
            Audience::Report | Audience::Differences => self.held.push((verified, rows)),
        }
    }

    fn tell(&self, comparison: &Comparison, verdict: Verdict, message: Option<&str>) {
        let message = message.unwrap_or_default();
        let name = comparison.shown();
        self.context.notice().warn(&match verdict {
            Verdict::Match => return,
            // What was asked for is told once, for all tables.
            Verdict::Unverified if message.starts_with(PARTLY) => return,
            Verdict::Missing | Verdict::Extra => format!("{name} is {message}"),
            Verdict::Mismatch => format!("{name}: {message}"),
            Verdict::Unverified => format!("{name} is not verified: {message}"),
        });
    }

    /// Writes what was held back, and the sum.
    pub(crate) fn close(mut self) -> Closed {
        self.held.sort_by(|(a, _), (b, _)| {
            let rank = |kind| kind == VerifiedKind::LargeObjects;
            (rank(a.kind), &a.schema, &a.name).cmp(&(rank(b.kind), &b.schema, &b.name))
        });
        for (verified, rows) in self.held {
            self.context.write(Record::Verified(verified));
            for row in rows {
                self.context.write(Record::Difference(row));
            }
        }
        self.sum.status = status(&self.sum);
        let exit = exit(self.sum.status, self.allow_skipped);
        if self.audience != Audience::Differences || exit != Exit::Fine {
            self.context.write(Record::Verification(self.sum.clone()));
        }
        Closed {
            exit,
            all: self.all,
            sum: self.sum,
            resume: self.resume,
        }
    }
}

/// How the message begins of what was, as asked for, not compared wholly.
pub(crate) const PARTLY: &str = "not compared wholly: ";

fn records(
    comparison: &Comparison,
    outcome: Outcome,
    methods: [Option<Method>; 2],
) -> (Verified, Vec<Difference>) {
    let readings = outcome.readings;
    let speed = u64::try_from(readings.took.as_micros())
        .ok()
        .and_then(|took| readings.bytes.saturating_mul(1_000_000).checked_div(took));
    let (source_rows, source_checksum) = parts(readings.source);
    let (target_rows, target_checksum) = parts(readings.target);
    let [source_method, target_method] = used(comparison, methods);
    let has_details = outcome.details.is_some();
    let details = outcome.details.unwrap_or_default();
    let verified = Verified {
        kind: comparison.kind,
        schema: comparison.name.schema.clone(),
        name: comparison.name.name.clone(),
        verdict: outcome.verdict,
        source_rows,
        target_rows,
        source_method: source_method.filter(|_| source_checksum.is_some()),
        target_method: target_method.filter(|_| target_checksum.is_some()),
        source_checksum,
        target_checksum,
        message: outcome.message,
        missing: has_details.then_some(details.missing),
        extra: has_details.then_some(details.extra),
        changed: has_details.then_some(details.changed),
        more: details.more,
        keys: details.keys,
        condition: outcome.condition,
        milliseconds: u64::try_from(readings.took.as_millis()).unwrap_or(u64::MAX),
        bytes_per_second: speed.filter(|speed| *speed > 0),
    };
    (verified, details.rows)
}

/// How the two sides of a comparison were checksummed.
fn used(comparison: &Comparison, methods: [Option<Method>; 2]) -> [Option<Method>; 2] {
    let [there, here] = methods;
    let of = |half: &Half, own: Option<Method>| match half {
        Half::Known(_) => Some(Method::Copy),
        Half::Read(Job::Table(_) | Job::LargeObjects) => own,
        Half::Read(Job::Sequence(_)) | Half::Unreadable(_) => None,
    };
    match &comparison.course {
        Course::Compare { source, target } => [of(source, there), of(target, here)],
        Course::Settled(..) | Course::Told => [None, None],
    }
}

fn parts(reading: Option<Reading>) -> (Option<i64>, Option<String>) {
    reading.map_or((None, None), |reading| {
        (Some(reading.count), reading.checksum)
    })
}

fn count(sum: &mut Verification, verified: &Verified) {
    let is_table = verified.kind == VerifiedKind::Table;
    match verified.verdict {
        Verdict::Match if is_table => sum.matched += 1,
        Verdict::Match => {}
        Verdict::Mismatch | Verdict::Missing | Verdict::Extra => sum.mismatched += 1,
        Verdict::Unverified => sum.unverified += 1,
    }
    let was_compared = matches!(verified.verdict, Verdict::Match | Verdict::Mismatch);
    if is_table && was_compared {
        sum.rows = sum.rows.saturating_add(verified.target_rows.unwrap_or(0));
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

fn exit(status: VerificationStatus, allow_skipped: bool) -> Exit {
    match status {
        VerificationStatus::Equal => Exit::Fine,
        VerificationStatus::Different => Exit::No,
        VerificationStatus::Incomplete if allow_skipped => Exit::Fine,
        VerificationStatus::Incomplete => Exit::Partial,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Course;

    fn sum(verdicts: &[(VerifiedKind, Verdict, i64)]) -> Verification {
        let mut sum = Verification {
            status: VerificationStatus::Equal,
            matched: 0,
            mismatched: 0,
            unverified: 0,
            rows: 0,
            objects: None,
        };
        for (kind, verdict, rows) in verdicts {
            let comparison = Comparison {
                kind: *kind,
                name: RelationName::new("s", "t"),
                course: Course::Settled(*verdict, String::new()),
                ranges: Vec::new(),
                copied_where: None,
            };
            let readings = Readings {
                target: Some(Reading::counted(*rows)),
                ..Readings::default()
            };
            let outcome = Outcome::new(*verdict, None, readings);
            count(&mut sum, &records(&comparison, outcome, [None; 2]).0);
        }
        sum
    }

    fn exit_of(verdicts: &[Verdict]) -> [Exit; 2] {
        let list: Vec<_> = verdicts
            .iter()
            .map(|verdict| (VerifiedKind::Table, *verdict, 1))
            .collect();
        let status = status(&sum(&list));
        [exit(status, false), exit(status, true)]
    }

    #[test]
    fn only_matches_end_with_status_0() {
        use Verdict::{Extra, Match, Mismatch, Missing, Unverified};
        assert_eq!(exit_of(&[]), [Exit::Fine; 2]);
        assert_eq!(exit_of(&[Match, Match]), [Exit::Fine; 2]);
        for verdict in [Mismatch, Missing, Extra] {
            assert_eq!(exit_of(&[Match, verdict, Unverified]), [Exit::No; 2]);
        }
        assert_eq!(exit_of(&[Match, Unverified]), [Exit::Partial, Exit::Fine]);
    }

    #[test]
    fn rows_are_those_of_tables_that_were_compared() {
        let sum = sum(&[
            (VerifiedKind::Table, Verdict::Match, 5),
            (VerifiedKind::Sequence, Verdict::Match, 7),
            (VerifiedKind::Table, Verdict::Unverified, 9),
        ]);
        assert_eq!((sum.matched, sum.unverified, sum.rows), (1, 1, 5));
    }
}
