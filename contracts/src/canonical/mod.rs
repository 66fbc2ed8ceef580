//! Canonical JSON (RFC 8785) and SHA-256: what ids and dedup hashes are made of. The one place that hashes.
//!
//! Invariant: equal values give equal bytes, whatever the order of keys, the spelling of strings or the whitespace.
//!
//! Two forms that agree wherever numbers are what a double can hold. [`text`] is RFC 8785 to the letter: each number is
//! taken for the double next to it. [`tolerant_text`] is for values of others and changes no value: a number that RFC 8785
//! would write with another value is hashed as the text that came. Two spellings of such a number therefore differ
//! (`1e400`, `10e399`), but two numbers are never taken for one; and such a text never equals what RFC 8785 writes for any
//! double, because whatever RFC 8785 writes has the value of its double.
//!
//! Absent on purpose: another hash, and reading: see [`crate::json`].

mod digest;
mod number;
mod payload;
mod writer;

use std::fmt;

pub use digest::{Digest, DigestError};
pub use payload::{is_volatile, payload};
pub use writer::utf16_order;

use crate::json::{Number, Value};
use crate::shown::shown;
use number::Numbers;
use writer::Writer;

/// A text in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(String);

/// A number beyond every double, for which RFC 8785 has no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("number {number}: expected one between -1.8e308 and 1.8e308; send it as a string")]
pub struct BeyondDoubles {
    pub number: String,
}

/// The text of RFC 8785.
pub fn text(value: &Value<'_>) -> Result<Text, BeyondDoubles> {
    if let Some(number) = first_beyond_doubles(value) {
        return Err(BeyondDoubles { number: shown(number.as_str()) });
    }
    let mut writer = Writer::with_numbers(Numbers::Doubles);
    writer.value(value);
    Ok(Text(writer.finish()))
}

/// SHA-256 of [`text`].
pub fn id(value: &Value<'_>) -> Result<Digest, BeyondDoubles> {
    text(value).map(|text| text.digest())
}

/// The canonical text of what holds values of others; a number RFC 8785 would change stands as it came.
pub fn tolerant_text(value: &Value<'_>) -> Text {
    let mut writer = Writer::default();
    writer.value(value);
    Text(writer.finish())
}

/// The object of these members, whose values are canonical already. Of equal keys the last counts.
pub fn object<'k>(members: impl IntoIterator<Item = (&'k str, Text)>) -> Text {
    let mut writer = Writer::default();
    writer.object(members, |writer, text| writer.text(text.as_str()));
    Text(writer.finish())
}

impl Text {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }

    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn first_beyond_doubles<'v, 'a>(value: &'v Value<'a>) -> Option<&'v Number<'a>> {
    match value {
        Value::Number(number) => (!number::is_finite(number.as_str())).then_some(number),
        Value::Array(items) => items.iter().find_map(first_beyond_doubles),
        Value::Object(object) => object.iter().find_map(|(_, value)| first_beyond_doubles(value)),
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}
