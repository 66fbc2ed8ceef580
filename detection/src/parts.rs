//! A rule set as it travels: its canonical JSON in slices, known by the SHA-256 of the whole.

use std::collections::BTreeMap;

use contracts::canonical::Digest;
use contracts::field::Blob;
use contracts::records::RuleSetPart;

use crate::diagnostic::Diagnostics;
use crate::json_form;
use crate::rule::RuleSet;

/// Of the canonical JSON in one part, so that a part fits a message.
pub const SLICE_BYTES_MAX: usize = 512 * 1024;
/// A body of 64 MiB.
pub const PARTS_MAX: i32 = 128;

/// Why a set cannot be cut into parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a rule set of at most {max} bytes as canonical JSON, found {found}; split it in two", max = SLICE_BYTES_MAX * PARTS_MAX as usize)]
pub struct SetTooLarge {
    pub found: usize,
}

/// Why parts do not say a set.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error("expected {}, found {found}", count.map_or_else(|| "its parts".to_owned(), |count| format!("{count} parts")))]
    Missing { count: Option<i32>, found: usize },
    #[error("its parts put together have the digest {found}")]
    Digest { found: Digest },
    #[error("its parts put together are no text")]
    NoText(#[from] std::string::FromUtf8Error),
    #[error("{0}")]
    Malformed(Diagnostics),
}

/// The parts of a set, and the digest that names it.
pub fn split(set: &RuleSet) -> Result<(Digest, Vec<RuleSetPart>), SetTooLarge> {
    let text = json_form::set_to_json(set);
    let (digest, bytes) = (text.digest(), text.as_str().as_bytes());
    let slices = bytes.chunks(SLICE_BYTES_MAX);
    let parts = i32::try_from(slices.len()).ok().filter(|parts| *parts <= PARTS_MAX);
    let parts = parts.ok_or(SetTooLarge { found: bytes.len() })?;
    let part = |(part, slice)| {
        let body = Blob::new(slice).expect("invariant: a slice is within the limit of a blob");
        RuleSetPart { digest, part, parts, body }
    };
    Ok((digest, (0..).zip(slices).map(part).collect()))
}

/// The parts of one set, as they come.
#[derive(Debug)]
pub struct Joining {
    digest: Digest,
    count: Option<i32>,
    slices: BTreeMap<i32, Blob>,
}

impl Joining {
    pub fn new(digest: Digest) -> Self {
        Self { digest, count: None, slices: BTreeMap::new() }
    }

    /// Takes a part, if it is one of this set's.
    pub fn take(&mut self, part: RuleSetPart) {
        let is_possible = (1..=PARTS_MAX).contains(&part.parts) && (0..part.parts).contains(&part.part);
        if part.digest == self.digest && is_possible {
            self.count = Some(part.parts);
            self.slices.insert(part.part, part.body);
        }
    }

    /// The set, if all of its parts came.
    pub fn set(self) -> Result<RuleSet, JoinError> {
        let (count, found) = (self.count, self.slices.len());
        if count.is_none_or(|count| usize::try_from(count) != Ok(found)) {
            return Err(JoinError::Missing { count, found });
        }
        let body: Vec<u8> = self.slices.into_values().flat_map(|body| body.as_bytes().to_vec()).collect();
        let found = Digest::of(&body);
        if found != self.digest {
            return Err(JoinError::Digest { found });
        }
        json_form::set_from_json("rule.sets.v1", &String::from_utf8(body)?).map_err(JoinError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::PACK;

    /// Long enough for several parts.
    fn large() -> RuleSet {
        let mut rules = crate::text::parse("pack", &PACK.iter().map(|packed| packed.text).collect::<String>()).unwrap();
        rules[0].description = Some("é".repeat(SLICE_BYTES_MAX));
        RuleSet::of_one("w", rules)
    }

    fn joined(digest: Digest, parts: impl Iterator<Item = RuleSetPart>) -> Result<RuleSet, JoinError> {
        let mut joining = Joining::new(digest);
        parts.for_each(|part| joining.take(part));
        joining.set()
    }

    #[test]
    fn parts_in_any_order_and_more_than_once_are_the_set_again() {
        let set = large();
        let (digest, parts) = split(&set).unwrap();
        assert!(parts.len() > 2, "{}", parts.len());
        let shuffled = parts.iter().rev().chain(&parts).cloned();
        assert_eq!(joined(digest, shuffled).unwrap(), set);
    }

    #[test]
    fn what_is_missing_or_changed_is_no_set() {
        let (digest, parts) = split(&large()).unwrap();
        let without_last = joined(digest, parts[1..].iter().cloned());
        assert!(matches!(without_last, Err(JoinError::Missing { count: Some(3), found: 2 })), "{without_last:?}");
        let none = joined(Digest::of(b"another"), parts.iter().cloned());
        assert!(matches!(none, Err(JoinError::Missing { count: None, found: 0 })), "{none:?}");
        let changed = parts.iter().cloned().map(|part| match part.part {
            1 => RuleSetPart { body: Blob::new(b"{}".as_slice()).unwrap(), ..part },
            _ => part,
        });
        let changed = joined(digest, changed);
        assert!(matches!(changed, Err(JoinError::Digest { .. })), "{changed:?}");
    }
}
