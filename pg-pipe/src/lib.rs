//! Standing in a pipeline: what the six tools have in common towards stdin, stdout, stderr
//! and the shell.
//!
//! A tool implements [`Tool`] and its `main` is [`tool::main`]. It is given an [`Input`]
//! when it was given a stream, and a [`Context`] to write records and talk to people.
//! The contract of the stream stands in the README; the records in [`record`].
//!
//! This crate knows no socket, no SQL and no secret.

pub mod board;
pub mod context;
pub mod dial;
pub mod exit;
pub mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzzed;
mod generate;
pub mod head;
pub mod input;
pub mod notice;
pub mod output;
pub mod owned;
pub mod pace;
pub mod progress;
pub mod record;
mod redact;
pub mod report;
pub mod shown;
pub mod standing;
pub mod stop;
pub mod tool;

pub use context::Context;
pub use dial::Dial;
pub use exit::Exit;
pub use failure::{Diagnosis, Failure};
pub use head::Head;
pub use input::{Input, Line};
pub use standing::{Standing, StreamOperand};
pub use tool::Tool;
