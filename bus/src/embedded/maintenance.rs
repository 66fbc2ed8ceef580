//! Removing what a topic need not keep: by age, by size, or all but the newest record of each key.
//!
//! Invariants: `earliest` moves before anything below it is removed, so a reader is told what is gone and never jumps
//! over it; an offset is never given twice, because what is left of a partition is marked in the same batch; no record
//! of the newest of its key is removed, but a tombstone that everybody had [`super::Options::tombstone_keep`] to see.
//!
//! Retention costs one range deletion per partition and drops whole files where it can; nothing is deleted one by one.
//! Compaction reads a partition twice and deletes single records: the topics that ask for it are small.

use std::collections::BTreeMap;
use std::time::Duration;

use contracts::time::Timestamp;
use contracts::topics::Keep;
use rocksdb::WriteBatch;

use super::layout::{self, Stored};
use super::log::Log;
use super::reader::first_where;
use super::store::malformed_record;
use super::topics::Topic;
use crate::{Partition, Result};

/// How much one compaction remembers of the keys it has seen. A partition with more new keys is compacted in steps.
const KEYS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What a remembered key costs beyond its bytes, roughly.
const KEY_OVERHEAD_BYTES: usize = 64;
/// Deletions of one batch.
const DELETIONS_MAX: usize = 1_000;

/// Does for one topic what its settings ask for.
pub(super) fn maintain(log: &Log, topic: &Topic, now: Timestamp) -> Result<()> {
    for index in 0..topic.partition_count().get() {
        match topic.settings().keep {
            Keep::For(time) => retain(log, topic, index, before(now, time))?,
            Keep::NewestOfKey => compact(log, topic, index, now)?,
            Keep::Forever => {}
        }
    }
    Ok(())
}

/// Removes what was appended before `oldest`, and what is beyond the bytes a partition may have.
fn retain(log: &Log, topic: &Topic, index: u32, oldest: Timestamp) -> Result<()> {
    let state = topic.state(index);
    let (earliest, head) = (state.earliest(), log.head(topic, index));
    let by_age = first_where(log, topic, index, earliest, state.end(), |record| record.appended_at >= oldest)?;
    let by_size = match topic.settings().keep_bytes_max {
        None => earliest,
        Some(max) => {
            let from = head.position.saturating_sub(max);
            first_where(log, topic, index, earliest, state.end(), |record| record.position >= from)?.0
        }
    };
    let cut = by_age.0.max(by_size);
    if cut == earliest {
        return Ok(());
    }
    state.set_earliest(cut);
    let (from, to) = (layout::record_key(index, 0), layout::record_key(index, cut));
    let mut batch = WriteBatch::default();
    batch.delete_range_cf(&log.store.family(&topic.name), from, to);
    log.mark(topic, index, batch)?;
    log.store.drop_files(&topic.name, from, layout::record_key(index, cut - 1))?;
    tracing::debug!(topic = &*topic.name, partition = index, from = earliest, to = cut, "retention removed records");
    Ok(())
}

/// Keeps the newest record of each key. Does nothing while nothing came since the last time and no tombstone is due.
fn compact(log: &Log, topic: &Topic, index: u32, now: Timestamp) -> Result<()> {
    let state = topic.state(index);
    let end = state.end();
    let oldest_tombstone = before(now, log.options.tombstone_keep);
    if state.compacted() >= end && state.oldest_tombstone().is_none_or(|time| time >= oldest_tombstone) {
        return Ok(());
    }
    let Newest { of_key, upto } = newest_of_keys(log, topic, index, state.compacted(), end)?;
    let family = log.store.family(&topic.name);
    let mut batch = WriteBatch::default();
    let mut first_tombstone: Option<Timestamp> = None;
    scan(log, topic, index, state.earliest()..upto, |offset, record| {
        let superseded = record.key.and_then(|key| of_key.get(key)).is_some_and(|newest| *newest > offset);
        // The last record stays whatever it is: the end of the partition hangs on it.
        let seen_by_all = record.value.is_none() && record.appended_at < oldest_tombstone && offset + 1 < end;
        if superseded || seen_by_all {
            batch.delete_cf(&family, layout::record_key(index, offset));
        } else if record.value.is_none() {
            first_tombstone = first_tombstone.or(Some(record.appended_at));
        }
        if batch.len() >= DELETIONS_MAX {
            log.store.write_tidying(&std::mem::take(&mut batch))?;
        }
        Ok(true)
    })?;
    state.set_compacted(upto, first_tombstone);
    log.mark(topic, index, batch)
}

/// The newest offset of every key that came since the last compaction.
struct Newest {
    of_key: BTreeMap<Box<[u8]>, u64>,
    /// The keys of all records below this are in the table.
    upto: u64,
}

fn newest_of_keys(log: &Log, topic: &Topic, index: u32, from: u64, end: u64) -> Result<Newest> {
    let mut newest = Newest { of_key: BTreeMap::new(), upto: end };
    let mut bytes = 0;
    scan(log, topic, index, from..end, |offset, record| {
        if let Some(key) = record.key {
            bytes += key.len() + KEY_OVERHEAD_BYTES;
            newest.of_key.insert(key.into(), offset);
        }
        let goes_on = bytes < KEYS_BYTES_MAX;
        if !goes_on {
            newest.upto = offset + 1;
        }
        Ok(goes_on)
    })?;
    Ok(newest)
}

/// Shows every record of a range until `visit` answers that it has seen enough.
fn scan(
    log: &Log,
    topic: &Topic,
    index: u32,
    range: std::ops::Range<u64>,
    mut visit: impl FnMut(u64, &Stored<'_>) -> Result<bool>,
) -> Result<()> {
    let partition = Partition { topic: topic.name.clone(), index };
    let (from, to) = (layout::record_key(index, range.start), layout::record_key(index, range.end));
    let mut records = log.store.records(&topic.name, from, to);
    records.seek_to_first();
    while let Some((key, value)) = records.item() {
        let (offset, record) = layout::decode_item(key, value)
            .map_err(|reason| malformed_record(&log.store, &partition, range.start, reason))?;
        if !visit(offset, &record)? {
            return Ok(());
        }
        records.next();
    }
    records.status().map_err(|error| log.store.unreadable(&partition, range.start, &error))
}

/// `time` before `now`, or the beginning of time.
fn before(now: Timestamp, time: Duration) -> Timestamp {
    let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.micros().saturating_sub(micros)).unwrap_or(Timestamp::MIN)
}
