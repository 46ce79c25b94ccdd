//! The way of the rows: COPY … TO STDOUT on the source into COPY … FROM STDIN on the target, the
//! frames of the protocol as they come, in blocks.

use pg_pipe::pace::Pace;
use pg_pipe::progress::{Counters, Wait};
use pg_pipe::stop::Stop;
use pg_session::checksum::{RowHasher, Tally, Total};
use pg_session::ledger::Format;
use pg_session::wire::Copied;
use pg_session::{Class, Error, Relation, RelationName, Wire, checksum, quote};

/// Bytes after which the target is asked whether it still takes rows: an error would be seen
/// at the end only, after the rest of the table.
const CHECK_EVERY: usize = 4 << 20;

/// Tag and length of a frame, in bytes; each row has one.
const FRAME_HEADER: u64 = 5;

/// Rows and bytes that went over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    /// Rows that the target took, as many as the source sent.
    pub(crate) rows: u64,
    /// Bytes of COPY data; a row's share of the protocol is not counted.
    pub(crate) bytes: u64,
    /// The checksum of the rows, where it could be taken in passing.
    pub(crate) total: Option<Total>,
}

/// Who looks on as rows pass.
pub(crate) struct Passing<'a> {
    pub(crate) counters: &'a Counters,
    pub(crate) pace: &'a Pace,
    pub(crate) stop: &'a Stop,
}

impl Passing<'_> {
    /// So many bytes have passed; waits where that was too fast.
    pub(crate) fn note(&self, bytes: u64) {
        self.counters.add_bytes(bytes);
        self.pace.wait(bytes, self.stop);
    }
}

/// What is copied, and how.
pub(crate) struct Load<'a> {
    /// Whose rows.
    pub(crate) relation: &'a Relation,
    /// Where they go: the same, or a partitioned table that finds their place.
    pub(crate) into: &'a RelationName,
    /// COPY's format.
    pub(crate) format: Format,
    /// Whether the rows are frozen as they come.
    pub(crate) frozen: bool,
    /// What hashes the rows in passing, where that can be done.
    pub(crate) hasher: Option<RowHasher>,
    /// Which of the rows; all without it.
    pub(crate) filter: Option<String>,
}

/// Copies a relation's own rows. Both wires are ready for another statement afterwards, unless
/// one was lost.
///
/// # Errors
/// What either server says. The target's transaction must be rolled back then.
pub(crate) fn copy(
    source: &mut Wire,
    target: &mut Wire,
    load: Load<'_>,
    passing: &Passing<'_>,
) -> Result<Moved, Error> {
    let (from, to) = load.statements();
    let mut tally = load.hasher.map(Tally::new);
    // The target first: when it refuses, the source need not be stopped.
    target.begin_copy_in(&to)?;
    if let Err(error) = source.begin_copy_out(&from) {
        target.fail_copy_in()?;
        return Err(error);
    }
    let mut bytes = 0;
    let sent = forward(source, target, passing.counters, |frames| {
        if let Some(tally) = &mut tally {
            tally.take(frames);
        }
        let length = u64::try_from(frames.len()).unwrap_or(u64::MAX);
        passing.note(length);
        bytes += length;
    });
    let sent = match sent {
        Ok(sent) => sent,
        Err(Broken::Source(error)) => {
            target.fail_copy_in()?;
            return Err(error);
        }
        Err(Broken::Target(error)) => {
            // Nobody wants the rest; the wire is closed with it.
            source.cancel().fire();
            return Err(error);
        }
    };
    let rows = target.finish_copy_in()?;
    if rows != sent {
        return Err(Error::new(
            Class::Ledger,
            format!("the source sent {sent} rows, the target took {rows}"),
        ));
    }
    Ok(Moved {
        rows,
        bytes: bytes.saturating_sub(FRAME_HEADER * rows),
        total: tally.and_then(Tally::finish),
    })
}

/// The side that broke off.
enum Broken {
    Source(Error),
    Target(Error),
}

