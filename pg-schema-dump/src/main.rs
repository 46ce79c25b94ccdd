//! `pg-schema-dump`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    pg_schema_dump::main()
}
