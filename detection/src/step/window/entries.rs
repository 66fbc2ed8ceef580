//! Times in their order, inside a row: what counts keep of their events.
//!
//! The row is changed where it lies. An entry is its time, then what the window knows it by; equal times stand in the order
//! they came.

use crate::view::value::Malformed;

/// Entries of `SIZE` bytes from `start` to the end of the row.
pub(super) struct Entries<'b, const SIZE: usize> {
    pub row: &'b mut Vec<u8>,
    pub start: usize,
}

/// Eight bytes of a SHA-256: enough to tell events, or values, of one group apart.
pub(super) type Short = [u8; 8];

impl<'b, const SIZE: usize> Entries<'b, SIZE> {
    pub fn of(row: &'b mut Vec<u8>, start: usize) -> Result<Self, Malformed> {
        match row.len().checked_sub(start) {
            Some(length) if length % SIZE == 0 => Ok(Self { row, start }),
            _ => Err(Malformed::Field { at: start, expected: "whole entries up to the end" }),
        }
    }

    pub fn len(&self) -> usize {
        (self.row.len() - self.start) / SIZE
    }

    pub fn time(&self, place: usize) -> i64 {
        i64::from_le_bytes(self.short(place, 0))
    }

    /// What stands behind the time, `at` the first or a later of the eight bytes each.
    pub fn short(&self, place: usize, at: usize) -> Short {
        let from = self.start + place * SIZE + at * 8;
        self.row[from..from + 8].try_into().expect("invariant: the range is of eight bytes")
    }

    /// Whether any entry has this at `at`.
    pub fn has(&self, at: usize, short: Short) -> bool {
        self.row[self.start..].chunks_exact(SIZE).any(|entry| entry[at * 8..at * 8 + 8] == short)
    }

    /// How many entries are before `time`.
    pub fn before(&self, time: i64) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.time(middle) < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Puts an entry behind those of the same time.
    pub fn insert(&mut self, time: i64, entry: [u8; SIZE]) {
        let at = self.start + self.before(time.saturating_add(1)) * SIZE;
        let length = self.row.len();
        self.row.extend_from_slice(&entry);
        self.row.copy_within(at..length, at + SIZE);
        self.row[at..at + SIZE].copy_from_slice(&entry);
    }

    pub fn remove(&mut self, place: usize) {
        let at = self.start + place * SIZE;
        self.row.drain(at..at + SIZE);
    }

    pub fn remove_first(&mut self, count: usize) {
        self.row.drain(self.start..self.start + count * SIZE);
    }
}
