//! The ways that rows go while it is measured: out of the source, into the target, and from
//! the one into the other. In blocks, as a copy goes; memory does not grow with the time.

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use pg_session::session::copy_error;
use pg_session::{Cancel, Class, Error, Session};

const ROWS: &str = include_str!("rows.sql");
const TABLE: &str = include_str!("table.sql");
const RECEIVE: &str = include_str!("receive.sql");

/// The target keeps what it is sent until the transaction is rolled back: no more than this.
const MOST_KEPT: u64 = 1 << 30;

/// How long the source may go on beyond the time that was asked for when its statement is not
/// canceled: through a pooler it is not, and a request to cancel may be lost.
const GRACE: Duration = Duration::from_secs(2);

/// Characters of a generated row.
const ROW_CHARACTERS: usize = 1_000;
/// Rows that are written at once.
const ROWS_A_BLOCK: usize = 16;
/// Blocks that are generated once and written again and again.
const BLOCKS: usize = 16;

/// What went over, and how long it took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) bytes: u64,
    pub(super) elapsed: Duration,
}

/// From the source to us.
///
/// # Errors
/// What the source says.
pub(super) fn from_source(source: &mut Session, limit: Duration) -> Result<Measured, Error> {
    let bounds = Bounds {
        limit,
        bytes: u64::MAX,
    };
    sending(source, limit, |source| bounds.read(source, |_| Ok(())))
}

/// From us to the target.
///
/// # Errors
/// What the target says.
pub(super) fn to_target(target: &mut Session, limit: Duration) -> Result<Measured, Error> {
    let bounds = Bounds {
        limit,
        bytes: MOST_KEPT,
    };
    receiving(target, |writer| bounds.write(writer))
}

/// From the source through us to the target.
///
/// # Errors
/// What either says.
pub(super) fn through(
    source: &mut Session,
    target: &mut Session,
    limit: Duration,
) -> Result<Measured, Error> {
    let bounds = Bounds {
        limit,
        bytes: MOST_KEPT,
    };
    sending(source, limit, |source| {
        receiving(target, |writer| {
            bounds.read(source, |block| writer.write_all(block).map_err(copy_error))
        })
    })
}

/// When it is enough.
#[derive(Clone, Copy)]
struct Bounds {
    limit: Duration,
    bytes: u64,
}

