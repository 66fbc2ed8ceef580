//! The part of an input between two append times.
//!
//! Of each partition it begins with the first record at or after `since` and ends before the first at or after `until`, as a
//! log finds its places by time: a clock that went back in between changes nothing.

use std::collections::BTreeMap;

use bus::{Batch, BatchLimit, Partition, Progress, Reader, Record, Result};
use contracts::time::Timestamp;
use contracts::topics::RULE_SETS;

#[derive(Debug)]
pub struct Span {
    input: Box<dyn Reader>,
    reads: Reads,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    places: BTreeMap<Partition, Place>,
    batch: Batch,
}

/// What the input is known to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// One partition: behind the span there is nothing to wait for.
    One,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    Within,
    Behind,
}

impl Span {
    pub fn new(input: Box<dyn Reader>, reads: Reads, since: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        Self { input, reads, since, until, places: BTreeMap::new(), batch: Batch::default() }
    }
}

/// Takes a record's time into the place of its partition.
fn passing(place: &mut Place, record: &Record<'_>, since: Option<Timestamp>, until: Option<Timestamp>) -> bool {
    if *place == Place::Before && since.is_none_or(|since| record.appended_at >= since) {
        *place = Place::Within;
    }
    if until.is_some_and(|until| record.appended_at >= until) {
        *place = Place::Behind;
    }
    *place == Place::Within
}

impl Reader for Span {
    fn next(&mut self, batch: &mut Batch, limit: &BatchLimit) -> Result<Progress> {
        batch.clear();
        let progress = self.input.next(&mut self.batch, limit)?;
        for record in self.batch.records() {
            let place = match self.places.get_mut(record.partition) {
                Some(place) => place,
                None => self.places.entry(record.partition.clone()).or_insert(Place::Before),
            };
            // A set may be swapped in long after it came.
            let since = self.since.filter(|_| &*record.partition.topic != RULE_SETS);
            if passing(place, &record, since, self.until) {
                batch.push_record(&record);
            }
        }
        let is_behind = self.reads == Reads::One && self.places.values().any(|place| *place == Place::Behind);
        Ok(if is_behind && batch.is_empty() { Progress::Done } else { progress })
    }
}
