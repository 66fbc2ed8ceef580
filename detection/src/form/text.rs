//! Strings, and where each of their bytes stands in the file.
//!
//! Three ways to write one, each with its own reader here: `"…"` with the escapes of JSON, `"""…"""` in which everything
//! stands for itself, and, inside filters, `'…'` likewise with `''` for a quote.

use std::ops::Range;

use crate::diagnostic::{Code, Trouble};

/// A string as it reads, and where each part of it stands.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub value: String,
    /// From which byte of the value on what stands without a gap from which byte of the file on. Ascending, the first from 0.
    stretches: Vec<(usize, usize)>,
}

/// How a string is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quoted {
    /// `"…"`
    Escaped,
    /// `"""…"""`
    Raw,
    /// `'…'`
    Single,
}

impl Text {
    fn starting(offset: usize) -> Self {
        Self { value: String::new(), stretches: vec![(0, offset)] }
    }

    /// A string of another notation, which stands at `offset`: byte for byte, or nearly so where it has escapes.
    pub fn nearly(value: String, offset: usize) -> Self {
        Self { value, ..Self::starting(offset) }
    }

    /// What stands at `offset` of the file comes next.
    fn resume(&mut self, offset: usize) {
        self.stretches.push((self.value.len(), offset));
    }

    /// Where in the file these bytes of the value stand.
    pub fn span(&self, within: &Range<usize>) -> Range<usize> {
        let start = self.offset(within.start);
        start..self.offset(within.end).max(start)
    }

    fn offset(&self, at: usize) -> usize {
        let next = self.stretches.partition_point(|(from, _)| *from <= at);
        let (from, offset) = self.stretches[next.saturating_sub(1)];
        offset + (at - from)
    }
}

impl Quoted {
    /// Reads what stands between the quotes, the first byte of which is at `offset`. An error says which bytes of the file.
    pub fn read(self, content: &str, offset: usize) -> Result<Text, (Range<usize>, Trouble)> {
        match self {
            Self::Escaped => read_escaped(content, offset),
            // So that a file means the same wherever it was checked out.
            Self::Raw => Ok(read_replacing(content, offset, "\r\n", '\n')),
            Self::Single => Ok(read_replacing(content, offset, "''", '\'')),
        }
    }
}

fn read_replacing(content: &str, offset: usize, written: &str, meant: char) -> Text {
    let mut text = Text::starting(offset);
    let mut at = 0;
    for (found, _) in content.match_indices(written) {
        text.value.push_str(&content[at..found]);
        text.resume(offset + found);
        text.value.push(meant);
        at = found + written.len();
        text.resume(offset + at);
    }
    text.value.push_str(&content[at..]);
    text
}

fn read_escaped(content: &str, offset: usize) -> Result<Text, (Range<usize>, Trouble)> {
    let mut text = Text::starting(offset);
    let mut at = 0;
    while let Some(found) = content[at..].find('\\') {
        text.value.push_str(&content[at..at + found]);
        at += found;
        let (character, length) = escape(&content[at..])
            .map_err(|(length, trouble)| (offset + at..offset + at + length.min(content.len() - at), trouble))?;
        text.resume(offset + at);
        text.value.push(character);
        at += length;
        text.resume(offset + at);
    }
    text.value.push_str(&content[at..]);
    Ok(text)
}

/// The character that the escape at the start of `rest` stands for, and how many bytes it takes; how many are wrong, and why.
fn escape(rest: &str) -> Result<(char, usize), (usize, Trouble)> {
    let plain = |character| Ok((character, 2));
    match rest.as_bytes().get(1) {
        Some(b'"') => plain('"'),
        Some(b'\\') => plain('\\'),
        Some(b'/') => plain('/'),
        Some(b'b') => plain('\u{8}'),
        Some(b'f') => plain('\u{c}'),
        Some(b'n') => plain('\n'),
        Some(b'r') => plain('\r'),
        Some(b't') => plain('\t'),
        Some(b'u') => unicode(rest),
        _ => {
            let found: String = rest.chars().take(2).collect();
            let help =
                "write `\\\\` for a backslash, or the string between `\"\"\"`, where everything stands for itself";
            let trouble = Trouble::new(Code::BadEscape, "unknown escape in a string")
                .expected("one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX")
                .found(format!("`{found}`"))
                .help(help);
            Err((found.len(), trouble))
        }
    }
}

/// `\uXXXX`, or two of them for a character beyond U+FFFF.
fn unicode(rest: &str) -> Result<(char, usize), (usize, Trouble)> {
    const UNIT_BYTES: usize = 6;
    let wrong = |expected: &str| {
        let trouble = Trouble::new(Code::BadEscape, "an escape that is no character").expected(expected);
        (UNIT_BYTES, trouble.found(format!("`{}`", rest.chars().take(UNIT_BYTES).collect::<String>())))
    };
    let unit = |at: usize| {
        let digits = rest.get(at..at + UNIT_BYTES)?.strip_prefix("\\u")?;
        let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        are_digits.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    };
    let first = unit(0).ok_or_else(|| wrong("four hexadecimal digits after `\\u`"))?;
    if let Some(character) = char::from_u32(first.into()) {
        return Ok((character, UNIT_BYTES));
    }
    let pair = unit(UNIT_BYTES).map(|second| [first, second]);
    match pair.and_then(|pair| char::decode_utf16(pair).next()).and_then(Result::ok) {
        Some(character) => Ok((character, 2 * UNIT_BYTES)),
        None => Err(wrong("both halves of a surrogate pair")),
    }
}