impl Bounds {
    /// Has the source send rows until it is enough; what is still on the way then is left to
    /// the session. The clock starts with the first row.
    fn read(
        self,
        source: &mut Session,
        mut take: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<Measured, Error> {
        // A pooler may take a request to cancel amiss, up to falling over.
        let _canceled = (!source.way().pooled).then(|| CanceledAtEnd(source.cancel()));
        let mut reader = source.copy_out(ROWS)?;
        let mut begun = None;
        let mut bytes = 0;
        loop {
            let block = match reader.fill_buf().map_err(copy_error) {
                Ok(block) => block,
                // Its statement_timeout: it had nothing to send for so long.
                Err(error) if bytes > 0 && error.class() == Class::Canceled => break,
                Err(error) => return Err(error),
            };
            let begun = *begun.get_or_insert_with(Instant::now);
            take(block)?;
            let (length, is_whole) = (block.len(), block.ends_with(b"\n"));
            reader.consume(length);
            bytes += u64::try_from(length).unwrap_or(u64::MAX);
            let is_enough = begun.elapsed() >= self.limit || bytes >= self.bytes;
            if length == 0 || is_whole && is_enough {
                break;
            }
        }
        Ok(Measured {
            bytes,
            elapsed: begun.map_or(Duration::ZERO, |begun| begun.elapsed()),
        })
    }

    /// Writes generated rows until it is enough.
    fn write(self, writer: &mut dyn Write) -> Result<Measured, Error> {
        let blocks = blocks();
        let begun = Instant::now();
        let mut bytes = 0;
        for block in blocks.iter().cycle() {
            writer.write_all(block).map_err(copy_error)?;
            bytes += u64::try_from(block.len()).unwrap_or(u64::MAX);
            if begun.elapsed() >= self.limit || bytes >= self.bytes {
                break;
            }
        }
        Ok(Measured {
            bytes,
            elapsed: begun.elapsed(),
        })
    }
}

/// Cancels what a session is running, however we leave it.
struct CanceledAtEnd(Cancel);

impl Drop for CanceledAtEnd {
    fn drop(&mut self) {
        self.0.fire();
    }
}

/// Runs `work` on a source whose statements end by themselves, should nobody cancel them: rows
/// come without an end otherwise.
fn sending<T>(
    source: &mut Session,
    limit: Duration,
    work: impl FnOnce(&mut Session) -> Result<T, Error>,
) -> Result<T, Error> {
    let timeout = (limit + GRACE).as_millis();
    let begin = format!("begin; set local statement_timeout = {timeout}");
    rolled_back(source, &begin, work)
}

/// Has the target take what `send` writes; the time until it has all of it counts, too.
fn receiving(
    target: &mut Session,
    send: impl FnOnce(&mut dyn Write) -> Result<Measured, Error>,
) -> Result<Measured, Error> {
    rolled_back(target, "begin", |target| {
        target.batch(TABLE)?;
        let mut writer = target.copy_in(RECEIVE)?;
        let sent = send(&mut writer)?;
        let finishing = Instant::now();
        Session::finish_copy(writer)?;
        Ok(Measured {
            elapsed: sent.elapsed + finishing.elapsed(),
            ..sent
        })
    })
}

/// Runs `work` in a transaction that is rolled back in any case.
fn rolled_back<T>(
    session: &mut Session,
    begin: &str,
    work: impl FnOnce(&mut Session) -> Result<T, Error>,
) -> Result<T, Error> {
    session.batch(begin)?;
    let result = work(session);
    // What was found counts; a lost session rolls back by itself.
    drop(session.batch("rollback"));
    result
}

/// Rows that look random, so that whatever compresses on the way finds little.
fn blocks() -> Vec<Vec<u8>> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut letter = || {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let index = usize::try_from(state >> 58).unwrap_or_default();
        LETTERS.get(index).copied().unwrap_or(b'=')
    };
    (0..BLOCKS)
        .map(|block| {
            let mut bytes = Vec::with_capacity(ROWS_A_BLOCK * (ROW_CHARACTERS + 8));
            for row in 0..ROWS_A_BLOCK {
                let number = block * ROWS_A_BLOCK + row + 1;
                bytes.extend_from_slice(format!("{number}\t").as_bytes());
                bytes.extend((0..ROW_CHARACTERS).map(|_| letter()));
                bytes.push(b'\n');
            }
            bytes
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_rows_are_whole_and_differ() {
        let blocks = blocks();
        assert_eq!(blocks.len(), BLOCKS);
        assert_ne!(blocks[0], blocks[1]);
        for row in blocks.concat().split_inclusive(|byte| *byte == b'\n') {
            assert!(row.ends_with(b"\n"));
            assert_eq!(row.split(|byte| *byte == b'\t').count(), 2);
            assert!(row.len() > ROW_CHARACTERS && row.is_ascii());
            assert!(!row.contains(&b'\\') && !row.contains(&b'='));
        }
    }

    #[test]
    fn writing_ends_by_bytes_and_by_time() {
        let small = Bounds {
            limit: Duration::from_mins(1),
            bytes: 100_000,
        };
        let mut kept = Vec::new();
        let measured = small.write(&mut kept).unwrap();
        assert!((100_000..150_000).contains(&measured.bytes));
        assert_eq!(u64::try_from(kept.len()).unwrap(), measured.bytes);
        let short = Bounds {
            limit: Duration::ZERO,
            bytes: u64::MAX,
        };
        let measured = short.write(&mut std::io::sink()).unwrap();
        assert!(measured.bytes > 0);
    }
}
