//! One reading of one thing on one side: what is read, how, and what comes out.

use std::fmt;

use anyhow::Context as _;
use pg_pipe::{Exit, Failure};
use pg_session::catalog::read_sequence;
use pg_session::checksum::{
    Sum, merge, rows, stream_large_objects, stream_on_wire, sum_large_objects, sum_where,
};
use pg_session::relation::ColumnFacts;
use pg_session::{Relation, RelationName, Session, Wire, quote};

use crate::known::LARGE_OBJECTS;

const FILENODE: &str = include_str!("sql/relation_filenode.sql");

/// Ranges of a key are read by its index, whatever statistics the table has, or has not. It
/// holds until the savepoint before it is gone back to.
pub(crate) const BY_INDEX: &str = "set local enable_seqscan = off";

/// What is to be read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Job {
    /// The rows of a table.
    Table(Box<TableJob>),
    /// Where a sequence stands.
    Sequence(RelationName),
    /// All large objects.
    LargeObjects,
}

impl fmt::Display for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(table) => table.relation.name.fmt(formatter),
            Self::Sequence(name) => name.fmt(formatter),
            Self::LargeObjects => formatter.write_str(LARGE_OBJECTS),
        }
    }
}

/// The rows of a table, as one side has them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TableJob {
    /// The table, with the columns that are compared.
    pub(crate) relation: Relation,
    /// The columns of its key, compared or not.
    pub(crate) key: Vec<ColumnFacts>,
    /// The condition of those rows that are compared.
    pub(crate) filter: Option<String>,
    /// Whether rows are counted only.
    pub(crate) counts: bool,
    /// Bytes of this part of it.
    pub(crate) bytes: i64,
    /// Whether it is a part: a range of the key.
    pub(crate) is_part: bool,
}

impl TableJob {
    /// The same with a condition more: a part of the table.
    pub(crate) fn part(&self, condition: &str) -> Self {
        Self {
            filter: Some(self.and(condition)),
            is_part: true,
            ..self.clone()
        }
    }

    /// A condition together with the table's own. A line end closes a comment in it.
    pub(crate) fn and(&self, condition: &str) -> String {
        match &self.filter {
            Some(filter) => format!("({filter}\n) and ({condition})"),
            None => condition.to_owned(),
        }
    }

    /// Counts and checksums its rows.
    ///
    /// # Errors
    /// What the server says, or that the table was truncated or rewritten meanwhile.
    fn read(&self, reader: &mut Reader<'_>) -> anyhow::Result<Reading> {
        let filter = self.filter.as_ref().map(|filter| format!("{filter}\n"));
        let (relation, filter) = (&self.relation, filter.as_deref());
        let session = &mut *reader.session;
        let reading = match &mut reader.wire {
            _ if self.counts => {
                let sql = format!("select count(*) from {}", rows(relation, filter));
                Reading::counted(session.query_one(&sql, &[])?.get(0))
            }
            Some(wire) => {
                if self.is_part {
                    wire.batch(BY_INDEX)?;
                }
                stream_on_wire(wire, relation, filter)?.into()
            }
            None => {
                if self.is_part {
                    session.batch(BY_INDEX)?;
                }
                sum_where(session, relation, filter)?.into()
            }
        };
        check_unchanged(session, relation)?;
        Ok(reading)
    }
}

/// What reads: a session in the snapshot, and a wire in it where rows are streamed.
pub(crate) struct Reader<'s> {
    /// The session.
    pub(crate) session: &'s mut Session,
    /// The wire.
    pub(crate) wire: Option<&'s mut Wire>,
}

impl From<Sum> for Reading {
    fn from(sum: Sum) -> Self {
        Self::rows(sum.rows, sum.checksum)
    }
}

/// What was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Reading {
    /// Rows; objects for large objects; `last_value` of a sequence.
    pub(crate) count: i64,
    /// Checksum of contents; a sequence has none.
    pub(crate) checksum: Option<String>,
    /// Whether a sequence's `last_value` has been handed out.
    pub(crate) is_called: Option<bool>,
}

