//! Where each row stands: the one layout of all keys.
//!
//! | tag | fields after it | the row | written by |
//! | --- | --- | --- | --- |
//! | `01` | – | the task: greatest append time, earliest of people's deadlines | `step::clock` |
//! | `02` | owner | an owner's clock | `step::clock` |
//! | `03` | endpoint, source, boot id | a stream: highest number, open gaps | `step::stream` |
//! | `04` | endpoint | what was lost from streams that are no longer kept | `step::stream` |
//! | `08` | owner, deadline | a deadline on the owner's clock | `step::deadline` |
//! | `09` | owner, deadline | what stream time makes the owner forget | `step::deadline` |
//! | `0a` | append time, owner | the ticks' index: when an owner's earliest alarm may be due | `step::deadline` |
//! | `0b` | deadline, owner | a deadline of people, on append time | `step::deadline` |
//! | `10` | rule, place | how many groups of a window rule there are | `step::window` |
//! | `11` | rule, place, group, window | what one window of a rule keeps of a group | `step::window` |
//! | `18` | owner, kind, rule, subscription | what is tallied and not yet told | `step::tally` |
//! | `19` | subscription, owner | how many events a subscription let through in the newest second | `step::rate` |
//! | `20`–`2f` | rule, place, group, … | what is held back, and alerts with their escalation | `step::holdback` and after |
//! | `30`–`3f` | rule or set, … | switches, mutes, the rule set | `step::command` |
//! | `40`–`4f` | agent, … | risk | `risk` |
//!
//! - *text*: as it is, each `00` as `00 01`, ended by `00 00`; so a text stands before all that it begins. Longer than
//!   [`TEXT_BYTES_MAX`] when written so, it is `FF` and its SHA-256 instead: keys stay short, whatever endpoints call
//!   themselves, and no such text is taken for another (UTF-8 has no `FF`).
//! - *time*: eight bytes, greatest first, the sign bit flipped.
//! - *owner*: `00`, endpoint; or `01`, rule, group.
//! - *place*, behind a rule: `00`, endpoint; `01` for a routed rule, whose owner the rule and the group already say; or `02`, rule,
//!   group, for a rule that hears what another rule's group led to.
//! - *deadline*: time, kind, rule, group, subject: their order is the order in which deadlines fire.
//!
//! All state of a rule is found by tag and rule; of a rule with an endpoint by tag, rule and place. Rows ordered by owner or
//! time name the rule and are void once the rule's state is gone.

use std::ops::Deref;

use contracts::canonical::Digest;

use crate::step::Owner;

/// Of a text in a key, its end mark included. A longer one stands as its SHA-256.
pub const TEXT_BYTES_MAX: usize = 66;
/// The longest of them: a deadline of people of a routed rule, five texts.
const KEY_BYTES_MAX: usize = 1 + 8 + 1 + 5 * TEXT_BYTES_MAX + 1;

const HASHED: u8 = 0xFF;

/// What a row is about; the first byte of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Tag {
    Task = 0x01,
    Clock = 0x02,
    Stream = 0x03,
    Streams = 0x04,
    Alarm = 0x08,
    Expiry = 0x09,
    Bound = 0x0a,
    Append = 0x0b,
    Groups = 0x10,
    Group = 0x11,
    Tally = 0x18,
    Rate = 0x19,
}

/// A key in the making, and then the key; or the prefix of many.
#[derive(Clone)]
pub struct Key {
    bytes: [u8; KEY_BYTES_MAX],
    length: usize,
}

impl Key {
    pub fn new(tag: Tag) -> Self {
        Self::tagged(tag as u8)
    }

    /// For tags that other modules name.
    pub fn tagged(tag: u8) -> Self {
        let mut key = Self { bytes: [0; KEY_BYTES_MAX], length: 0 };
        key.byte(tag);
        key
    }

    pub fn byte(&mut self, byte: u8) -> &mut Self {
        self.raw(&[byte])
    }

    pub fn time(&mut self, micros: i64) -> &mut Self {
        self.raw(&(micros ^ i64::MIN).to_be_bytes())
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.escaped(text.as_bytes())
    }

    /// Bytes of any length; written as a text is.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.escaped(bytes)
    }

    /// 32 bytes.
    pub fn digest(&mut self, digest: &Digest) -> &mut Self {
        self.raw(digest.as_bytes())
    }

    pub fn owner(&mut self, owner: Owner<'_>) -> &mut Self {
        match owner {
            Owner::Endpoint(endpoint_id) => self.byte(0).text(endpoint_id),
            Owner::Group { rule_id, group_key } => self.byte(1).text(rule_id).text(group_key),
        }
    }

    /// What a rule keeps for an owner.
    pub fn place(&mut self, rule_id: &str, owner: Owner<'_>) -> &mut Self {
        self.text(rule_id);
        match owner {
            Owner::Endpoint(endpoint_id) => self.byte(0).text(endpoint_id),
            Owner::Group { rule_id: own, .. } if own == rule_id => self.byte(1),
            Owner::Group { rule_id, group_key } => self.byte(2).text(rule_id).text(group_key),
        }
    }

    fn escaped(&mut self, text: &[u8]) -> &mut Self {
        if text.len() + 2 <= TEXT_BYTES_MAX && !text.contains(&0) {
            return self.raw(text).raw(&[0, 0]);
        }
        let start = self.length;
        for byte in text.iter().take(TEXT_BYTES_MAX) {
            let written: &[u8] = if *byte == 0 { &[0, 1] } else { &[*byte] };
            if self.length + written.len() + 2 - start > TEXT_BYTES_MAX {
                self.length = start;
                return self.byte(HASHED).digest(&Digest::of(text));
            }
            self.raw(written);
        }
        self.raw(&[0, 0])
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes[self.length..][..bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
        self
    }
}

/// Whether events to come ask for the row again, as they do for clocks, streams and windows. What an alert leaves behind (`20`
/// to `2f`) and what it counts for (`40` to `4f`) is asked for by other alerts, if at all.
pub fn is_of_every_event(key: &[u8]) -> bool {
    key.first().is_some_and(|tag| !matches!(tag, 0x20..=0x2f | 0x40..=0x4f))
}

/// The time that stands at this place of a key.
pub fn time_at(key: &[u8], at: usize) -> Option<i64> {
    let bytes = key.get(at..at + 8)?.try_into().ok()?;
    Some(i64::from_be_bytes(bytes) ^ i64::MIN)
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.escape_ascii())
    }
}
