//! `pg-migstate`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    pg_migstate::main()
}
