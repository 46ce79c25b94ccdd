//! Stub while being written.
/// Stub.
pub fn main() -> std::process::ExitCode { std::process::ExitCode::SUCCESS }
/// Stub.
pub fn apply_main() -> std::process::ExitCode { std::process::ExitCode::SUCCESS }
