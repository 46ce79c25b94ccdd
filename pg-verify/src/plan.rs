//! What is compared with what: both sides' relations matched by name. Pure; reads nothing.

mod objects;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use pg_pipe::record::{Verdict, VerifiedKind};
use pg_session::{Relation, RelationName};

use crate::judge::difference;
use crate::known::{Known, LARGE_OBJECTS};
use crate::plan::objects::{named_large_objects, not_read};
use crate::ranges::Range;
use crate::reading::{Job, Reading, TableJob};
use crate::scope::{Depth, Scope};

/// Columns of a table: name and type.
pub(crate) type Columns = BTreeMap<String, String>;

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Half {
    /// To be read.
    Read(Job),
    /// Read already, by pg-copy.
    Known(Reading),
    /// Nobody can tell, and why.
    Unreadable(String),
}

/// What is known of a comparison before anything is read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Course {
    /// Both sides are compared.
    Compare {
        /// The source's side.
        source: Half,
        /// The target's side.
        target: Half,
    },
    /// The catalog has decided.
    Settled(Verdict, String),
    /// It was compared, and told, already.
    Told,
}

/// One thing that is compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Comparison {
    /// What it is.
    pub(crate) kind: VerifiedKind,
    /// Its name.
    pub(crate) name: RelationName,
    /// What is to be done.
    pub(crate) course: Course,
    /// The parts that a table is read in; none when it is read in one piece.
    pub(crate) ranges: Vec<Range>,
    /// The condition of the rows that pg-copy has copied, where those are compared.
    pub(crate) copied_where: Option<String>,
}

/// What a database holds.
#[derive(Default)]
pub(crate) struct Listing {
    /// Relations with rows.
    pub(crate) relations: Vec<Relation>,
    /// Their generated columns, with what computes them.
    pub(crate) generated: BTreeMap<RelationName, Columns>,
    /// Sequences.
    pub(crate) sequences: Vec<RelationName>,
}

impl Listing {
    /// Leaves out what is not in scope, columns too.
    pub(crate) fn keep(&mut self, chosen: &BTreeSet<RelationName>, scope: &Scope) {
        self.relations
            .retain(|relation| chosen.contains(&relation.name));
        self.sequences.retain(|name| chosen.contains(name));
        for (name, columns) in &scope.columns {
            if let Some(generated) = self.generated.get_mut(name) {
                generated.retain(|column, _| columns.contains(column));
            }
        }
    }

    /// Whether a table of it has a column that is not generated.
    pub(crate) fn has_column(&self, table: &RelationName, column: &str) -> bool {
        let copied = self.relations.iter().filter(|one| one.name == *table);
        let mut names = copied.flat_map(|one| one.columns.iter().map(|column| &column.name));
        names.any(|name| name == column)
    }

    /// Whether a table of it has a generated column of that name.
    pub(crate) fn generates(&self, table: &RelationName, column: &str) -> bool {
        let generated = self.generated.get(table);
        generated.is_some_and(|all| all.contains_key(column))
    }
}

/// What to make of what is on the target only.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Extras {
    /// It is a difference.
    Count,
    /// The scope was chosen by hand: it is none of our business.
    Ignore,
}

/// A relation or sequence as one side offers it.
struct Offer {
    columns: Columns,
    /// Generated columns; a stream does not tell of them.
    generated: Option<Columns>,
    half: Half,
}

type Offers = BTreeMap<RelationName, Offer>;

/// Compares two databases whole, or what the scope leaves of them.
pub(crate) fn whole(source: Listing, target: Listing, scope: &Scope) -> Vec<Comparison> {
    let mut plan = join(
        VerifiedKind::Table,
        tables(source.relations, source.generated, scope),
        tables(target.relations, target.generated, scope),
        Extras::Count,
    );
    plan.extend(join(
        VerifiedKind::Sequence,
        sequences(source.sequences),
        sequences(target.sequences),
        Extras::Count,
    ));
    if !scope.is_chosen() {
        plan.push(large_objects(Half::Read(Job::LargeObjects)));
    }
    in_order(plan)
}

