//! The plan of the large objects: what an earlier run made is kept where the source still has
//! the same, and made anew where it has not.

use std::collections::BTreeSet;

use pg_pipe::{Context, Failure};
use pg_session::catalog::{self, LargeObjectSize};
use pg_session::checksum::{self, PIECE, Pieces};
use pg_session::ledger::{self, BegunLargeObjects, LargeObjectChunk, PlannedLargeObjects};
use pg_session::{Error, Session};

/// Large objects to a transaction.
const MOST_OBJECTS: usize = 500;
/// Pieces to a transaction; a large object of more is copied in parts.
const MOST_PIECES: i64 = 16;
/// Bytes to a transaction.
const MOST_BYTES: i64 = MOST_PIECES * PIECE;
/// Large objects that are read from a catalog at a time.
const PAGE: i64 = 10_000;
/// The same of the plan, whose rows have many each.
const PLAN_PAGE: i64 = 500;

/// What is still to be done.
pub(crate) struct Left {
    /// Transactions.
    pub(crate) chunks: usize,
    /// Their bytes.
    pub(crate) bytes: i64,
}

/// Makes sure that no large object that is to be copied is on the target already, but those
/// that the ledger knows. Changes nothing.
///
/// # Errors
/// A conflict (exit 7) that names the first, otherwise what the servers say.
pub(crate) fn require_unknown(target: &mut Session, source: &mut Session) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let foreign = ledger::list_foreign_large_objects(target, after, PAGE)?;
        let Some(last) = foreign.last() else {
            return Ok(());
        };
        after = *last;
        if let Some(oid) = catalog::first_large_object(source, &foreign)? {
            return Err(Failure::conflict(format!(
                "the target has a large object {oid} that the ledger does not know"
            ))
            .hint("Unlink it with lo_unlink, or leave large_objects out of the stream with jq.")
            .object(format!("large object {oid}"))
            .into());
        }
    }
}

/// What of an earlier run stays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Keeps {
    /// What the source still has.
    TheSame,
    /// Nothing: that was asked for, or the source has no hash to compare with.
    Nothing,
}

/// Plans what is not copied yet. `source` must be in the transaction that has the snapshot.
///
/// # Errors
/// What the servers say, such as that a large object may not be read.
pub(crate) fn plan(
    target: &mut Session,
    source: &mut Session,
    (keeps, run): (Keeps, i64),
    context: &Context,
) -> anyhow::Result<Left> {
    let mut left = Left {
        chunks: 0,
        bytes: 0,
    };
    ledger::forget_large_object_plan(target)?;
    let kept = keep(target, source, keeps, (&mut left, context))?;
    let mut after = 0;
    loop {
        context.check_stop()?;
        let page = catalog::list_large_objects(source, after, PAGE)?;
        let Some(last) = page.last() else {
            ledger::go_on_with_large_objects(target, run)?;
            return Ok(left);
        };
        after = last.oid;
        let open = page.into_iter().filter(|one| !kept.contains(&one.oid));
        let planned = chunks(open);
        left.chunks += planned.len();
        left.bytes += planned.iter().map(|chunk| chunk.bytes).sum::<i64>();
        target.in_transaction("begin", |target| {
            ledger::plan_large_objects(target, run, &planned)
        })?;
    }
}

/// Compares what is on the target with the source; gives the OIDs of what is the same. What is
/// not is unlinked.
fn keep(
    target: &mut Session,
    source: &mut Session,
    keeps: Keeps,
    (left, context): (&mut Left, &Context),
) -> anyhow::Result<BTreeSet<u32>> {
    let mut kept = BTreeSet::new();
    let mut changed = BTreeSet::new();
    let mut after = 0;
    loop {
        let page = ledger::list_begun_large_objects(target, after, PLAN_PAGE)?;
        let Some(last) = page.last() else {
            break;
        };
        if after == 0 {
            let how = match keeps {
                Keeps::TheSame => "comparing them with the source",
                Keeps::Nothing => "copying them anew",
            };
            context.notice().note(&format!(
                "large objects were copied by an earlier run: {how}"
            ));
        }
        after = last.chunk.id;
        for begun in page {
            context.check_stop()?;
            let what = &begun.chunk.what;
            let first = what.oids.first().copied().unwrap_or_default();
            // One part that differs takes the others with it.
            let is_gone = what.pieces.is_some() && changed.contains(&first);
            if keeps == Keeps::TheSame && !is_gone && is_same(source, &begun)? {
                if begun.checksum.is_none() {
                    left.chunks += 1;
                    left.bytes += what.bytes;
                }
                kept.extend(&what.oids);
            } else if !is_gone {
                forget(target, &begun.chunk, keeps, context)?;
                changed.insert(first);
                kept.remove(&first);
            }
        }
    }
    Ok(kept)
}

