//! `pg-validate`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    pg_validate::main()
}
