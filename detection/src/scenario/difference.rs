//! The first place where what came out is not what a case expects.

use std::fmt;

use contracts::json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `action.level`; empty for the whole.
    pub place: String,
    pub expected: String,
    pub found: String,
}

/// None if `found` has all that `expected` names: members of objects at any depth, lists item by item, the rest as written.
pub fn difference(expected: &Value<'_>, found: &Value<'_>) -> Option<Difference> {
    at("", expected, Some(found))
}

fn at(place: &str, expected: &Value<'_>, found: Option<&Value<'_>>) -> Option<Difference> {
    match (expected, found) {
        (Value::Object(expected), Some(Value::Object(found))) => {
            expected.iter().find_map(|(name, value)| at(&join(place, name), value, found.get(name)))
        }
        (Value::Array(expected), Some(Value::Array(found))) if expected.len() == found.len() => {
            let pairs = expected.iter().zip(found).enumerate();
            pairs
                .map(|(number, (left, right))| at(&format!("{place}[{number}]"), left, Some(right)))
                .find_map(|found| found)
        }
        (expected, Some(found)) if expected == found => None,
        (expected, found) => Some(Difference {
            place: place.to_owned(),
            expected: expected.to_string(),
            found: found.map_or("nothing".to_owned(), Value::to_string),
        }),
    }
}

fn join(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, expected, found } = self;
        write!(f, "  {place}\n- {expected}\n+ {found}")
    }
}
