//! What is wrong with rules, and where: for the person who mends them, and for a machine.
//!
//! Invariants: a diagnostic stands at a place of a file, counted in lines and characters from 1; and [`log::Reported`] exists
//! only where one was recorded, so that no reader fails in silence.
//!
//! Absent on purpose: warnings. What cannot stand is an error, what can is not talked about.

mod code;
mod json;
pub(crate) mod log;
mod render;

use contracts::excerpt::{Excerpt, locate};
use std::ops::Range;

pub use code::Code;
pub(crate) use log::{Elsewhere, Log, Reported, Trouble};

use crate::reading::File;

/// Diagnostics told in one run; what is over it is counted.
pub const DIAGNOSTICS_MAX: usize = 200;

/// Everything that is wrong, in the order of the files and of what stands in them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    unlisted: usize,
}

/// One thing wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    pub mark: Mark,
    /// The rule, once its name is known.
    pub rule: Option<String>,
    /// What is wrong, in one line.
    pub message: String,
    pub expected: Option<String>,
    pub found: Option<String>,
    /// What to write instead.
    pub help: Option<String>,
    /// Another place that has to do with it.
    pub also: Option<Box<(String, Mark)>>,
}

/// A stretch of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub file: String,
    pub start: Position,
    /// The character after the last.
    pub end: Position,
    pub excerpt: Excerpt,
    /// The file's place among those read, and the byte in it.
    order: (usize, usize),
}

/// Both counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Mark {
    /// `place` is the file's among those read.
    fn of(file: &File<'_>, place: usize, span: &Range<usize>) -> Self {
        let start = locate(file.text, span);
        let end = locate(file.text, &(span.end..span.end));
        Self {
            file: file.name.to_owned(),
            start: Position { line: start.line, column: start.column },
            end: Position { line: end.line, column: end.column },
            excerpt: Excerpt::of(start.line_text, start.column, start.chars),
            order: (place, span.start),
        }
    }
}

impl Diagnostics {
    /// Whether another one would only be counted.
    fn is_full(&self) -> bool {
        self.list.len() >= DIAGNOSTICS_MAX
    }

    fn count_unlisted(&mut self) {
        self.unlisted += 1;
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// In the order of a report.
    #[must_use]
    pub(crate) fn sorted(mut self) -> Self {
        self.list.sort_by_key(|diagnostic| diagnostic.mark.order);
        self
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// All of them, those beyond [`DIAGNOSTICS_MAX`] too.
    pub fn count(&self) -> usize {
        self.list.len() + self.unlisted
    }
}

impl std::error::Error for Diagnostics {}
