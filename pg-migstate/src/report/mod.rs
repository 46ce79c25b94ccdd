//! `report`: one page about a migration, with all that it needs in it. Touches no server.

mod chart;
mod markup;
mod page;
mod story;

use std::fs;
use std::io::Write;

use pg_pipe::{Context, Exit};

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
    // Whole or not at all: somebody may have the last one open.
    let mut fresh = args.html.clone().into_os_string();
    fresh.push(".new");
    let written = fs::File::create(&fresh)
        .and_then(|mut file| file.write_all(page.as_bytes()))
        .and_then(|()| fs::rename(&fresh, &args.html));
    if let Err(error) = written {
        drop(fs::remove_file(&fresh));
        return Err(unusable("write", &args.html, &error).into());
    }
    let file = args.html.display();
    context.notice().note(&format!("{file} is written"));
    Ok(Exit::Fine)
}
