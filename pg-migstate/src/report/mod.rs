//! `report`: one page about a migration, with all that it needs in it. Touches no server.

mod chart;
mod markup;
mod page;
mod story;

use std::io::{self, Write};
use std::path::Path;

use pg_pipe::{Context, Exit};
use tempfile::NamedTempFile;

use crate::args::ReportArgs;
use crate::chosen::Chosen;
use crate::clock;
use crate::journal;
use crate::report::story::Story;
use crate::status::{self, Signs};
use crate::store::{StateDir, unusable};

/// `report NAME --html FILE`.
///
/// # Errors
/// When there is no such migration, or the file cannot be written.
pub(crate) fn run(args: &ReportArgs, state: &StateDir, context: &Context) -> anyhow::Result<Exit> {
    let chosen = Chosen::find(&args.chosen, state)?;
    let story = Story::of(journal::read(&chosen.place)?);
    let signs = Signs::of(&chosen.place, &chosen.history, clock::now());
    let status = status::overall(&chosen.history, signs);
    let page = page::write(&chosen.history, status, &story);
    write(&args.html, &page).map_err(|error| unusable("write", &args.html, &error))?;
    let file = args.html.display();
    context.notice().note(&format!("{file} is written"));
    Ok(Exit::Fine)
}

/// Whole or not at all: somebody may have the last one open. It says what the journal says, so
/// it is for its owner only, too.
fn write(path: &Path, page: &str) -> io::Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let mut fresh = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
    fresh.write_all(page.as_bytes())?;
    fresh.persist(path)?;
    Ok(())
}
