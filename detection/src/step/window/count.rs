//! Counts: a window that holds enough events.
//!
//! Invariant: it fires for an event exactly if some window `(e − W, e]` that contains the event holds at least N, and keeps
//! at most 2N times in each of the 2 + ⌈lateness / W⌉ cells `[kW, (k + 1)W)` that can still matter: the first N and the last
//! N. A window is the end of one cell and the beginning of the next; where more than N fell into either, N of them are kept.
//!
//! `{count}` is the number in the earliest such window: what is kept, and of a cell that lost some from its middle their
//! number, if all of that middle lies in the window.
//!
//! A row is 21 bytes, 12 for each cell that lost some, and 16 for each time kept.

use super::entries::{Entries, Short};
use super::{Fired, HEAD_BYTES, Head, Span};
use crate::view::value::Malformed;

/// Cells that lost some begin here, after the head and their number.
const LOST_AT: usize = HEAD_BYTES + 4;
/// Of a cell that lost some: which, and how many.
const LOST_BYTES: usize = 12;
const ENTRY_BYTES: usize = 16;

/// What an event is to a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is in the window already.
    Again,
    Kept,
    Fired(Fired),
}

impl Taken {
    pub fn fired(self) -> Option<Fired> {
        match self {
            Self::Fired(fired) => Some(fired),
            Self::Again | Self::Kept => None,
        }
    }
}

/// What a row of no events is, behind its head.
pub(super) const EMPTY: &[u8] = &[0; LOST_AT - HEAD_BYTES];

/// Takes an event into its place. The row's newest time has the event in it.
pub(super) fn take(row: &mut Vec<u8>, span: Span, threshold: usize, time: i64, id: Short) -> Result<Taken, Malformed> {
    let Head { newest, .. } = Head::of(row)?;
    let mut kept = Kept::of(row, span.window, threshold)?;
    if kept.entries.has(1, id) {
        return Ok(Taken::Again);
    }
    let mut entry = [0; ENTRY_BYTES];
    entry[..8].copy_from_slice(&time.to_le_bytes());
    entry[8..].copy_from_slice(&id);
    kept.entries.insert(time, entry);
    let fired = kept.earliest_full(time);
    kept.thin(time);
    kept.forget(newest.saturating_sub(span.kept()));
    Ok(fired.map_or(Taken::Kept, Taken::Fired))
}

/// A row, opened.
struct Kept<'b> {
    entries: Entries<'b, ENTRY_BYTES>,
    window: i64,
    threshold: usize,
}

impl<'b> Kept<'b> {
    fn of(row: &'b mut Vec<u8>, window: i64, threshold: usize) -> Result<Self, Malformed> {
        let missing = Malformed::End { at: row.len(), expected: "the number of thinned cells" };
        let lost = row.get(LOST_AT - 4..LOST_AT).and_then(|bytes| bytes.try_into().ok()).ok_or(missing)?;
        let start = LOST_AT + u32::from_le_bytes(lost) as usize * LOST_BYTES;
        Ok(Self { entries: Entries::of(row, start)?, window, threshold })
    }

    /// Of the windows that are full and contain `time`, the one that ends first.
    fn earliest_full(&self, time: i64) -> Option<Fired> {
        let entries = &self.entries;
        let mut first = entries.before(time.saturating_sub(self.window).saturating_add(1));
        for last in entries.before(time)..entries.before(time.saturating_add(self.window)) {
            let end = entries.time(last);
            let is_last_of_its_time = last + 1 == entries.len() || entries.time(last + 1) > end;
            if !is_last_of_its_time {
                continue;
            }
            while entries.time(first) <= end - self.window {
                first += 1;
            }
            let kept = last + 1 - first;
            if kept >= self.threshold {
                let occurrences =
                    i64::try_from(kept).unwrap_or(i64::MAX).saturating_add(self.lost_between(first, last));
                return Some(Fired { occurrences, window: (end - self.window, end) });
            }
        }
        None
    }

    /// How many are not kept that surely stood between two places.
    fn lost_between(&self, first: usize, last: usize) -> i64 {
        let lost = (0..self.lost_cells()).map(|place| self.lost(place));
        let between = lost.filter(|(cell, _)| {
            let end = self.entries.before(self.start_of(cell + 1));
            let behind = end.saturating_sub(self.threshold);
            behind > first && behind <= last && self.entries.time(behind - 1) >= self.start_of(*cell)
        });
        between.map(|(_, count)| i64::from(count)).sum()
    }

    /// Drops the middle one of a cell that has one too many.
    fn thin(&mut self, time: i64) {
        let cell = time.div_euclid(self.window);
        let start = self.entries.before(self.start_of(cell));
        let end = self.entries.before(self.start_of(cell + 1));
        if end - start > 2 * self.threshold {
            self.entries.remove(start + self.threshold);
            self.lose(cell);
        }
    }

    /// Drops what no window of an acceptable event can reach: all up to `until`.
    fn forget(&mut self, until: i64) {
        let old = self.entries.before(until.saturating_add(1));
        if old > 0 {
            self.entries.remove_first(old);
        }
        for place in (0..self.lost_cells()).rev() {
            if self.start_of(self.lost(place).0 + 1) <= until.saturating_add(1) {
                self.entries.row.drain(Self::lost_at(place)..Self::lost_at(place + 1));
                self.set_lost_cells(self.lost_cells() - 1);
            }
        }
    }

    fn start_of(&self, cell: i64) -> i64 {
        cell.saturating_mul(self.window)
    }

    fn lost_cells(&self) -> usize {
        (self.entries.start - LOST_AT) / LOST_BYTES
    }

    fn lost_at(place: usize) -> usize {
        LOST_AT + place * LOST_BYTES
    }

    fn lost(&self, place: usize) -> (i64, u32) {
        let (cell, count) = self.entries.row[Self::lost_at(place)..Self::lost_at(place + 1)].split_at(8);
        let invariant = "invariant: a cell is eight bytes and four";
        (i64::from_le_bytes(cell.try_into().expect(invariant)), u32::from_le_bytes(count.try_into().expect(invariant)))
    }

    fn lose(&mut self, cell: i64) {
        let known = (0..self.lost_cells()).find(|place| self.lost(*place).0 == cell);
        let place = known.unwrap_or_else(|| {
            let added = cell.to_le_bytes().into_iter().chain([0; 4]);
            self.entries.row.splice(LOST_AT..LOST_AT, added);
            self.set_lost_cells(self.lost_cells() + 1);
            0
        });
        let count = self.lost(place).1.saturating_add(1);
        self.entries.row[Self::lost_at(place) + 8..Self::lost_at(place + 1)].copy_from_slice(&count.to_le_bytes());
    }

    fn set_lost_cells(&mut self, count: usize) {
        self.entries.start = Self::lost_at(count);
        let count = u32::try_from(count).expect("invariant: there are fewer cells than entries");
        self.entries.row[LOST_AT - 4..LOST_AT].copy_from_slice(&count.to_le_bytes());
    }
}
