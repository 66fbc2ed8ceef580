//! Reading outside of any group, and looking for a place in a partition.

use std::sync::Arc;

use contracts::time::Timestamp;

use super::cursor::{Cursor, Cursors, deadline};
use super::layout::{self, Stored};
use super::log::Log;
use super::store::malformed_record;
use super::topics::Topic;
use crate::{Batch, BatchLimit, Offset, Partition, Progress, Reader, Result, Start, Until};

#[derive(Debug)]
pub(super) struct EmbeddedReader {
    log: Arc<Log>,
    cursors: Cursors,
    until: Until,
}

impl EmbeddedReader {
    pub fn new(log: Arc<Log>, from: &[(Partition, Start)], until: Until) -> Result<Self> {
        let mut cursors = Cursors::default();
        for (partition, start) in from {
            let topic = log.topic_of(partition)?;
            let state = topic.state(partition.index);
            let end = state.end();
            let next = match start {
                Start::Earliest => Offset(state.earliest()),
                Start::End => Offset(end),
                Start::At(offset) => *offset,
                Start::Time(time) => offset_at(&log, &topic, partition.index, *time)?,
            };
            let stop = match until {
                Until::End => Some(Offset(end)),
                Until::Forever => None,
            };
            let cursor = Cursor::new(&log, partition, next, stop)?;
            cursor.check()?;
            cursors.put(cursor);
        }
        Ok(Self { log, cursors, until })
    }
}

impl Reader for EmbeddedReader {
    fn next(&mut self, batch: &mut Batch, limit: &BatchLimit) -> Result<Progress> {
        batch.clear();
        let deadline = deadline(limit);
        loop {
            let seen = self.log.news.seen();
            let told = self.cursors.fill(&self.log, batch, limit)?;
            if batch.is_empty() && self.until == Until::End && self.cursors.are_done() {
                return Ok(Progress::Done);
            }
            if told || deadline <= std::time::Instant::now() {
                return Ok(Progress::More);
            }
            self.log.news.wait(seen, deadline);
        }
    }
}

/// The first record appended at or after `time`; the end if there is none.
pub(super) fn offset_at(log: &Log, topic: &Topic, index: u32, time: Timestamp) -> Result<Offset> {
    let state = topic.state(index);
    first_where(log, topic, index, state.earliest(), state.end(), |record| record.appended_at >= time)
}

/// The first record of `from..end` for which `holds` is true, given that it is true for all that follow; `end` if there
/// is none. Looks at a number of records that grows with the logarithm of the distance from `from`: retention, which
/// comes often and removes little, reads little.
pub(super) fn first_where(
    log: &Log,
    topic: &Topic,
    index: u32,
    from: u64,
    end: u64,
    holds: impl Fn(&Stored<'_>) -> bool,
) -> Result<Offset> {
    let partition = || Partition { topic: topic.name.clone(), index };
    let mut records = log.store.records(&topic.name, layout::record_key(index, from), layout::record_key(index, end));
    // The first record at or after an offset, and whether it holds.
    let mut look = |at: u64| -> Result<Option<(u64, bool)>> {
        records.seek(layout::record_key(index, at));
        let Some((key, value)) = records.item() else {
            return records.status().map(|()| None).map_err(|error| log.store.unreadable(&partition(), at, &error));
        };
        let (offset, record) =
            layout::decode_item(key, value).map_err(|reason| malformed_record(&log.store, &partition(), at, reason))?;
        Ok(Some((offset, holds(&record))))
    };
    // Every record below `low` fails; of those from `high` on, the first one is `found`, and it holds.
    let (mut low, mut high, mut found) = (from, end, end);
    let mut stride = Some(0);
    while low < high {
        let at = stride.map_or(low + (high - low) / 2, |stride| (low + stride).min(high - 1));
        match look(at)? {
            Some((offset, false)) => {
                low = offset + 1;
                stride = stride.map(|stride| stride * 2 + 1);
            }
            hit => {
                found = hit.map_or(found, |(offset, _)| offset);
                high = at;
                stride = None;
            }
        }
    }
    Ok(Offset(found))
}
