//! How often a fingerprint was resolved, and so which episode an alert of it belongs to. The first is 1.
//!
//! Absent on purpose: an end. The episodes of a scope are as many as its dedup entries may be; of more, the one that was
//! resolved longest ago begins anew.

use contracts::canonical::Digest;

use super::entries::{self, Entry};
use super::slot::{Slot, Tag};
use crate::step::round::Round;
use crate::step::row::row;
use crate::view::View;

const FIRST: i64 = 1;

row! {
    pub(super) struct Episode version 1 {
        /// When the one before was resolved.
        since: i64,
        number: i64,
    }
}

impl Entry for Episode {
    fn time(&self) -> i64 {
        self.since
    }
}

pub(super) fn of(view: &mut View<'_>, slot: Slot<'_>, hash: Digest) -> i64 {
    entries::get::<Episode>(view, slot, Tag::Episode, &hash).map_or(FIRST, |episode| episode.number)
}

/// After a resolution at `since`.
pub(super) fn next(round: &mut Round<'_, '_>, slot: Slot<'_>, hash: Digest, since: i64) {
    let episode = Episode { since, number: of(round.view, slot, hash) + 1 };
    entries::put(round.view, slot, Tag::Episode, &hash, &episode, round.plan.limits.dedup_entries_max);
}
