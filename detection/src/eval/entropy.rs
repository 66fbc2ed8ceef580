//! How unpredictable the characters of a text are: Shannon's entropy of their frequencies, in thousandths of a bit.
//!
//! Invariant: integers alone. `log2` of the standard library may differ in its last digit between machines, and a rule
//! that fires on one of them only is no rule. The logarithms here are exact to 2⁻³¹, so a result is off by one
//! thousandth only where the true value lies that near to the middle between two.

use std::collections::BTreeMap;

/// Bits per character, half a thousandth rounded up. A character is a Unicode scalar value; the empty text has 0.
pub fn entropy_thousandths(text: &str) -> u64 {
    let counts = counts(text);
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return 0;
    }
    // With n characters of which c are the same: log2(n) - (sum of c * log2(c)) / n
    let weighted: u128 = counts.iter().map(|&count| u128::from(count) * log2(count)).sum();
    let whole_text = u128::from(total) * log2(total);
    let total = u128::from(total);
    // Rounding down can only make the first term too small, and by no more than the last bit.
    let bits_times_total = whole_text.saturating_sub(weighted);
    let unit = total << FRACTION_BITS;
    let thousandths = (bits_times_total * 1000 + unit / 2) / unit;
    u64::try_from(thousandths).expect("invariant: no text has more than 64 bits per character")
}

/// How often each character stands in `text`.
fn counts(text: &str) -> Vec<u64> {
    const ASCII: usize = 128;
    let mut ascii = [0_u64; ASCII];
    let mut others: BTreeMap<char, u64> = BTreeMap::new();
    for character in text.chars() {
        match ascii.get_mut(character as usize) {
            Some(count) => *count += 1,
            None => *others.entry(character).or_default() += 1,
        }
    }
    ascii.into_iter().filter(|&count| count > 0).chain(others.into_values()).collect()
}

const FRACTION_BITS: u32 = 32;

/// log2 in units of 2⁻³², rounded down: squaring a number doubles its logarithm, so each squaring tells one more bit.
fn log2(count: u64) -> u128 {
    let whole = count.ilog2();
    // Between 1 and 2, with 63 bits after the point.
    let mut rest = count << (63 - whole);
    let mut bits = u128::from(whole);
    for _ in 0..FRACTION_BITS {
        let squared = u128::from(rest) * u128::from(rest);
        let is_two_or_more = squared >> 127 == 1;
        bits = bits << 1 | u128::from(is_two_or_more);
        let shifted = if is_two_or_more { squared >> 64 } else { squared >> 63 };
        rest = u64::try_from(shifted).expect("invariant: it is below 2 again");
    }
    bits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_have_the_entropy_they_have() {
        let cases = [
            ("", 0),
            ("a", 0),
            ("aaaaaaaa", 0),
            ("ab", 1000),
            ("aabb", 1000),
            ("abcd", 2000),
            ("0123456789abcdef", 4000),
            ("aab", 918),
            ("abc", 1585),
            ("password", 2750),
            ("Tr0ub4dor&3", 3278),
            ("äöüß", 2000),
            ("ääöö", 1000),
            ("👍👎", 1000),
        ];
        for (text, expected) in cases {
            assert_eq!(entropy_thousandths(text), expected, "{text:?}");
        }
    }

    #[test]
    fn logarithms_of_powers_of_two_are_whole() {
        for exponent in 0_u32..64 {
            assert_eq!(log2(1 << exponent), u128::from(exponent) << FRACTION_BITS);
        }
    }

    proptest! {
        #[test]
        #[expect(clippy::cast_precision_loss, reason = "an oracle in doubles is near enough")]
        fn it_is_near_what_doubles_give(text in "[a-e]{0,40}|\\PC{0,200}") {
            let total = text.chars().count() as f64;
            let expected: f64 = counts(&text).into_iter().map(|count| {
                let share = count as f64 / total;
                -share * share.log2()
            }).sum();
            let found = entropy_thousandths(&text) as f64 / 1000.0;
            prop_assert!((found - expected).abs() <= 0.000_501, "{found} and {expected}");
        }

        #[test]
        fn the_order_of_characters_does_not_count(text in "[a-f]{0,60}") {
            let reversed: String = text.chars().rev().collect();
            prop_assert_eq!(entropy_thousandths(&text), entropy_thousandths(&reversed));
        }
    }
}
