//! Canonical JSON (RFC 8785) and SHA-256: what ids and dedup hashes are made of. The one place that hashes.
//!
//! Invariant: equal values give equal bytes, whatever the order of keys, the spelling of strings or the whitespace.
//!
//! Two forms that agree wherever both exist. The strict form is for our own records and refuses a number that RFC 8785
//! would write with another value. The tolerant form is for payloads of others and refuses nothing: such a number is
//! hashed as the text that came. Two spellings of such a number therefore differ (`1e400`, `10e399`), but two numbers
//! are never taken for one; and such a text never equals what RFC 8785 writes for any double, because whatever RFC
//! 8785 writes has the value of its double.
//!
//! Absent on purpose: another hash, a way to canonicalise text without knowing its [`Mode`].

mod digest;
mod number;

use std::cmp::Ordering;

pub use digest::{Digest, DigestError};

use crate::json::{self, Mode, Number, Value, write_string};

/// A number that RFC 8785 cannot write with the value it has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("number {number}: expected one that a double holds exactly as written; send it as a string")]
pub struct InexactNumber {
    pub number: String,
}

/// The canonical text of one of our own records.
pub fn text(value: &Value<'_>) -> Result<String, InexactNumber> {
    match first_inexact(value) {
        Some(number) => Err(InexactNumber { number: number.as_str().to_owned() }),
        None => Ok(tolerant_text(value)),
    }
}

/// The id of one of our own records: SHA-256 of [`text`].
pub fn id(value: &Value<'_>) -> Result<Digest, InexactNumber> {
    text(value).map(|text| Digest::of(text.as_bytes()))
}

/// The canonical text of what holds values of others; a number RFC 8785 would change stands as it came.
pub fn tolerant_text(value: &Value<'_>) -> String {
    let mut out = String::new();
    write(&mut out, value);
    out
}

/// SHA-256 of [`tolerant_text`].
pub fn tolerant_id(value: &Value<'_>) -> Digest {
    Digest::of(tolerant_text(value).as_bytes())
}

/// Members whose value differs each time the same thing is observed, at any depth.
pub const VOLATILE_KEYS: [&str; 9] =
    ["timestamp", "time", "ts", "seq", "sequence", "event_id", "trace_id", "span_id", "request_id"];

/// A payload as a dedup hash sees it: without the [`VOLATILE_KEYS`] and the rule's own `ignore`, at any depth.
pub fn payload<'a>(text: &'a str, ignore: &[&str], depth_max: usize) -> Result<Value<'a>, json::Error> {
    let mut value = json::parse(text.as_bytes(), Mode::Tolerant, depth_max)?;
    remove_keys(&mut value, &|key| VOLATILE_KEYS.contains(&key) || ignore.contains(&key));
    Ok(value)
}

fn remove_keys(value: &mut Value<'_>, removed: &impl Fn(&str) -> bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| remove_keys(item, removed)),
        Value::Object(object) => object.retain_mut(|key, value| {
            let keep = !removed(key);
            if keep {
                remove_keys(value, removed);
            }
            keep
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn first_inexact<'v, 'a>(value: &'v Value<'a>) -> Option<&'v Number<'a>> {
    match value {
        Value::Number(number) => (!number::is_exact(number.as_str())).then_some(number),
        Value::Array(items) => items.iter().find_map(first_inexact),
        Value::Object(object) => object.iter().find_map(|(_, value)| first_inexact(value)),
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}

fn write(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => json::write(out, value),
        Value::Number(number) => number::write(out, number.as_str()),
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
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_unstable_by(|(a, _), (b, _)| utf16_order(a, b));
            out.push('{');
            for (place, (key, value)) in members.into_iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write_string(out, key);
                out.push(':');
                write(out, value);
            }
            out.push('}');
        }
    }
}

/// The order of two texts by UTF-16 code units, read off their UTF-8. The two orders differ in one thing: surrogates
/// (D800..DFFF, in UTF-8 the lead bytes from F0 on) come before U+E000..U+FFFF (the lead bytes EE and EF).
fn utf16_order(a: &str, b: &str) -> Ordering {
    let rank = |byte: u8| {
        if matches!(byte, 0xEE | 0xEF) { byte + 0x10 } else { byte }
    };
    match a.bytes().zip(b.bytes()).find(|(x, y)| x != y) {
        Some((x, y)) => rank(x).cmp(&rank(y)),
        None => a.len().cmp(&b.len()),
    }
}
