//! What a string says, once its escapes are read.

use std::borrow::Cow;

use super::error::{ErrorKind, Fault};
use super::parse::Mode;
use super::tokens::RawString;

impl<'a> RawString<'a> {
    pub(crate) fn decode(self, mode: Mode) -> Result<Cow<'a, str>, Fault> {
        if self.has_escapes { unescape(self, mode).map(Cow::Owned) } else { Ok(Cow::Borrowed(self.text)) }
    }

    /// What it says to [`Mode::Tolerant`].
    pub fn decode_tolerant(self) -> Cow<'a, str> {
        self.decode(Mode::Tolerant).expect("invariant: tolerant reading takes every escape the scanner took")
    }

    /// The content as it stands between the quotes.
    pub fn as_written(self) -> &'a str {
        self.text
    }

    /// The content as it stands, if that is what it says: it has no escapes.
    pub fn plain(self) -> Option<&'a str> {
        (!self.has_escapes).then_some(self.text)
    }
}

/// The scanner has proven each escape well-formed.
fn unescape(raw: RawString<'_>, mode: Mode) -> Result<String, Fault> {
    let mut out = String::with_capacity(raw.text.len());
    let mut rest = raw.text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        rest = &escape[1..];
        out.push(match escape.as_bytes()[0] {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (character, length) = match (utf16_character(escape), mode) {
                    (Ok(found), _) => found,
                    (Err(_), Mode::Tolerant) => (char::REPLACEMENT_CHARACTER, LONE_UNIT),
                    (Err(unit), Mode::Strict) => {
                        let kind = ErrorKind::LoneSurrogate { unit };
                        let offset = raw.offset + raw.text.len() - escape.len() - 1;
                        return Err(Fault { kind, offset });
                    }
                };
                rest = &escape[length..];
                character
            }
            byte => char::from(byte),
        });
    }
    out.push_str(rest);
    Ok(out)
}

/// Length of `uXXXX` and of `uXXXX\uXXXX`.
const LONE_UNIT: usize = 5;
const UNIT_PAIR: usize = 11;

/// The character that `uXXXX` or `uXXXX\uXXXX` at the start of `escape` stands for and how long that is; the unit if it
/// is half a pair.
fn utf16_character(escape: &str) -> Result<(char, usize), u16> {
    let first = utf16_unit(escape);
    if let Some(character) = char::from_u32(first.into()) {
        return Ok((character, LONE_UNIT));
    }
    let second = escape[LONE_UNIT..].strip_prefix("\\u").map(|_| utf16_unit(&escape[LONE_UNIT + 1..]));
    match char::decode_utf16([first, second.unwrap_or(first)]).next() {
        Some(Ok(character)) => Ok((character, UNIT_PAIR)),
        _ => Err(first),
    }
}

/// The unit that `uXXXX` at the start of `escape` writes.
fn utf16_unit(escape: &str) -> u16 {
    u16::from_str_radix(&escape[1..LONE_UNIT], 16).expect("invariant: four hexadecimal digits follow `\\u`")
}
