//! The rows that are wanted of each table.

use std::collections::BTreeMap;

use pg_pipe::Failure;
use pg_pipe::record::Table;
use pg_session::ledger::LedgerChunk;
use pg_session::{RelationName, RowFilter};

use crate::holder::Holder;

/// The conditions by table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filters(BTreeMap<RelationName, RowFilter>);

impl Filters {
    /// What was typed, for the tables of a plan.
    ///
    /// # Errors
    /// Wrong usage (exit 2): a table that the stream does not have, one that has a condition
    /// already.
    pub(crate) fn of(typed: &[RowFilter], tables: &[Table]) -> Result<Self, Failure> {
        let mut filters = BTreeMap::new();
        for filter in typed {
            let name = &filter.name;
            let table = tables
                .iter()
                .find(|table| (&table.schema, &table.name) == (&name.schema, &name.name))
                .ok_or_else(|| {
                    wrong(name, "the stream has no rows of such a table")
                        .hint("Rows are in leaf partitions and tables; name each of them.")
                })?;
            if table.condition.is_some() {
                return Err(wrong(name, "the table's extension has a condition for it"));
            }
            if filters.insert(name.clone(), filter.clone()).is_some() {
                return Err(wrong(name, "the table has two conditions")
                    .hint("Join them with AND or OR in one."));
            }
        }
        Ok(Self(filters))
    }

    /// As a plan in the ledger has them.
    pub(crate) fn from_ledger(chunks: &[LedgerChunk]) -> Self {
        let filter = |chunk: &LedgerChunk| {
            let condition = chunk.condition.clone()?;
            let name = chunk.name.clone();
            Some((name.clone(), RowFilter { name, condition }))
        };
        Self(chunks.iter().filter_map(filter).collect())
    }

    /// Has the source read the conditions.
    ///
    /// # Errors
    /// Wrong usage (exit 2) with what the source says.
    pub(crate) fn check(&self, holder: &mut Holder) -> anyhow::Result<()> {
        for (name, filter) in &self.0 {
            if let Err(error) = filter.check(&mut holder.session) {
                if error.class().is_connection() {
                    return Err(error.into());
                }
                return Err(wrong(name, &error.to_string())
                    .hint("Try it in psql: select count(*) from the table where the condition.")
                    .into());
            }
        }
        Ok(())
    }

    /// The condition of a table as it was typed.
    pub(crate) fn typed(&self, name: &RelationName) -> Option<&str> {
        self.0.get(name).map(|filter| filter.condition.as_str())
    }

    /// A table's condition together with that of a part of it.
    pub(crate) fn sql(&self, name: &RelationName, part: Option<String>) -> Option<String> {
        match (self.0.get(name), part) {
            (Some(filter), Some(part)) => Some(format!("{part} and {}", filter.sql())),
            (Some(filter), None) => Some(filter.sql()),
            (None, part) => part,
        }
    }
}

fn wrong(name: &RelationName, why: &str) -> Failure {
    Failure::usage(format!("--where {name}: {why}")).object(name.to_string())
}
