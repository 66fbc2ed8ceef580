//! What a person sees while something takes long: nothing for two seconds, then one line that counts.
//!
//! Invariant: only on a terminal, and never mixed into other lines.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const AFTER: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Progress {
    since: Instant,
    is_shown: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub fn new() -> Self {
        Self { since: Instant::now(), is_shown: io::stderr().is_terminal(), bar: None }
    }

    pub fn at(&mut self, events: u64) {
        if self.bar.is_none() && self.is_shown && self.since.elapsed() >= AFTER {
            let style = ProgressStyle::with_template("{spinner} {human_pos} events, {per_sec}, {elapsed}");
            let style = style.expect("invariant: the template is one");
            self.bar = Some(ProgressBar::new_spinner().with_style(style).with_elapsed(self.since.elapsed()));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(events);
        }
    }

    /// Writes other lines in between.
    pub fn aside(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
