//! What is wrong with a text that is not the JSON asked for, and where.

use std::fmt;

use crate::shown::shown;

/// Why a text was refused and where: byte offset from 0, line and column (in characters) from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct Error {
    pub kind: ErrorKind,
    pub offset: usize,
    pub line: usize,
    pub column: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    #[error("expected {expected}, found {found}")]
    Unexpected { expected: &'static str, found: Found },
    #[error("expected UTF-8, found byte 0x{byte:02x}")]
    InvalidUtf8 { byte: u8 },
    #[error("expected at most {depth_max} nested arrays and objects, found one more")]
    TooDeep { depth_max: usize },
    #[error("expected each key once, found `{key}` again in the same object; remove one of them")]
    DuplicateKey { key: String },
    #[error("expected a surrogate pair, found \\u{unit:04x} alone; write both halves or \\ufffd")]
    LoneSurrogate { unit: u16 },
}

/// What stood where something else was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    End,
    Char(char),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => f.write_str("the end of the text"),
            Self::Char('`') => f.write_str("'`'"),
            Self::Char(c @ ('"' | '\'' | '\\')) => write!(f, "`{c}`"),
            Self::Char(c) => write!(f, "`{}`", c.escape_debug()),
        }
    }
}

/// An error before its line and column are counted, which only the outermost caller does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {kind}")]
pub struct Fault {
    pub kind: ErrorKind,
    pub offset: usize,
}

impl Fault {
    pub(crate) fn unexpected(text: &str, offset: usize, expected: &'static str) -> Self {
        let found = text[offset..].chars().next().map_or(Found::End, Found::Char);
        Self { kind: ErrorKind::Unexpected { expected, found }, offset }
    }

    pub(crate) fn duplicate_key(key: &str, offset: usize) -> Self {
        Self { kind: ErrorKind::DuplicateKey { key: shown(key) }, offset }
    }

    /// Counts line and column in the text before the fault, all of which is UTF-8.
    pub fn locate(self, text: &[u8]) -> Error {
        let before = &text[..self.offset];
        let is_char_start = |byte: &&u8| **byte & 0xC0 != 0x80;
        let last_line = before.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
        Error {
            kind: self.kind,
            offset: self.offset,
            line: before.split(|&byte| byte == b'\n').count(),
            column: 1 + last_line.iter().filter(is_char_start).count(),
        }
    }
}
