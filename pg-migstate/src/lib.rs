//! Stub while being written.
/// Stub.
pub fn main() -> std::process::ExitCode { std::process::ExitCode::SUCCESS }
