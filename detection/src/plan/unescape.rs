//! The text of a payload with its escapes read, so that a literal is found however it was written.
//!
//! Invariant: a string or key of the payload, as the tolerant reader decodes it, stands in the result as it is, and a key
//! between quotes. The result is no longer than the text, and made in one pass.
//!
//! Absent on purpose: whether the text is JSON. What is no escape stands as it came.

/// Of `text`, or `text` itself if it has no escapes.
pub(super) fn unescaped<'t>(text: &'t str, buffer: &'t mut String) -> &'t str {
    let Some(first) = text.find('\\') else {
        return text;
    };
    buffer.clear();
    buffer.reserve(text.len());
    let (plain, mut rest) = text.split_at(first);
    buffer.push_str(plain);
    while let Some(escape) = rest.strip_prefix('\\') {
        let (character, length) = character(escape);
        buffer.extend(character);
        rest = &escape[length..];
        let (plain, escapes) = rest.split_at(rest.find('\\').unwrap_or(rest.len()));
        buffer.push_str(plain);
        rest = escapes;
    }
    buffer
}

/// What stands for the escape whose text after the backslash begins `escape`, and how much of it that is.
fn character(escape: &str) -> (Option<char>, usize) {
    let simple = |character| (Some(character), 1);
    match escape.as_bytes().first() {
        Some(b'b') => simple('\u{8}'),
        Some(b'f') => simple('\u{c}'),
        Some(b'n') => simple('\n'),
        Some(b'r') => simple('\r'),
        Some(b't') => simple('\t'),
        Some(&byte @ (b'"' | b'\\' | b'/')) => simple(char::from(byte)),
        Some(b'u') => match unit(escape) {
            Some(first) => {
                let second = escape.get(5..).and_then(|rest| rest.strip_prefix('\\')).and_then(unit);
                match char::decode_utf16([first].into_iter().chain(second)).next() {
                    Some(Ok(character)) => (Some(character), if character.len_utf16() == 2 { 11 } else { 5 }),
                    _ => (Some(char::REPLACEMENT_CHARACTER), 5),
                }
            }
            None => (Some('\\'), 0),
        },
        _ => (Some('\\'), 0),
    }
}

/// The UTF-16 unit that `uXXXX` at the start writes.
fn unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix('u')?.get(..4)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use contracts::json::{Mode, Value, parse};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_escape_stands_as_it_came() {
        for text in ["", "\\", "\\x", "\\u", "\\u12", "\\u+123", "\\u12é4", "a\\", "\\\u{e9}"] {
            assert_eq!(unescaped(text, &mut String::new()), text, "{text:?}");
        }
    }

    fn strings(value: &Value<'_>, all: &mut Vec<String>) {
        match value {
            Value::String(text) => all.push(text.clone().into_owned()),
            Value::Array(items) => items.iter().for_each(|item| strings(item, all)),
            Value::Object(object) => object.iter().for_each(|(key, value)| {
                all.push(format!("\"{key}\""));
                strings(value, all);
            }),
            _ => {}
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_string_and_key_stands_in_it_as_it_is_decoded(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "a", "é", "\\\\", "\\\"", "\\/", "\\n", "\\u0072", "\\ud83d", "\\ude00", "\\u0000", "u0041", "\\u00e9", "😀", "\\b", "\\f\\r\\t",
                ]),
                0..8,
            ),
        ) {
            let string = parts.concat();
            let text = format!("{{\"{string}\":[\"{string}\"]}}");
            let value = parse(text.as_bytes(), Mode::Tolerant, 8).unwrap();
            let mut all = Vec::new();
            strings(&value, &mut all);
            let mut buffer = String::new();
            let plain = unescaped(&text, &mut buffer);
            prop_assert!(plain.len() <= text.len());
            for string in all {
                prop_assert!(plain.contains(&string), "{string:?} in {plain:?} of {text:?}");
            }
        }
    }
}
