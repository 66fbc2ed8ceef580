//! The check digit of payment cards, ISO/IEC 7812-1.
//!
//! Invariant: finding a valid number in a text is linear in the text, because a candidate is at most
//! [`CANDIDATE_BYTES_MAX`] long.

use regex::Match;

use super::pattern::Pattern;
use super::work::{OverBudget, Work};

/// The longest match a pattern of candidates may have. Nineteen digits with something between each are 37 bytes.
pub const CANDIDATE_BYTES_MAX: usize = 256;

/// A pattern whose matches are at most [`CANDIDATE_BYTES_MAX`] long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates(Pattern);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a pattern whose matches are at most {CANDIDATE_BYTES_MAX} bytes long, so that every one can be tried; write \
     `{{4,6}}` in place of `+`, `*` or a greater number"
)]
pub struct UnboundedCandidates;

impl TryFrom<Pattern> for Candidates {
    type Error = UnboundedCandidates;

    fn try_from(pattern: Pattern) -> Result<Self, UnboundedCandidates> {
        match pattern.match_bytes_max() {
            Some(bytes) if bytes <= CANDIDATE_BYTES_MAX => Ok(Self(pattern)),
            _ => Err(UnboundedCandidates),
        }
    }
}

impl Candidates {
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether some match in `text` is a valid number: the leftmost from every place on, so that a match that overlaps
    /// an invalid one counts too. Of matches from the same place only the one the pattern prefers is tried. Where the pattern
    /// has a group, the number is what its first group holds: what stands around it can then be asked for.
    pub fn any_valid(&self, text: &str, work: &mut Work) -> Result<bool, OverBudget> {
        work.spend(text.len())?;
        let mut from = 0;
        while let Some(found) = self.0.regex().find_at(text, from) {
            // The search may have read on, to see whether a longer match was there.
            work.spend(CANDIDATE_BYTES_MAX)?;
            if self.number(text, found).is_some_and(is_luhn_valid) {
                return Ok(true);
            }
            match text[found.start()..].chars().next() {
                Some(first) => from = found.start() + first.len_utf8(),
                None => break,
            }
        }
        Ok(false)
    }

    fn number<'t>(&self, text: &'t str, found: Match<'t>) -> Option<&'t str> {
        let regex = self.0.regex();
        if regex.captures_len() == 1 {
            return Some(found.as_str());
        }
        Some(regex.captures_at(text, found.start())?.get(1)?.as_str())
    }
}

/// Whether `text` is at least two digits of ASCII, with at most one space or dash between two, and their check digit is
/// right.
pub fn is_luhn_valid(text: &str) -> bool {
    let mut digits = 0_usize;
    let mut sum = 0_u32;
    let mut last_was_digit = false;
    for byte in text.bytes().rev() {
        match byte {
            b'0'..=b'9' => {
                let digit = u32::from(byte - b'0');
                sum += if digits.is_multiple_of(2) { digit } else { digit * 2 / 10 + digit * 2 % 10 };
                sum %= 10;
                digits += 1;
                last_was_digit = true;
            }
            b' ' | b'-' if last_was_digit => last_was_digit = false,
            _ => return false,
        }
    }
    digits >= 2 && last_was_digit && sum == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CARD: &str = r"\b(?:\d{4}[ -]?){3}\d{4}\b";

    #[test]
    fn a_number_is_valid_by_its_check_digit() {
        #[rustfmt::skip]
        let cases = [
            ("4111111111111111", true),
            ("4111 1111 1111 1111", true),
            ("4111-1111-1111-1111", true),
            ("4-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1", true),
            ("4111111111111112", false),
            ("79927398713", true),
            ("79927398710", false),
            ("378282246310005", true),
            ("18", true),
            ("00", true),
            ("0", false),
            ("", false),
            ("-", false),
            ("4111  1111 1111 1111", false),
            ("4111 - 1111 1111 1111", false),
            (" 4111111111111111", false),
            ("4111111111111111-", false),
            ("4111.1111.1111.1111", false),
            // Digits of another script are none of a card.
            ("٤١١١١١١١١١١١١١١١", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_luhn_valid(text), expected, "{text:?}");
        }
    }

    #[test]
    fn every_candidate_in_a_text_is_tried() {
        #[rustfmt::skip]
        let cases = [
            ("my card is 4111 1111 1111 1111, thanks", true),
            ("my card is 4111 1111 1111 1112, thanks", false),
            ("first 4111111111111112, then 5500-0000-0000-0004", true),
            // The first sixteen digits are a candidate and wrong; the right ones overlap them.
            ("1234 4111 1111 1111 1111", true),
            ("41111111111111111", false),
            ("a4111111111111111", false),
            ("é4111111111111111 é 4111111111111111", true),
            ("", false),
        ];
        let candidates = Candidates::try_from(Pattern::parse(CARD).unwrap()).unwrap();
        for (text, expected) in cases {
            assert_eq!(candidates.any_valid(text, &mut Work::new(10_000)), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn candidates_are_bounded() {
        let cases = [
            (CARD, true),
            (r"\d{65}", false),
            (r"\d{64}", true),
            (r"[0-9]{256}", true),
            (r"[0-9]{257}", false),
            (r"\d+", false),
            ("", true),
            ("(?:)*", true),
        ];
        for (pattern, expected) in cases {
            let candidates = Candidates::try_from(Pattern::parse(pattern).unwrap());
            assert_eq!(candidates.is_ok(), expected, "{pattern:?}");
        }
    }

    #[test]
    fn a_text_of_candidates_is_over_budget_and_not_slow() {
        let candidates = Candidates::try_from(Pattern::parse("[0-9]{16}").unwrap()).unwrap();
        let text = "4111111111111112".repeat(1000);
        assert_eq!(candidates.any_valid(&text, &mut Work::new(100_000)), Err(OverBudget));
    }

    proptest! {
        #[test]
        fn exactly_one_check_digit_is_right(digits in "[0-9]{1,30}") {
            let right = (0..10).filter(|check| is_luhn_valid(&format!("{digits}{check}"))).count();
            prop_assert_eq!(right, 1);
        }

        #[test]
        fn one_wrong_digit_is_noticed(digits in "[0-9]{2,30}", place: prop::sample::Index, other in 1_u8..10) {
            let mut wrong = digits.clone().into_bytes();
            let place = place.index(wrong.len());
            wrong[place] = b'0' + (wrong[place] - b'0' + other) % 10;
            let wrong = String::from_utf8(wrong).unwrap();
            prop_assert!(!(is_luhn_valid(&digits) && is_luhn_valid(&wrong)));
        }

        #[test]
        fn a_valid_number_is_found_wherever_it_starts(text in "[0-9 -]{0,40}") {
            let candidates = Candidates::try_from(Pattern::parse("[0-9]{4}").unwrap()).unwrap();
            let expected = text.as_bytes().windows(4).any(|window| {
                let window = str::from_utf8(window).unwrap();
                window.bytes().all(|byte| byte.is_ascii_digit()) && is_luhn_valid(window)
            });
            prop_assert_eq!(candidates.any_valid(&text, &mut Work::new(100_000)), Ok(expected));
        }
    }
}
