//! Whether a file begins as pg_dump's custom archive does. The library that reads it takes room
//! for as many entries as its head says, and trusts the sizes there: a damaged file would end
//! us without a word.

use std::io::{self, Read, Seek, SeekFrom};

use anyhow::Context as _;
use pg_pipe::{Exit, Failure};

/// The head is shorter: two versions and a name are the longest in it.
const LONGEST_HEAD: u64 = 64 * 1024;
/// Bytes of an integer: its sign, and sizeof(int) wherever PostgreSQL runs.
const INTEGER: usize = 5;
/// Seconds to years, and whether it is summer.
const TIMES: usize = 7;
const STRINGS: usize = 3;
/// As in `ArchiveFormat` of pg_backup.h.
const CUSTOM: u8 = 1;
/// From this minor version on the compression is a byte, before it was an integer.
const ALGORITHM_SINCE: u8 = 15;

/// Looks at the head of an archive; leaves it at its beginning.
///
/// # Errors
/// When it cannot be read, or is none.
pub(crate) fn check<R: Read + Seek>(archive: &mut R) -> anyhow::Result<()> {
    let (head, length) = head(archive).context("cannot read the archive of pg_dump")?;
    if entries(&head).is_some_and(|count| count <= length) {
        return Ok(());
    }
    let failure = Failure::new(
        Exit::Refused,
        "pg_dump",
        "the archive of pg_dump is damaged",
    )
    .hint("Run it again; --pg-dump names another pg_dump.");
    Err(failure.into())
}

/// The bytes in which the head is, and the length of all.
fn head<R: Read + Seek>(archive: &mut R) -> io::Result<(Vec<u8>, u64)> {
    let length = archive.seek(SeekFrom::End(0))?;
    archive.rewind()?;
    let mut head = Vec::new();
    archive.by_ref().take(LONGEST_HEAD).read_to_end(&mut head)?;
    archive.rewind()?;
    Ok((head, length))
}

/// How many entries the head announces (`WriteHead` of pg_backup_archiver.c).
fn entries(head: &[u8]) -> Option<u64> {
    let rest = head.strip_prefix(b"PGDMP")?;
    let (&[major, minor, _revision, int, offset, format], rest) = rest.split_first_chunk()?;
    if (major, int, offset, format) != (1, 4, 8, CUSTOM) {
        return None;
    }
    let compression = if minor >= ALGORITHM_SINCE { 1 } else { INTEGER };
    let mut rest = rest.get(compression + TIMES * INTEGER..)?;
    for _ in 0..STRINGS {
        let (length, after) = integer(rest)?;
        // One that is not there has a length of -1.
        rest = after.get(length.unwrap_or(0)..)?;
    }
    let (count, _) = integer(rest)?;
    u64::try_from(count?).ok()
}

/// A number, nothing where it is below zero, and what follows. What is below zero with a sign
/// before it is above, as in `ReadInt` and in the library.
fn integer(bytes: &[u8]) -> Option<(Option<usize>, &[u8])> {
    let ([sign, value @ ..], rest) = bytes.split_first_chunk::<INTEGER>()?;
    let value = i32::from_le_bytes(*value);
    let value = if *sign == 0 {
        value
    } else {
        value.wrapping_neg()
    };
    Some((usize::try_from(value).ok(), rest))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn archive() -> Vec<u8> {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/archive/small");
        std::fs::read(corpus).unwrap()
    }

    #[test]
    fn the_head_of_an_archive_is_read_to_its_count() {
        let count = entries(&archive()).unwrap();
        assert!((8..40).contains(&count), "{count}");
        assert_eq!(entries(b"PGDMP"), None);
        assert_eq!(entries(b"create table t ();"), None);
        let one = |bytes: [u8; INTEGER]| integer(&bytes).map(|(number, _)| number);
        assert_eq!(one([0, 5, 0, 0, 0]), Some(Some(5)));
        assert_eq!(one([1, 1, 0, 0, 0]), Some(None), "minus one");
        assert_eq!(one([0, 0xfe, 0xff, 0xff, 0xff]), Some(None));
        assert_eq!(one([0xff, 0xfe, 0xff, 0xff, 0xff]), Some(Some(2)));
    }

    #[test]
    fn a_count_that_no_file_could_hold_is_damage() {
        let mut bytes = archive();
        let checked =
            |bytes: &[u8]| check(&mut io::Cursor::new(bytes)).map_err(|error| error.to_string());
        assert_eq!(checked(&bytes), Ok(()));
        let count = [0, u8::try_from(entries(&bytes).unwrap()).unwrap(), 0, 0, 0];
        let at = bytes.windows(5).position(|five| five == count).unwrap();
        bytes[at + 4] = 0x7f;
        let damaged = "the archive of pg_dump is damaged".to_owned();
        assert_eq!(checked(&bytes), Err(damaged));
    }
}
