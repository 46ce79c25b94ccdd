//! Making the plan agree with the ledger: what an earlier run copied is kept where the source
//! still has the same rows, and copied anew where it has not.

use std::collections::{BTreeMap, BTreeSet};

use pg_pipe::record::{Copied, Record};
use pg_pipe::{Context, Failure};
use pg_session::ledger::{self, Done, Emptying, Format, LedgerChunk, PlannedChunk, Range};
use pg_session::snapshot;
use pg_session::{Error, Relation, RelationName, Session, Wire, checksum};

use crate::args::FormatChoice;
use crate::cuts::Cuts;
use crate::filter::Filters;
use crate::fit::Fit;
use crate::guards::Guards;
use crate::holder::Holder;
use crate::parts::{Parts, whole};
use crate::routes::{Routes, Together};
use crate::split::Splitter;

/// Tables that are looked at in one query.
const LOOKED_AT_ONCE: usize = 100;

/// What is still to be done.
pub(crate) struct Left {
    /// The number of this run.
    pub(crate) run: i64,
    /// Whether sessions that write keep triggers and keys quiet.
    pub(crate) quiet: bool,
    /// Tables that are not in, or not all of them.
    pub(crate) tables: usize,
    /// Chunks that are not.
    pub(crate) chunks: usize,
    /// What is in of tables that are not in as a whole.
    pub(crate) parts: Parts,
    /// Chunks that are in.
    pub(crate) told: BTreeSet<i64>,
    /// What is in and waits for others to be told.
    pub(crate) together: Together,
}

/// How chunks are planned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice<'a> {
    /// COPY's format.
    pub(crate) format: FormatChoice,
    /// Size of a part, in bytes.
    pub(crate) split_size: Option<i64>,
    /// Connections.
    pub(crate) jobs: usize,
    /// Whether nothing of earlier runs is kept.
    pub(crate) starts_over: bool,
    /// Hash of the migration, for the ledger.
    pub(crate) migration: &'a str,
}

/// Plans what is not copied yet. Nothing is changed before every table that is to be copied
/// has been found on the target, and empty.
///
/// # Errors
/// A conflict (exit 7) when a target table has rows that the ledger does not know, otherwise
/// what the servers say.
pub(crate) fn plan(
    target: &mut Session,
    holder: &mut Holder,
    filters: &Filters,
    choice: Choice<'_>,
    context: &Context,
) -> anyhow::Result<Left> {
    let now = snapshot::moment(&mut holder.session, holder.lineage.clone())?;
    require_known(target, holder)?;
    ledger::ensure(target)?;
    let earlier = ledger::moments(target)?;
    let run = ledger::begin_run(target, choice.migration, &holder.snapshot, &now)?;
    // What an earlier run still had in hand is in or not, from here on.
    ledger::evict_earlier(target, run, &context.teller())?;
    let known = list_begun(target)?;
    // What was planned and not begun is planned again, inside the new snapshot. Rows of tables
    // that this stream leaves out stay as they are.
    ledger::forget_plan(target)?;
    let keep = Keep {
        filters,
        starts_over: choice.starts_over,
        is_unchanged: !earlier.is_empty() && earlier.iter().all(|then| then.is_same(&now)),
        emptied: ledger::list_emptied(target)?,
    };
    keep.tell(
        known
            .keys()
            .filter(|name| holder.relations.contains_key(*name))
            .count(),
        context,
    );
    let mut left = Left::new(run, holder);
    let again = keep.not_these(holder, &known)?;
    let (mut to_copy, mut going_on) = (Vec::new(), Vec::new());
    for relation in holder.relations.values() {
        match known.get(&relation.name) {
            Some(chunks) if !again.contains_key(holder.routes.unit(&relation.name)) => {
                if left.take_up(relation, chunks, context) {
                    going_on.push(relation);
                }
            }
            _ => to_copy.push(relation),
        }
    }
    let guards = Guards::read(target)?;
    let written = to_copy.iter().chain(&going_on);
    let written: BTreeSet<&RelationName> = written
        .flat_map(|relation| [&relation.name, holder.routes.unit(&relation.name)])
        .collect();
    left.quiet = guards.quieten(target, &written, &again.keys().collect())?;
    for (unit, why) in &again {
        let emptying = guards.emptying(unit);
        forget(target, (unit, why, emptying), &known, holder, context)?;
    }
    for relation in going_on {
        ledger::go_on_with(target, run, &relation.name)?;
    }
    let wanted = (filters, &holder.routes);
    let planned = planned(target, &mut holder.session, (&to_copy, wanted), choice)?;
    if choice.format == FormatChoice::Binary {
        tell_text(&planned, context);
    }
    ledger::plan(target, run, &planned)?;
    let covers_all = known.keys().all(|name| holder.relations.contains_key(name));
    ledger::mark_planned(target, run, covers_all)?;
    left.tables += to_copy.len();
    left.chunks += planned.len();
    Ok(left)
}

