//! Whether a run moved everything, or found what differs.

use std::collections::BTreeSet;
use std::process::Output;

use pg_e2e::Database;

/// Each table with its number of rows. What tools leave for themselves has schemas of its own.
const ROWS: &str = r"
    select format('%I.%I', n.nspname, c.relname) || ' has ' ||
           substring(query_to_xml(format('select count(*) as c from only %I.%I', n.nspname, c.relname), false, true, '')::text from '<c>(\d+)</c>') || ' rows'
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'm') and n.nspname !~ '^(pg_|information_schema|pgmig|pgcopydb)'
    order by 1";

/// What is there when rows are in: valid indexes and constraints, statistics, a visibility map, large objects.
const REST: &str = "
    with ours as (
        select c.oid, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname !~ '^(pg_|information_schema|pgmig|pgcopydb)')
    select 'valid indexes: ' || count(*) from pg_index where indisvalid and indexrelid in (select oid from ours)
    union all select 'valid constraints: ' || count(*) from pg_constraint where convalidated and conrelid in (select oid from ours)
    union all select 'analyzed tables: ' || count(distinct starelid)
              from pg_statistic where starelid in (select oid from ours where relkind = 'r')
    -- VACUUM passes over a page that the server's writer has in hand at that moment.
    union all select 'tables above 8 MB whose pages are visible, 99 % of them: ' || count(*)
              from pg_class where oid in (select oid from ours where relkind = 'r') and relpages > 1024 and relallvisible >= relpages * 0.99
    union all select 'large objects: ' || count(*) from pg_largeobject_metadata
    union all select 'views: ' || count(*) from ours where relkind = 'v'";

/// What a database holds, as far as a run must have moved it.
#[derive(Default)]
pub(crate) struct Contents {
    lines: BTreeSet<String>,
    /// How many tables.
    pub(crate) tables: usize,
}

impl Contents {
    /// Reads all tables; with `whole` what else there is, too.
    pub(crate) fn of(database: &Database, whole: bool) -> Self {
        let rows = database.ask(ROWS);
        let rest = if whole {
            database.ask(REST)
        } else {
            Vec::new()
        };
        Self {
            tables: rows.len(),
            lines: rows.into_iter().chain(rest).collect(),
        }
    }

    /// Whether all of this has arrived.
    ///
    /// # Errors
    /// The first of what has not.
    pub(crate) fn arrived(&self, target: &Self) -> Result<(), String> {
        match self.lines.difference(&target.lines).next() {
            None => Ok(()),
            Some(line) => Err(format!("did not move everything: the source's {line}")),
        }
    }
}

/// Whether a comparison found the keys that differ, and no others.
///
/// # Errors
/// What it said instead.
pub(crate) fn answered(output: &Output, differing: &BTreeSet<String>) -> Result<(), String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let found: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    if !output.status.success() {
        return Err("gave no answer".to_owned());
    }
    if found == *differing {
        return Ok(());
    }
    let wrong = found.symmetric_difference(differing).next();
    Err(format!(
        "wrong answer: {} keys for {}, the first that is wrong is {}",
        found.len(),
        differing.len(),
        wrong.map_or("", String::as_str)
    ))
}
