//! The way of the rows: COPY … TO STDOUT on the source into COPY … FROM STDIN on the target,
//! in blocks, none of them looked into.

use std::io::{BufRead, Write};

use pg_pipe::progress::Counters;
use pg_session::session::copy_error;
use pg_session::{Error, Relation, Session, checksum};

/// Rows and bytes that went over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Moved {
    /// Rows that the target took.
    pub(crate) rows: u64,
    /// Bytes of COPY data.
    pub(crate) bytes: u64,
}

/// Copies a relation's own rows.
///
/// # Errors
/// What either server says. The target's transaction must be rolled back then.
pub(crate) fn copy(
    source: &mut Session,
    target: &mut Session,
    relation: &Relation,
    counters: &Counters,
) -> Result<Moved, Error> {
    let (from, to) = statements(relation);
    let mut reader = source.copy_out(&from)?;
    let mut writer = target.copy_in(&to)?;
    let mut bytes = 0;
    loop {
        let block = reader.fill_buf().map_err(copy_error)?;
        if block.is_empty() {
            break;
        }
        writer.write_all(block).map_err(copy_error)?;
        let length = block.len();
        reader.consume(length);
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        counters.add_bytes(length);
        bytes += length;
    }
    drop(reader);
    let rows = Session::finish_copy(writer)?;
    Ok(Moved { rows, bytes })
}

/// Text format: right for every type under the pinned settings. A table without columns to
/// copy has no list; then COPY takes what there is, which is nothing but the rows.
fn statements(relation: &Relation) -> (String, String) {
    let name = relation.name.sql();
    let columns = relation.column_list();
    let list = if columns.is_empty() {
        String::new()
    } else {
        format!(" ({columns})")
    };
    let condition = checksum::condition(relation);
    let from = if condition.is_empty() {
        format!("copy {name}{list} to stdout")
    } else {
        format!("copy (select {columns} from only {name}{condition}) to stdout")
    };
    (from, format!("copy {name}{list} from stdin"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_session::RelationName;
    use pg_session::relation::{Canonical, ColumnFacts};

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
        let (from, to) = statements(&relation(&["a", "B"], None));
        assert_eq!(from, "copy \"S\".\"t\"\"x\" (\"a\", \"B\") to stdout");
        assert_eq!(to, "copy \"S\".\"t\"\"x\" (\"a\", \"B\") from stdin");
    }

    #[test]
    fn a_table_without_columns_has_no_list() {
        let (from, to) = statements(&relation(&[], None));
        assert_eq!(from, "copy \"S\".\"t\"\"x\" to stdout");
        assert_eq!(to, "copy \"S\".\"t\"\"x\" from stdin");
    }

    #[test]
    fn a_condition_makes_it_a_query() {
        let (from, _) = statements(&relation(&["a"], Some("WHERE a > 1")));
        assert_eq!(
            from,
            "copy (select \"a\" from only \"S\".\"t\"\"x\" WHERE a > 1) to stdout"
        );
    }
}
