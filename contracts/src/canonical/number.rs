//! Number text by RFC 8785, as it is and where it has the value that was written.
//!
//! Invariant: values are compared as decimals, digit by digit, in time linear in the text; no exponent is expanded.

/// What becomes of a number that RFC 8785 would write with another value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Numbers {
    /// RFC 8785 to the letter: every number is the double next to it.
    Doubles,
    /// It stands as it was written.
    #[default]
    AsWritten,
}

impl Numbers {
    pub fn write(self, out: &mut String, written: &str) {
        if is_short_whole(written) {
            return out.push_str(written);
        }
        let double = double_of(written);
        let mut buffer = ryu_js::Buffer::new();
        out.push_str(match (self, double.is_finite()) {
            (_, false) => written,
            (Self::Doubles, true) => buffer.format_finite(double),
            (Self::AsWritten, true) => {
                let text = buffer.format_finite(double);
                if text == written || Decimal::of(text) == Decimal::of(written) { text } else { written }
            }
        });
    }
}

/// Whether a double comes near it at all.
pub(super) fn is_finite(written: &str) -> bool {
    double_of(written).is_finite()
}

fn double_of(written: &str) -> f64 {
    written.parse().expect("invariant: every JSON number is float syntax")
}

/// Whole numbers of up to 15 digits, which a double holds and RFC 8785 writes as they are. Not `-0`: that is `0`.
fn is_short_whole(written: &str) -> bool {
    written.len() <= 15 && written.bytes().all(|byte| byte.is_ascii_digit())
}

/// A decimal in the one form each value has: no zeros at either end of its digits.
#[derive(Debug)]
struct Decimal<'a> {
    is_negative: bool,
    /// The digits before and after the point.
    digits: [&'a str; 2],
    /// The power of ten that the last digit counts.
    exponent: i64,
}

impl<'a> Decimal<'a> {
    fn of(text: &'a str) -> Self {
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

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Self) -> bool {
        let digits = |decimal: &Self| decimal.digits.map(str::bytes);
        self.is_negative == other.is_negative
            && self.exponent == other.exponent
            && digits(self).into_iter().flatten().eq(digits(other).into_iter().flatten())
    }
}

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
}
