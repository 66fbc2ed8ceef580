//! The grammar of RFC 9535, by descent: segments and selectors. Filters are in `condition.rs`, literals in `literal.rs`.
//!
//! Invariant: recursion passes through [`Parser::nested`], so it ends.

use super::ast::{Segment, Selector, Slice};
use super::error::{PathError, PathErrorKind};
use super::{NESTING_MAX, PATH_BYTES_MAX};

pub fn whole(text: &str) -> Result<Vec<Segment>, PathError> {
    let (segments, length) = prefix(text)?;
    if length < text.len() {
        return Err(PathError::unexpected(text, length, "`.`, `[` or the end of the path"));
    }
    Ok(segments)
}

/// The segments of the path at the start of `text`, and where it ends.
pub fn prefix(text: &str) -> Result<(Vec<Segment>, usize), PathError> {
    let mut parser = Parser { text, at: 0, nesting: 0 };
    if !parser.eat("$") {
        return Err(parser.unexpected("`$` at the start of a path"));
    }
    let segments = parser.segments()?;
    if parser.at > PATH_BYTES_MAX {
        return Err(PathError::at(PATH_BYTES_MAX, PathErrorKind::TooLong));
    }
    Ok((segments, parser.at))
}

pub(super) struct Parser<'t> {
    pub text: &'t str,
    pub at: usize,
    nesting: usize,
}

impl Parser<'_> {
    pub(super) fn segments(&mut self) -> Result<Vec<Segment>, PathError> {
        let mut segments = Vec::new();
        loop {
            let before = self.at;
            self.skip_blank();
            if self.eat("..") {
                segments.push(Segment::Descendants(match self.peek() {
                    Some('[') => self.bracketed()?,
                    _ => vec![self.shorthand("a name, `*` or `[` after `..`")?],
                }));
            } else if self.eat(".") {
                segments.push(Segment::Children(vec![self.shorthand("a name or `*` after `.`")?]));
            } else if self.peek() == Some('[') {
                segments.push(Segment::Children(self.bracketed()?));
            } else {
                self.at = before;
                return Ok(segments);
            }
        }
    }

    fn shorthand(&mut self, expected: &'static str) -> Result<Selector, PathError> {
        if self.eat("*") {
            return Ok(Selector::Wildcard);
        }
        let start = self.at;
        if !self.peek().is_some_and(is_name_first) {
            return Err(self.unexpected(expected));
        }
        while self.peek().is_some_and(is_name_char) {
            self.bump();
        }
        Ok(Selector::Name(self.text[start..self.at].into()))
    }

    /// Selectors in brackets, from the first bracket on.
    fn bracketed(&mut self) -> Result<Vec<Selector>, PathError> {
        self.at += 1;
        let mut selectors = Vec::new();
        loop {
            self.skip_blank();
            selectors.push(self.selector()?);
            self.skip_blank();
            if self.eat("]") {
                return Ok(selectors);
            }
            if !self.eat(",") {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
    }

    fn selector(&mut self) -> Result<Selector, PathError> {
        match self.peek() {
            Some(quote @ ('\'' | '"')) => self.string(quote).map(|name| Selector::Name(name.into())),
            Some('*') => {
                self.at += 1;
                Ok(Selector::Wildcard)
            }
            Some('?') => {
                self.at += 1;
                self.skip_blank();
                self.nested(Self::condition).map(Selector::Filter)
            }
            Some(':') => self.slice(None).map(Selector::Slice),
            Some('-' | '0'..='9') => {
                let index = self.index()?;
                let after = self.at;
                self.skip_blank();
                if self.peek() == Some(':') {
                    return self.slice(Some(index)).map(Selector::Slice);
                }
                self.at = after;
                Ok(Selector::Index(index))
            }
            _ => Err(self.unexpected("a name in quotes, an index, a slice, `*` or `?`")),
        }
    }

    /// The rest of a slice, from its first colon on.
    fn slice(&mut self, start: Option<i64>) -> Result<Slice, PathError> {
        self.at += 1;
        let end = self.bound()?;
        let step = if self.eat(":") { self.bound()? } else { None };
        Ok(Slice { start, end, step })
    }

    fn bound(&mut self) -> Result<Option<i64>, PathError> {
        self.skip_blank();
        let bound = match self.peek() {
            Some('-' | '0'..='9') => Some(self.index()?),
            _ => None,
        };
        self.skip_blank();
        Ok(bound)
    }

    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, PathError>) -> Result<T, PathError> {
        if self.nesting == NESTING_MAX {
            return Err(PathError::at(self.at, PathErrorKind::TooDeep));
        }
        self.nesting += 1;
        let result = read(self);
        self.nesting -= 1;
        result
    }

    pub(super) fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }

    pub(super) fn eat(&mut self, word: &str) -> bool {
        let is_next = self.rest().starts_with(word);
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    /// [`Parser::eat`] past blanks, which stay if `word` does not follow.
    pub(super) fn eat_after_blank(&mut self, word: &str) -> bool {
        let before = self.at;
        self.skip_blank();
        let is_next = self.eat(word);
        if !is_next {
            self.at = before;
        }
        is_next
    }

    pub(super) fn skip_blank(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    pub(super) fn unexpected(&self, expected: &'static str) -> PathError {
        PathError::unexpected(self.text, self.at, expected)
    }
}

pub fn is_name_first(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || !character.is_ascii()
}

pub fn is_name_char(character: char) -> bool {
    is_name_first(character) || character.is_ascii_digit()
}
