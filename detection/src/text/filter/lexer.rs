//! A filter as tokens. Offsets count in the filter's own text, whose escapes are already read.

use std::ops::Range;

use crate::diagnostic::{Code, Trouble};
use crate::form::{Quoted, Text};
use crate::text::lexer::{is_word, number};

#[derive(Debug, Clone)]
pub(in crate::text) struct Token {
    pub kind: Kind,
    pub span: Range<usize>,
}

#[derive(Debug, Clone)]
pub(in crate::text) enum Kind {
    Word,
    Number,
    Text(Text),
    /// From `$` to the end of its last segment, whether or not it is one.
    Path,
    /// A run of the characters that operators are made of.
    Operator,
    /// One of `()[],:`
    Punctuation(char),
    End,
}

/// The tokens up to [`Kind::End`].
pub(in crate::text) fn tokens(text: &str) -> Result<Vec<Token>, Trouble> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let start = text.len() - text[at..].trim_start().len();
        let (kind, length) = token(text, start)?;
        let is_end = matches!(kind, Kind::End);
        tokens.push(Token { kind, span: start..start + length });
        if is_end {
            return Ok(tokens);
        }
        at = start + length;
    }
}

fn token(text: &str, start: usize) -> Result<(Kind, usize), Trouble> {
    let rest = &text[start..];
    let Some(first) = rest.chars().next() else { return Ok((Kind::End, 0)) };
    let run = |is_in: fn(char) -> bool| rest.find(|c| !is_in(c)).unwrap_or(rest.len());
    match first {
        '$' => Ok((Kind::Path, path(rest))),
        '(' | ')' | '[' | ']' | ',' | ':' => Ok((Kind::Punctuation(first), 1)),
        '"' => string(rest, start, Quoted::Escaped),
        '\'' => string(rest, start, Quoted::Single),
        '0'..='9' => Ok((Kind::Number, number(rest))),
        '-' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => Ok((Kind::Number, number(rest))),
        'a'..='z' | 'A'..='Z' | '_' => Ok((Kind::Word, run(is_word))),
        _ if is_operator(first) => Ok((Kind::Operator, run(is_operator))),
        _ => {
            let trouble = Trouble::new(Code::Syntax, "a character that has no meaning in a filter");
            Err(trouble.found(format!("`{}`", first.escape_debug())).within(start..start + first.len_utf8()))
        }
    }
}

fn is_operator(c: char) -> bool {
    matches!(c, '=' | '!' | '<' | '>' | '&' | '|' | '~' | '+' | '-' | '*' | '/' | '%' | '^' | '?')
}

fn string(rest: &str, start: usize, quoted: Quoted) -> Result<(Kind, usize), Trouble> {
    let end = match quoted {
        Quoted::Single => end_of_single(rest),
        Quoted::Escaped | Quoted::Raw => end_of_double(rest),
    };
    let Some(end) = end else {
        let quote = &rest[..1];
        let trouble = Trouble::new(Code::UnbalancedQuote, "a string without its end").expected(format!("`{quote}`"));
        let help = "close the quote; between `'` everything stands for itself, and `''` is a quote";
        return Err(trouble.help(help).within(start..start + 1));
    };
    let text = quoted.read(&rest[1..end - 1], start + 1).map_err(|(span, trouble)| {
        trouble
            .help("write `\\\\` for a backslash, or the string between `'`, where everything stands for itself")
            .within(span)
    })?;
    Ok((Kind::Text(text), end))
}

fn end_of_single(rest: &str) -> Option<usize> {
    let mut at = 1;
    loop {
        at += rest[at..].find('\'')? + 1;
        if !rest[at..].starts_with('\'') {
            return Some(at);
        }
        at += 1;
    }
}

fn end_of_double(rest: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == '"' && !is_escaped {
            return Some(at + 1);
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    None
}

/// How far a path reaches: as long as dots and brackets follow. Whether it is one is for its own parser.
fn path(rest: &str) -> usize {
    let mut end = 1;
    loop {
        let segment = rest[end..].trim_start();
        let start = rest.len() - segment.len();
        if segment.starts_with('[') {
            end = start + brackets(segment);
        } else if segment.starts_with('.') {
            let dots = if segment.starts_with("..") { 2 } else { 1 };
            let name = &segment[dots..];
            let length = if name.starts_with('*') { 1 } else { name.find(|c| !is_name(c)).unwrap_or(name.len()) };
            end = start + dots + length;
        } else {
            return end;
        }
    }
}

/// What RFC 9535 lets a name after a dot be made of.
fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

/// Up to and with the bracket that closes the first one; all of an unclosed one.
fn brackets(text: &str) -> usize {
    let mut open = 0_usize;
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some(_), '\\') => is_escaped = true,
            (Some(end), _) if c == end => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => open += 1,
            (None, ']') if open == 1 => return at + 1,
            (None, ']') => open -= 1,
            _ => {}
        }
    }
    text.len()
}
