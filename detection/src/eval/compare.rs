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
            all_hold(left.iter().zip(right), |(left, right)| equal(left, right, work))
        }
        (Value::Object(left), Value::Object(right)) if left.len() == right.len() => {
            work.spend(left.len() + right.len())?;
            let pairs = by_key(left).into_iter().zip(by_key(right));
            all_hold(pairs, |((left_key, left), (right_key, right))| {
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
    any_holds(list, |item| equal(value, item, work))
}

/// Whether `holds` for any of the values a path gave; the first that does ends the search.
pub fn any_holds<T>(
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

fn all_hold<T>(
    items: impl IntoIterator<Item = T>,
    mut holds: impl FnMut(T) -> Result<bool, OverBudget>,
) -> Result<bool, OverBudget> {
    Ok(!any_holds(items, |item| Ok(!holds(item)?))?)
}

#[cfg(test)]
mod tests {
    use contracts::canonical::tolerant_text;
    use contracts::json::{Mode, parse};
    use proptest::prelude::*;

    use super::*;

    const ALL: [Comparison; 6] = [
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ];

    fn value(text: &str) -> Value<'_> {
        parse(text.as_bytes(), Mode::Tolerant, 64).unwrap()
    }

    /// The comparisons that hold, as their symbols.
    fn holding(left: &Value<'_>, right: &Value<'_>) -> String {
        let holds = |comparison: &Comparison| compare(*comparison, left, right, &mut Work::new(10_000)).unwrap();
        ALL.into_iter().filter(holds).map(Comparison::symbol).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comparisons_hold_as_the_table_says() {
        const SAME: &str = "== <= >=";
        const LESS: &str = "!= < <=";
        const NONE: &str = "";
        #[rustfmt::skip]
        let cases = [
            // Numbers, as written.
            ("1", "1.0", SAME),
            ("0.1", "1e-1", SAME),
            ("0", "-0.0", SAME),
            ("-1", "1", LESS),
            ("9", "10", LESS),
            ("9007199254740992", "9007199254740993", LESS),
            ("999999999999999999", "1000000000000000000", LESS),
            ("0.30000000000000004", "0.30000000000000005", LESS),
            ("1e400", "10e399", SAME),
            ("1e400", "1e401", LESS),
            ("1e999999999", "1e9999999999", LESS),
            ("5", "5.000000000000000000000000000000001", LESS),
            // Strings, by code unit: a surrogate comes before U+E000.
            (r#""a""#, r#""a""#, SAME),
            (r#""a""#, r#""b""#, LESS),
            (r#""Z""#, r#""a""#, LESS),
            (r#""a""#, r#""ab""#, LESS),
            (r#""10""#, r#""9""#, LESS),
            (r#""\ud83d\ude00""#, r#""\ue000""#, LESS),
            (r#""\u0061""#, r#""a""#, SAME),
            // What has no order.
            ("true", "true", "=="),
            ("false", "true", "!="),
            ("null", "null", "=="),
            ("[1,2]", "[1.0,20e-1]", "=="),
            ("[1,2]", "[2,1]", "!="),
            ("[1]", "[1,1]", "!="),
            (r#"{"a":1,"b":{"c":[]}}"#, r#"{"b":{"c":[]},"a":1.0}"#, "=="),
            (r#"{"a":1}"#, r#"{"a":1,"b":1}"#, "!="),
            (r#"{"a":1}"#, r#"{"b":1}"#, "!="),
            // Two types.
            ("1", r#""1""#, NONE),
            (r#""true""#, "true", NONE),
            ("1", "true", NONE),
            ("[]", "{}", NONE),
            ("[1]", "1", NONE),
            ("null", "0", NONE),
            ("null", r#""""#, NONE),
            ("0", "null", "!="),
            (r#""""#, "null", "!="),
            ("false", "null", "!="),
            ("[]", "null", "!="),
        ];
        for (left, right, expected) in cases {
            let (left, right) = (value(left), value(right));
            assert_eq!(holding(&left, &right), expected, "{left} and {right}");
        }
    }

    #[test]
    fn membership_is_as_the_table_says() {
        #[rustfmt::skip]
        let cases = [
            (r#""rm -rf /""#, r#""-rf""#, true),
            (r#""rm -rf /""#, r#""-RF""#, false),
            (r#""abc""#, r#""""#, true),
            (r#""123""#, "2", false),
            (r#"["abc"]"#, r#""b""#, false),
            (r#"["abc"]"#, r#""abc""#, true),
            (r#"[1,"1",null]"#, "1.0", true),
            (r#"[1,"1",null]"#, "null", true),
            (r#"[1,"1",null]"#, "true", false),
            ("[[1],[2]]", "[2]", true),
            ("[[1],[2]]", "1", false),
            ("[]", "null", false),
            (r#"{"a":1}"#, r#""a""#, false),
            ("12", "1", false),
            ("null", "null", false),
        ];
        for (left, right, expected) in cases {
            let (left, right) = (value(left), value(right));
            assert_eq!(contains(&left, &right, &mut Work::new(1000)), Ok(expected), "{left} contains {right}");
            if let Some(items) = left.as_array() {
                assert_eq!(is_in(&right, items, &mut Work::new(1000)), Ok(expected), "{right} in {left}");
            }
        }
    }

    #[test]
    fn any_value_is_enough_and_none_is_not() {
        let above_one = |values: &[i64]| any_holds(values, |value| Ok(*value > 1));
        assert_eq!(above_one(&[]), Ok(false));
        assert_eq!(above_one(&[0, 1]), Ok(false));
        assert_eq!(above_one(&[0, 2, 1]), Ok(true));
    }

    #[test]
    fn a_comparison_costs_what_it_looks_at() {
        let long = format!(r#"["{}"]"#, "a".repeat(1000));
        let long = value(&long);
        assert_eq!(equal(&long, &long, &mut Work::new(1000)), Err(OverBudget));
        assert_eq!(equal(&long, &long, &mut Work::new(1002)), Ok(true));
        assert_eq!(equal(&long, &value("[]"), &mut Work::new(1)), Ok(false));
    }

    fn documents() -> impl Strategy<Value = String> {
        let scalar = prop::sample::select(vec![
            "null",
            "true",
            "0",
            "-0",
            "1",
            "1.0",
            "10e-1",
            r#""a""#,
            r#""\u0061""#,
            r#""""#,
        ]);
        scalar.prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
            let member = (prop::sample::select(vec!["a", "b", "c"]), inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec(member, 0..3).prop_map(|members| {
                    let members: Vec<_> = members.iter().map(|(key, value)| format!(r#""{key}":{value}"#)).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn equal_values_are_those_of_the_same_canonical_text(left in documents(), right in documents()) {
            let (left, right) = (value(&left), value(&right));
            let expected = tolerant_text(&left) == tolerant_text(&right);
            prop_assert_eq!(equal(&left, &right, &mut Work::new(10_000)), Ok(expected));
            prop_assert_eq!(equal(&left, &left.clone(), &mut Work::new(10_000)), Ok(true));
        }

        #[test]
        fn strings_are_ordered_as_their_code_units(left in "[a\u{e000}😀]{0,4}", right in "[a\u{e000}😀]{0,4}") {
            let expected = left.encode_utf16().cmp(right.encode_utf16());
            for comparison in ALL {
                let (left, right) = (Value::from(&*left), Value::from(&*right));
                prop_assert_eq!(compare(comparison, &left, &right, &mut Work::new(100)), Ok(comparison.allows(expected)));
            }
        }

        #[test]
        fn short_numbers_compare_as_long_ones(left in -1_000_000_i64..1_000_000, right in -1_000_000_i64..1_000_000) {
            let (short, long) = ([left, right].map(|n| n.to_string()), [left, right].map(|n| format!("{n}.00000000000000000000")));
            for (left_text, right_text) in [(&short[0], &short[1]), (&short[0], &long[1]), (&long[0], &short[1])] {
                prop_assert_eq!(number_order(left_text, right_text), left.cmp(&right));
            }
        }
    }
}
