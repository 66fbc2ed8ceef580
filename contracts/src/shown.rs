//! Text of others as our errors show it: cut, so that no input can blow up a log line.

const SHOWN_CHARS_MAX: usize = 64;

/// `text` itself, or its beginning and `…`.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
