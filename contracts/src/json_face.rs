//! The JSON face of every record: what `send` and the HTTP interface take, and what `tail` shows.
//!
//! Strict about the record itself: an unknown, a missing and a mistyped field are all told in one error, and a key may
//! stand once. Tolerant about what a field of JSON holds, for that belongs to others. Written on one line.

use crate::avro::Framing;
use crate::codec::{self, EncodeError};
use crate::fault::{Faults, Found};
use crate::json::{self, Mode, Token, Tokens, Value};
use crate::limits::{ITEMS_MAX, JSON_FACE_DEPTH_MAX, JSON_GROWTH_MAX};
use crate::record::{Field, Record};
use crate::shape::Shape;

/// Why a text is not the record it was read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("{record}: expected at most {max} {unit}, found {found}")]
    TooLarge { record: &'static str, unit: &'static str, max: usize, found: Found },
    #[error("expected JSON; {0}")]
    Syntax(#[from] json::Error),
    #[error("{record}: {faults}")]
    Fields { record: &'static str, faults: Faults },
    #[error(transparent)]
    Encoding(#[from] EncodeError),
}

/// The record on one line, without a line break at its end.
pub fn to_json<R: Record>(record: &R) -> String {
    let mut text = String::new();
    record.write_json(&mut text);
    text
}

pub fn from_json<R: Record>(text: &[u8]) -> Result<R, JsonError> {
    from_value(&parse::<R>(text)?)
}

/// The text as a tree: strict where the record is ours, tolerant within its fields of JSON.
pub fn parse<R: Record>(text: &[u8]) -> Result<Value<'_>, JsonError> {
    check_size::<R>(text)?;
    Ok(tree::<R>(text)?)
}

/// A document that stands on no topic: no Avro body bounds it, so `bytes_max` bounds its text. `check` adds what is
/// wrong with fields that must agree, whatever else is wrong.
pub fn document_from_json<F: Field>(
    name: &'static str,
    bytes_max: usize,
    text: &[u8],
    check: impl FnOnce(&Value<'_>, &mut Faults),
) -> Result<F, JsonError> {
    if text.len() > bytes_max {
        // A caller that reads no further than the limit does not know how much there is.
        return Err(JsonError::TooLarge { record: name, unit: "bytes of JSON", max: bytes_max, found: Found::More });
    }
    taken(name, &tree::<F>(text)?, check)
}

fn tree<F: Field>(text: &[u8]) -> Result<Value<'_>, json::Error> {
    if let Ok(strict) = json::parse(text, Mode::Strict, JSON_FACE_DEPTH_MAX) {
        return Ok(strict);
    }
    // Is it about the record, or about what is only carried? The carried is hidden, and the question put again.
    let value = json::parse(text, Mode::Tolerant, JSON_FACE_DEPTH_MAX)?;
    let mut shown = text.to_vec();
    hide_carried(&F::shape(), &value, text, &mut shown);
    json::parse(&shown, Mode::Strict, JSON_FACE_DEPTH_MAX)?;
    Ok(value)
}

/// Bounds the text, and the tree it would make: where the text is longer than any Avro body, that has to be because of
/// how it is spelled, and not because of how much it holds.
fn check_size<R: Record>(text: &[u8]) -> Result<(), JsonError> {
    let too_large = |unit, max, found| JsonError::TooLarge { record: R::NAME, unit, max, found };
    let bytes_max = R::BYTES_MAX * JSON_GROWTH_MAX;
    if text.len() > bytes_max {
        return Err(too_large("bytes of JSON", bytes_max, Found::Exactly(text.len())));
    }
    // A value and what parts it from the next take two bytes.
    let values_max = R::BYTES_MAX / 2 + ITEMS_MAX;
    if text.len() > R::BYTES_MAX && values_before_fault(text).take(values_max + 1).count() > values_max {
        return Err(too_large("values", values_max, Found::More));
    }
    Ok(())
}

/// The values of a text, counted without a tree, up to where it is no longer JSON.
fn values_before_fault(text: &[u8]) -> impl Iterator<Item = ()> {
    let utf8 = str::from_utf8(text).unwrap_or_default();
    let mut tokens = Tokens::new(utf8, JSON_FACE_DEPTH_MAX);
    let values = std::iter::from_fn(move || tokens.next_token().ok().filter(|token| !matches!(token, Token::End)));
    values.filter(|token| !matches!(token, Token::Key(_) | Token::ArrayEnd | Token::ObjectEnd)).map(|_| ())
}

/// Takes a tree as a record.
pub fn from_value<R: Record>(value: &Value<'_>) -> Result<R, JsonError> {
    let record: R = taken(R::NAME, value, |_, _| {})?;
    // A record is as long as its Avro body is; from JSON there is no other way to know.
    codec::encode(&record, Framing::SingleObject, &mut Vec::new())?;
    Ok(record)
}

fn taken<F: Field>(
    name: &'static str,
    value: &Value<'_>,
    check: impl FnOnce(&Value<'_>, &mut Faults),
) -> Result<F, JsonError> {
    let mut faults = Faults::default();
    let taken = F::read_json(value, &mut faults);
    check(value, &mut faults);
    match taken {
        Some(taken) if faults.is_empty() => Ok(taken),
        _ => Err(JsonError::Fields { record: name, faults }),
    }
}

/// Puts an empty object of the same length over every field of JSON, so that all places stay what they were.
fn hide_carried(shape: &Shape, value: &Value<'_>, text: &[u8], shown: &mut [u8]) {
    match (shape, value) {
        (Shape::Json, Value::Object(object)) => {
            let carried = object.text();
            let start = carried.as_ptr().addr() - text.as_ptr().addr();
            let inside = start + 1..start + carried.len() - 1;
            shown[inside].fill(b' ');
        }
        (Shape::Optional(inner), value) => hide_carried(inner, value, text, shown),
        (Shape::Array(items), Value::Array(values)) => {
            for value in values {
                hide_carried(items, value, text, shown);
            }
        }
        (Shape::Record(record), Value::Object(object)) => {
            for field in &record.fields {
                if let Some(value) = object.get(field.name) {
                    hide_carried(&field.shape, value, text, shown);
                }
            }
        }
        _ => {}
    }
}
