//! Number text by RFC 8785, as it is and where it has the value that was written.
//!
//! Invariant: values are compared as [`Decimal`]s, not as doubles.

use crate::json::Decimal;

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
