//! Unlogged tables: a server that crashes empties them when it comes back, and the ledger, which
//! is logged, still says that their rows are in.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::relation::RelationName;
use crate::session::Session;

const UNLOGGED: &str = include_str!("sql/unlogged_list.sql");

/// Unlogged tables that have fewer rows than the ledger knows of. There must be a ledger.
///
/// # Errors
/// What the server says.
pub fn list_emptied(session: &mut Session) -> Result<BTreeSet<RelationName>, Error> {
    let mut emptied = BTreeSet::new();
    for row in session.query(UNLOGGED, &[])? {
        let name = RelationName::new(
            row.get::<_, &str>("schema_name"),
            row.get::<_, &str>("table_name"),
        );
        let there: i64 = session
            .query_one(&format!("select count(*) from only {}", name.sql()), &[])?
            .get(0);
        if there < row.get::<_, i64>("rows") {
            emptied.insert(name);
        }
    }
    Ok(emptied)
}
