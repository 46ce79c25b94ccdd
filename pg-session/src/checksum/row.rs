//! The row checksum made in the client, out of the bytes of binary COPY.
//!
//! Binary COPY and `record_send` call the same send functions. What the server hashes is
//! what it would send, but for the head of each value: there a type's OID is before the
//! length. So the bytes are copied, each value behind its OID, and hashed.

use super::hash::{hash_bytes_extended, hash_two};
use super::{SEED, Total, oids, sorted, without_modifier};
use crate::error::{Class, Error};
use crate::relation::{Canonical, ColumnFacts, Relation};

/// `hash_array_extended` starts with 1 and multiplies by 31 before it adds an element.
pub(super) const ARRAY_OF_ONE: u64 = 31;

/// Room beyond this is given back after the row that needed it.
const KEPT_BYTES: usize = 8 << 20;

/// The output function of every enum, as the catalog quotes it.
const ENUM_OUT: &str = "\"pg_catalog\".\"enum_out\"";

/// What is done to a value's bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Bytes {
    /// Nothing.
    Same,
    /// `real`: one encoding for NaN.
    Float4,
    /// `double precision`: one encoding for NaN.
    Float8,
    /// An array: no flag.
    Array,
    /// An array of `real`: the same, and one encoding for NaN.
    Array4,
    /// An array of `double precision`.
    Array8,
}

/// How a column's value is written.
#[derive(Clone, Copy, Debug)]
struct Column {
    /// OID of the type, as `record_send` writes it.
    oid: [u8; 4],
    bytes: Bytes,
}

/// Hashes rows of binary COPY as [`super::sum_relation`] has them hashed by the server.
///
/// Right only for a database in UTF8, over sessions with our pinned settings; the caller
/// checks that. The rows must be of COPY with [`RowHasher::columns`] in their order.
#[derive(Clone, Debug)]
pub struct RowHasher {
    names: Vec<String>,
    columns: Vec<Column>,
    /// Number of columns, as COPY writes it.
    fields: [u8; 2],
    /// The same, as `record_send` writes it.
    head: [u8; 4],
    /// What `record_send` makes of a row, longer than the row where another was.
    scratch: Vec<u8>,
    /// The same of the row that waits for a second.
    other: Vec<u8>,
    /// The length of the row that waits.
    waiting: Option<usize>,
    /// The rows before.
    total: Total,
}

impl RowHasher {
    /// A hasher of a relation's rows; `None` when a column's bytes of binary COPY are not
    /// those that the server hashes, or may differ from them.
    pub fn for_relation(relation: &Relation) -> Option<Self> {
        let sorted = sorted(relation);
        let count = i16::try_from(sorted.len()).ok()?;
        let columns = sorted.iter().map(|facts| column(facts));
        Some(Self {
            columns: columns.collect::<Option<_>>()?,
            names: sorted.iter().map(|facts| facts.name.clone()).collect(),
            fields: count.to_be_bytes(),
            head: i32::from(count).to_be_bytes(),
            scratch: Vec::new(),
            other: Vec::new(),
            waiting: None,
            total: Total::default(),
        })
    }

    /// A hasher of rows whose values are canonical already, and have types of these OIDs.
    ///
    /// # Errors
    /// When those are more columns than a row can have.
    pub(super) fn of_types(types: &[u32]) -> Result<Self, Error> {
        let count = i16::try_from(types.len()).ok().ok_or_else(malformed)?;
        let column = |oid: &u32| Column {
            oid: oid.to_be_bytes(),
            bytes: Bytes::Same,
        };
        Ok(Self {
            columns: types.iter().map(column).collect(),
            names: Vec::new(),
            fields: count.to_be_bytes(),
            head: i32::from(count).to_be_bytes(),
            scratch: Vec::new(),
            other: Vec::new(),
            waiting: None,
            total: Total::default(),
        })
    }

    /// The columns that a row must have, in this order.
    pub fn columns(&self) -> &[String] {
        &self.names
    }

    /// Adds a row: a tuple of binary COPY from its number of fields to its last byte. Rows
    /// are hashed two at a time, in little more time than one.
    ///
    /// # Errors
    /// When the tuple does not have the columns.
    pub fn add(&mut self, tuple: &[u8]) -> Result<(), Error> {
        let length = self.encode(tuple).ok_or_else(malformed)?;
        let Some(waiting) = self.waiting.take() else {
            std::mem::swap(&mut self.scratch, &mut self.other);
            self.waiting = Some(length);
            return Ok(());
        };
        let first = self.other.get(..waiting).ok_or_else(malformed)?;
        let second = self.scratch.get(..length).ok_or_else(malformed)?;
        for hash in hash_two(first, second, SEED.cast_unsigned()) {
            self.total.add(hash.wrapping_add(ARRAY_OF_ONE));
        }
        self.give_back();
        Ok(())
    }

