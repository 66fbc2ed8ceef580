//! What is wrong with rules, and where: for the person who mends them, and for a machine.
//!
//! Invariant: a diagnostic stands at a place of a file, counted in lines and characters from 1.

use std::fmt;

/// Diagnostics told in one run; what is over it is counted.
pub const DIAGNOSTICS_MAX: usize = 200;

/// Everything that is wrong, in the order of the files and their lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    unlisted: usize,
}

/// One thing wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The same for the same kind of error in every version.
    pub code: &'static str,
    /// The rule, once its name is known.
    pub rule: Option<String>,
    pub message: String,
    pub expected: Option<String>,
    pub found: Option<String>,
    pub help: Option<String>,
}

impl Diagnostics {
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// All of them, those beyond [`DIAGNOSTICS_MAX`] too.
    pub fn count(&self) -> usize {
        self.list.len() + self.unlisted
    }

    /// One JSON object a line.
    pub fn to_json_lines(&self) -> String {
        String::new()
    }
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.list {
            writeln!(f, "error: {}", diagnostic.message)?;
        }
        Ok(())
    }
}
