//! The bars of a whole pipeline, drawn by its last tool from the `progress` records that come
//! by. Bars that several processes draw on one terminal would overwrite each other, so the
//! others are told not to: see [`crate::progress::DRAWN_DOWNSTREAM`].

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};

use indicatif::{MultiProgress, ProgressBar};

use crate::notice::{Level, Notice};
use crate::progress::{begin_bar, sentence};
use crate::record::{Progress, Record};

/// One bar a phase of a tool, while it lasts.
pub struct Board {
    bars: Option<MultiProgress>,
    shown: BTreeMap<(String, String), ProgressBar>,
}

impl Board {
    /// A board on stderr, if that is a terminal and we may speak.
    pub fn new(notice: &Notice) -> Self {
        let may = notice.level() > Level::Quiet && io::stderr().is_terminal();
        Self {
            bars: may.then(|| notice.bars().clone()),
            shown: BTreeMap::new(),
        }
    }

    /// Notes a record: draws progress, and takes down the bars of a tool that has ended.
    pub fn note(&mut self, record: &Record) {
        match record {
            Record::Progress(progress) => self.draw(progress),
            Record::End(end) => self.shown.retain(|(tool, _), bar| {
                let stays = *tool != end.tool;
                if !stays {
                    bar.finish_and_clear();
                }
                stays
            }),
            _ => {}
        }
    }

    fn draw(&mut self, progress: &Progress) {
        let Some(bars) = &self.bars else { return };
        let key = (progress.tool.clone(), progress.phase.clone());
        if progress.done >= progress.total {
            if let Some(bar) = self.shown.remove(&key) {
                bar.finish_and_clear();
            }
            return;
        }
        let length = progress.total_bytes.unwrap_or(progress.total);
        let bar = self
            .shown
            .entry(key)
            .or_insert_with(|| begin_bar(bars, &progress.tool, length));
        let bytes = progress.total_bytes.and(progress.done_bytes);
        bar.set_position(bytes.unwrap_or(progress.done));
        bar.set_message(sentence(progress));
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        for bar in self.shown.values() {
            bar.finish_and_clear();
        }
    }
}
