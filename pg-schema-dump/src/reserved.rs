//! A name that is ours: the schema of the ledger on the target. A source that has one of that
//! name is refused before anything is changed.

use pg_pipe::Failure;
use pg_pipe::record::Object;
use pg_session::catalog::LEDGER_SCHEMA;

/// Whether the objects leave the ledger's schema alone.
///
/// # Errors
/// A conflict (exit 7) when one of them is that schema, or in it.
pub(crate) fn check(objects: &[Object]) -> Result<(), Failure> {
    let is_ours = |object: &&Object| {
        let is_it = object.kind == "SCHEMA" && object.name == LEDGER_SCHEMA;
        is_it || object.schema.as_deref() == Some(LEDGER_SCHEMA)
    };
    match objects.iter().find(is_ours) {
        Some(_) => Err(Failure::conflict(format!(
            "the source has a schema {LEDGER_SCHEMA}, whose name the ledger needs on the target"
        ))
        .hint(format!(
            "Rename it on the source: ALTER SCHEMA {LEDGER_SCHEMA} RENAME TO {LEDGER_SCHEMA}_old, or leave it out: pg-schema-dump -N {LEDGER_SCHEMA}."
        ))),
        None => Ok(()),
    }
}
