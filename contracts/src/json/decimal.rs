//! Numbers by the value that their text writes, not by the double next to it.
//!
//! Invariant: values are compared digit by digit, in time linear in the text; no exponent is expanded.

use std::cmp::Ordering;

/// A decimal in the one form each value has: no zeros at either end of its digits.
#[derive(Debug, Clone, Copy)]
pub struct Decimal<'a> {
    is_negative: bool,
    /// The digits before and after the point.
    digits: [&'a str; 2],
    /// The power of ten that the last digit counts.
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// `text` is a JSON number; of other text nothing is promised but that this ends.
    pub fn of(text: &'a str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let magnitude = mantissa.trim_start_matches('-');
        let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));

        let mut exponent = saturating_exponent(exponent);
        let mut whole = whole.trim_start_matches('0');
        let mut fraction = fraction.trim_end_matches('0');
        exponent -= length(fraction);
        if whole.is_empty() {
            fraction = fraction.trim_start_matches('0');
        }
        if fraction.is_empty() {
            let significant = whole.trim_end_matches('0');
            exponent += length(whole) - length(significant);
            whole = significant;
        }
        let is_zero = whole.is_empty() && fraction.is_empty();
        Self {
            is_negative: mantissa.starts_with('-') && !is_zero,
            digits: [whole, fraction],
            exponent: if is_zero { 0 } else { exponent },
        }
    }
}

impl Decimal<'_> {
    fn is_zero(&self) -> bool {
        self.digits == [""; 2]
    }

    fn significant(&self) -> impl Iterator<Item = u8> {
        self.digits.into_iter().flat_map(str::bytes)
    }

    /// The power of ten of the first digit.
    fn magnitude(&self) -> i64 {
        self.exponent + length(self.digits[0]) + length(self.digits[1])
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |decimal: &Self| match (decimal.is_zero(), decimal.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        // A shorter run of digits is the smaller number: what it lacks is not zeros, for those are cut.
        let by_size =
            || self.magnitude().cmp(&other.magnitude()).then_with(|| self.significant().cmp(other.significant()));
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            0 => Ordering::Equal,
            1 => by_size(),
            _ => by_size().reverse(),
        })
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal<'_> {}

/// Half of `i64` stands for every exponent beyond it: no double is near, and adding a text's length cannot overflow.
fn saturating_exponent(text: &str) -> i64 {
    const LIMIT: i64 = i64::MAX / 2;
    let beyond = if text.starts_with('-') { -LIMIT } else { LIMIT };
    text.parse().unwrap_or(beyond).clamp(-LIMIT, LIMIT)
}

fn length(digits: &str) -> i64 {
    i64::try_from(digits.len()).expect("invariant: no text is longer than isize::MAX")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_equal_if_their_values_are() {
        let groups: [&[&str]; 9] = [
            &["0", "-0", "0.00", "-0e-7", "0e99999999999999999999"],
            &["1", "1.0", "10e-1", "0.001e+3", "1E0", "1e-0"],
            &["-1", "-1.0", "-0.1E1"],
            &["10", "1e1", "0.1e2"],
            &["1.01", "101e-2", "0.0101e2", "1.010"],
            &["11", "1.1e1"],
            &["1001", "1.001e3"],
            // Beyond what an exponent is counted to: the same as itself, and as nothing else that is shorter.
            &["1e99999999999999999999"],
            &["1e-99999999999999999999"],
        ];
        let decimals = groups.iter().enumerate().flat_map(|(group, texts)| texts.iter().map(move |text| (group, text)));
        for (group, text) in decimals.clone() {
            for (other_group, other) in decimals.clone() {
                assert_eq!(Decimal::of(text) == Decimal::of(other), group == other_group, "{text} and {other}");
            }
        }
    }

    #[test]
    fn decimals_are_ordered_by_their_values() {
        let ascending = [
            "-1e99999999999999999999",
            "-1e400",
            "-9007199254740993",
            "-9007199254740992.5",
            "-10",
            "-9.9",
            "-1e-400",
            "0",
            "1e-99999999999999999999",
            "1e-400",
            "0.09",
            "0.1",
            "0.11",
            "1",
            "9",
            "10",
            "10.0000000000000000000000000001",
            "11",
            "9007199254740992",
            "9007199254740993",
            "1e400",
            "1e999999999",
            "1.0000000001e999999999",
        ];
        for (place, text) in ascending.iter().enumerate() {
            for (other_place, other) in ascending.iter().enumerate() {
                let found = Decimal::of(text).cmp(&Decimal::of(other));
                assert_eq!(found, place.cmp(&other_place), "{text} and {other}");
            }
        }
    }

    proptest! {
        /// Scaled to one exponent, they are whole numbers.
        #[test]
        fn they_compare_as_whole_numbers_of_one_scale(
            a in -2000_i64..2000, a_scale in 0_u32..6, b in -2000_i64..2000, b_scale in 0_u32..6,
        ) {
            let whole = |n: i64, scale: u32| n * 10_i64.pow(scale);
            let texts = |n: i64, scale: u32| {
                let sign = if n < 0 { "-" } else { "" };
                let digits = format!("{:03}", n.unsigned_abs() * 10_u64.pow(scale));
                let (before, after) = digits.split_at(digits.len() - 2);
                [format!("{n}e{scale}"), format!("{sign}{before}.{after}E2"), format!("{}", whole(n, scale))]
            };
            for left in texts(a, a_scale) {
                for right in texts(b, b_scale) {
                    let found = Decimal::of(&left).cmp(&Decimal::of(&right));
                    prop_assert_eq!(found, whole(a, a_scale).cmp(&whole(b, b_scale)), "{} and {}", left, right);
                }
            }
        }
    }
}
