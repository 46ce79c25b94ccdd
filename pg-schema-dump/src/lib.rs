//! `pg-schema-dump` says what there is: one record an object, one a table. Its twin
//! `pg-schema-apply` makes it on the target. They share one model of an object, the `object`
//! record; pg_dump is the authority on its SQL.
//!
//! ```text
//! pg-schema-dump --source "$SRC" | jq -r 'select(.type=="object") | .sql'
//! ```

mod apply;
mod dump;
mod quoted;

use std::error::Error;
use std::process::ExitCode;

use pg_pipe::Diagnosis;

/// The whole of `main` of `pg-schema-dump`.
pub fn main() -> ExitCode {
    pg_pipe::tool::main::<dump::PgSchemaDump>()
}

/// The whole of `main` of `pg-schema-apply`.
pub fn apply_main() -> ExitCode {
    pg_pipe::tool::main::<apply::PgSchemaApply>()
}

fn diagnose(error: &(dyn Error + 'static)) -> Option<Diagnosis> {
    let error = error.downcast_ref::<pg_session::Error>()?;
    Some(Diagnosis::of_server(
        error.class().as_str(),
        error.class().is_connection(),
        error.sqlstate(),
        error.hint(),
    ))
}
