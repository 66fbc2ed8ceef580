//! Where the holdback of a rule lies: behind its rule, its owner and its group.
//!
//! | tag | after it | the row |
//! | --- | --- | --- |
//! | `20` | slot, reason, what is repeated | matches that are held back and not yet told |
//! | `21` | slot, entry | triggers that raised an alert |
//! | `22` | slot, entry | fingerprints that are quiet |
//! | `23` | slot | suppression |
//! | `24` | slot | the storm window |
//! | `25` | slot | the rule's breaker |
//! | `26` | owner | the breaker over all rules |
//! | `27` | slot, entry | active alerts |
//! | `28` | slot, entry | episodes of what was resolved |
//! | `29` | tag, slot, time, digest | the order of entries |
//! | `2a` | tag, slot | how many entries there are |
//! | `30` | the task's slot, entry | commands that were applied |
//!
//! A slot is rule, place and group, as `view::keys` writes them; an entry is a digest (see `entries`).

use contracts::canonical::Digest;

use crate::step::deadline::{self, Deadline, Kind};
use crate::step::effects::Held;
use crate::step::round::{Match, Owner};
use crate::view::View;
use crate::view::keys::Key;

/// What a row is about; the first byte of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Tag {
    Held = 0x20,
    Duplicate = 0x21,
    Dedup = 0x22,
    Suppression = 0x23,
    Storm = 0x24,
    Breaker = 0x25,
    OwnerBreaker = 0x26,
    Active = 0x27,
    Episode = 0x28,
    Order = 0x29,
    Size = 0x2a,
    Applied = 0x30,
}

/// A rule in its scope.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot<'a> {
    pub rule_id: &'a str,
    pub owner: Owner<'a>,
    pub group_key: &'a str,
}

/// What a deadline of a slot is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// What is held back for this reason.
    Held(Held, Option<Digest>),
    /// A row, or an entry of a collection.
    Row(Tag, Option<Digest>),
}

/// Subjects that are rows have this bit in their first byte.
const ROW: u8 = 0x80;

impl<'a> Slot<'a> {
    pub fn of(matched: &Match<'a>) -> Self {
        Self { rule_id: matched.rule.rule.id.as_str(), owner: matched.owner, group_key: matched.group_key }
    }

    pub fn key(&self, tag: Tag) -> Key {
        let mut key = Key::tagged(tag as u8);
        match tag {
            Tag::OwnerBreaker => key.owner(self.owner),
            _ => self.write(&mut key),
        };
        key
    }

    pub(super) fn write<'k>(&self, key: &'k mut Key) -> &'k mut Key {
        key.place(self.rule_id, self.owner).text(self.group_key)
    }

    pub fn held(&self, reason: Held, repeats: Option<&Digest>) -> Key {
        let mut key = self.key(Tag::Held);
        key.byte(reason as u8);
        if let Some(repeats) = repeats {
            key.digest(repeats);
        }
        key
    }

    pub fn set(&self, view: &mut View<'_>, kind: Kind, time: i64, subject: &Subject) {
        let subject = subject.to_bytes();
        let deadline = Deadline { time, kind, rule_id: self.rule_id, group_key: self.group_key, subject: &subject };
        deadline::set(view, self.owner, &deadline);
    }
}

/// All rows of a rule with this tag.
pub(crate) fn of_rule(tag: Tag, rule_id: &str) -> Key {
    let mut key = Key::tagged(tag as u8);
    key.text(rule_id);
    key
}

impl Subject {
    fn to_bytes(self) -> Vec<u8> {
        let (first, digest) = match self {
            Self::Held(reason, repeats) => (reason as u8, repeats),
            Self::Row(tag, entry) => (ROW | tag as u8, entry),
        };
        let mut bytes = vec![first];
        bytes.extend(digest.iter().flat_map(Digest::as_bytes));
        bytes
    }

    /// None for bytes that no [`Subject`] gives.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&first, rest) = bytes.split_first()?;
        let digest = <[u8; 32]>::try_from(rest).ok().map(Digest::from_bytes);
        if first & ROW == 0 {
            let reason = Held::ALL.into_iter().find(|reason| *reason as u8 == first)?;
            return Some(Self::Held(reason, digest));
        }
        let tag = Tag::ALL.into_iter().find(|tag| *tag as u8 == first & !ROW)?;
        Some(Self::Row(tag, digest))
    }
}

impl Tag {
    const ALL: [Self; 12] = [
        Self::Held,
        Self::Duplicate,
        Self::Dedup,
        Self::Suppression,
        Self::Storm,
        Self::Breaker,
        Self::OwnerBreaker,
        Self::Active,
        Self::Episode,
        Self::Order,
        Self::Size,
        Self::Applied,
    ];
}
