//! `plan`: closes the stream of a dry run, and tells what the migration would do and how long
//! its rows would take. Touches no server.

use pg_pipe::record::{Migration, Plan, Record, Table, Throughput, ThroughputPath};
use pg_pipe::{Context, Exit, Failure, Input, Line};
use pg_session::{Role, quote};

use crate::address;
use crate::store::StateDir;

/// How many of the largest tables are told.
const LARGEST: usize = 5;

/// `plan STREAM`.
///
/// # Errors
/// What ended the stream.
pub(crate) fn run(input: Input, state: &StateDir, context: &Context) -> anyhow::Result<Exit> {
    let mut draft = Draft::default();
    let read = input.into_iter().try_for_each(|line| {
        if let Line::Known(record) = line? {
            draft.note(*record);
        }
        Ok::<_, Failure>(())
    });
    draft.forget_passwords(state)?;
    read?;
    context.write(Record::Plan(draft.plan()?));
    Ok(Exit::Fine)
}

/// What a stream has said so far.
#[derive(Default)]
struct Draft {
    migration: Option<Migration>,
    target: Option<String>,
    bytes: Option<u64>,
    objects: u64,
    tables: Vec<Table>,
    roles: Vec<String>,
    rate: Option<u64>,
}

impl Draft {
    fn note(&mut self, record: Record) {
        match record {
            Record::Migration(migration) => self.migration = Some(migration),
            Record::Endpoint(endpoint) if endpoint.role == pg_pipe::record::Side::Target => {
                self.target = Some(endpoint.conninfo);
            }
            Record::Database(facts)
                if self
                    .migration
                    .as_ref()
                    .is_some_and(|migration| migration.database == facts.name) =>
            {
                self.bytes = facts.bytes.map(unsigned);
            }
            Record::Throughput(Throughput {
                path: ThroughputPath::Through,
                bytes_per_second,
                ..
            }) => self.rate = Some(bytes_per_second),
            Record::Role(role) => self.roles.push(role.name),
            Record::Object(_) => self.objects += 1,
            Record::Table(table) => self.tables.push(table),
            _ => {}
        }
    }

    /// A dry run leaves nothing behind, unless the migration has begun in earnest.
    fn forget_passwords(&self, state: &StateDir) -> anyhow::Result<()> {
        if let (Some(migration), Some(target)) = (&self.migration, &self.target) {
            let place = state.place(
                &address::of_conninfo(Role::Target, target)?,
                &migration.name,
            )?;
            if !place.journal().exists() {
                place.remove_passfiles()?;
            }
        }
        Ok(())
    }

    fn plan(mut self) -> Result<Plan, Failure> {
        let migration = self.migration.ok_or_else(|| {
            Failure::usage("the stream has no migration record")
                .hint("Open it with: pg-migstate begin --dry-run FILE")
        })?;
        self.tables
            .sort_by_key(|table| std::cmp::Reverse(table.bytes));
        let of_tables: u64 = self.tables.iter().map(|table| unsigned(table.bytes)).sum();
        let bytes = self.bytes.or(Some(of_tables));
        let rate = self.rate.filter(|rate| *rate > 0);
        Ok(Plan {
            database: migration.database,
            staging: migration.staging,
            overwrite: migration.overwrite,
            bytes,
            objects: self.objects,
            tables: u64::try_from(self.tables.len()).unwrap_or(u64::MAX),
            rows_estimate: self
                .tables
                .iter()
                .filter_map(|table| table.rows_estimate)
                .sum(),
            largest: self.tables.iter().take(LARGEST).map(sized).collect(),
            roles: self.roles,
            bytes_per_second: self.rate,
            eta_seconds: rate.map(|rate| bytes.unwrap_or_default().div_ceil(rate)),
        })
    }
}

fn sized(table: &Table) -> String {
    let name = quote::shown(&table.name);
    let schema = quote::shown(&table.schema);
    format!(
        "{schema}.{name} {} MB",
        unsigned(table.bytes).div_ceil(1_000_000)
    )
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::samples::migration;

    fn table(name: &str, bytes: i64) -> Record {
        let text = format!(
            r#"{{"type":"table","schema":"s","name":"{name}","columns":[],"bytes":{bytes},"rows_estimate":7}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_largest_tables_come_first_and_the_rate_makes_the_time() {
        let mut draft = Draft::default();
        draft.note(Record::Migration(migration("m1", &["a"], "a")));
        for number in 1..=6 {
            draft.note(table(&format!("t{number}"), number * 1_000_000));
        }
        draft.rate = Some(2_000_000);
        let plan = draft.plan().unwrap();
        assert_eq!(plan.largest.first().unwrap(), "s.t6 6 MB");
        assert_eq!(plan.largest.len(), LARGEST);
        assert_eq!((plan.tables, plan.rows_estimate), (6, 42));
        assert_eq!((plan.bytes, plan.eta_seconds), (Some(21_000_000), Some(11)));
    }

    #[test]
    fn a_stream_without_a_migration_is_no_plan() {
        assert!(Draft::default().plan().is_err());
    }
}
