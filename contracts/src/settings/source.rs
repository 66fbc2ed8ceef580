//! The text of a settings file, and where in it a byte stands.
//!
//! Invariant: any range of bytes gives a place, inside of a character and beyond the end too.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use super::problem::{Excerpt, Place};

/// The largest settings file.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Characters of a line that are shown.
const EXCERPT_CHARS_MAX: usize = 120;
/// Characters shown before the marked ones when a line is too long.
const EXCERPT_CHARS_BEFORE: usize = 60;

/// A file that was read: this crate does no I/O.
#[derive(Debug, Clone, Copy)]
pub struct Source<'s> {
    pub(super) name: &'s str,
    pub(super) text: &'s str,
    pub(super) directory: &'s Path,
}

impl<'s> Source<'s> {
    /// `name` is what the file is called in problems, `directory` what relative paths in it are relative to.
    pub fn new(name: &'s str, text: &'s str, directory: &'s Path) -> Self {
        // Editors hide a byte order mark, and their columns do not count it.
        Self { name, text: text.strip_prefix('\u{feff}').unwrap_or(text), directory }
    }

    pub(super) fn line_of(&self, byte: usize) -> usize {
        let byte = self.text.floor_char_boundary(byte);
        self.text[..byte].matches('\n').count() + 1
    }

    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        let start = self.text.floor_char_boundary(span.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |newline| start + newline);
        let end = self.text.floor_char_boundary(span.end).clamp(start, line_end.max(start));
        let column = self.text[line_start..start].chars().count();
        Place::Line {
            file: self.name.to_owned(),
            line: self.line_of(start),
            column: column + 1,
            excerpt: excerpt(&self.text[line_start..line_end], column, self.text[start..end].chars().count().max(1)),
        }
    }
}

fn excerpt(line: &str, column: usize, mark_chars: usize) -> Excerpt {
    let shown = without_secrets(line.trim_end());
    let length = shown.chars().count();
    let skipped = if length > EXCERPT_CHARS_MAX { column.saturating_sub(EXCERPT_CHARS_BEFORE).min(length) } else { 0 };
    // A tab or a colour code from a file would move the mark or the terminal.
    let text: String =
        (shown.chars().skip(skipped).take(EXCERPT_CHARS_MAX)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text_chars = text.chars().count();
    let mark_from = (column - skipped.min(column)).min(text_chars);
    Excerpt { mark_chars: mark_chars.clamp(1, (text_chars - mark_from).max(1)), mark_from, text }
}

/// The text up to where a secret may stand: the value of a key such as `password`, the credentials of an address.
/// Neither belongs into settings, but people put them there.
pub(super) fn without_secrets(text: &str) -> Cow<'_, str> {
    const WORDS: [&str; 3] = ["password", "secret", "token"];
    // Keys that end so hold no secret but a file's name or an address.
    const HARMLESS: [&str; 2] = ["_file", "_endpoint"];
    let lower = text.to_ascii_lowercase();
    let value = WORDS
        .iter()
        .flat_map(|word| lower.match_indices(word).map(|(at, _)| at + word.len()))
        .filter(|end| !HARMLESS.iter().any(|harmless| lower[*end..].starts_with(harmless)))
        .filter_map(|end| lower[end..].find('=').map(|equals| end + equals + 1));
    let credentials = lower.match_indices("://").map(|(at, _)| at + 3).filter(|at| lower[*at..].contains('@'));
    value.chain(credentials).min().map_or(Cow::Borrowed(text), |from| Cow::Owned(format!("{}…", &text[..from])))
}
