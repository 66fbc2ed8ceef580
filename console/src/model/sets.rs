//! Rule sets, as they are put together from their parts.
//!
//! A set that is whole is kept read; until then its parts are kept as they came, the newest [`SETS_MAX`] sets.

use contracts::canonical::Digest;
use contracts::records::RuleSetPart;
use detection::parts::Joining;
use detection::rule::RuleSet;

use super::newest::{Newest, Rank};

pub(super) const SETS_MAX: usize = 8;

#[derive(Debug)]
pub(super) struct Sets {
    newest: Newest<Digest, Set>,
}

#[derive(Debug)]
enum Set {
    Joining(Vec<RuleSetPart>),
    Whole(Box<RuleSet>),
    /// All parts are there, and they say no set.
    Damaged,
}

impl Default for Sets {
    fn default() -> Self {
        Self { newest: Newest::at_most(SETS_MAX) }
    }
}

impl Sets {
    /// A set is as new as the newest part of it.
    pub fn take(&mut self, rank: Rank, part: RuleSetPart) {
        let digest = part.digest;
        if self.newest.get(&digest).is_none() {
            self.newest.put(digest, rank, Set::Joining(Vec::new()));
        }
        self.newest.touch(&digest, rank);
        if let Some(set) = self.newest.get_mut(&digest) {
            set.take(part);
        }
    }

    pub fn get(&self, digest: &Digest) -> Option<&RuleSet> {
        match self.newest.get(digest)?.1 {
            Set::Whole(set) => Some(set),
            Set::Joining(_) | Set::Damaged => None,
        }
    }
}

impl Set {
    fn take(&mut self, part: RuleSetPart) {
        let Self::Joining(parts) = self else { return };
        let count = usize::try_from(part.parts).unwrap_or(0);
        if parts.iter().any(|known| known.part == part.part) {
            return;
        }
        let digest = part.digest;
        parts.push(part);
        if parts.len() < count {
            return;
        }
        let mut joining = Joining::new(digest);
        for part in parts.drain(..) {
            joining.take(part);
        }
        *self = joining.set().map_or(Self::Damaged, |set| Self::Whole(Box::new(set)));
    }
}
