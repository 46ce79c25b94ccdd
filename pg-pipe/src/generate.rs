//! Man page and completions, printed by the binary from the definition that parses its
//! arguments: `TOOL --generate man|bash|zsh|fish`. `TOOL --generate man DIR` writes the page
//! into a directory, and one for each subcommand, which the first refers to.

use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::{Shell, generate};

use crate::failure::Failure;

/// Writes what `kind` names, man pages into a directory if one is given.
///
/// # Errors
/// When `kind` is unknown or the output cannot be written.
pub(crate) fn write(
    kind: &str,
    directory: Option<&Path>,
    mut command: Command,
    target: &mut impl Write,
) -> Result<io::Result<()>, Failure> {
    let shell = match kind {
        "man" => {
            return Ok(match directory {
                Some(directory) => clap_mangen::generate_to(command, directory),
                None => clap_mangen::Man::new(command).render(target),
            });
        }
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        other => {
            return Err(Failure::usage(format!("cannot generate {other}"))
                .hint("Choose man, bash, zsh or fish."));
        }
    };
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    generate(shell, &mut command, name, &mut text);
    Ok(target.write_all(&text))
}