/// A session of the source, and what its rows are streamed on where it has no hash.
type Reading<'a> = (&'a mut Session, &'a mut Option<Wire>);

/// Which of the tables that earlier runs have begun are kept.
struct Keep<'a> {
    filters: &'a Filters,
    starts_over: bool,
    /// Whether nothing can have been written on the source since they were read.
    is_unchanged: bool,
    /// What the target has lost by a crash.
    emptied: BTreeSet<RelationName>,
}

impl Keep<'_> {
    fn tell(&self, tables: usize, context: &Context) {
        let how = match (tables, self.starts_over, self.is_unchanged) {
            (0, ..) => return,
            (_, true, _) => "copying them anew, as was asked for",
            (_, _, true) => "nothing has been committed on the source since: they are kept",
            _ => "comparing them with the source",
        };
        context.notice().note(&format!(
            "{tables} tables were copied by an earlier run: {how}"
        ));
    }

    /// What is not kept of the tables that earlier runs have begun, and why: tables, or all that
    /// a root has.
    fn not_these(
        &self,
        holder: &mut Holder,
        known: &BTreeMap<RelationName, Vec<LedgerChunk>>,
    ) -> Result<BTreeMap<RelationName, &'static str>, Error> {
        let mut again = BTreeMap::new();
        for (name, chunks) in known {
            let unit = holder.routes.unit(name);
            let Some(relation) = holder.relations.get(name) else {
                continue;
            };
            if again.contains_key(unit) {
                continue;
            }
            let source = (&mut holder.session, &mut holder.streamer);
            if let Some(why) = self.reason_against(source, relation, chunks)? {
                again.insert(unit.clone(), why);
            }
        }
        Ok(again)
    }

    /// Why a table is not kept; `None` when it is: the source has the same rows as what is in,
    /// in the same places, so that the rest can be had from this snapshot, too.
    fn reason_against(
        &self,
        source: Reading<'_>,
        relation: &Relation,
        chunks: &[LedgerChunk],
    ) -> Result<Option<&'static str>, Error> {
        let wanted = self.filters.typed(&relation.name);
        if self.starts_over {
            return Ok(Some("is copied anew"));
        }
        if chunks
            .iter()
            .any(|chunk| chunk.condition.as_deref() != wanted)
        {
            return Ok(Some("was copied under another --where: it is copied again"));
        }
        if self.emptied.contains(&relation.name) {
            return Ok(Some(
                "is unlogged and was emptied when the target crashed: it is copied again",
            ));
        }
        // An unlogged table does not outlive a crash, which leaves no transaction.
        let is_unchanged = self.is_unchanged && !relation.unlogged;
        if is_unchanged || self.is_same(source, relation, chunks)? {
            return Ok(None);
        }
        Ok(Some("has changed on the source since: it is copied again"))
    }

    fn is_same(
        &self,
        (source, streamer): Reading<'_>,
        relation: &Relation,
        chunks: &[LedgerChunk],
    ) -> Result<bool, Error> {
        let mut sum = |filter: Option<&str>| match streamer {
            Some(wire) => checksum::stream_on_wire(wire, relation, filter),
            None => checksum::sum_where(source, relation, filter),
        };
        let of = |part| self.filters.sql(&relation.name, part);
        let done: Vec<&Done> = chunks
            .iter()
            .filter_map(|chunk| chunk.done.as_ref())
            .collect();
        if done.len() == chunks.len() {
            let now = sum(of(None).as_deref())?;
            let then = whole(&done);
            return Ok(
                then.is_some_and(|then| (then.checksum, then.rows) == (now.checksum, now.rows))
            );
        }
        for chunk in chunks {
            let Some(done) = &chunk.done else { continue };
            let filter = of(chunk.range.condition());
            let now = sum(filter.as_deref())?;
            if (&now.checksum, now.rows) != (&done.checksum, done.rows) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Left {
    fn new(run: i64, holder: &Holder) -> Self {
        Self {
            run,
            quiet: false,
            tables: 0,
            chunks: 0,
            parts: Parts::default(),
            told: BTreeSet::new(),
            together: Together::new(&holder.routes, &holder.relations),
        }
    }

    /// Counts a table that is in, or begun, and tells of it in the first case. Gives whether
    /// something of it is left.
    fn take_up(&mut self, relation: &Relation, chunks: &[LedgerChunk], context: &Context) -> bool {
        let mut is_whole = false;
        for chunk in chunks {
            let Some(done) = &chunk.done else {
                self.chunks += 1;
                continue;
            };
            self.told.insert(chunk.id);
            let whole = self
                .parts
                .add(&relation.name, (chunk.id, done.clone()), chunk.parts);
            if let Some(whole) = whole {
                is_whole = true;
                let copied = Copied {
                    earlier: true,
                    ..copied(&relation.name, &whole, chunk.condition.as_deref())
                };
                for copied in self.together.add(&relation.name, copied) {
                    context.write(Record::Copied(copied));
                }
            }
        }
        self.tables += usize::from(!is_whole);
        !is_whole
    }
}

/// The chunks of tables of which something is in by the ledger, if there is one yet.
fn list_begun(target: &mut Session) -> Result<BTreeMap<RelationName, Vec<LedgerChunk>>, Error> {
    let mut tables: BTreeMap<RelationName, Vec<LedgerChunk>> = BTreeMap::new();
    if ledger::exists(target)? {
        for chunk in ledger::list_chunks(target)? {
            tables.entry(chunk.name.clone()).or_default().push(chunk);
        }
    }
    tables.retain(|_, chunks| chunks.iter().any(|chunk| chunk.done.is_some()));
    Ok(tables)
}

/// The chunks of tables that are copied from their beginning.
fn planned(
    target: &mut Session,
    source: &mut Session,
    (tables, (filters, routes)): (&[&Relation], (&Filters, &Routes)),
    choice: Choice<'_>,
) -> Result<Vec<PlannedChunk>, Error> {
    let fit = Fit::read(source.version(), target, choice.format)?;
    let total = tables.iter().map(|table| table.bytes).sum();
    let splitter = Splitter::new(choice.split_size, total, choice.jobs);
    let cuts = Cuts::read(source, tables, &splitter)?;
    let mut chunks = Vec::new();
    for table in tables {
        let ranges = match routes.root(&table.name) {
            Some(_) => vec![Range::ThroughRoot],
            None => cuts.ranges(source, table, splitter.parts(table.bytes))?,
        };
        chunks.extend(pieces(table, filters, &fit, ranges));
    }
    Ok(chunks)
}

fn pieces(
    relation: &Relation,
    filters: &Filters,
    fit: &Fit,
    ranges: Vec<Range>,
) -> impl Iterator<Item = PlannedChunk> {
    let parts = i32::try_from(ranges.len()).unwrap_or(i32::MAX);
    (1..=parts)
        .zip(ranges)
        .map(move |(part, range)| PlannedChunk {
            name: relation.name.clone(),
            columns: relation.columns.iter().map(|c| c.name.clone()).collect(),
            condition: filters.typed(&relation.name).map(str::to_owned),
            bytes: relation.bytes / i64::from(parts),
            filenode: relation.filenode,
            format: fit.format(relation),
            // What several write to cannot be emptied by each.
            frozen: range == Range::Whole && fit.is_frozen(relation),
            part,
            parts,
            range,
        })
}

fn tell_text(chunks: &[PlannedChunk], context: &Context) {
    let as_text = chunks.iter().filter(|chunk| chunk.format == Format::Text);
    for chunk in as_text.filter(|chunk| chunk.part == 1) {
        let name = &chunk.name;
        context.notice().note(&format!(
            "table {name} cannot be copied in binary: it goes as text"
        ));
    }
}

/// Empties what has changed, and forgets it: a table, or all leaves of a partitioned one, whose
/// rows may lie in each other.
fn forget(
    target: &mut Session,
    (unit, why, emptying): (&RelationName, &str, Emptying),
    known: &BTreeMap<RelationName, Vec<LedgerChunk>>,
    holder: &Holder,
    context: &Context,
) -> anyhow::Result<()> {
    let of_unit = |name: &&RelationName| holder.routes.unit(name) == unit;
    let names: Vec<&RelationName> = known.keys().filter(of_unit).collect();
    let is_left_out = |name: &&&RelationName| !holder.relations.contains_key(**name);
    if let Some(other) = names.iter().find(is_left_out) {
        return Err(Failure::conflict(format!(
            "table {unit} {why}, but its partition {other}, which an \
             earlier run copied, is not in the stream"
        ))
        .hint("Give pg-copy all partitions of the table: they can only be copied again together.")
        .object(unit.to_string())
        .into());
    }
    context.notice().warn(&format!("table {unit} {why}"));
    let is_root = !holder.relations.contains_key(unit);
    target.in_transaction("begin", |target| {
        ledger::forget_tables(target, is_root.then_some(unit), &names, emptying)
    })?;
    Ok(())
}

/// The record of a table that is in.
pub(crate) fn copied(name: &RelationName, done: &Done, condition: Option<&str>) -> Copied {
    Copied {
        schema: name.schema.clone(),
        table: name.name.clone(),
        rows: done.rows,
        bytes: done.bytes,
        checksum: done.checksum.clone(),
        milliseconds: done.milliseconds,
        condition: condition.map(str::to_owned),
        earlier: false,
    }
}

/// A table that is to be empty: its own rows, or those of all that hangs below a root.
#[derive(Clone, Copy)]
struct Looked<'n> {
    name: &'n RelationName,
    is_root: bool,
}

/// Whether all rows that are on the target are known to the ledger. Leaves that rows come to
/// through their root are begun when one of them is.
fn require_known(target: &mut Session, holder: &Holder) -> anyhow::Result<()> {
    let routes = &holder.routes;
    let begun = |known: BTreeMap<RelationName, _>| -> BTreeSet<RelationName> {
        known.keys().map(|name| routes.unit(name).clone()).collect()
    };
    let known = begun(list_begun(target)?);
    let units: BTreeSet<&RelationName> = holder
        .relations
        .keys()
        .map(|name| routes.unit(name))
        .filter(|name| !known.contains(name))
        .collect();
    let looked_at: Vec<Looked<'_>> = units
        .into_iter()
        .map(|name| Looked {
            name,
            is_root: !holder.relations.contains_key(name),
        })
        .collect();
    let filled = list_filled(target, &looked_at)?;
    if filled.is_empty() {
        return Ok(());
    }
    // A session of an earlier run may have committed in between.
    let known = begun(list_begun(target)?);
    match filled.into_iter().find(|name| !known.contains(*name)) {
        None => Ok(()),
        Some(name) => Err(Failure::conflict(format!(
            "table {name} of the target has rows that the ledger does not know"
        ))
        .hint("Empty it, or leave it out of the stream with jq.")
        .object(name.to_string())
        .into()),
    }
}

/// Those of some tables of the target that have rows.
fn list_filled<'n>(
    target: &mut Session,
    tables: &[Looked<'n>],
) -> Result<Vec<&'n RelationName>, Error> {
    let mut filled = Vec::new();
    for group in tables.chunks(LOOKED_AT_ONCE) {
        let of_one = |looked: &Looked<'_>| {
            let only = if looked.is_root { "" } else { "only " };
            format!("exists (select from {only}{})", looked.name.sql())
        };
        let list: Vec<String> = group.iter().map(of_one).collect();
        let sql = format!("select array[{}]", list.join(", "));
        let has_rows: Vec<bool> = match target.query_one(&sql, &[]) {
            Ok(row) => row.get(0),
            Err(error) if group.len() == 1 => {
                let name: String = group.iter().map(|one| one.name.to_string()).collect();
                return Err(error
                    .while_doing(format!("cannot read table {name} of the target"))
                    .with_hint("Make the tables first: pg-schema-apply --section pre-data."));
            }
            Err(error) if error.class().is_connection() => return Err(error),
            // One of them: to say which, they are read one by one.
            Err(_) => {
                for one in group {
                    filled.extend(list_filled(target, &[*one])?);
                }
                continue;
            }
        };
        let those = group.iter().zip(has_rows).filter(|(_, has)| *has);
        filled.extend(those.map(|(looked, _)| looked.name));
    }
    Ok(filled)
}
