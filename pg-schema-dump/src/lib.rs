//! `pg-schema-dump` says what there is: one record an object, one a table. Its twin
//! `pg-schema-apply` makes it on the target. They share one model of an object, the `object`
//! record; pg_dump is the authority on its SQL.
//!
//! ```text
//! pg-schema-dump --source "$SRC" | jq -r 'select(.type=="object") | .sql'
//! ```

mod apply;
mod dump;
#[cfg(any(test, fuzzing))]
pub mod fuzzed;
mod leave_out;
mod quoted;
mod reserved;

use std::process::ExitCode;

/// In `depends_on`: something that pg_dump's filters may have left out. pg_dump counts from 1.
const FILTERED: i64 = 0;

/// The whole of `main` of `pg-schema-dump`.
pub fn main() -> ExitCode {
    pg_pipe::tool::main::<dump::PgSchemaDump>()
}

/// The whole of `main` of `pg-schema-apply`.
pub fn apply_main() -> ExitCode {
    pg_pipe::tool::main::<apply::PgSchemaApply>()
}
