//! The one writer: compact, members in their order, numbers as they stand, RFC 8785's minimal escapes.

use super::tokens::next_special;
use super::value::{Object, Value};

/// Appends `value`, without whitespace.
pub fn write(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(number.as_str()),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(out, item);
            }
            out.push(']');
        }
        Value::Object(object) => write_object(out, object),
    }
}

pub(super) fn write_object(out: &mut String, object: &Object<'_>) {
    out.push('{');
    for (place, (key, value)) in object.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write_string(out, key);
        out.push(':');
        write(out, value);
    }
    out.push('}');
}

/// Appends `text` in quotes, escaping what JSON requires and nothing else, as RFC 8785 says.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    loop {
        let (plain, special) = rest.split_at(next_special(rest.as_bytes(), 0));
        out.push_str(plain);
        let Some(&byte) = special.as_bytes().first() else {
            break;
        };
        write_escape(out, byte);
        rest = &special[1..];
    }
    out.push('"');
}

fn write_escape(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        0x08 => out.push_str("\\b"),
        b'\t' => out.push_str("\\t"),
        b'\n' => out.push_str("\\n"),
        0x0C => out.push_str("\\f"),
        b'\r' => out.push_str("\\r"),
        _ => {
            out.push_str("\\u00");
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 0x0F)]));
        }
    }
}
