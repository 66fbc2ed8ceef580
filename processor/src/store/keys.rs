//! Where everything lies in the store.
//!
//! | key | value |
//! | --- | --- |
//! | `00` `version` | state version, four bytes |
//! | `00` `migrated` number | the name of a migration that ran |
//! | stage, partition, `00` `L` | the next input offset to apply |
//! | stage, partition, `00` `N` | the greatest committed offset known |
//! | stage, partition, `01` key | a row of the core's state, by the core's own key |
//! | stage, partition, `02` offset, index | an outbox row |
//!
//! Numbers stand greatest byte first, so that keys are ordered as the numbers are. A task's rows lie together: they can be
//! copied, restored and dropped alone.

use bus::Offset;

use crate::task::TaskId;

pub(super) const VERSION: &[u8] = b"\0version";
const MIGRATED: &[u8] = b"\0migrated";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Space {
    Positions = 0,
    State = 1,
    Outbox = 2,
}

impl Space {
    /// Positions first: without them the rest does not count.
    pub const ALL: [Self; 3] = [Self::Positions, Self::State, Self::Outbox];
}

pub(super) const PREFIX_BYTES: usize = 6;

pub(super) fn prefix(task: TaskId, space: Space) -> [u8; PREFIX_BYTES] {
    let [a, b, c, d] = task.partition.to_be_bytes();
    [task.stage as u8, a, b, c, d, space as u8]
}

/// All keys of a space: from the first, to before the second.
pub(super) fn space(task: TaskId, space: Space) -> ([u8; PREFIX_BYTES], [u8; PREFIX_BYTES]) {
    let from = prefix(task, space);
    let mut to = from;
    to[PREFIX_BYTES - 1] += 1;
    (from, to)
}

pub(super) fn applied(task: TaskId) -> Vec<u8> {
    [&prefix(task, Space::Positions)[..], b"L"].concat()
}

pub(super) fn published(task: TaskId) -> Vec<u8> {
    [&prefix(task, Space::Positions)[..], b"N"].concat()
}

pub(super) fn write_state(task: TaskId, key: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&prefix(task, Space::State));
    out.extend_from_slice(key);
}

pub(super) fn outbox(task: TaskId, offset: Offset, index: u32) -> [u8; PREFIX_BYTES + 12] {
    let mut key = [0; PREFIX_BYTES + 12];
    key[..PREFIX_BYTES].copy_from_slice(&prefix(task, Space::Outbox));
    key[PREFIX_BYTES..][..8].copy_from_slice(&offset.0.to_be_bytes());
    key[PREFIX_BYTES + 8..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The offset that an outbox row follows from.
pub(super) fn outbox_offset(key: &[u8]) -> Option<Offset> {
    let number = key.get(PREFIX_BYTES..PREFIX_BYTES + 8)?.try_into().ok()?;
    Some(Offset(u64::from_be_bytes(number)))
}

pub(super) fn migrated(to: u32) -> Vec<u8> {
    [MIGRATED, &to.to_be_bytes()].concat()
}

pub(super) fn migrations() -> (Vec<u8>, Vec<u8>) {
    (migrated(0), migrated(u32::MAX))
}
