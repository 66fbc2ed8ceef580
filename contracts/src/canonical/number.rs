//! Number text by RFC 8785, and whether it has the value that was written.
//!
//! Invariant: values are compared as decimals, digit by digit, in time linear in the text; no exponent is expanded.

/// Appends the RFC 8785 text of a JSON number, or the number as written where that text has another value.
pub(super) fn write(out: &mut String, written: &str) {
    if is_short_whole(written) {
        return out.push_str(written);
    }
    let mut buffer = ryu_js::Buffer::new();
    out.push_str(rfc8785(written, &mut buffer).unwrap_or(written));
}

/// Whether RFC 8785 writes this number with the value it has.
pub(super) fn is_exact(written: &str) -> bool {
    is_short_whole(written) || rfc8785(written, &mut ryu_js::Buffer::new()).is_some()
}

/// Whole numbers of up to 15 digits, which a double holds and RFC 8785 writes as they are. Not `-0`: that is `0`.
fn is_short_whole(written: &str) -> bool {
    written.len() <= 15 && written.bytes().all(|byte| byte.is_ascii_digit())
}

fn rfc8785<'b>(written: &str, buffer: &'b mut ryu_js::Buffer) -> Option<&'b str> {
    let double: f64 = written.parse().expect("invariant: every JSON number is float syntax");
    if !double.is_finite() {
        return None;
    }
    let text = buffer.format_finite(double);
    (text == written || Decimal::of(text) == Decimal::of(written)).then_some(text)
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
