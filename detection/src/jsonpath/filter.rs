//! Evaluation of filters. Comparison is the RFC's, which differs from that of rules: nothing equals nothing, values of two
//! types are unequal, strings are ordered by Unicode scalar value.

use std::borrow::Cow;

use contracts::json::{Number, Value};

use super::ast::{Condition, Operand, Origin, Pattern, Query};
use super::regexp::Expression;
use super::select::Selection;
use crate::eval::{Comparison, OverBudget, any_holds, equal, length, number_order};

/// What compiling an expression out of a document costs, in bytes scanned.
const COMPILE_WORK: usize = 50_000;

pub fn holds<'v>(
    selection: &mut Selection<'v, '_>,
    condition: &Condition,
    current: &'v Value<'v>,
) -> Result<bool, OverBudget> {
    match condition {
        Condition::Any(conditions) => any_holds(conditions, |condition| holds(selection, condition, current)),
        Condition::All(conditions) => {
            Ok(!any_holds(conditions, |condition| Ok(!holds(selection, condition, current)?))?)
        }
        Condition::Not(condition) => Ok(!holds(selection, condition, current)?),
        Condition::Exists(query) => Ok(!nodes(selection, query, current)?.is_empty()),
        Condition::Compare(left, comparison, right) => {
            let left = value(selection, left, current)?;
            let right = value(selection, right, current)?;
            compare(selection, *comparison, left.as_deref(), right.as_deref())
        }
        Condition::Match(extent, text, pattern) => {
            let text = value(selection, text, current)?;
            let Some(Value::String(text)) = text.as_deref() else {
                return Ok(false);
            };
            selection.work.spend(text.len())?;
            match pattern {
                Pattern::Fixed(expression) => Ok(expression.is_match(text)),
                Pattern::Computed(operand) => {
                    let pattern = value(selection, operand, current)?;
                    let Some(Value::String(pattern)) = pattern.as_deref() else {
                        return Ok(false);
                    };
                    selection.work.spend(COMPILE_WORK)?;
                    Ok(Expression::new(pattern, *extent).is_match(text))
                }
            }
        }
    }
}

/// One value, or nothing.
type Evaluated<'x> = Option<Cow<'x, Value<'x>>>;

fn value<'x, 'v: 'x>(
    selection: &mut Selection<'v, '_>,
    operand: &'x Operand,
    current: &'v Value<'v>,
) -> Result<Evaluated<'x>, OverBudget> {
    let number = |count: u64| Some(Cow::Owned(Value::Number(Number::from(count))));
    Ok(match operand {
        Operand::Literal(literal) => Some(Cow::Borrowed(literal)),
        Operand::Node(query) | Operand::OnlyNode(query) => match nodes(selection, query, current)?.as_slice() {
            [node] => Some(Cow::Borrowed(*node)),
            _ => None,
        },
        Operand::Count(query) => {
            let count = nodes(selection, query, current)?.len();
            number(u64::try_from(count).expect("invariant: no list is longer than 2^64"))
        }
        Operand::Length(operand) => {
            let value = value(selection, operand, current)?;
            if let Some(Value::String(text)) = value.as_deref() {
                selection.work.spend(text.len())?;
            }
            value.and_then(|value| length(&value)).and_then(number)
        }
    })
}

fn nodes<'v>(
    selection: &mut Selection<'v, '_>,
    query: &Query,
    current: &'v Value<'v>,
) -> Result<Vec<&'v Value<'v>>, OverBudget> {
    let start = match query.from {
        Origin::Root => selection.root,
        Origin::Current => current,
    };
    let nodes = selection.nodes(&query.segments, ((), start))?;
    Ok(nodes.into_iter().map(|((), value)| value).collect())
}

fn compare(
    selection: &mut Selection<'_, '_>,
    comparison: Comparison,
    left: Option<&Value<'_>>,
    right: Option<&Value<'_>>,
) -> Result<bool, OverBudget> {
    let order = match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => {
            selection.work.spend(left.as_str().len() + right.as_str().len())?;
            number_order(left.as_str(), right.as_str())
        }
        (Some(Value::String(left)), Some(Value::String(right))) => {
            selection.work.spend(left.len().min(right.len()))?;
            left.cmp(right)
        }
        _ => {
            let is_equal = match (left, right) {
                (Some(left), Some(right)) => equal(left, right, selection.work)?,
                _ => left.is_none() && right.is_none(),
            };
            return Ok(match comparison {
                Comparison::Equal | Comparison::LessOrEqual | Comparison::GreaterOrEqual => is_equal,
                Comparison::NotEqual => !is_equal,
                Comparison::Less | Comparison::Greater => false,
            });
        }
    };
    Ok(comparison.allows(order))
}