    /// The total of the rows that were added, and starts anew.
    pub fn finish(&mut self) -> Total {
        if let Some(waiting) = self.waiting.take()
            && let Some(bytes) = self.other.get(..waiting)
        {
            let hash = hash_bytes_extended(bytes, SEED.cast_unsigned());
            self.total.add(hash.wrapping_add(ARRAY_OF_ONE));
        }
        std::mem::take(&mut self.total)
    }

    /// The hash of one row, which is not added.
    ///
    /// # Errors
    /// When the tuple does not have the columns.
    pub fn row(&mut self, tuple: &[u8]) -> Result<u64, Error> {
        let length = self.encode(tuple).ok_or_else(malformed)?;
        let bytes = self.scratch.get(..length).ok_or_else(malformed)?;
        let hash = hash_bytes_extended(bytes, SEED.cast_unsigned());
        self.give_back();
        Ok(hash.wrapping_add(ARRAY_OF_ONE))
    }

    /// Gives back the room that an uncommonly long row needed.
    #[inline]
    fn give_back(&mut self) {
        if self.scratch.len() > KEPT_BYTES {
            self.scratch = Vec::new();
        }
        if self.waiting.is_none() && self.other.len() > KEPT_BYTES {
            self.other = Vec::new();
        }
    }

    /// Writes what `record_send` makes of the row; gives its length.
    fn encode(&mut self, tuple: &[u8]) -> Option<usize> {
        let (fields, mut rest) = tuple.split_first_chunk::<2>()?;
        if *fields != self.fields {
            return None;
        }
        let length = self.head.len() + rest.len() + 4 * self.columns.len();
        if self.scratch.len() < length {
            self.scratch.resize(length, 0);
        }
        let (head, mut out) = self.scratch.split_first_chunk_mut::<4>()?;
        *head = self.head;
        for column in &self.columns {
            (rest, out) = column.write(rest, out)?;
        }
        rest.is_empty().then_some(length)
    }
}

impl Column {
    /// Writes the first of the fields that are left; gives what is left after it, of both.
    #[inline]
    fn write<'i, 'o>(
        self,
        fields: &'i [u8],
        out: &'o mut [u8],
    ) -> Option<(&'i [u8], &'o mut [u8])> {
        let given = i32::from_be_bytes(*fields.first_chunk()?);
        let size = match usize::try_from(given) {
            Ok(length) => 4 + length,
            Err(_) if given == -1 => 4,
            Err(_) => return None,
        };
        let (oid, out) = out.split_first_chunk_mut()?;
        *oid = self.oid;
        copy(fields, out, size)?;
        let (_, rest) = fields.split_at_checked(size)?;
        let (written, out) = out.split_at_mut_checked(size)?;
        match self.bytes {
            Bytes::Float4 => one_nan4(written)?,
            Bytes::Float8 => one_nan8(written)?,
            Bytes::Array => one_array(written, |_| Some(()))?,
            Bytes::Array4 => one_array(written, one_nan4)?,
            Bytes::Array8 => one_array(written, one_nan8)?,
            Bytes::Same => {}
        }
        Some((rest, out))
    }
}

/// Copies the first `size` bytes, and maybe some more, which the next value overwrites: of a
/// fixed number that costs less than a call with the exact one.
#[inline]
fn copy(from: &[u8], to: &mut [u8], size: usize) -> Option<()> {
    if size <= 32
        && let Some(from) = from.first_chunk::<32>()
        && let Some(to) = to.first_chunk_mut::<32>()
    {
        *to = *from;
        return Some(());
    }
    let (from, to) = (from.get(..size)?, to.get_mut(..size)?);
    match size {
        16..=32 => both_ends::<16>(from, to),
        8..16 => both_ends::<8>(from, to),
        4..8 => both_ends::<4>(from, to),
        _ => {
            to.copy_from_slice(from);
            Some(())
        }
    }
}

/// Copies N to 2N bytes, in two pieces that may overlap.
#[inline]
fn both_ends<const N: usize>(from: &[u8], to: &mut [u8]) -> Option<()> {
    *to.first_chunk_mut::<N>()? = *from.first_chunk()?;
    *to.last_chunk_mut::<N>()? = *from.last_chunk()?;
    Some(())
}

