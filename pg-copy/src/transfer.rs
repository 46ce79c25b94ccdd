//! The way of the rows: COPY … TO STDOUT on the source into COPY … FROM STDIN on the target, the
//! frames of the protocol as they come, in blocks.

use pg_pipe::progress::Counters;
use pg_session::ledger::Format;
use pg_session::wire::Copied;
use pg_session::{Class, Error, Relation, Wire, checksum};

/// Bytes after which the target is asked whether it still takes rows: an error would be seen
/// at the end only, after the rest of the table.
const CHECK_EVERY: u64 = 4 << 20;

/// Rows and bytes that went over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Moved {
    /// Rows that the target took, as many as the source sent.
    pub(crate) rows: u64,
    /// Bytes of COPY data with the protocol's five for each message.
    pub(crate) bytes: u64,
}

/// Copies a relation's own rows. Both wires are ready for another statement afterwards, unless
/// one was lost.
///
/// # Errors
/// What either server says. The target's transaction must be rolled back then.
pub(crate) fn copy(
    source: &mut Wire,
    target: &mut Wire,
    (relation, format): (&Relation, Format),
    counters: &Counters,
    frozen: bool,
) -> Result<Moved, Error> {
    let (from, to) = statements(relation, format, frozen);
    // The target first: when it refuses, the source need not be stopped.
    target.begin_copy_in(&to)?;
    if let Err(error) = source.begin_copy_out(&from) {
        target.fail_copy_in()?;
        return Err(error);
    }
    let mut bytes = 0;
    let sent = forward(source, target, |block| {
        counters.add_bytes(block);
        bytes += block;
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
    Ok(Moved { rows, bytes })
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
    mut count: impl FnMut(u64),
) -> Result<u64, Broken> {
    let mut unchecked = 0;
    loop {
        let frames = match source.read_copy().map_err(Broken::Source)? {
            Copied::Frames(frames) => frames,
            Copied::End(rows) => return Ok(rows),
        };
        target.write_frames(frames).map_err(Broken::Target)?;
        let length = u64::try_from(frames.len()).unwrap_or(u64::MAX);
        count(length);
        unchecked += length;
        if unchecked >= CHECK_EVERY {
            unchecked = 0;
            target.check_copy_in().map_err(Broken::Target)?;
        }
    }
}

/// The statements of both sides. A table without columns to copy has no list; then COPY takes
/// what there is, which is nothing but the rows.
fn statements(relation: &Relation, format: Format, frozen: bool) -> (String, String) {
    let name = relation.name.sql();
    let columns = relation.column_list();
    let list = if columns.is_empty() {
        String::new()
    } else {
        format!(" ({columns})")
    };
    let condition = checksum::condition(relation);
    let what = if condition.is_empty() {
        format!("{name}{list}")
    } else {
        format!("(select {columns} from only {name}{condition})")
    };
    let form = format.as_str();
    let freeze = if frozen { ", freeze" } else { "" };
    (
        format!("copy {what} to stdout (format {form})"),
        format!("copy {name}{list} from stdin (format {form}{freeze})"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_session::RelationName;
    use pg_session::relation::{Binary, Canonical, ColumnFacts};

    fn relation(columns: &[&str], condition: Option<&str>) -> Relation {
        Relation {
            oid: 1,
            name: RelationName::new("S", "t\"x"),
            columns: columns
                .iter()
                .map(|name| ColumnFacts {
                    name: (*name).to_owned(),
                    data_type: "integer".to_owned(),
                    canonical: Canonical::Raw,
                    binary: Binary::Safe,
                })
                .collect(),
            key: Vec::new(),
            bytes: 0,
            rows_estimate: None,
            unlogged: false,
            parent: None,
            condition: condition.map(str::to_owned),
            filenode: None,
        }
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
