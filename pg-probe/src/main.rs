//! `pg-probe`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    pg_probe::main()
}
