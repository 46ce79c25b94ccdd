//! A relation for unit tests.

use pg_session::relation::{Binary, Canonical, ColumnFacts};
use pg_session::{Relation, RelationName};

/// Table `s.t` with columns of type integer.
pub(crate) fn relation(columns: &[&str]) -> Relation {
    Relation {
        oid: 1,
        name: RelationName::new("s", "t"),
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
        condition: None,
        filenode: None,
    }
}
