//! Where a range of bytes stands in a text, and the line of it that a person is shown.
//!
//! Invariant: any range gives a place, inside of a character and beyond the end too. Lines and columns count from 1, columns
//! in characters.

use std::ops::Range;

/// Characters of a line that are shown.
const CHARS_MAX: usize = 120;
/// Characters shown before the marked ones when a line is too long.
const CHARS_BEFORE: usize = 60;

/// A line, or the part of a long one around the place, with what is marked in it, in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Excerpt {
    pub text: String,
    pub mark_from: usize,
    pub mark_chars: usize,
}

/// A range of a text; of one over several lines the part on its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located<'t> {
    pub line: usize,
    pub column: usize,
    /// The whole line, without its end.
    pub line_text: &'t str,
    /// At least 1.
    pub chars: usize,
}

pub fn locate<'t>(text: &'t str, span: &Range<usize>) -> Located<'t> {
    let start = text.floor_char_boundary(span.start);
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let end = text.floor_char_boundary(span.end).clamp(start, line_end.max(start));
    Located {
        line: line_of(text, start),
        column: text[line_start..start].chars().count() + 1,
        line_text: &text[line_start..line_end],
        chars: text[start..end].chars().count().max(1),
    }
}

/// The line on which a byte stands.
pub fn line_of(text: &str, byte: usize) -> usize {
    text[..text.floor_char_boundary(byte)].matches('\n').count() + 1
}

impl Excerpt {
    /// Marks `chars` of `line` from `column` on.
    pub fn of(line: &str, column: usize, chars: usize) -> Self {
        let before = column - 1;
        let line = line.trim_end();
        let length = line.chars().count();
        let skipped = if length > CHARS_MAX { before.saturating_sub(CHARS_BEFORE).min(length) } else { 0 };
        // A tab or a colour code from a file would move the mark or the terminal.
        let text: String =
            (line.chars().skip(skipped).take(CHARS_MAX)).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let text_chars = text.chars().count();
        let mark_from = (before - skipped.min(before)).min(text_chars);
        Self { mark_chars: chars.clamp(1, (text_chars - mark_from).max(1)), mark_from, text }
    }
}
