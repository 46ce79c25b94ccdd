//! Reads `cargo metadata` on stdin, writes the bill of materials of `make dist`.
use std::io;

fn main() -> io::Result<()> {
    let metadata = serde_json::from_reader(io::stdin())?;
    let lock = std::fs::read_to_string("Cargo.lock")?;
    serde_json::to_writer_pretty(io::stdout(), &pg_e2e::bill::of(&metadata, &lock, "pg-e2e"))?;
    Ok(())
}
