//! The way of the contents: small ones in bulk, others piece by piece; a MiB is held at a time.

use crate::transfer::Passing;
use pg_session::checksum::{LargeObjectSum, PIECE, PieceHasher, Pieces};
use pg_session::ledger::PlannedLargeObjects;
use pg_session::{Class, Error, Session};

/// The largest page of a large object that a server can have, in bytes: a quarter of its largest
/// block (`LOBLKSIZE` of `large_object.h`). Others are a part of it.
const LARGEST_PAGE: usize = 8192;

/// Both sides, the checksum of what goes over, and who counts it.
pub(super) struct Contents<'a> {
    pub(super) source: &'a mut Session,
    pub(super) target: &'a mut Session,
    pub(super) passing: Passing<'a>,
    pub(super) hasher: PieceHasher,
}

impl Contents<'_> {
    /// Copies the contents of a chunk of the plan, in the transactions of both sessions; gives
    /// what the source has.
    ///
    /// # Errors
    /// What the servers say.
    pub(super) fn copy(mut self, what: &PlannedLargeObjects) -> Result<LargeObjectSum, Error> {
        match what.pieces {
            Some(pieces) => {
                for (oid, size) in what.oids.iter().zip(&what.sizes) {
                    self.pieces(*oid, *size, pieces)?;
                }
            }
            None => self.whole(what)?,
        }
        Ok(self.hasher.finish(what.count()))
    }

    /// Whole large objects, as many at a time as have a piece together.
    fn whole(&mut self, what: &PlannedLargeObjects) -> Result<(), Error> {
        let mut together = Vec::new();
        let mut bytes = 0;
        for (oid, size) in what.oids.iter().zip(&what.sizes) {
            if bytes + size > PIECE {
                self.together(&together)?;
                together.clear();
                bytes = 0;
            }
            if *size > PIECE {
                self.target.execute("select lo_create($1)", &[oid])?;
                let all = Pieces {
                    first: 0,
                    end: None,
                };
                self.pieces(*oid, *size, all)?;
            } else {
                together.push((*oid, *size));
                bytes += size;
            }
        }
        self.together(&together)
    }

    /// Makes small ones, each of one piece.
    fn together(&mut self, objects: &[(u32, i64)]) -> Result<(), Error> {
        if objects.is_empty() {
            return Ok(());
        }
        let oids: Vec<u32> = objects.iter().map(|(oid, _)| *oid).collect();
        let rows = self.source.query(
            "select lo_get(oid) from unnest($1::oid[]) with ordinality as o (oid, n) order by n",
            &[&oids],
        )?;
        let contents: Vec<&[u8]> = rows.iter().map(|row| row.get(0)).collect();
        for ((oid, size), bytes) in objects.iter().zip(&contents) {
            require_length(*oid, bytes, *size)?;
            self.note(*oid, 0, bytes);
        }
        self.target.execute(
            "select lo_from_bytea(o.oid, o.bytes) from unnest($1::oid[], $2::bytea[]) as o (oid, bytes)",
            &[&oids, &contents],
        )?;
        Ok(())
    }

    /// Fills one, from a piece to another. Zeros around the others of a piece are left out.
    fn pieces(&mut self, oid: u32, size: i64, pieces: Pieces) -> Result<(), Error> {
        let last = (size - 1).max(0) / PIECE;
        let end = pieces.end.unwrap_or(last + 1);
        let length = i32::try_from(PIECE).unwrap_or(i32::MAX);
        for number in pieces.first..end {
            let offset = number * PIECE;
            let row = self
                .source
                .query_one("select lo_get($1, $2, $3)", &[&oid, &offset, &length])?;
            let bytes: &[u8] = row.get(0);
            require_length(oid, bytes, PIECE.min(size - offset))?;
            self.note(oid, number, bytes);
            let (skipped, written) = without_zeros(bytes, number == last);
            if !written.is_empty() {
                self.target.execute(
                    "select lo_put($1, $2, $3)",
                    &[&oid, &(offset + skipped), &written],
                )?;
            }
        }
        Ok(())
    }

    fn note(&mut self, oid: u32, number: i64, bytes: &[u8]) {
        self.hasher.add(oid, number, bytes);
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.passing.note(length);
    }
}

/// The bytes of a piece without pages of zeros before and after, and where they begin: what is not
/// there reads as zeros, so that holes stay holes. The end of a large object makes its size and
/// stays.
fn without_zeros(bytes: &[u8], is_last: bool) -> (i64, &[u8]) {
    let of_pages = |count: usize| count / LARGEST_PAGE * LARGEST_PAGE;
    let is_other = |byte: &u8| *byte != 0;
    let first = bytes.iter().position(is_other);
    let last = bytes.iter().rposition(is_other);
    let begin = match first {
        Some(first) => of_pages(first),
        None if is_last => of_pages(bytes.len().saturating_sub(1)),
        None => bytes.len(),
    };
    let end = match last {
        Some(last) if !is_last => bytes.len().min(of_pages(last) + LARGEST_PAGE),
        _ => bytes.len(),
    };
    let written = bytes.get(begin..end).unwrap_or_default();
    (i64::try_from(begin).unwrap_or(0), written)
}

/// The plan has sizes of the same snapshot.
fn require_length(oid: u32, bytes: &[u8], expected: i64) -> Result<(), Error> {
    if i64::try_from(bytes.len()) == Ok(expected) {
        return Ok(());
    }
    let message = format!(
        "large object {oid} gave {} bytes where the plan has {expected}",
        bytes.len()
    );
    Err(Error::new(Class::Ledger, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the bytes begin that are written, and how many they are.
    fn written(bytes: &[u8], is_last: bool) -> (i64, usize) {
        let (begin, written) = without_zeros(bytes, is_last);
        (begin, written.len())
    }

    #[test]
    fn holes_stay_holes_and_the_end_stays_where_it_is() {
        let mut piece = vec![0; 5 * LARGEST_PAGE];
        assert_eq!(written(&piece, false).1, 0);
        assert_eq!(written(&piece, true), (4 * 8192, 8192));
        piece[2 * LARGEST_PAGE] = 1;
        assert_eq!(written(&piece, false), (2 * 8192, 8192));
        assert_eq!(written(&piece, true), (2 * 8192, 3 * 8192));
        piece[2 * LARGEST_PAGE - 1] = 1;
        assert_eq!(written(&piece, false), (8192, 2 * 8192));
        assert_eq!(written(&[1; 10], false), (0, 10));
        assert_eq!(written(&[0; 10], true), (0, 10));
        assert_eq!(written(&[], true), (0, 0));
    }
}
