//! Saving what can still be read of a damaged log.
//!
//! Invariant: the damaged log is read, never written. What is copied keeps its offsets, times and bytes; what is not is
//! named, as ranges of offsets. Settings, committed offsets and epochs are copied as they are.
//!
//! Absent on purpose: guessing. A block whose checksum is wrong is lost as a whole, and a log whose list of topics cannot
//! be read is beyond this.

use std::ops::Range;
use std::path::Path;

use contracts::topics::Keep;
use rocksdb::WriteBatch;

use super::layout;
use super::options::Options;
use super::owner;
use super::store::Store;
use super::topics::{Settings, read_mark};
use crate::{BusError, Partition, Result};

/// Bytes that are copied in one step.
const STEP_BYTES: usize = 1024 * 1024;

/// What became of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvaged {
    pub partition: Partition,
    pub records: u64,
    /// Offsets that could not be read, or are missing where every offset has a record. What was lost after the last
    /// record that is left cannot be told.
    pub lost: Vec<Range<u64>>,
}

/// Copies what can be read of the log in `damaged` into a new one in `into`, a directory that holds no log yet.
pub fn salvage(damaged: &Path, into: &Path, options: &Options) -> Result<Vec<Salvaged>> {
    let _owner_of_damaged = owner::own(damaged, (options.clock)())?;
    let _owner_of_new = owner::own(into, (options.clock)())?;
    let source = Store::open_damaged(damaged, options)?;
    let target = Store::open(into, options)?;
    if target.get(&layout::VERSION_KEY)?.is_some() {
        return Err(BusError::NotWritable {
            path: into.to_owned(),
            reason: "there is a log already; name an empty directory".to_owned(),
        });
    }
    let mut salvaged = Vec::new();
    for (key, settings) in source.notes(1)? {
        let malformed = || source.malformed("the settings of a topic", layout::Malformed::Short);
        let name = layout::topic_in_key(&key).ok_or_else(malformed)?;
        let (partitions, settings) = Settings::from_json(&settings).ok_or_else(malformed)?;
        target.make_family(name, settings.compression)?;
        for index in 0..partitions.get() {
            let is_dense = settings.keep != Keep::NewestOfKey;
            salvaged.push(copy_partition(&source, &target, Partition::new(name, index), is_dense)?);
        }
    }
    // Last of all, so that an interrupted copy is not taken for a log.
    let mut notes = WriteBatch::default();
    for (key, value) in (0..=4).map(|kind| source.notes(kind)).collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        notes.put(key, value);
    }
    target.write(&notes)?;
    target.sync()?;
    Ok(salvaged)
}

fn copy_partition(source: &Store, target: &Store, partition: Partition, is_dense: bool) -> Result<Salvaged> {
    let mark = read_mark(source, &partition.topic, partition.index)?;
    let mut salvaged = Salvaged { partition, records: 0, lost: Vec::new() };
    let mut next = mark.earliest;
    loop {
        let Some(damage) = copy_until_damage(source, target, &mut salvaged, next, is_dense)? else {
            return Ok(salvaged);
        };
        let Some(readable) = next_readable(source, &salvaged.partition, damage) else {
            salvaged.lost.push(damage..mark.floor.max(damage + 1));
            return Ok(salvaged);
        };
        salvaged.lost.push(damage..readable);
        next = readable;
    }
}

/// Copies from an offset on; answers the offset from which it could not go on, or none at the end.
fn copy_until_damage(
    source: &Store,
    target: &Store,
    salvaged: &mut Salvaged,
    from: u64,
    is_dense: bool,
) -> Result<Option<u64>> {
    let Partition { topic, index } = salvaged.partition.clone();
    let mut records = source.records(&topic, layout::record_key(index, from), layout::record_key(index, u64::MAX));
    let family = target.family(&topic);
    let mut batch = WriteBatch::default();
    let mut next = from;
    records.seek_to_first();
    while let Some((key, value)) = records.item() {
        let Ok((offset, _)) = layout::decode_item(key, value) else {
            break;
        };
        if is_dense && offset > next {
            salvaged.lost.push(next..offset);
        }
        batch.put_cf(&family, key, value);
        salvaged.records += 1;
        next = offset + 1;
        if batch.size_in_bytes() >= STEP_BYTES {
            target.write(&std::mem::take(&mut batch))?;
        }
        records.next();
    }
    target.write(&batch)?;
    let at_end = !records.valid() && records.status().is_ok();
    Ok(if at_end { None } else { Some(next) })
}

/// The first offset behind a damage from which reading goes on; `None` when nothing comes any more. Damage is a block or
/// a file, so its end is found by doubling a step and then halving it.
fn next_readable(source: &Store, partition: &Partition, damage: u64) -> Option<u64> {
    let is_readable = |offset: u64| {
        let (from, to) = (layout::record_key(partition.index, offset), layout::record_key(partition.index, u64::MAX));
        let mut records = source.records(&partition.topic, from, to);
        records.seek_to_first();
        match records.item() {
            Some((key, value)) => layout::decode_item(key, value).is_ok(),
            None => records.status().is_ok(),
        }
    };
    let steps = std::iter::successors(Some(1_u64), |step| step.checked_mul(2));
    let mut readable = steps.map_while(|step| damage.checked_add(step)).find(|offset| is_readable(*offset))?;
    let mut damaged = damage;
    while readable - damaged > 1 {
        let middle = damaged + (readable - damaged) / 2;
        if is_readable(middle) {
            readable = middle;
        } else {
            damaged = middle;
        }
    }
    Some(readable)
}
