//! What is wrong with settings, and where: made for the person who mends the file.
//!
//! Invariant: what is shown of a file never includes a value that stands behind a word such as `password`.

use std::fmt;

use super::path::KeyPath;
use crate::excerpt::Excerpt;

/// Problems named in one run; what is over it is counted.
pub const PROBLEMS_MAX: usize = 100;

/// Everything that is wrong, those of the file first, in the order of its lines. An error has at least one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems {
    list: Vec<Problem>,
    unlisted: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub place: Place,
    pub kind: ProblemKind,
}

/// Where the offending text stands. The order is that of a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// No file has anything to do with it: a required key that is set nowhere.
    Nowhere,
    /// The file as a whole.
    File(String),
    /// A character of the file, both counted from 1.
    Line {
        file: String,
        line: usize,
        column: usize,
        excerpt: Excerpt,
    },
    Variable(String),
    Flag(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    Unreadable {
        reason: String,
    },
    Syntax {
        message: String,
    },
    /// `known` are the names that may stand there, for when none is near.
    UnknownKey {
        key: KeyPath,
        nearest: Option<KeyPath>,
        known: Vec<String>,
    },
    WrongType {
        key: KeyPath,
        expected: String,
        found: String,
        hint: Option<String>,
    },
    OutOfRange {
        key: KeyPath,
        expected: String,
        found: String,
    },
    /// `variable` is the environment variable that would set it, where there is one.
    Missing {
        key: KeyPath,
        expected: String,
        variable: Option<String>,
    },
    /// Each value may stand, both together may not.
    Contradiction {
        key: KeyPath,
        message: String,
    },
    /// A file that a key names cannot be used.
    File {
        key: KeyPath,
        file: String,
        reason: String,
    },
}

impl Problems {
    pub(super) fn push(&mut self, problem: Problem) {
        if self.is_full() { self.count_unlisted() } else { self.list.push(problem) }
    }

    /// Whether another problem would only be counted.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= PROBLEMS_MAX
    }

    pub(super) fn count_unlisted(&mut self) {
        self.unlisted += 1;
    }

    pub(super) fn extend(&mut self, others: Self, stands: impl Fn(&Problem) -> bool) {
        self.unlisted += others.unlisted;
        others.list.into_iter().filter(stands).for_each(|problem| self.push(problem));
    }

    pub(super) fn sorted(mut self) -> Self {
        self.list.sort_by(|a, b| a.place.cmp(&b.place));
        self
    }

    /// One problem with a whole file, before anything in it was read.
    pub fn unreadable(file: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::unreadable_at(Place::File(file.into()), reason)
    }

    /// One problem with a whole variable, before its value was looked at.
    pub fn unreadable_variable(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::unreadable_at(Place::Variable(name.into()), reason)
    }

    fn unreadable_at(place: Place, reason: impl Into<String>) -> Self {
        let kind = ProblemKind::Unreadable { reason: reason.into() };
        Self { list: vec![Problem { place, kind }], unlisted: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// All of them, those beyond [`PROBLEMS_MAX`] too.
    pub fn count(&self) -> usize {
        self.list.len() + self.unlisted
    }
}

impl Place {
    /// The line, where there is one.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Line { line, .. } => Some(*line),
            Self::Nowhere | Self::File(_) | Self::Variable(_) | Self::Flag(_) => None,
        }
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        if self.unlisted > 0 {
            write!(f, "\nand {} more", self.unlisted)?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Nowhere => write!(f, "{}", self.kind),
            Place::File(name) | Place::Variable(name) | Place::Flag(name) => write!(f, "{name}: {}", self.kind),
            Place::Line { file, line, column, excerpt } => {
                writeln!(f, "{file}:{line}:{column}: {}", self.kind)?;
                let gutter = line.to_string().len();
                let Excerpt { text, mark_from, mark_chars } = excerpt;
                writeln!(f, "  {line} | {text}")?;
                write!(f, "  {:gutter$} | {:mark_from$}{}", "", "", "^".repeat(*mark_chars))
            }
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { reason } => write!(f, "cannot be read: {reason}"),
            Self::Syntax { message } => write!(f, "not TOML: {message}"),
            Self::UnknownKey { key, nearest: Some(nearest), .. } => {
                write!(f, "unknown key `{key}`; did you mean `{nearest}`?")
            }
            Self::UnknownKey { key, nearest: None, known } => {
                write!(f, "unknown key `{key}`; known here: {}", known.join(", "))
            }
            Self::WrongType { key, expected, found, hint } => {
                write!(f, "`{key}` must be {expected}, found {found}")?;
                hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
            }
            Self::OutOfRange { key, expected, found } => write!(f, "`{key}` must be {expected}, found {found}"),
            Self::Missing { key, expected, variable } => {
                write!(f, "`{key}` is missing: {expected}")?;
                variable.as_ref().map_or(Ok(()), |variable| write!(f, "; set it in the file or by {variable}"))
            }
            Self::Contradiction { key, message } => write!(f, "`{key}`: {message}"),
            Self::File { key, file, reason } => write!(f, "`{key}`: the file {file} {reason}"),
        }
    }
}
