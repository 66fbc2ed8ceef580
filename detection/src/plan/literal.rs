//! Literals that a text must hold if something holds for it, and how much finding one of them says.
//!
//! Invariant: of a [`Set`] that belongs to a condition, some literal occurs in every text the condition holds for.

use regex_syntax::hir::literal::{Extractor, Literal, Seq, rank};
use regex_syntax::hir::{Hir, HirKind};

/// Longer literals are cut to their end: it bounds the automaton, and how many literals can end at one byte.
pub(super) const LITERAL_BYTES_MAX: usize = 24;

/// A condition with more alternatives is asked whenever its key is there.
const ALTERNATIVES_MAX: usize = 64;

/// Places in a concatenation where literals are looked for.
const PLACES_MAX: usize = 64;

/// Text that must be there: one of these. Never empty, and none of them is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set(Vec<Box<[u8]>>);

impl Set {
    /// `None` if one is empty, which every text holds, or if there are too many.
    pub fn new<'l>(literals: impl IntoIterator<Item = &'l [u8]>) -> Option<Self> {
        let mut set: Vec<Box<[u8]>> = literals.into_iter().map(|literal| ending(literal).into()).collect();
        set.sort_unstable();
        set.dedup();
        let is_useful = !set.is_empty() && set.len() <= ALTERNATIVES_MAX && set.iter().all(|text| !text.is_empty());
        is_useful.then_some(Self(set))
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|literal| &**literal)
    }

    /// How rare it is that one is found: that of the most common one.
    pub fn rarity(&self) -> u32 {
        self.iter().map(rarity).min().unwrap_or(0)
    }

    /// What every text holds that `pattern` is found in.
    pub fn of_pattern(pattern: &str) -> Option<Self> {
        of_hir(&regex_syntax::parse(pattern).ok()?)
    }
}

/// The longest end of at most [`LITERAL_BYTES_MAX`]; literals are searched for as bytes, so a character may be cut.
fn ending(literal: &[u8]) -> &[u8] {
    &literal[literal.len().saturating_sub(LITERAL_BYTES_MAX)..]
}

/// Each byte adds by how rare it is: 1 for the most common ones of ordinary text, up to 5.
pub(super) fn rarity(literal: &[u8]) -> u32 {
    literal.iter().map(|&byte| 1 + u32::from(u8::MAX - rank(byte)) / 64).sum()
}

fn of_hir(hir: &Hir) -> Option<Set> {
    match hir.kind() {
        HirKind::Capture(capture) => of_hir(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => of_hir(&repetition.sub),
        HirKind::Alternation(alternatives) => {
            let sets: Option<Vec<Set>> = alternatives.iter().map(of_hir).collect();
            Set::new(sets?.iter().flat_map(Set::iter))
        }
        HirKind::Concat(items) => {
            let ends = (0..items.len().min(PLACES_MAX)).map(|from| beginning_of(&Hir::concat(items[from..].to_vec())));
            let parts = items.iter().take(PLACES_MAX).filter(|item| !matches!(item.kind(), HirKind::Literal(_)));
            ends.chain(parts.map(of_hir)).flatten().max_by_key(Set::rarity)
        }
        _ => beginning_of(hir),
    }
}

/// What every match begins with.
fn beginning_of(hir: &Hir) -> Option<Set> {
    let mut seq: Seq = Extractor::new().extract(hir);
    // Fewer and shorter, where that loses little; still one of them begins every match.
    seq.optimize_for_prefix_by_preference();
    Set::new(seq.literals()?.iter().map(Literal::as_bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    #[test]
    fn the_rarest_mandatory_part_of_a_pattern_is_taken() {
        let cases: [(&str, Option<&[&str]>); 12] = [
            ("rm -rf", Some(&["rm -rf"])),
            (r"[\w.+-]+@[\w-]+\.[a-z]{2,}", Some(&["@"])),
            ("(?:foo|bar)+", Some(&["bar", "foo"])),
            ("^dd .*of=/dev/", Some(&["of=/dev/"])),
            ("a?b?c*", None),
            (r"\d+", None),
            ("x*", None),
            ("", None),
            ("abc|", None),
            ("(?i)ab", Some(&["AB", "Ab", "aB", "ab"])),
            (r"\bsudo\b", Some(&["sudo"])),
            ("abcdefghijklmnopqrstuvwxyz0123456789", Some(&["mnopqrstuvwxyz0123456789"])),
        ];
        for (pattern, expected) in cases {
            let set = Set::of_pattern(pattern);
            let found: Option<Vec<&str>> =
                set.as_ref().map(|set| set.iter().map(|literal| std::str::from_utf8(literal).unwrap()).collect());
            assert_eq!(found.as_deref(), expected, "{pattern}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]

        #[test]
        fn some_literal_is_in_every_text_the_pattern_is_found_in(
            pattern in "(\\(\\?i\\))?(([abk]|\\[ab\\]|\\(ab\\|b\\)|\\(\\?:a\\|kb\\)|\\\\b|\\^|\\$|é)[?*+]?\\|?){1,6}",
            text in "[abkBAKé\u{212a} ]{0,12}",
        ) {
            let Ok(regex) = Regex::new(&pattern) else { return Ok(()) };
            if let (true, Some(set)) = (regex.is_match(&text), Set::of_pattern(&pattern)) {
                let holds = |literal: &[u8]| text.as_bytes().windows(literal.len()).any(|part| part == literal);
                prop_assert!(set.iter().any(holds), "{set:?} of {pattern:?} in {text:?}");
            }
        }
    }
}
