//! `pg-verify`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    pg_verify::main()
}