/// Whether the source has the same as it had: contents of what is done, size of what is to be
/// filled, so that the parts still go together.
fn is_same(source: &mut Session, begun: &BegunLargeObjects) -> Result<bool, Error> {
    let what = &begun.chunk.what;
    if what.pieces.is_some() {
        let Some(oid) = what.oids.first() else {
            return Ok(false);
        };
        let found = catalog::list_large_objects(source, oid.saturating_sub(1), 1)?;
        let then = what.sizes.first().copied();
        if found.first().map(|now| (now.oid, Some(now.size))) != Some((*oid, then)) {
            return Ok(false);
        }
    }
    let Some(then) = &begun.checksum else {
        return Ok(true);
    };
    let now = checksum::sum_these_large_objects(source, &what.oids, what.pieces)?;
    Ok((&now.checksum, now.bytes) == (then, what.bytes))
}

fn forget(
    target: &mut Session,
    chunk: &LargeObjectChunk,
    keeps: Keeps,
    context: &Context,
) -> Result<(), Error> {
    if keeps == Keeps::Nothing {
        return ledger::forget_large_objects(target, chunk);
    }
    let name = named(&chunk.what);
    context.notice().warn(&if chunk.what.oids.len() > 1 {
        format!("of {name} some have changed on the source since: all are copied again")
    } else {
        format!("the {name} have changed on the source since: they are copied again")
    });
    ledger::forget_large_objects(target, chunk)
}

/// Large objects for people.
pub(super) fn named(what: &PlannedLargeObjects) -> String {
    let (first, last) = (what.oids.first(), what.oids.last());
    let (first, last) = (
        first.copied().unwrap_or_default(),
        last.copied().unwrap_or_default(),
    );
    match what.pieces {
        Some(pieces) => format!(
            "bytes of large object {first} from {} on",
            pieces.first.saturating_mul(PIECE)
        ),
        None if first == last => format!("contents of large object {first}"),
        None => format!("large objects {first} to {last}"),
    }
}

/// Cuts large objects into what goes into a transaction each.
fn chunks(objects: impl Iterator<Item = LargeObjectSize>) -> Vec<PlannedLargeObjects> {
    let mut chunks = Vec::new();
    let mut open = none();
    for object in objects {
        if object.size > MOST_BYTES {
            chunks.extend(parts(object));
            continue;
        }
        if open.oids.len() == MOST_OBJECTS || open.bytes + object.size > MOST_BYTES {
            chunks.push(std::mem::replace(&mut open, none()));
        }
        open.oids.push(object.oid);
        open.sizes.push(object.size);
        open.bytes += object.size;
    }
    if !open.oids.is_empty() {
        chunks.push(open);
    }
    chunks
}

fn none() -> PlannedLargeObjects {
    PlannedLargeObjects {
        oids: Vec::new(),
        sizes: Vec::new(),
        pieces: None,
        bytes: 0,
    }
}

/// The parts of a large object. Sessions that write different pages do not meet: a page is a
/// row of `pg_largeobject`, and `inv_write` of `inv_api.c` touches those that it writes only.
fn parts(object: LargeObjectSize) -> impl Iterator<Item = PlannedLargeObjects> {
    let count = (object.size - 1) / MOST_BYTES + 1;
    (0..count).map(move |part| {
        let is_last = part + 1 == count;
        PlannedLargeObjects {
            oids: vec![object.oid],
            sizes: vec![object.size],
            pieces: Some(Pieces {
                first: part * MOST_PIECES,
                end: (!is_last).then_some((part + 1) * MOST_PIECES),
            }),
            bytes: if is_last {
                object.size - part * MOST_BYTES
            } else {
                MOST_BYTES
            },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(sizes: &[i64]) -> Vec<PlannedLargeObjects> {
        chunks(
            (1..)
                .zip(sizes)
                .map(|(oid, size)| LargeObjectSize { oid, size: *size }),
        )
    }

    fn shape(sizes: &[i64]) -> Vec<(usize, i64)> {
        let chunks = cut(sizes);
        chunks.iter().map(|c| (c.oids.len(), c.bytes)).collect()
    }

    #[test]
    fn small_ones_go_together_within_bounds() {
        assert_eq!(shape(&[]), []);
        assert_eq!(shape(&[0]), [(1, 0)]);
        assert_eq!(shape(&[1; 501]), [(500, 500), (1, 1)]);
        let half = MOST_BYTES / 2;
        assert_eq!(
            shape(&[half, half, 0, 1]),
            [(3, MOST_BYTES), (1, 1)],
            "full, and an empty one goes in"
        );
        assert_eq!(shape(&[MOST_BYTES]), [(1, MOST_BYTES)]);
    }

    #[test]
    fn a_large_one_goes_in_parts_whose_last_has_no_end() {
        let planned = cut(&[MOST_BYTES * 2 + 1]);
        let pieces: Vec<_> = planned.iter().filter_map(|c| c.pieces).collect();
        let of = |first, end| Pieces { first, end };
        assert_eq!(pieces, [of(0, Some(16)), of(16, Some(32)), of(32, None)]);
        let bytes: Vec<_> = planned.iter().map(|c| c.bytes).collect();
        assert_eq!(bytes, [MOST_BYTES, MOST_BYTES, 1]);
        assert_eq!(cut(&[MOST_BYTES * 2]).len(), 2);
        let counts: Vec<_> = planned.iter().map(PlannedLargeObjects::count).collect();
        assert_eq!(counts, [1, 0, 0], "they are one large object");
    }
}