/// Gives a NaN, behind its length, the encoding that the server reads the word NaN as.
fn one_nan4(field: &mut [u8]) -> Option<()> {
    match field {
        [_, _, _, _] => Some(()),
        [_, _, _, _, value @ ..] => {
            let value: &mut [u8; 4] = value.try_into().ok()?;
            if f32::from_be_bytes(*value).is_nan() {
                *value = 0x7fc0_0000_u32.to_be_bytes();
            }
            Some(())
        }
        _ => None,
    }
}

/// The same for `double precision`.
fn one_nan8(field: &mut [u8]) -> Option<()> {
    match field {
        [_, _, _, _] => Some(()),
        [_, _, _, _, value @ ..] => {
            let value: &mut [u8; 8] = value.try_into().ok()?;
            if f64::from_be_bytes(*value).is_nan() {
                *value = 0x7ff8_0000_0000_0000_u64.to_be_bytes();
            }
            Some(())
        }
        _ => None,
    }
}

/// Clears an array's flag that it has NULLs, and gives each element, behind its length, one
/// encoding. An array is: its length, the number of dimensions, the flag, the OID of the element's
/// type, two numbers a dimension, and the elements.
fn one_array(field: &mut [u8], one: fn(&mut [u8]) -> Option<()>) -> Option<()> {
    let Some((head, rest)) = field.split_first_chunk_mut::<16>() else {
        // NULL has a length only.
        return (field.len() == 4).then_some(());
    };
    let [_, _, _, _, a, b, c, d, _, _, _, flag, ..] = head;
    *flag = 0;
    let dimensions = usize::try_from(i32::from_be_bytes([*a, *b, *c, *d])).ok()?;
    let (_, mut rest) = rest.split_at_mut_checked(dimensions.checked_mul(8)?)?;
    while !rest.is_empty() {
        let length = i32::from_be_bytes(*rest.first_chunk()?);
        let size = 4 + usize::try_from(length).unwrap_or(0);
        let (element, after) = std::mem::take(&mut rest).split_at_mut_checked(size)?;
        one(element)?;
        rest = after;
    }
    Some(())
}

/// How a column is written; `None` when its bytes of COPY do not say what the server hashes.
fn column(facts: &ColumnFacts) -> Option<Column> {
    let (oid, bytes) = match &facts.canonical {
        Canonical::Raw => (
            oids::of_type(&without_modifier(&facts.data_type))?,
            Bytes::Same,
        ),
        Canonical::Base(base) => (oids::of_type(base)?, Bytes::Same),
        Canonical::Float(base) => match base.as_str() {
            "real" => (oids::of_type(base)?, Bytes::Float4),
            "double precision" => (oids::of_type(base)?, Bytes::Float8),
            _ => return None,
        },
        Canonical::Array(base) => {
            oids::of_type(base)?;
            let bytes = match base.as_str() {
                "real[]" => Bytes::Array4,
                "double precision[]" => Bytes::Array8,
                _ => Bytes::Array,
            };
            (oids::BYTEA, bytes)
        }
        // text, varchar and name: all three send their text.
        Canonical::Text => (oids::TEXT, Bytes::Same),
        // An enum sends its label. Other types send something else than they print.
        Canonical::Output { function, .. } if function == ENUM_OUT => (oids::TEXT, Bytes::Same),
        Canonical::Output { .. } => return None,
        // COPY calls the same function.
        Canonical::Send { .. } => (oids::BYTEA, Bytes::Same),
    };
    Some(Column {
        oid: oid.to_be_bytes(),
        bytes,
    })
}

