//! What is wrong with one field of a record, on either face.
//!
//! Invariant: a fault names the field by its full path and says what was expected and what was found; in Avro bytes
//! also where. What was found is shown shortened, so that no record can blow up a log line.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use crate::limits::FAULTS_MAX;
use crate::shown::shown;

/// One thing wrong with one field. Boxed, so that the way without faults stays narrow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    /// Innermost first: it grows while the fault is handed outwards.
    path: Vec<Segment>,
    byte: Option<usize>,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    Field(&'static str),
    /// A field of somebody else's, or a key of a map.
    Key(String),
    Item(usize),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The bytes are not Avro of the schema they claim.
    #[error("expected {expected}, found {found}")]
    Malformed { expected: Cow<'static, str>, found: Cow<'static, str> },
    /// A value of another type.
    #[error("expected {expected}, found {found}")]
    Type { expected: Cow<'static, str>, found: Cow<'static, str> },
    /// A value of the right type that the field does not allow.
    #[error("expected {expected}, found {found}")]
    Value { expected: Cow<'static, str>, found: Cow<'static, str> },
    #[error("expected at most {max} {unit}, found {found}")]
    Limit { unit: &'static str, max: usize, found: Found },
    #[error("missing; expected {expected}")]
    Missing { expected: Cow<'static, str> },
    #[error("unknown field{}", nearest.map(|name| format!("; the nearest known is `{name}`")).unwrap_or_default())]
    Unknown { nearest: Option<&'static str> },
}

/// How much there is of what there is too much of; reading stops at the limit, so the whole may be unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Exactly(usize),
    More,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(number) => write!(f, "{number}"),
            Self::More => f.write_str("more"),
        }
    }
}

impl Fault {
    #[cold]
    pub fn new(problem: Problem) -> Self {
        Self(Box::new(Inner { path: Vec::new(), byte: None, problem }))
    }

    #[cold]
    pub fn malformed(byte: usize, expected: impl Into<Cow<'static, str>>, found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Problem::Malformed { expected: expected.into(), found: found.into() }).at(byte)
    }

    #[cold]
    pub fn of_type(expected: impl Into<Cow<'static, str>>, found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Problem::Type { expected: expected.into(), found: found.into() })
    }

    #[cold]
    pub fn of_value(expected: impl Into<Cow<'static, str>>, found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Problem::Value { expected: expected.into(), found: found.into() })
    }

    #[cold]
    pub fn limit(unit: &'static str, max: usize, found: Found) -> Self {
        Self::new(Problem::Limit { unit, max, found })
    }

    /// The same, one level further out.
    #[cold]
    #[must_use]
    pub fn within(mut self, segment: Segment) -> Self {
        self.0.path.push(segment);
        self
    }

    /// The same at byte `byte` of the datum, unless its place is known already.
    #[cold]
    #[must_use]
    pub fn at(mut self, byte: usize) -> Self {
        self.0.byte.get_or_insert(byte);
        self
    }

    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// Where in the datum, counted from its first byte after the framing.
    pub fn byte(&self) -> Option<usize> {
        self.0.byte
    }

    /// The field as a person writes it: `trigger_event.ancestry[3]`; empty for the record itself.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for segment in self.0.path.iter().rev() {
            match segment {
                Segment::Item(place) => {
                    write!(path, "[{place}]").expect("invariant: a String takes text");
                }
                Segment::Field(name) => push_name(&mut path, name),
                Segment::Key(name) => push_name(&mut path, &shown(name).escape_debug().to_string()),
            }
        }
        path
    }
}

fn push_name(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        if path.is_empty() {
            write!(f, "{}", self.problem())?;
        } else {
            write!(f, "`{path}`: {}", self.problem())?;
        }
        match self.byte() {
            Some(byte) => write!(f, " at byte {byte}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

/// All that is wrong with one record; the first [`FAULTS_MAX`] in full, the rest as a number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    named: Vec<Fault>,
    more: usize,
}

impl Faults {
    pub fn push(&mut self, fault: Fault) {
        if self.named.len() < FAULTS_MAX {
            self.named.push(fault);
        } else {
            self.more += 1;
        }
    }

    /// Runs `inner` and puts every fault it adds under `segment`.
    pub fn within<T>(&mut self, segment: &Segment, inner: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.named.len();
        let result = inner(self);
        for fault in &mut self.named[before..] {
            fault.0.path.push(segment.clone());
        }
        result
    }

    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    pub fn named(&self) -> &[Fault] {
        &self.named
    }

    /// How many there are besides the named ones.
    pub fn more(&self) -> usize {
        self.more
    }
}

/// All on one line, for a list of bad lines is a list of lines.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.named.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}
