//! Several processes joined by pipes of the operating system, with the status of each.

use std::fmt;
use std::io;

use crate::ran::Ran;
use crate::running::Running;
use crate::tool::{Stdin, Stdout, Tool};

/// Commands that are going to be joined, the writer first.
#[derive(Debug, Default)]
pub struct Pipeline {
    tools: Vec<Tool>,
}

impl Pipeline {
    /// Joins commands, the writer first.
    pub fn of(tools: impl IntoIterator<Item = Tool>) -> Self {
        Self {
            tools: tools.into_iter().collect(),
        }
    }

    /// Adds a command at the reading end.
    #[must_use]
    pub fn pipe(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// Adds several.
    #[must_use]
    pub fn append(mut self, tools: impl IntoIterator<Item = Tool>) -> Self {
        self.tools.extend(tools);
        self
    }

    /// Runs all of them to their end.
    pub fn run(self) -> Joined {
        Joined {
            parts: self.spawn().into_iter().map(Running::wait).collect(),
        }
    }

    /// Starts all of them.
    pub fn spawn(self) -> Vec<Running> {
        let last = self.tools.len().saturating_sub(1);
        let mut upstream = None;
        let mut running = Vec::new();
        for (place, mut tool) in self.tools.into_iter().enumerate() {
            if let Some(reader) = upstream.take() {
                tool = tool.stdin(Stdin::Pipe(reader));
            }
            if place < last {
                let (reader, writer) = io::pipe().expect("a pipe can be made");
                upstream = Some(reader);
                tool = tool.stdout(Stdout::Pipe(writer));
            }
            running.push(tool.spawn());
        }
        running
    }
}

/// What joined processes did.
#[derive(Debug)]
pub struct Joined {
    /// Each, the writer first.
    pub parts: Vec<Ran>,
}

impl Joined {
    /// The last one, whose stdout is the result.
    pub fn last(&self) -> &Ran {
        self.parts.last().expect("a pipeline has a last command")
    }

    /// Exit status of each.
    pub fn statuses(&self) -> Vec<i32> {
        self.parts.iter().map(|part| part.status).collect()
    }

    /// Expects each to end with status 0.
    #[track_caller]
    pub fn succeeds(&self) -> &Self {
        assert!(
            self.statuses().iter().all(|status| *status == 0),
            "expected each to end with status 0, got {:?}\n{self}",
            self.statuses()
        );
        self
    }
}

impl fmt::Display for Joined {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            writeln!(formatter, "---\n{part}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn shell(script: &str) -> Tool {
        Tool::program("sh", Path::new("/bin/sh")).args(["-c", script])
    }

    #[test]
    fn every_status_is_kept_and_the_last_output_is_the_result() {
        let joined = Pipeline::of([shell("echo a; exit 4"), shell("cat; echo b; exit 5")])
            .pipe(shell("cat"))
            .run();
        assert_eq!(joined.statuses(), [4, 5, 0]);
        assert_eq!(joined.last().text(), "a\nb\n");
    }
}
