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
use crate::limits::REGEX_BYTES_MAX;

/// The text of a pattern.
pub const PATTERN_BYTES_MAX: usize = 4096;

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
    #[error(
        "expected a pattern that compiles to at most {bytes_max} bytes; repeat fewer times, or write `[a-z0-9_]` for `\\w`"
    )]
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
            .size_limit(REGEX_BYTES_MAX)
            .dfa_size_limit(AUTOMATON_BYTES_MAX)
            .nest_limit(NESTING_MAX)
            .build()
            .map_err(|_| {
                // The syntax was proven above; size is all that is left.
                let kind = PatternErrorKind::TooLarge { bytes_max: REGEX_BYTES_MAX };
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
    let begins = |starts: &[&str]| starts.iter().any(|start| rest.starts_with(start));
    match kind {
        ErrorKind::UnsupportedLookAround => Some("look-around"),
        ErrorKind::UnsupportedBackreference => Some("a back-reference"),
        ErrorKind::EscapeUnrecognized if begins(&["\\k", "\\g"]) => Some("a back-reference"),
        // `rest` begins after `(?`.
        ErrorKind::FlagUnrecognized if begins(&["P="]) => Some("a back-reference"),
        ErrorKind::FlagUnrecognized if begins(&[">"]) => Some("an atomic group"),
        ErrorKind::FlagUnrecognized if begins(&["("]) => Some("a condition on a group"),
        ErrorKind::FlagUnrecognized if begins(&["P>", "&", "0", "1"]) => Some("recursion"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_searched_for() {
        #[rustfmt::skip]
        let cases = [
            ("b", "abc", true),
            ("^b", "abc", false),
            ("^a.c$", "abc", true),
            ("", "", true),
            // Unicode, unless it is switched off.
            (r"^\w+$", "größe", true),
            (r"^[a-z]+$", "größe", false),
            (r"^\d$", "٤", true),
            (r"^[0-9]$", "٤", false),
            (r"^(?-u:\d)$", "٤", false),
            (r"\bü", "ü", true),
            ("^.$", "😀", true),
            ("^.$", "\n", false),
            // Case folds character by character.
            ("(?i)GRÖSSE", "grösse", true),
            ("(?i)größe", "GRÖẞE", true),
            ("(?i)ss", "ß", false),
            ("(?i)k", "\u{212a}", true),
            ("(?i)σ", "ς", true),
            ("(?i)i", "İ", false),
            // Letters that look alike are not the same.
            ("é", "e\u{301}", false),
            // What a back-tracking engine would be busy with for ever.
            ("(x+x+)+y", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", false),
            // What an author of rules may well write.
            (r"(?i)\b[\w.%+-]{1,64}@(?:[\w-]+\.)+[a-z]{2,24}\b", "write to Support@Example.com", true),
        ];
        for (pattern, text, expected) in cases {
            let found = Pattern::parse(pattern).unwrap().is_match(text, &mut Work::new(100));
            assert_eq!(found, Ok(expected), "{pattern} in {text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_at_its_place() {
        const BACKTRACKING: &str = " is not offered: it needs a search that goes back and tries again";
        #[rustfmt::skip]
        let cases = [
            ("a(?=b)", 1, "look-around"),
            ("a(?!b)", 1, "look-around"),
            ("(?<=a)b", 0, "look-around"),
            ("é(?<!a)b", 2, "look-around"),
            (r"(a)\1", 3, "a back-reference"),
            (r"(?<n>a)\k<n>", 7, "a back-reference"),
            ("(?P<n>a)(?P=n)", 10, "a back-reference"),
            ("(?>a+)", 2, "an atomic group"),
            ("(a)(?(1)b|c)", 5, "a condition on a group"),
            ("a(?1)?", 3, "recursion"),
            ("a(?&n)", 3, "recursion"),
        ];
        for (pattern, offset, construct) in cases {
            let error = Pattern::parse(pattern).unwrap_err();
            assert_eq!(error.offset, offset, "{pattern}");
            assert!(error.kind.to_string().starts_with(&format!("{construct}{BACKTRACKING}")), "{pattern}: {error}");
        }
        #[rustfmt::skip]
        let cases = [
            ("a(b", "pattern, byte 1: unclosed group"),
            ("ab)", "pattern, byte 2: unopened group"),
            ("é[a", "pattern, byte 2: unclosed character class"),
            ("*", "pattern, byte 0: repetition operator missing expression"),
            (r"a\y", "pattern, byte 1: unrecognized escape sequence"),
            (r"\p{Klingon}", "pattern, byte 0: Unicode property not found"),
            (r"(?-u)\xff", "pattern, byte 5: pattern can match invalid UTF-8"),
            (r"\w{5000}", "pattern, byte 0: expected a pattern that compiles to at most 4194304 bytes; repeat fewer times, or write `[a-z0-9_]` for `\\w`"),
            ("(?q)", "pattern, byte 2: unrecognized flag"),
        ];
        for (pattern, expected) in cases {
            assert_eq!(Pattern::parse(pattern).unwrap_err().to_string(), expected, "{pattern}");
        }
        assert!(Pattern::parse(&"a".repeat(PATTERN_BYTES_MAX)).is_ok());
        let too_long = Pattern::parse(&"a".repeat(PATTERN_BYTES_MAX + 1)).unwrap_err();
        assert!(matches!(too_long.kind, PatternErrorKind::TooLong { .. }));
        let too_deep = "(".repeat(100) + &")".repeat(100);
        assert!(Pattern::parse(&too_deep).unwrap_err().to_string().contains("nest"));
    }

    #[test]
    fn a_search_costs_the_text() {
        let pattern = Pattern::parse("b").unwrap();
        assert_eq!(pattern.is_match("aaa", &mut Work::new(3)), Ok(false));
        assert_eq!(pattern.is_match("aaa", &mut Work::new(2)), Err(OverBudget));
    }
}