/// Compares what a stream names. `source` is there when pg-copy has not read everything and
/// the source can be reached.
pub(crate) fn scoped(
    known: &Known,
    source: Option<Listing>,
    target: Listing,
    scope: &Scope,
) -> Vec<Comparison> {
    let extras = if known.head.migration.is_some() {
        Extras::Count
    } else {
        Extras::Ignore
    };
    let can_read = source.is_some();
    let source = source.unwrap_or_default();
    let copied = known.tables.iter().map(|(name, columns)| {
        let reading = known.copied.get(name).cloned();
        let reading = reading.map(|reading| match scope.depth {
            Depth::Count => Reading::counted(reading.count),
            Depth::Whole | Depth::Sample(_) => reading,
        });
        (name.clone(), columns.clone(), reading)
    });
    let live = tables(source.relations, source.generated, scope);
    let there = tables(target.relations, target.generated, scope);
    let offers = named(known, copied, live, can_read);
    let mut plan = join(VerifiedKind::Table, offers, there, extras);
    for comparison in &mut plan {
        comparison.copied_where = known.condition(&comparison.name).cloned();
    }
    let positions = known
        .sequences
        .iter()
        .map(|(name, reading)| (name.clone(), Columns::new(), reading.clone()));
    let live = sequences(source.sequences);
    let there = sequences(target.sequences);
    let offers = named(known, positions, live, can_read);
    plan.extend(join(VerifiedKind::Sequence, offers, there, extras));
    plan.extend(named_large_objects(known, can_read).map(large_objects));
    in_order(plan)
}

fn tables(
    relations: Vec<Relation>,
    mut generated: BTreeMap<RelationName, Columns>,
    scope: &Scope,
) -> Offers {
    relations
        .into_iter()
        .map(|relation| {
            let name = relation.name.clone();
            let table = table_job(relation, scope);
            let columns = table
                .relation
                .columns
                .iter()
                .map(|column| (column.name.clone(), column.data_type.clone()))
                .collect();
            let generated = Some(generated.remove(&name).unwrap_or_default());
            let half = Half::Read(Job::Table(Box::new(table)));
            let offer = Offer {
                columns,
                generated,
                half,
            };
            (name, offer)
        })
        .collect()
}

/// A table as the scope wants it read.
pub(crate) fn table_job(mut relation: Relation, scope: &Scope) -> TableJob {
    let is_key = |name: &String| relation.columns.iter().find(|column| column.name == *name);
    let key: Option<Vec<_>> = relation
        .key
        .iter()
        .map(|name| is_key(name).cloned())
        .collect();
    let key = key.unwrap_or_default();
    if let Some(wanted) = scope.columns.get(&relation.name) {
        relation
            .columns
            .retain(|column| wanted.contains(&column.name));
    }
    TableJob {
        key,
        filter: scope.conditions.get(&relation.name).cloned(),
        counts: scope.depth == Depth::Count,
        bytes: relation.bytes,
        is_part: false,
        relation,
    }
}

fn sequences(names: Vec<RelationName>) -> Offers {
    names
        .into_iter()
        .map(|name| {
            let half = Half::Read(Job::Sequence(name.clone()));
            (name, Offer::bare(half))
        })
        .collect()
}

/// What the stream names, each with its columns and what pg-copy read, if it did.
fn named(
    known: &Known,
    names: impl Iterator<Item = (RelationName, Columns, Option<Reading>)>,
    mut live: Offers,
    can_read: bool,
) -> Offers {
    names
        .map(|(name, columns, reading)| {
            let offer = match (known.failed_in(&name), reading) {
                (Some(tool), _) => unreadable(&format!("{tool} failed on it")),
                (None, Some(reading)) => Offer {
                    columns,
                    ..Offer::bare(Half::Known(reading))
                },
                (None, None) => live
                    .remove(&name)
                    .unwrap_or_else(|| unreadable(not_read(can_read))),
            };
            (name, offer)
        })
        .collect()
}

fn unreadable(why: &str) -> Offer {
    Offer::bare(Half::Unreadable(why.to_owned()))
}

impl Offer {
    /// Without columns: those of what is not a table, or is not compared.
    fn bare(half: Half) -> Self {
        Self {
            columns: Columns::new(),
            generated: None,
            half,
        }
    }
}

fn large_objects(source: Half) -> Comparison {
    Comparison {
        kind: VerifiedKind::LargeObjects,
        name: RelationName::new("", LARGE_OBJECTS),
        course: compare(source, Half::Read(Job::LargeObjects)),
        ranges: Vec::new(),
        copied_where: None,
    }
}

fn compare(source: Half, target: Half) -> Course {
    match source {
        Half::Unreadable(why) => Course::Settled(Verdict::Unverified, why),
        source => Course::Compare { source, target },
    }
}

