//! Where large tables are cut, by what the source can read in parts: blocks where it reads no
//! others than those that are asked for, else values of a key.

use std::collections::BTreeMap;

use pg_session::catalog::{self, SplitKey};
use pg_session::ledger::Range;
use pg_session::{Error, Relation, Session};

use crate::split::{self, Splitter};

/// What the tables that are worth it can be cut by.
pub(crate) struct Cuts {
    blocks: BTreeMap<u32, i64>,
    keys: BTreeMap<u32, SplitKey>,
}

impl Cuts {
    /// Looks at the tables, inside the source's snapshot.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn read(
        source: &mut Session,
        tables: &[&Relation],
        splitter: &Splitter,
    ) -> Result<Self, Error> {
        let is_large = |table: &&&Relation| {
            let has_rows_of_its_own = table.condition.is_none() && !table.columns.is_empty();
            splitter.parts(table.bytes) > 1 && has_rows_of_its_own
        };
        let large = tables.iter().filter(is_large);
        let large: Vec<u32> = large.map(|table| table.oid).collect();
        let mut cuts = Self {
            blocks: BTreeMap::new(),
            keys: BTreeMap::new(),
        };
        if large.is_empty() {
            return Ok(cuts);
        }
        if source.version().has_tid_range_scans() {
            cuts.blocks = catalog::list_blocks(source, &large)?;
        } else {
            cuts.keys = catalog::list_split_keys(source, &large)?;
        }
        Ok(cuts)
    }

    /// The ranges of a table, as many as `parts` at the most; all of it where it cannot be cut.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn ranges(
        &self,
        source: &mut Session,
        table: &Relation,
        parts: i64,
    ) -> Result<Vec<Range>, Error> {
        if let Some(blocks) = self.blocks.get(&table.oid) {
            return Ok(split::by_blocks(*blocks, parts));
        }
        let Some(key) = self.keys.get(&table.oid) else {
            return Ok(vec![Range::Whole]);
        };
        let bounds = catalog::sample_bounds(source, &table.name, key, parts)?;
        Ok(split::by_key(&key.column, &bounds))
    }
}
