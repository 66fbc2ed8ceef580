//! What a person sees while something takes long: nothing for two seconds, then one line that counts.
//!
//! Invariant: only on a terminal, and never mixed into other lines.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use console::control::Waiting;
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
        if let Some(bar) = self.bar("{spinner} {human_pos} events, {per_sec}, {elapsed}") {
            bar.set_position(events);
        }
    }

    /// While others are waited for.
    pub fn waiting(&mut self, so_far: Waiting) {
        if let Some(bar) = self.bar("{spinner} {msg}, {elapsed}") {
            bar.set_message(format!("{} of {} answered", so_far.answered, so_far.expected));
            bar.tick();
        }
    }

    fn bar(&mut self, template: &str) -> Option<&ProgressBar> {
        if self.bar.is_none() && self.is_shown && self.since.elapsed() >= AFTER {
            let style = ProgressStyle::with_template(template).expect("invariant: the template is one");
            self.bar = Some(ProgressBar::new_spinner().with_style(style).with_elapsed(self.since.elapsed()));
        }
        self.bar.as_ref()
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