fn join(kind: VerifiedKind, source: Offers, mut target: Offers, extras: Extras) -> Vec<Comparison> {
    let mut plan: Vec<Comparison> = source
        .into_iter()
        .map(|(name, there)| Comparison {
            kind,
            course: course(there, target.remove(&name)),
            name,
            ranges: Vec::new(),
            copied_where: None,
        })
        .collect();
    if extras == Extras::Count {
        plan.extend(target.into_keys().map(|name| Comparison {
            kind,
            name,
            course: Course::Settled(Verdict::Extra, "only on the target".to_owned()),
            ranges: Vec::new(),
            copied_where: None,
        }));
    }
    plan
}

fn course(source: Offer, target: Option<Offer>) -> Course {
    if let Half::Unreadable(why) = source.half {
        return Course::Settled(Verdict::Unverified, why);
    }
    let Some(target) = target else {
        let why = "only on the source".to_owned();
        return Course::Settled(Verdict::Missing, why);
    };
    let generated = source.generated.as_ref().zip(target.generated.as_ref());
    let differs = difference(&source.columns, &target.columns)
        .or_else(|| generated.and_then(|(there, here)| difference(there, here)));
    match differs {
        Some(difference) => Course::Settled(Verdict::Mismatch, difference),
        None => compare(source.half, target.half),
    }
}

/// Largest tables first, so that none is left over at the end; then sequences, then large
/// objects.
fn in_order(mut plan: Vec<Comparison>) -> Vec<Comparison> {
    plan.sort_by_key(|comparison| {
        let rank = match comparison.kind {
            VerifiedKind::Table => 0,
            VerifiedKind::Sequence => 1,
            VerifiedKind::LargeObjects | VerifiedKind::Object => 2,
        };
        (rank, Reverse(comparison.bytes()), comparison.name.clone())
    });
    plan
}

impl Comparison {
    /// The jobs on source and target.
    pub(crate) fn jobs(&self) -> [Option<&Job>; 2] {
        match &self.course {
            Course::Compare { source, target } => [source, target].map(|half| match half {
                Half::Read(job) => Some(job),
                Half::Known(_) | Half::Unreadable(_) => None,
            }),
            Course::Settled(..) | Course::Told => [None, None],
        }
    }

    /// The jobs that one of its jobs is done in: one for each range.
    pub(crate) fn parts(&self, job: &Job) -> Vec<Job> {
        match job {
            Job::Table(table) if !self.ranges.is_empty() => {
                let parts = i64::try_from(self.ranges.len()).unwrap_or(i64::MAX);
                let of_range = |range: &Range| {
                    let mut table = table.part(&range.condition(&table.key));
                    table.bytes /= parts;
                    Job::Table(Box::new(table))
                };
                self.ranges.iter().map(of_range).collect()
            }
            job => vec![job.clone()],
        }
    }

    /// The ranges of which the sides differ, each with the rows of its larger side; `parts` are
    /// what both have read of each.
    pub(crate) fn differing(&self, parts: &[[Option<Reading>; 2]]) -> Vec<(Range, i64)> {
        let whole = [Range::default()];
        let ranges = if self.ranges.is_empty() {
            &whole[..]
        } else {
            &self.ranges
        };
        let differing = ranges
            .iter()
            .zip(parts)
            .filter(|(_, [source, target])| source != target);
        differing
            .map(|(range, sides)| {
                let rows = sides.iter().flatten().map(|reading| reading.count);
                (range.clone(), rows.max().unwrap_or(0))
            })
            .collect()
    }

    /// The condition of the rows that are compared, where not all are.
    pub(crate) fn condition(&self) -> Option<&String> {
        let jobs = self.jobs();
        let filter = jobs.into_iter().flatten().find_map(|job| match job {
            Job::Table(table) => table.filter.as_ref(),
            Job::Sequence(_) | Job::LargeObjects => None,
        });
        filter.or(self.copied_where.as_ref())
    }

    /// Bytes to read on both sides.
    pub(crate) fn bytes(&self) -> u64 {
        self.jobs().into_iter().flatten().map(Job::bytes).sum()
    }

    /// The name as people write it.
    pub(crate) fn shown(&self) -> String {
        if self.kind == VerifiedKind::LargeObjects {
            LARGE_OBJECTS.to_owned()
        } else {
            self.name.to_string()
        }
    }
}

#[cfg(test)]
mod tests;
