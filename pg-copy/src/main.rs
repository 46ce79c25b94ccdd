//! `pg-copy`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    pg_copy::main()
}
