//! Reading partitions side by side: where each stands, and one batch taken from all of them.
//!
//! Invariant: a cursor never moves past a record it did not hand out, except over offsets that never had one or whose
//! record compaction removed. An offset below the earliest is an error at every read, never a jump.

use std::sync::Arc;
use std::time::Instant;

use super::layout;
use super::log::Log;
use super::store::malformed_record;
use super::topics::Topic;
use crate::{Batch, BatchLimit, BusError, Offset, Partition, Result};

#[derive(Debug)]
pub(super) struct Cursor {
    pub partition: Partition,
    topic: Arc<Topic>,
    next: u64,
    /// Where it stops for good, for a reader with a known end.
    stop: Option<u64>,
    flow: Flow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Paused,
    /// There may be records, or an end that the caller has not heard of.
    Open,
    /// The caller knows that it stands at the end.
    AtEnd,
}

/// Cursors that take turns in being first, so that a full partition cannot starve the others.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    cursors: Vec<Cursor>,
    turn: usize,
}

impl Cursor {
    /// A cursor that flows, at an offset that may lie anywhere: [`Cursor::check`] tells.
    pub fn new(log: &Log, partition: &Partition, next: Offset, stop: Option<Offset>) -> Result<Self> {
        let topic = log.topic_of(partition)?;
        let stop = stop.map(|offset| offset.0);
        Ok(Self { partition: partition.clone(), topic, next: next.0, stop, flow: Flow::Open })
    }

    pub fn paused(self) -> Self {
        Self { flow: Flow::Paused, ..self }
    }

    pub fn pause(&mut self) {
        self.flow = Flow::Paused;
    }

    pub fn resume(&mut self) {
        if self.flow == Flow::Paused {
            self.flow = Flow::Open;
        }
    }

    pub fn position(&self) -> Offset {
        Offset(self.next)
    }

    pub fn is_done(&self) -> bool {
        self.stop.is_some_and(|stop| self.next >= stop)
    }

    /// Whether its position is one the partition has.
    pub fn check(&self) -> Result<()> {
        let state = self.topic.state(self.partition.index);
        let partition = || self.partition.clone();
        let (earliest, end) = (state.earliest(), state.end());
        if self.next < earliest {
            let (wanted, earliest) = (Offset(self.next), Offset(earliest));
            return Err(BusError::OffsetGone { partition: partition(), wanted, earliest });
        }
        if self.next > end {
            let (wanted, end) = (Offset(self.next), Offset(end));
            return Err(BusError::OffsetBeyondEnd { partition: partition(), wanted, end });
        }
        Ok(())
    }

    fn limit(&self) -> u64 {
        let end = self.topic.state(self.partition.index).end();
        self.stop.map_or(end, |stop| stop.min(end))
    }

    /// Takes records until the batch is full or the end is reached. Answers whether it has anything to tell.
    fn fill(&mut self, log: &Log, batch: &mut Batch, limit: &BatchLimit) -> Result<bool> {
        let end = self.limit();
        if self.flow == Flow::Paused || (self.next >= end && self.flow == Flow::AtEnd) {
            return Ok(false);
        }
        if self.next < end {
            self.take(log, end, batch, limit)?;
        } else {
            self.check()?;
        }
        self.flow = Flow::Open;
        if self.next >= end {
            batch.push_end(&self.partition);
            self.flow = Flow::AtEnd;
        }
        Ok(true)
    }

    fn take(&mut self, log: &Log, end: u64, batch: &mut Batch, limit: &BatchLimit) -> Result<()> {
        let index = self.partition.index;
        let mut records =
            log.store.records(&self.topic.name, layout::record_key(index, self.next), layout::record_key(index, end));
        records.seek_to_first();
        // Only now: retention moves `earliest` before it removes anything, so what this iterator sees is whole.
        self.check()?;
        while let Some((key, value)) = records.item() {
            if batch.is_full(limit) {
                return Ok(());
            }
            let (offset, record) = layout::decode_item(key, value)
                .map_err(|reason| malformed_record(&log.store, &self.partition, self.next, reason))?;
            batch.push(&self.partition, Offset(offset), record.appended_at, record.key, record.value, record.headers());
            self.next = offset + 1;
            records.next();
        }
        records.status().map_err(|error| log.store.unreadable(&self.partition, self.next, &error))?;
        // What is left up to the end are holes.
        self.next = end;
        Ok(())
    }
}

impl Cursors {
    pub fn put(&mut self, cursor: Cursor) {
        self.remove(&cursor.partition);
        self.cursors.push(cursor);
    }

    pub fn remove(&mut self, partition: &Partition) {
        self.cursors.retain(|cursor| cursor.partition != *partition);
    }

    pub fn get_mut(&mut self, partition: &Partition) -> Option<&mut Cursor> {
        self.cursors.iter_mut().find(|cursor| cursor.partition == *partition)
    }

    pub fn get(&self, partition: &Partition) -> Option<&Cursor> {
        self.cursors.iter().find(|cursor| cursor.partition == *partition)
    }

    pub fn partitions(&self) -> Vec<Partition> {
        self.cursors.iter().map(|cursor| cursor.partition.clone()).collect()
    }

    pub fn clear(&mut self) {
        self.cursors.clear();
    }

    pub fn are_done(&self) -> bool {
        self.cursors.iter().all(Cursor::is_done)
    }

    /// Fills the batch from what there is now, without waiting. Answers whether there is anything to tell: records, or
    /// an end reached.
    pub fn fill(&mut self, log: &Log, batch: &mut Batch, limit: &BatchLimit) -> Result<bool> {
        let count = self.cursors.len();
        let mut told = false;
        for step in 0..count {
            if batch.is_full(limit) {
                break;
            }
            told |= self.cursors[(self.turn + step) % count].fill(log, batch, limit)?;
        }
        self.turn = self.turn.wrapping_add(1);
        Ok(told)
    }
}

/// When a poll that began now has to answer.
pub(super) fn deadline(limit: &BatchLimit) -> Instant {
    let now = Instant::now();
    now.checked_add(limit.wait).unwrap_or_else(|| now + std::time::Duration::from_hours(24))
}