#[cold]
fn malformed() -> Error {
    Error::new(
        Class::Unsupported,
        "a row of binary COPY does not have the columns that were asked for",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::KNOWN_ANSWER;
    use crate::checksum::tests::relation;

    fn hasher(columns: &[(&str, &str, Canonical)]) -> Option<RowHasher> {
        RowHasher::for_relation(&relation(columns))
    }

    fn tuple(fields: &[Option<&[u8]>]) -> Vec<u8> {
        let mut tuple = i16::try_from(fields.len()).unwrap().to_be_bytes().to_vec();
        for field in fields {
            let length = field.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap());
            tuple.extend(length.to_be_bytes());
            tuple.extend(field.unwrap_or_default());
        }
        tuple
    }

    #[test]
    fn the_known_answer_is_found() {
        let mut hasher = hasher(&[
            ("b", "text", Canonical::Text),
            ("a", "integer", Canonical::Raw),
        ])
        .unwrap();
        assert_eq!(hasher.columns(), ["a", "b"]);
        let row = tuple(&[Some(&1_i32.to_be_bytes()), Some(b"a")]);
        assert_eq!(hasher.row(&row).unwrap().cast_signed(), KNOWN_ANSWER);
    }

    #[test]
    fn rows_of_any_other_shape_are_refused() {
        let mut hasher = hasher(&[
            ("a", "integer", Canonical::Raw),
            ("b", "real", Canonical::Float("real".to_owned())),
        ])
        .unwrap();
        let four = Some(&b"1234"[..]);
        let right = tuple(&[four, four]);
        assert!(hasher.row(&right).is_ok());
        assert!(hasher.row(&tuple(&[four, None])).is_ok());
        for wrong in [
            tuple(&[four]),
            tuple(&[four, four, four]),
            tuple(&[four, Some(b"123")]),
            right[..right.len() - 1].to_vec(),
            [&right[..], b"x"].concat(),
            (-1_i16).to_be_bytes().to_vec(),
            [&right[..2], &(-2_i32).to_be_bytes(), &right[6..]].concat(),
            Vec::new(),
        ] {
            assert!(hasher.row(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn rows_that_are_added_in_twos_are_all_counted_once() {
        let mut hasher = hasher(&[("a", "text", Canonical::Text)]).unwrap();
        for count in 0..6_usize {
            let mut total = Total::default();
            for length in 0..count {
                let row = tuple(&[Some(&vec![b'x'; length * 11])]);
                hasher.add(&row).unwrap();
                total.add(hasher.row(&row).unwrap());
            }
            assert_eq!(hasher.finish(), total);
        }
        assert_eq!(hasher.finish(), Total::default());
    }

    #[test]
    fn a_column_that_is_compared_by_other_bytes_than_it_sends_is_left_to_the_server() {
        let output = |function: &str| Canonical::Output {
            function: function.to_owned(),
            base: None,
        };
        for (data_type, canonical) in [
            ("regclass", output("\"pg_catalog\".\"regclassout\"")),
            ("s.pair", output("\"pg_catalog\".\"record_out\"")),
            ("s.t", output("\"s\".\"enum_out\"")),
            ("regclass", Canonical::Raw),
            ("s.integer", Canonical::Base("s.integer".to_owned())),
        ] {
            assert!(hasher(&[("a", data_type, canonical)]).is_none());
        }
        assert!(hasher(&[("a", "s.mood", output(ENUM_OUT))]).is_some());
    }

    /// Nanoseconds a row, in release: `cargo test --release -p pg-session --lib nanoseconds
    /// -- --ignored --nocapture`.
    #[test]
    #[ignore = "measures, asserts nothing"]
    fn nanoseconds_a_row() {
        let mut hasher = hasher(&[
            ("a", "bigint", Canonical::Raw),
            ("b", "integer", Canonical::Raw),
            ("c", "text", Canonical::Text),
            ("d", "numeric(10,2)", Canonical::Raw),
            ("e", "timestamp with time zone", Canonical::Raw),
            ("f", "boolean", Canonical::Raw),
            ("g", "uuid", Canonical::Raw),
        ])
        .unwrap();
        let rows: Vec<Vec<u8>> = (0..1000_i64)
            .map(|n| {
                let text = "some text of no fixed length".as_bytes();
                let text = &text[..usize::try_from(n * 7 % 25).unwrap()];
                let number = n.to_be_bytes();
                let uuid = [number, number].concat();
                tuple(&[
                    Some(&number),
                    Some(&number[4..]),
                    Some(text),
                    Some(&[number, number].concat()[..12]),
                    Some(&number),
                    Some(&[1]),
                    Some(&uuid),
                ])
            })
            .collect();
        // The least of many short runs: the machine has others to serve.
        let least = |run: &mut dyn FnMut()| {
            let times = (0..50).map(|_| {
                let started = std::time::Instant::now();
                (0..20).for_each(|_| run());
                started.elapsed().as_nanos() / 20_000
            });
            times.min().unwrap()
        };
        let mut total = Total::default();
        let one = least(&mut || {
            for row in &rows {
                total.add(hasher.row(row).unwrap());
            }
        });
        let two = least(&mut || {
            for row in &rows {
                hasher.add(row).unwrap();
            }
        });
        assert_eq!(hasher.finish(), total);
        let written = least(&mut || {
            for row in &rows {
                std::hint::black_box(hasher.encode(row));
            }
        });
        println!("{one} ns alone, {two} ns in twos, {written} ns of it for writing");
    }
}
