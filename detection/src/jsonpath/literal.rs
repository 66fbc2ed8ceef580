//! Literals in paths: numbers, strings, indices.

use contracts::json::Number;

use super::error::{PathError, PathErrorKind};
use super::parse::Parser;

/// What I-JSON holds exactly in a double: the RFC's bound of indices.
const INDEX_MAX: i64 = (1 << 53) - 1;

impl Parser<'_> {
    /// An index, the bound of a slice or its step.
    pub(super) fn index(&mut self) -> Result<i64, PathError> {
        let start = self.at;
        let is_negative = self.eat("-");
        match self.peek() {
            Some('0') if !is_negative => self.at += 1,
            Some('1'..='9') => self.digits()?,
            _ => return Err(self.unexpected("a whole number, without zeros or `+` in front")),
        }
        let value: Option<i64> = self.text[start..self.at].parse().ok();
        value
            .filter(|value| (-INDEX_MAX..=INDEX_MAX).contains(value))
            .ok_or_else(|| PathError::at(start, PathErrorKind::IndexOutOfRange))
    }

    pub(super) fn number(&mut self) -> Result<Number<'static>, PathError> {
        let start = self.at;
        self.eat("-");
        if !self.eat("0") {
            self.digits()?;
        }
        if self.eat(".") {
            self.digits()?;
        }
        if self.eat("e") || self.eat("E") {
            let _ = self.eat("+") || self.eat("-");
            self.digits()?;
        }
        let text = self.text[start..self.at].to_owned();
        Ok(Number::parse(text).expect("invariant: the grammar of numbers is JSON's"))
    }

    fn digits(&mut self) -> Result<(), PathError> {
        let start = self.at;
        while let Some('0'..='9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected("a digit")) } else { Ok(()) }
    }

    /// A string, from its quote on.
    pub(super) fn string(&mut self, quote: char) -> Result<String, PathError> {
        self.at += quote.len_utf8();
        let mut out = String::new();
        loop {
            match self.peek() {
                Some(end) if end == quote => {
                    self.at += quote.len_utf8();
                    return Ok(out);
                }
                Some('\\') => out.push(self.escape(quote)?),
                Some(' '..) => out.extend(self.bump()),
                Some(_) => return Err(self.unexpected("an escape for a control character")),
                None if quote == '"' => return Err(self.unexpected("`\"` at the end of the string")),
                None => return Err(self.unexpected("`'` at the end of the string")),
            }
        }
    }

    fn escape(&mut self, quote: char) -> Result<char, PathError> {
        let start = self.at;
        self.at += 1;
        let character = match self.peek() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(plain @ ('/' | '\\')) => plain,
            Some(end) if end == quote => quote,
            Some('u') => return self.utf16_escape(start),
            _ => return Err(self.unexpected("one of `bfnrtu/\\` or the quote after `\\`")),
        };
        self.at += 1;
        Ok(character)
    }

    /// One `\uXXXX` or a pair of them, from the `u` on.
    fn utf16_escape(&mut self, start: usize) -> Result<char, PathError> {
        let first = self.utf16_unit()?;
        if let Some(character) = char::from_u32(first.into()) {
            return Ok(character);
        }
        let has_second = self.rest().starts_with("\\u");
        if has_second {
            self.at += 1;
            let second = self.utf16_unit()?;
            if let Some(Ok(character)) = char::decode_utf16([first, second]).next() {
                return Ok(character);
            }
        }
        Err(PathError::at(start, PathErrorKind::LoneSurrogate { unit: first }))
    }

    fn utf16_unit(&mut self) -> Result<u16, PathError> {
        self.at += 1;
        let start = self.at;
        for _ in 0..4 {
            if !self.peek().is_some_and(|character| character.is_ascii_hexdigit()) {
                return Err(self.unexpected("four hexadecimal digits after `\\u`"));
            }
            self.at += 1;
        }
        Ok(u16::from_str_radix(&self.text[start..self.at], 16).expect("invariant: four hexadecimal digits were read"))
    }
}
