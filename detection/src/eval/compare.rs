//! Equality, order and membership of values.

use std::cmp::Ordering;

use contracts::canonical::utf16_order;
use contracts::json::{Decimal, Object, Value};

use super::work::{OverBudget, Work};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// As rules and paths write it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    pub fn allows(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// Whether `left comparison right` holds; false for two types, but for null on the right of `!=`.
pub fn compare(
    comparison: Comparison,
    left: &Value<'_>,
    right: &Value<'_>,
    work: &mut Work,
) -> Result<bool, OverBudget> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            work.spend(left.as_str().len() + right.as_str().len())?;
            Ok(comparison.allows(number_order(left.as_str(), right.as_str())))
        }
        (Value::String(left), Value::String(right)) => {
            work.spend(left.len().min(right.len()))?;
            Ok(comparison.allows(utf16_order(left, right)))
        }
        _ => match comparison {
            Comparison::Equal => equal(left, right, work),
            Comparison::NotEqual if same_type(left, right) => Ok(!equal(left, right, work)?),
            Comparison::NotEqual => Ok(*right == Value::Null),
            Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual => Ok(false),
        },
    }
}

/// Whether two values are the same: numbers by value, objects in any order, as deep as they go.
pub fn equal(left: &Value<'_>, right: &Value<'_>, work: &mut Work) -> Result<bool, OverBudget> {
    work.spend(1)?;
    match (left, right) {
        (Value::Null, Value::Null) => Ok(true),
        (Value::Bool(left), Value::Bool(right)) => Ok(left == right),
        (Value::Number(left), Value::Number(right)) => {
            work.spend(left.as_str().len() + right.as_str().len())?;
            Ok(number_order(left.as_str(), right.as_str()).is_eq())
        }
        (Value::String(left), Value::String(right)) => {
            work.spend(left.len().min(right.len()))?;
            Ok(left == right)
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            all(left.iter().zip(right), |(left, right)| equal(left, right, work))
        }
        (Value::Object(left), Value::Object(right)) if left.len() == right.len() => {
            work.spend(left.len() + right.len())?;
            let pairs = by_key(left).into_iter().zip(by_key(right));
            all(pairs, |((left_key, left), (right_key, right))| {
                work.spend(left_key.len().min(right_key.len()))?;
                Ok(left_key == right_key && equal(left, right, work)?)
            })
        }
        _ => Ok(false),
    }
}

/// Whether `right` is inside `left`: as a part of a string, or as an item of an array.
pub fn contains(left: &Value<'_>, right: &Value<'_>, work: &mut Work) -> Result<bool, OverBudget> {
    match (left, right) {
        (Value::String(text), Value::String(part)) => {
            work.spend(text.len() + part.len())?;
            Ok(text.contains(&**part))
        }
        (Value::Array(items), right) => is_in(right, items, work),
        _ => Ok(false),
    }
}

/// Whether some item of `list` equals `value`.
pub fn is_in(value: &Value<'_>, list: &[Value<'_>], work: &mut Work) -> Result<bool, OverBudget> {
    any(list, |item| equal(value, item, work))
}

/// Whether `holds` for any of the values a path gave; the first that does ends the search.
pub fn any<T>(
    items: impl IntoIterator<Item = T>,
    mut holds: impl FnMut(T) -> Result<bool, OverBudget>,
) -> Result<bool, OverBudget> {
    for item in items {
        if holds(item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn same_type(left: &Value<'_>, right: &Value<'_>) -> bool {
    std::mem::discriminant(left) == std::mem::discriminant(right)
}

/// Whole numbers short enough to be counted are what events hold; the rest goes by its digits.
pub(crate) fn number_order(left: &str, right: &str) -> Ordering {
    const COUNTED_BYTES_MAX: usize = 18;
    let counted = |text: &str| if text.len() <= COUNTED_BYTES_MAX { text.parse::<i64>().ok() } else { None };
    match (counted(left), counted(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => Decimal::of(left).cmp(&Decimal::of(right)),
    }
}

fn by_key<'o, 'a>(object: &'o Object<'a>) -> Vec<(&'o str, &'o Value<'a>)> {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_unstable_by_key(|(key, _)| *key);
    members
}

fn all<T>(
    items: impl IntoIterator<Item = T>,
    mut holds: impl FnMut(T) -> Result<bool, OverBudget>,
) -> Result<bool, OverBudget> {
    Ok(!any(items, |item| Ok(!holds(item)?))?)
}
