//! I-Regexp (RFC 9485), which `match()` and `search()` speak, on the `regex` crate.
//!
//! Invariant: every I-Regexp means what the RFC says. What is none may be taken as the `regex` crate takes it: `^`, `$`,
//! `\d` are. As the RFC of paths wants it, a pattern that is none at all is no error; it matches nothing.

use std::fmt::Write;

use regex::{Regex, RegexBuilder};

use super::ast::Extent;
use crate::eval::PATTERN_BYTES_MAX;

/// The compiled form of one expression. Expressions may come out of a document, so it is small.
const COMPILED_BYTES_MAX: usize = 256 * 1024;

const NESTING_MAX: u32 = 32;

/// An expression with its compiled form; `None` if there is none, so that it matches nothing.
#[derive(Debug, Clone)]
pub struct Expression {
    text: Box<str>,
    regex: Option<Regex>,
}

impl Expression {
    pub fn new(text: &str, extent: Extent) -> Self {
        Self { text: text.into(), regex: compile(text, extent) }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.regex.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

fn compile(text: &str, extent: Extent) -> Option<Regex> {
    if text.len() > PATTERN_BYTES_MAX {
        return None;
    }
    let pattern = translated(text);
    let pattern = match extent {
        Extent::Whole => format!(r"\A(?:{pattern})\z"),
        Extent::Part => pattern,
    };
    RegexBuilder::new(&pattern)
        // With it `.` is neither a line feed nor a carriage return, as the RFC says.
        .crlf(true)
        .size_limit(COMPILED_BYTES_MAX)
        .dfa_size_limit(COMPILED_BYTES_MAX)
        .nest_limit(NESTING_MAX)
        .build()
        .ok()
}

/// `text` with those characters escaped that are plain in a class of an I-Regexp and operators in one of `regex`.
fn translated(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_class = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                out.push('\\');
                out.extend(characters.next());
            }
            '&' | '~' if in_class => {
                let _ = write!(out, "\\{character}");
            }
            plain => {
                in_class = (in_class || plain == '[') && plain != ']';
                out.push(plain);
            }
        }
    }
    out
}