impl Reading {
    /// Rows, or large objects.
    pub(crate) fn rows(count: i64, checksum: String) -> Self {
        Self {
            count,
            checksum: Some(checksum),
            is_called: None,
        }
    }

    /// Rows without a checksum.
    pub(crate) fn counted(count: i64) -> Self {
        Self {
            count,
            checksum: None,
            is_called: None,
        }
    }

    /// The whole of both sides out of their parts.
    pub(crate) fn of_sides(parts: &[[Option<Self>; 2]]) -> [Option<Self>; 2] {
        let (source, target): (Vec<_>, Vec<_>) = parts
            .iter()
            .map(|[source, target]| (source.clone(), target.clone()))
            .unzip();
        [Self::whole(&source), Self::whole(&target)]
    }

    /// The whole of a table out of its parts; `None` when one is missing or of another kind.
    pub(crate) fn whole(parts: &[Option<Self>]) -> Option<Self> {
        if let [only] = parts {
            return only.clone();
        }
        let parts: Option<Vec<Sum>> = parts.iter().map(|part| part.as_ref()?.sum()).collect();
        let sum = merge(&parts?)?;
        Some(Self::rows(sum.rows, sum.checksum))
    }

    fn sum(&self) -> Option<Sum> {
        Some(Sum {
            rows: self.count,
            checksum: self.checksum.clone()?,
        })
    }

    /// Where a sequence stands.
    pub(crate) fn position(last_value: i64, is_called: bool) -> Self {
        Self {
            count: last_value,
            checksum: None,
            is_called: Some(is_called),
        }
    }
}

impl Job {
    /// Bytes that will be read, as far as they are known.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Table(table) => u64::try_from(table.bytes).unwrap_or(0),
            Self::Sequence(_) | Self::LargeObjects => 0,
        }
    }

    /// Reads it, in the transactions that session and wire are in.
    ///
    /// # Errors
    /// What the server says, or that the table was truncated or rewritten meanwhile.
    pub(crate) fn read(&self, reader: &mut Reader<'_>) -> anyhow::Result<Reading> {
        match (self, &mut reader.wire) {
            (Self::Table(table), _) => table.read(reader),
            (Self::Sequence(name), _) => {
                let position = read_sequence(reader.session, name)?;
                Ok(Reading::position(position.last_value, position.is_called))
            }
            (Self::LargeObjects, Some(wire)) => Ok(stream_large_objects(wire)?.into()),
            (Self::LargeObjects, None) => {
                let sum = sum_large_objects(reader.session)?;
                Ok(Reading::rows(sum.count, sum.checksum))
            }
        }
    }
}

/// Makes sure that a table was neither truncated nor rewritten, which is not MVCC: an older
/// snapshot then sees an empty table, and two empty tables would be equal.
///
/// # Errors
/// When it was.
pub(crate) fn check_unchanged(session: &mut Session, relation: &Relation) -> anyhow::Result<()> {
    // By the simple protocol: there is one for each part of a table.
    let sql = quote::bound(FILENODE, &[&relation.oid.to_string()]);
    let rows = session
        .text_rows(&sql)
        .context("cannot tell whether it was truncated meanwhile")?;
    let now = rows.into_iter().flatten().flatten().next();
    let now: Option<i64> = now.and_then(|text| text.parse().ok());
    if now == relation.filenode {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Refused,
        "changed",
        "it was truncated or rewritten while it was read",
    )
    .hint("Run pg-verify again when nobody truncates, alters or clusters the table.")
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_of_which_a_part_is_missing_or_another_kind_is_none() {
        let part = |rows, sum: &str| Some(Reading::rows(rows, format!("b64s/1:aa:{sum}")));
        let whole = Reading::whole(&[part(2, "5"), part(3, "-7")]);
        assert_eq!(whole, part(5, "-2"));
        assert_eq!(Reading::whole(&[part(2, "5"), None]), None);
        assert_eq!(
            Reading::whole(&[part(2, "5"), Some(Reading::counted(3))]),
            None
        );
        let other = Some(Reading::rows(1, "b64s/1:bb:1".to_owned()));
        assert_eq!(Reading::whole(&[part(2, "5"), other]), None);
        assert_eq!(Reading::whole(&[None]), None);
    }
}
