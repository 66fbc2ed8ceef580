//! Why a text is no path, and where.

use contracts::json::Found;

use super::{NESTING_MAX, PATH_BYTES_MAX};

/// `offset` counts bytes from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path, byte {offset}: {kind}")]
pub struct PathError {
    pub offset: usize,
    pub kind: PathErrorKind,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathErrorKind {
    #[error("expected {expected}, found {found}")]
    Unexpected { expected: &'static str, found: Found },
    #[error("expected a whole number between -(2^53 - 1) and 2^53 - 1")]
    IndexOutOfRange,
    #[error("expected a surrogate pair, found \\u{unit:04x} alone; write both halves or \\ufffd")]
    LoneSurrogate { unit: u16 },
    #[error(
        "expected one of the functions length, count, match, search, value, found another{}",
        nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
    )]
    UnknownFunction { nearest: Option<&'static str> },
    #[error("expected the arguments of `{usage}`, found {found}")]
    ArgumentCount { usage: &'static str, found: usize },
    #[error("expected {expected}, found {found}")]
    Type { expected: &'static str, found: &'static str },
    #[error("expected at most {NESTING_MAX} filters, parentheses and calls inside each other, found one more")]
    TooDeep,
    #[error("expected a path of at most {PATH_BYTES_MAX} bytes; name fewer values")]
    TooLong,
}

impl PathError {
    pub(super) fn at(offset: usize, kind: PathErrorKind) -> Self {
        Self { offset, kind }
    }

    pub(super) fn unexpected(text: &str, offset: usize, expected: &'static str) -> Self {
        let found = text[offset..].chars().next().map_or(Found::End, Found::Char);
        Self { offset, kind: PathErrorKind::Unexpected { expected, found } }
    }
}