/// Sends on what comes until the source ends; gives the rows that it has sent.
fn forward(
    source: &mut Wire,
    target: &mut Wire,
    counters: &Counters,
    mut look: impl FnMut(&[u8]),
) -> Result<u64, Broken> {
    let mut unchecked = 0;
    let mut waiting = counters.begin_waiting();
    loop {
        waiting.on(Wait::Source);
        let frames = match source.read_copy().map_err(Broken::Source)? {
            Copied::Frames(frames) => frames,
            Copied::End(rows) => return Ok(rows),
        };
        waiting.on(Wait::Target);
        target.write_frames(frames).map_err(Broken::Target)?;
        look(frames);
        unchecked += frames.len();
        if unchecked >= CHECK_EVERY {
            unchecked = 0;
            target.check_copy_in().map_err(Broken::Target)?;
        }
    }
}

impl Load<'_> {
    /// The statements of both sides. A table without columns to copy has no list; then COPY
    /// takes what there is, which is nothing but the rows.
    fn statements(&self) -> (String, String) {
        let name = self.relation.name.sql();
        let columns = match &self.hasher {
            Some(hasher) => quote::list(hasher.columns()),
            None => self.relation.column_list(),
        };
        let list = if columns.is_empty() {
            String::new()
        } else {
            format!(" ({columns})")
        };
        // What is split has no condition of its own.
        let condition = match &self.filter {
            Some(filter) => format!(" where {filter}"),
            None => checksum::condition(self.relation),
        };
        let what = if condition.is_empty() {
            format!("{name}{list}")
        } else {
            format!("(select {columns} from only {name}{condition})")
        };
        let form = self.format.as_str();
        let freeze = if self.frozen { ", freeze" } else { "" };
        (
            format!("copy {what} to stdout (format {form})"),
            format!(
                "copy {}{list} from stdin (format {form}{freeze})",
                self.into.sql()
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn relation(columns: &[&str], condition: Option<&str>) -> Relation {
        Relation {
            name: RelationName::new("S", "t\"x"),
            condition: condition.map(str::to_owned),
            ..sample::relation(columns)
        }
    }

    fn statements(relation: &Relation, format: Format, frozen: bool) -> (String, String) {
        let hasher = None;
        let load = Load {
            relation,
            into: &relation.name,
            format,
            frozen,
            hasher,
            filter: None,
        };
        load.statements()
    }

    #[test]
    fn rows_that_are_hashed_come_in_the_order_of_their_names() {
        let relation = relation(&["b", "A"], None);
        let load = Load {
            relation: &relation,
            into: &RelationName::new("s", "Root"),
            format: Format::Binary,
            frozen: false,
            hasher: RowHasher::for_relation(&relation),
            filter: None,
        };
        let (from, to) = load.statements();
        assert!(from.contains("(\"A\", \"b\") to"), "{from}");
        assert!(
            to.contains("copy \"s\".\"Root\" (\"A\", \"b\") from"),
            "{to}"
        );
    }

    #[test]
    fn columns_are_named_on_both_sides() {
        let (from, to) = statements(&relation(&["a", "B"], None), Format::Binary, true);
        assert_eq!(
            from,
            "copy \"S\".\"t\"\"x\" (\"a\", \"B\") to stdout (format binary)"
        );
        assert_eq!(
            to,
            "copy \"S\".\"t\"\"x\" (\"a\", \"B\") from stdin (format binary, freeze)"
        );
    }

    #[test]
    fn a_table_without_columns_has_no_list() {
        let (from, to) = statements(&relation(&[], None), Format::Text, false);
        assert_eq!(from, "copy \"S\".\"t\"\"x\" to stdout (format text)");
        assert_eq!(to, "copy \"S\".\"t\"\"x\" from stdin (format text)");
    }

    #[test]
    fn a_condition_makes_it_a_query() {
        let (from, _) = statements(&relation(&["a"], Some("WHERE a > 1")), Format::Text, false);
        assert_eq!(
            from,
            "copy (select \"a\" from only \"S\".\"t\"\"x\" WHERE a > 1) to stdout (format text)"
        );
    }
}
