//! Relations as `table` records.

use pg_pipe::record::{Column, Table};
use pg_session::Relation;

/// The record of a relation.
pub(crate) fn record(relation: Relation) -> Table {
    Table {
        schema: relation.name.schema,
        name: relation.name.name,
        columns: relation
            .columns
            .into_iter()
            .map(|column| Column {
                name: column.name,
                data_type: column.data_type,
            })
            .collect(),
        key: relation.key,
        bytes: relation.bytes,
        rows_estimate: relation.rows_estimate,
        unlogged: relation.unlogged,
        parent: relation.parent.map(|parent| parent.sql()),
        condition: relation.condition,
        filenode: relation.filenode,
    }
}
