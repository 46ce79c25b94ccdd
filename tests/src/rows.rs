//! What tables hold, by the server's own account and none of our code.

use std::collections::BTreeMap;

use crate::database::Database;

/// What would have two servers write the same value in two ways.
const SAME_WRITING: &str = "
    set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set timezone = 'UTC';
    set bytea_output = 'hex'; set lc_monetary = 'C';
    set search_path = pg_catalog; set row_security = off;";

/// The tables of a database, the ledger's left out, as SQL writes their names.
const TABLES: &str = "
    select c.oid::regclass::text from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'pgmig')
    order by 1";

/// How many rows each table has, and the MD5 of them as text, whatever their order.
///
/// # Panics
/// When the server does not answer.
#[track_caller]
pub fn held(database: &Database) -> BTreeMap<String, String> {
    held_with(database, "3")
}

fn held_with(database: &Database, float_digits: &str) -> BTreeMap<String, String> {
    let mut client = database.connect();
    client
        .batch_execute(SAME_WRITING)
        .expect("every server knows these settings");
    client
        .batch_execute(&format!("set extra_float_digits = {float_digits}"))
        .expect("every server knows this setting");
    let tables = client.query(TABLES, &[]).expect("it has a catalog");
    tables
        .iter()
        .map(|row| {
            let name: String = row.get(0);
            // In one order everywhere, whatever the collation of a database.
            let sql = format!(
                "select count(*) || ' ' || coalesce(md5(string_agg(line, '' order by line collate \"C\")), '') \
                 from (select md5(row_of::text) as line from only {name} as row_of) as each"
            );
            let row = client
                .query_one(&sql, &[])
                .unwrap_or_else(|error| panic!("{name} cannot be read: {error}"));
            (name, row.get(0))
        })
        .collect()
}

/// Expects two databases to have the same tables with the same rows.
///
/// # Panics
/// With what differs.
#[track_caller]
pub fn are_equal(source: &Database, target: &Database) {
    // Servers before 12 do not know the shortest digits that mean a float, so both say fewer.
    let is_old = source.cluster.major.min(target.cluster.major) < 12;
    let digits = if is_old { "0" } else { "3" };
    let (there, here) = (held_with(source, digits), held_with(target, digits));
    let differing: Vec<String> = there
        .keys()
        .chain(here.keys())
        .filter(|name| there.get(*name) != here.get(*name))
        .map(|name| {
            format!(
                "{name}: {:?} on the source, {:?} on the target",
                there.get(name),
                here.get(name)
            )
        })
        .collect();
    assert!(differing.is_empty(), "{differing:#?}");
}
