//! A part of the control topic as it is in memory.
//!
//! Invariant: all records from its beginning to its end that the topic has are in it; of one that grew too long the oldest go
//! and the beginning moves.

use std::collections::BTreeMap;
use std::sync::Arc;

use bus::Offset;

use super::commands::Given;

/// Kept in memory; what is older is read from the log again.
const RECORDS_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct Stretch {
    from: u64,
    end: u64,
    records: BTreeMap<u64, Arc<Given>>,
}

/// What a stretch knows of the first record behind a place.
#[derive(Debug)]
pub(super) enum Next {
    Command(Arc<Given>),
    /// There is none below this offset.
    NoneBelow(i64),
    /// The stretch begins later or has ended before.
    Unknown,
}

impl Stretch {
    pub fn beginning_at(from: Offset) -> Self {
        Self { from: from.0, end: from.0, records: BTreeMap::new() }
    }

    pub fn push(&mut self, given: Given) {
        let offset = u64::try_from(given.offset).expect("invariant: it was read from a log");
        self.end = self.end.max(offset + 1);
        self.records.insert(offset, Arc::new(given));
        while self.records.len() > RECORDS_MAX {
            let oldest = self.records.pop_first();
            self.from = oldest.map_or(self.from, |(offset, _)| offset + 1);
        }
    }

    /// What follows was looked for up to here.
    pub fn nothing_below(&mut self, end: Offset) {
        self.end = self.end.max(end.0);
    }

    pub fn next(&self, after: i64) -> Next {
        let from = super::place(after).0;
        if from < self.from || from > self.end {
            return Next::Unknown;
        }
        let next = self.records.range(from..).next();
        let end = i64::try_from(self.end).expect("invariant: logs count in i64");
        next.map_or(Next::NoneBelow(end), |(_, given)| Next::Command(Arc::clone(given)))
    }

    pub fn first(&self) -> Option<Arc<Given>> {
        self.records.first_key_value().map(|(_, given)| Arc::clone(given))
    }

    pub fn end(&self) -> Offset {
        Offset(self.end)
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }
}

#[cfg(test)]
mod tests {
    use contracts::canonical::Digest;

    use super::*;

    fn given(offset: i64) -> Given {
        Given::unreadable_for_tests(offset, Digest::of(b""))
    }

    fn next(stretch: &Stretch, after: i64) -> String {
        match stretch.next(after) {
            Next::Command(given) => given.offset.to_string(),
            Next::NoneBelow(end) => format!("none below {end}"),
            Next::Unknown => "unknown".to_owned(),
        }
    }

    #[test]
    fn what_lies_between_its_ends_is_known_and_nothing_else() {
        let mut stretch = Stretch::beginning_at(Offset(10));
        for offset in [12, 15] {
            stretch.push(given(offset));
        }
        let found = [-1, 8, 9, 11, 12, 14, 15, 16].map(|after| next(&stretch, after));
        assert_eq!(found, ["unknown", "unknown", "12", "12", "15", "15", "none below 16", "unknown"]);
    }

    #[test]
    fn one_that_grows_too_long_forgets_its_beginning() {
        let mut stretch = Stretch::beginning_at(Offset(0));
        for offset in 0..=i64::try_from(RECORDS_MAX).unwrap() {
            stretch.push(given(offset));
        }
        assert_eq!([-1, 0].map(|after| next(&stretch, after)), ["unknown", "1"]);
        assert_eq!(stretch.len(), RECORDS_MAX);
    }
}
