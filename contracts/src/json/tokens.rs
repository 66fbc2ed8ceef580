//! The grammar of RFC 8259, once: a pull scanner that hands out tokens and proves their order.
//!
//! Invariant: after the tokens up to [`Token::End`] came without a fault, the text is JSON. It does not recurse, and
//! allocates only for what is nested more than 64 deep. Whether keys repeat and surrogates pair is for the reader of the
//! tokens.

use super::error::{ErrorKind, Fault};
use super::nesting::{Container, Nesting};

#[derive(Debug, Clone, Copy)]
pub enum Token<'a> {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    /// A member's key; its colon is already read.
    Key(RawString<'a>),
    String(RawString<'a>),
    Number(&'a str),
    Bool(bool),
    Null,
    End,
}

/// A string's content as it stands between the quotes, its escapes proven well-formed.
#[derive(Debug, Clone, Copy)]
pub struct RawString<'a> {
    pub(super) text: &'a str,
    /// Where the content begins, after the quote.
    pub(super) offset: usize,
    pub(super) has_escapes: bool,
}

/// The scanner: [`Tokens::next_token`] until [`Token::End`].
#[derive(Debug)]
pub struct Tokens<'a> {
    text: &'a str,
    at: usize,
    open: Nesting,
    next: Next,
    depth_max: usize,
}

#[derive(Debug, Clone, Copy)]
enum Next {
    Value,
    FirstItem,
    FirstKey,
    AfterValue,
}

impl<'a> Tokens<'a> {
    pub fn new(text: &'a str, depth_max: usize) -> Self {
        Self { text, at: 0, open: Nesting::default(), next: Next::Value, depth_max }
    }

    /// Where the next token is looked for: right after the one handed out last.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// After a fault or the end nothing is promised of the tokens that follow.
    #[inline]
    pub fn next_token(&mut self) -> Result<Token<'a>, Fault> {
        self.skip_whitespace();
        match self.next {
            Next::FirstItem if self.peek() == Some(b']') => Ok(self.close(Token::ArrayEnd)),
            Next::Value | Next::FirstItem => self.value(),
            Next::FirstKey if self.peek() == Some(b'}') => Ok(self.close(Token::ObjectEnd)),
            Next::FirstKey => self.key(),
            Next::AfterValue => self.after_value(),
        }
    }

    /// Reads on to the end of the value that begins with `first`, the token handed out last.
    pub fn skip_value(&mut self, first: Token<'a>) -> Result<(), Fault> {
        if let Token::ObjectStart | Token::ArrayStart = first {
            let outside = self.open.depth() - 1;
            while self.open.depth() > outside {
                self.next_token()?;
            }
        }
        Ok(())
    }

    fn after_value(&mut self) -> Result<Token<'a>, Fault> {
        match (self.open.innermost(), self.peek()) {
            (None, None) => Ok(Token::End),
            (None, Some(_)) => Err(self.unexpected("the end of the text")),
            (Some(Container::Array), Some(b']')) => Ok(self.close(Token::ArrayEnd)),
            (Some(Container::Object), Some(b'}')) => Ok(self.close(Token::ObjectEnd)),
            (Some(container), Some(b',')) => {
                self.at += 1;
                self.skip_whitespace();
                match container {
                    Container::Array => self.value(),
                    Container::Object => self.key(),
                }
            }
            (Some(Container::Array), _) => Err(self.unexpected("`,` or `]`")),
            (Some(Container::Object), _) => Err(self.unexpected("`,` or `}`")),
        }
    }

    fn value(&mut self) -> Result<Token<'a>, Fault> {
        let token = match self.peek() {
            Some(b'{') => return self.open(Container::Object),
            Some(b'[') => return self.open(Container::Array),
            Some(b'"') => Token::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Token::Number(self.number()?),
            Some(b't') => self.literal("true", "`true`", Token::Bool(true))?,
            Some(b'f') => self.literal("false", "`false`", Token::Bool(false))?,
            Some(b'n') => self.literal("null", "`null`", Token::Null)?,
            _ => return Err(self.unexpected("a value")),
        };
        self.next = Next::AfterValue;
        Ok(token)
    }

    fn key(&mut self) -> Result<Token<'a>, Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a key in double quotes"));
        }
        let key = self.string()?;
        self.skip_whitespace();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("`:`"));
        }
        self.at += 1;
        self.next = Next::Value;
        Ok(Token::Key(key))
    }

    fn open(&mut self, container: Container) -> Result<Token<'a>, Fault> {
        if self.open.depth() == self.depth_max {
            let depth_max = self.depth_max;
            return Err(self.fault(ErrorKind::TooDeep { depth_max }));
        }
        self.open.push(container);
        self.at += 1;
        let (token, next) = match container {
            Container::Array => (Token::ArrayStart, Next::FirstItem),
            Container::Object => (Token::ObjectStart, Next::FirstKey),
        };
        self.next = next;
        Ok(token)
    }

    fn close(&mut self, token: Token<'a>) -> Token<'a> {
        self.open.pop();
        self.at += 1;
        self.next = Next::AfterValue;
        token
    }

    fn literal(&mut self, word: &str, expected: &'static str, token: Token<'a>) -> Result<Token<'a>, Fault> {
        let found = self.text[self.at..].bytes();
        let common = word.bytes().zip(found).take_while(|(a, b)| a == b).count();
        self.at += common;
        if common < word.len() {
            return Err(self.unexpected(expected));
        }
        Ok(token)
    }

    fn number(&mut self) -> Result<&'a str, Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.unexpected("a digit"));
        }
        Ok(())
    }

    fn string(&mut self) -> Result<RawString<'a>, Fault> {
        let offset = self.at + 1;
        let mut has_escapes = false;
        self.at = offset;
        loop {
            self.at = next_special(self.text.as_bytes(), self.at);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.unexpected("an escape for a control character")),
                None => return Err(self.unexpected("`\"` at the end of the string")),
            }
            has_escapes = true;
        }
        let text = &self.text[offset..self.at];
        self.at += 1;
        Ok(RawString { text, offset, has_escapes })
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.unexpected("four hexadecimal digits after `\\u`"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.unexpected("one of `\"\\/bfnrtu` after `\\`")),
        }
        Ok(())
    }

    fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn unexpected(&self, expected: &'static str) -> Fault {
        Fault::unexpected(self.text, self.at, expected)
    }

    fn fault(&self, kind: ErrorKind) -> Fault {
        Fault { kind, offset: self.at }
    }
}

/// The first place from `at` on of a byte that cannot stand for itself in a string: `"`, `\` or a control
/// character. `bytes.len()` if there is none.
pub(super) fn next_special(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // High bit set in each byte below `n` (at most 0x80). A borrow can set it wrongly, but only above a byte that
    // is set rightly, and only the lowest is read.
    let below = |word: u64, n: u8| word.wrapping_sub(ONES * u64::from(n)) & !word & HIGHS;
    let equal = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);

    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let hits = below(word, 0x20) | equal(word, b'"') | equal(word, b'\\');
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(is_special).map_or(bytes.len(), |found| at + found)
}
