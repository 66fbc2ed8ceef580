//! Regular expressions over text an attacker wrote.
//!
//! Invariant: searching takes time linear in the text. So there is no look-around and no back-reference: those need a
//! search that goes back and tries again, which a chosen text can make last for ever. They are refused by name.
//!
//! The syntax is that of the `regex` crate. A pattern is searched for, not matched as a whole: `^` and `$` tie it to the
//! ends. Letters and classes are Unicode (`\d` is every decimal digit, `[0-9]` the ten of ASCII; `\w`, `\b` likewise).
//! `(?i)` folds case simply, character by character: `ß` does not fold to `ss`, `K` folds to the Kelvin sign.

use regex::{Regex, RegexBuilder};
use regex_syntax::ast::{self, ErrorKind, Span};
use regex_syntax::hir::{self, Hir};

use super::work::{OverBudget, Work};

/// The text of a pattern.
pub const PATTERN_BYTES_MAX: usize = 4096;

/// The compiled form of one pattern: `\w{500}` and the like are over it.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// What one search may keep of the automaton it builds as it goes; beyond it that is built anew, which is slower.
const AUTOMATON_BYTES_MAX: usize = 1 << 20;

/// Groups, classes and repetitions inside each other.
const NESTING_MAX: u32 = 64;

/// A pattern that compiles. Two are equal if their texts are.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    match_bytes_max: Option<usize>,
}

/// What is wrong with a pattern, and where in it: a byte offset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pattern, byte {offset}: {kind}")]
pub struct PatternError {
    pub offset: usize,
    pub kind: PatternErrorKind,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternErrorKind {
    /// `message` is the regex parser's own.
    #[error("{message}")]
    Syntax { message: String },
    #[error(
        "{construct} is not offered: it needs a search that goes back and tries again, and whoever writes the text \
         could make that last for ever; write what may stand there as a part of the pattern, or as a second condition"
    )]
    Backtracking { construct: &'static str },
    #[error("expected a pattern of at most {bytes_max} bytes, found {bytes}")]
    TooLong { bytes: usize, bytes_max: usize },
    #[error("expected a pattern that compiles to at most {bytes_max} bytes; repeat fewer times, or smaller classes")]
    TooLarge { bytes_max: usize },
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > PATTERN_BYTES_MAX {
            let kind = PatternErrorKind::TooLong { bytes: text.len(), bytes_max: PATTERN_BYTES_MAX };
            return Err(PatternError { offset: PATTERN_BYTES_MAX, kind });
        }
        let hir = hir(text)?;
        let regex = RegexBuilder::new(text)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(AUTOMATON_BYTES_MAX)
            .nest_limit(NESTING_MAX)
            .build()
            .map_err(|_| {
                // The syntax was proven above; size is all that is left.
                let kind = PatternErrorKind::TooLarge { bytes_max: COMPILED_BYTES_MAX };
                PatternError { offset: 0, kind }
            })?;
        Ok(Self { regex, match_bytes_max: hir.properties().maximum_len() })
    }

    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    pub fn regex(&self) -> &Regex {
        &self.regex
    }

    /// The longest text it can match; `None` without bound.
    pub fn match_bytes_max(&self) -> Option<usize> {
        self.match_bytes_max
    }

    /// Whether it occurs in `text`.
    pub fn is_match(&self, text: &str, work: &mut Work) -> Result<bool, OverBudget> {
        work.spend(text.len())?;
        Ok(self.regex.is_match(text))
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

/// The pattern as the `regex` crate will read it, or what is wrong with it in words of one line.
fn hir(text: &str) -> Result<Hir, PatternError> {
    let ast = ast::parse::ParserBuilder::new().nest_limit(NESTING_MAX).build().parse(text).map_err(|error| {
        let span = error.span();
        let kind = match backtracking(error.kind(), &text[span.start.offset..]) {
            Some(construct) => PatternErrorKind::Backtracking { construct },
            None => PatternErrorKind::Syntax { message: error.kind().to_string() },
        };
        at(*span, kind)
    })?;
    hir::translate::Translator::new()
        .translate(text, &ast)
        .map_err(|error| at(*error.span(), PatternErrorKind::Syntax { message: error.kind().to_string() }))
}

fn at(span: Span, kind: PatternErrorKind) -> PatternError {
    PatternError { offset: span.start.offset, kind }
}

/// What at the place of an error other engines offer and this one cannot.
fn backtracking(kind: &ErrorKind, rest: &str) -> Option<&'static str> {
    match kind {
        ErrorKind::UnsupportedLookAround => Some("look-around"),
        ErrorKind::UnsupportedBackreference => Some("a back-reference"),
        ErrorKind::EscapeUnrecognized if rest.starts_with("\\k") || rest.starts_with("\\g") => Some("a back-reference"),
        _ => None,
    }
}
