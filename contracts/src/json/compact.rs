//! Takes the whitespace out of JSON that is known to be valid, for output of one record per line.

use std::borrow::Cow;

use super::tokens::next_special;

/// `text` without whitespace outside strings; number text, escapes and key order stay. Borrowed if there was none.
///
/// `text` is JSON, as the payload of a decoded record is. Of other text nothing is promised but that this ends.
pub fn compact(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut kept_to = 0;
    let mut at = 0;
    let bytes = text.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at + 1),
            b' ' | b'\t' | b'\n' | b'\r' => {
                if out.is_empty() {
                    out.reserve(text.len());
                }
                out.push_str(&text[kept_to..at]);
                at += 1;
                kept_to = at;
            }
            _ => at += 1,
        }
    }
    if kept_to == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[kept_to..]);
    Cow::Owned(out)
}

/// The place after the quote that ends the string whose content begins at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at = next_special(bytes, at);
        match bytes.get(at) {
            None => return bytes.len(),
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}
