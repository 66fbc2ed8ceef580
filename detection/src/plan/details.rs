//! The values that a rule compared, for people who ask why it matched.

use contracts::field::JsonObject;
use contracts::json::{Object, Value};

use crate::eval::Work;
use crate::jsonpath::Path;
use crate::limits::MESSAGE_VALUE_CHARS_MAX;

/// Values of one path; of more the first.
const VALUES_MAX: usize = 16;

/// Looking for the values of one path; of one that costs more nothing is told.
const WORK_MAX: u64 = 1 << 20;

/// Each path with its value, or with all of them if it can give several. A path without a value is left out.
pub(super) fn of(paths: &[Path], payload: &Value<'_>) -> JsonObject {
    let mut details = Object::new();
    for path in paths {
        let Ok(found) = path.select(payload, &mut Work::new(WORK_MAX)) else { continue };
        let mut values: Vec<Value<'_>> = found.into_iter().take(VALUES_MAX).map(shortened).collect();
        let value = match (path.is_singular(), values.pop()) {
            (_, None) => continue,
            (true, Some(value)) => value,
            (false, Some(last)) => {
                values.push(last);
                Value::Array(values)
            }
        };
        details.insert(path.to_string(), value);
    }
    JsonObject::new(details.text()).expect("invariant: an object of scalars, or of arrays of them, is an object")
}

/// A short scalar as it is; of everything else the beginning of its text.
fn shortened<'v>(value: &'v Value<'v>) -> Value<'v> {
    let beginning = |text: &str| {
        let mut characters = text.char_indices().skip(MESSAGE_VALUE_CHARS_MAX);
        characters.next().map(|(end, _)| Value::from(format!("{}…", &text[..end])))
    };
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        Value::String(text) => beginning(text).unwrap_or_else(|| value.clone()),
        Value::Number(number) => beginning(number.as_str()).unwrap_or_else(|| value.clone()),
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            beginning(&text).unwrap_or_else(|| Value::from(text))
        }
    }
}
