//! One reading of one thing on one side: what is read, how, and what comes out.

use std::fmt;

use anyhow::Context as _;
use pg_pipe::{Exit, Failure};
use pg_session::catalog::read_sequence;
use pg_session::checksum::{sum_large_objects, sum_relation};
use pg_session::{Relation, RelationName, Session};

use crate::known::LARGE_OBJECTS;

const FILENODE: &str = include_str!("sql/relation_filenode.sql");

/// What is to be read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Job {
    /// The rows of a table.
    Table(Box<Relation>),
    /// Where a sequence stands.
    Sequence(RelationName),
    /// All large objects.
    LargeObjects,
}

impl fmt::Display for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(relation) => relation.name.fmt(formatter),
            Self::Sequence(name) => name.fmt(formatter),
            Self::LargeObjects => formatter.write_str(LARGE_OBJECTS),
        }
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
            Self::Table(relation) => u64::try_from(relation.bytes).unwrap_or(0),
            Self::Sequence(_) | Self::LargeObjects => 0,
        }
    }

    /// Reads it, in the transaction that the session is in.
    ///
    /// # Errors
    /// What the server says, or that the table was truncated or rewritten meanwhile.
    pub(crate) fn read(&self, session: &mut Session) -> anyhow::Result<Reading> {
        match self {
            Self::Table(relation) => {
                let sum = sum_relation(session, relation)?;
                check_unchanged(session, relation)?;
                Ok(Reading::rows(sum.rows, sum.checksum))
            }
            Self::Sequence(name) => {
                let position = read_sequence(session, name)?;
                Ok(Reading::position(position.last_value, position.is_called))
            }
            Self::LargeObjects => {
                let sum = sum_large_objects(session)?;
                Ok(Reading::rows(sum.count, sum.checksum))
            }
        }
    }
}

/// TRUNCATE and rewrites are not MVCC: an older snapshot then sees an empty table, and two
/// empty tables would be equal.
fn check_unchanged(session: &mut Session, relation: &Relation) -> anyhow::Result<()> {
    let row = session
        .query_one(FILENODE, &[&relation.oid])
        .context("cannot tell whether it was truncated meanwhile")?;
    let now: Option<i64> = row.get("filenode");
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
