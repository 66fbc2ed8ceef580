//! A file of rules as tokens.
//!
//! Invariant: the tokens cover all of the file that is not whitespace, whatever is in it. An unclosed quote ends with its
//! line, or before the next rule, so that what follows is still read.

use std::ops::Range;

use crate::form::Quoted;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    pub span: Range<usize>,
    /// Whether only whitespace is before it on its line.
    pub starts_line: bool,
    /// Whether a line without anything is between it and the token before.
    pub after_blank_line: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    /// A number, maybe with a unit.
    Number,
    Text(Quoted),
    /// A string without its end.
    Unclosed,
    /// One of `{}[]:,`
    Punctuation(char),
    /// From `#` to the end of the line.
    Comment,
    /// What stands nowhere.
    Stray,
    End,
}

pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    // Editors hide a byte order mark.
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    loop {
        let rest = &text[at..];
        let start = text.len() - rest.trim_start().len();
        let newlines = text[at..start].matches('\n').count();
        let (kind, length) = token(&text[start..]);
        tokens.push(Token {
            kind,
            span: start..start + length,
            starts_line: newlines > 0 || tokens.is_empty(),
            after_blank_line: newlines > 1,
        });
        if kind == Kind::End {
            return tokens;
        }
        at = start + length;
    }
}

impl Token {
    pub fn is(&self, punctuation: char) -> bool {
        self.kind == Kind::Punctuation(punctuation)
    }

    /// Of a string: what is between its quotes.
    pub fn content(&self) -> Range<usize> {
        let quote = if self.kind == Kind::Text(Quoted::Raw) { 3 } else { 1 };
        self.span.start + quote..self.span.end - quote
    }
}

fn token(rest: &str) -> (Kind, usize) {
    let Some(first) = rest.chars().next() else { return (Kind::End, 0) };
    let run = |is_in: fn(char) -> bool| rest.find(|c| !is_in(c)).unwrap_or(rest.len());
    match first {
        '#' => (Kind::Comment, rest.find(['\r', '\n']).unwrap_or(rest.len())),
        '{' | '}' | '[' | ']' | ':' | ',' => (Kind::Punctuation(first), 1),
        '"' => string(rest),
        '0'..='9' | '-' => (Kind::Number, number(rest)),
        'a'..='z' | 'A'..='Z' | '_' => (Kind::Word, run(is_word)),
        _ => (Kind::Stray, first.len_utf8()),
    }
}

/// What a bare name is made of, after a first letter or `_`.
pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// The length of a number and the letters that stick to it: `60s`, `-1.5e+3`.
pub(super) fn number(text: &str) -> usize {
    let mut before = '\0';
    let ends = |(_, c): &(usize, char)| {
        let is_sign = matches!(c, '+' | '-') && matches!(before, '\0' | 'e' | 'E');
        let goes_on = is_sign || c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
        before = *c;
        !goes_on
    };
    text.char_indices().find(ends).map_or(text.len(), |(end, _)| end)
}

fn string(rest: &str) -> (Kind, usize) {
    if let Some(content) = rest.strip_prefix(RAW_QUOTE) {
        return match raw_end(content) {
            Some(end) => (Kind::Text(Quoted::Raw), RAW_QUOTE.len() + end),
            None => (Kind::Unclosed, unclosed_raw(rest)),
        };
    }
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !is_escaped => return (Kind::Text(Quoted::Escaped), at + 1),
            '\n' => return (Kind::Unclosed, rest[..at].trim_end().len()),
            _ => is_escaped = c == '\\' && !is_escaped,
        }
    }
    (Kind::Unclosed, rest.trim_end().len())
}

pub(super) const RAW_QUOTE: &str = "\"\"\"";

/// Where the closing quotes end: of more than three in a row the last three close.
fn raw_end(content: &str) -> Option<usize> {
    let found = content.find(RAW_QUOTE)?;
    let quotes = content[found..].find(|c| c != '"').unwrap_or(content.len() - found);
    Some(found + quotes.min(RAW_QUOTE.len() + 2))
}

/// Up to the line that looks like the end of this rule or the beginning of the next.
fn unclosed_raw(rest: &str) -> usize {
    let mut end = 0;
    for line in rest.split_inclusive('\n') {
        if end > 0 && (line.starts_with('}') || line.starts_with("rule ")) {
            break;
        }
        end += line.len();
    }
    rest[..end].trim_end().len()
}
