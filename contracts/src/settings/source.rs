//! The text of a settings file, and where in it a byte stands.
//!
//! Invariant: any range of bytes gives a place, inside of a character and beyond the end too.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use super::problem::Place;
use crate::excerpt::{self, Excerpt, Located};

/// The largest settings file.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;

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
        excerpt::line_of(self.text, byte)
    }

    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        let Located { line, column, line_text, chars } = excerpt::locate(self.text, span);
        let excerpt = Excerpt::of(&without_secrets(line_text), column, chars);
        Place::Line { file: self.name.to_owned(), line, column, excerpt }
    }
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
