//! `--fix-sql`: the SQL that mends what was found, in one file, by the server that it is for.

use std::io::{self, Write};
use std::path::Path;

use pg_pipe::record::Side;
use pg_pipe::{Failure, owned};

use crate::outcome::Outcome;

/// Statements that are collected while the checks run.
#[derive(Debug, Default)]
pub(crate) struct Fixes {
    source: String,
    target: String,
}

impl Fixes {
    /// Notes what mends a finding.
    pub(crate) fn note(&mut self, id: &str, database: Option<&str>, outcome: &Outcome) {
        for side in [Side::Source, Side::Target] {
            let mut statements = outcome
                .fixes
                .iter()
                .filter(|fix| fix.side == side)
                .peekable();
            if statements.peek().is_none() {
                continue;
            }
            let text = match side {
                Side::Source => &mut self.source,
                Side::Target => &mut self.target,
            };
            let of = database.map_or_else(String::new, |name| format!(" (database {name})"));
            let heading = format!("{id}{of}: {}", outcome.message).replace(['\n', '\r'], " ");
            text.push_str(&format!("\n-- {heading}\n"));
            for fix in statements {
                text.push_str(&format!("{}\n", fix.sql));
            }
        }
    }

    /// Looks whether the file could be written, and leaves what it holds.
    ///
    /// # Errors
    /// When it cannot be written (exit 3).
    pub(crate) fn try_file(file: &Path) -> Result<(), Failure> {
        let opened = owned::file().append(true).open(file);
        opened.map(drop).map_err(|error| not_written(file, &error))
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written (exit 3).
    pub(crate) fn write(&self, file: &Path) -> Result<(), Failure> {
        let mut text = "-- What pg-validate would mend. Read it before you run it.\n".to_owned();
        for (title, statements) in [("source", &self.source), ("target", &self.target)] {
            if !statements.is_empty() {
                text.push_str(&format!("\n-- ===== On the {title} =====\n{statements}"));
            }
        }
        let written = owned::file()
            .truncate(true)
            .open(file)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| not_written(file, &error))
    }
}

fn not_written(file: &Path, error: &io::Error) -> Failure {
    Failure::input(format!("cannot write {}: {error}", file.display()))
        .hint("Name a file in a directory that you may write to.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn statements_stand_under_their_server_and_their_finding() {
        let outcome = Outcome::failed("two\nlines")
            .fix_on(Side::Source, "a;")
            .fix_on(Side::Target, "b;");
        let mut fixes = Fixes::default();
        fixes.note("x.y", Some("d"), &outcome);
        let file = std::env::temp_dir().join(format!("pgmig-fixes-{}", std::process::id()));
        fixes.write(&file).unwrap();
        // Looked at again by a run that then finds no server.
        Fixes::try_file(&file).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(
            text,
            "-- What pg-validate would mend. Read it before you run it.\n\
             \n-- ===== On the source =====\n\n-- x.y (database d): two lines\na;\n\
             \n-- ===== On the target =====\n\n-- x.y (database d): two lines\nb;\n"
        );
        let nowhere = Path::new("/nowhere/at all");
        assert!(Fixes::default().write(nowhere).is_err());
        assert!(Fixes::try_file(nowhere).is_err());
    }
}
