//! `pg-schema-apply`: see the library, module `apply`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pg_schema_dump::apply_main()
}
