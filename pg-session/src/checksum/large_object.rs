//! The checksum of large objects: the sum of the hashes of their pieces, in the server or in
//! the client.

use super::hash::hash_bytes_extended;
use super::row::ARRAY_OF_ONE;
use super::{SEED, Total, oids};
use crate::error::Error;
use crate::session::Session;

const SUM: &str = include_str!("../catalog/sql/large_object_sum.sql");

/// Checksum of a database without large objects.
pub const NO_LARGE_OBJECTS: &str = "b64s/1:lo:0";

/// What is before the sum.
const DEFINITION: &str = "b64s/1:lo:";

/// What stands where a table's checksum has its digest.
pub(super) const DIGEST: &str = "lo";

/// Bytes of a piece: part of the definition. The server stores pages of a quarter of its block,
/// which a piece is a multiple of, whatever the block.
pub const PIECE: i64 = 1 << 20;

/// Large objects and their checksum.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LargeObjectSum {
    /// How many.
    pub count: i64,
    /// Their bytes.
    pub bytes: i64,
    /// `b64s/1:lo:SUM`.
    pub checksum: String,
}

impl LargeObjectSum {
    fn sum(&self) -> Option<i128> {
        self.checksum.strip_prefix(DEFINITION)?.parse().ok()
    }
}

/// Some of the pieces of a large object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pieces {
    /// The first, counted from 0.
    pub first: i64,
    /// The one after the last; `None` for all that there are.
    pub end: Option<i64>,
}

/// Counts and checksums all large objects. The session must be in a transaction.
///
/// # Errors
/// What the server says.
pub fn sum_large_objects(session: &mut Session) -> Result<LargeObjectSum, Error> {
    sum(session, None, None)
}

/// Counts and checksums those of some large objects that there are, or some of their pieces.
/// The session must be in a transaction.
///
/// # Errors
/// What the server says.
pub fn sum_these_large_objects(
    session: &mut Session,
    oids: &[u32],
    pieces: Option<Pieces>,
) -> Result<LargeObjectSum, Error> {
    sum(session, Some(oids), pieces)
}

fn sum(
    session: &mut Session,
    oids: Option<&[u32]>,
    pieces: Option<Pieces>,
) -> Result<LargeObjectSum, Error> {
    let first = pieces.map(|pieces| pieces.first);
    let end = pieces.and_then(|pieces| pieces.end);
    let row = session.query_one(SUM, &[&SEED, &oids, &first, &end])?;
    let total: String = row.get("checksum");
    Ok(LargeObjectSum {
        count: row.get("count"),
        bytes: row.get("bytes"),
        checksum: format!("{DEFINITION}{total}"),
    })
}

/// The sum of the whole out of the sums of its parts. `None` when one of them is of another
/// definition.
pub fn merge_large_objects(parts: &[LargeObjectSum]) -> Option<LargeObjectSum> {
    let mut total = Total::default();
    let mut bytes: i64 = 0;
    for part in parts {
        total.rows = total.rows.checked_add(part.count)?;
        total.sum = total.sum.checked_add(part.sum()?)?;
        bytes = bytes.checked_add(part.bytes)?;
    }
    Some(LargeObjectSum {
        count: total.rows,
        bytes,
        checksum: format!("{DEFINITION}{}", total.sum),
    })
}

/// Hashes pieces as [`sum_large_objects`] has them hashed by the server. Right for servers that
/// give the known answer.
#[derive(Clone, Debug, Default)]
pub struct PieceHasher {
    /// What `record_send` makes of a piece.
    scratch: Vec<u8>,
    total: Total,
    bytes: i64,
}

impl PieceHasher {
    /// Adds a piece: the bytes at `number` times [`PIECE`], as many or, at the end of the large
    /// object, fewer. An empty one has one empty piece.
    pub fn add(&mut self, oid: u32, number: i64, bytes: &[u8]) {
        let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
        self.scratch.clear();
        self.scratch.extend(3_i32.to_be_bytes());
        for value in [i64::from(oid), number] {
            self.scratch.extend(oids::BIGINT.to_be_bytes());
            self.scratch.extend(8_i32.to_be_bytes());
            self.scratch.extend(value.to_be_bytes());
        }
        self.scratch.extend(oids::BYTEA.to_be_bytes());
        self.scratch.extend(length.to_be_bytes());
        self.scratch.extend(bytes);
        let hash = hash_bytes_extended(&self.scratch, SEED.cast_unsigned());
        self.total.add(hash.wrapping_add(ARRAY_OF_ONE));
        self.bytes += i64::from(length);
    }

    /// The sum of what was added, which is that of so many large objects.
    pub fn finish(self, count: i64) -> LargeObjectSum {
        LargeObjectSum {
            count,
            bytes: self.bytes,
            checksum: format!("{DEFINITION}{}", self.total.sum),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the server says, by `select hash_array_extended(array[record_send(
    /// row(OID::bigint, NUMBER::bigint, BYTES::bytea))], SEED)` on 13 and 18.
    #[test]
    fn pieces_are_hashed_as_the_server_hashes_them() {
        for (oid, number, bytes, hash) in [
            (1, 0, &b""[..], -3_634_852_214_647_495_771_i64),
            (4711, 0, b"large object", -1_130_250_657_814_776_348),
            (
                u32::MAX,
                4_194_303,
                &[0, 255, 1, 2, 3],
                -2_413_835_381_857_435_735,
            ),
        ] {
            let mut hasher = PieceHasher::default();
            hasher.add(oid, number, bytes);
            let checksum = hasher.finish(1).checksum;
            assert_eq!(checksum, format!("b64s/1:lo:{hash}"), "{oid}");
        }
    }

    #[test]
    fn sums_add_up_to_that_of_the_whole() {
        let of = |count, bytes, sum: i128| LargeObjectSum {
            count,
            bytes,
            checksum: format!("b64s/1:lo:{sum}"),
        };
        let far = i128::from(i64::MIN) * 3;
        let whole = merge_large_objects(&[of(1, 5, far), of(0, 7, 2)]);
        assert_eq!(whole, Some(of(1, 12, far + 2)));
        let none = merge_large_objects(&[]).unwrap();
        assert_eq!((none.count, none.checksum.as_str()), (0, NO_LARGE_OBJECTS));
        let other = LargeObjectSum {
            checksum: "b64s/1:0a1b2c3d:1".to_owned(),
            ..of(1, 1, 1)
        };
        assert_eq!(merge_large_objects(&[other]), None);
    }
}
