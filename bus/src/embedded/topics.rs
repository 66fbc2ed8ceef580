//! The topics of a log and what is known of each partition.
//!
//! Invariant: `earliest <= end`; both only grow. Readers see records below `end` and none at or above it, so moving `end`
//! is what makes a write visible.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::Duration;

use contracts::time::Timestamp;
use contracts::topics::{Compression, Declared, Keep, MESSAGE_BYTES_MAX};
use serde_json::{Value, json};

use super::layout::{self, Mark};
use super::store::Store;
use crate::{BusError, Found, Result};

/// As Kafka has it, so that every name fits both logs.
pub(super) const NAME_BYTES_MAX: usize = 249;

#[derive(Debug)]
pub(super) struct Topic {
    pub name: Arc<str>,
    /// Its place in the appender's table of heads.
    pub number: usize,
    pub partitions: Vec<PartitionState>,
    settings: RwLock<Settings>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settings {
    pub replication: u16,
    pub keep: Keep,
    pub keep_bytes_max: Option<u64>,
    pub compression: Compression,
}

#[derive(Debug)]
pub(super) struct PartitionState {
    earliest: AtomicU64,
    end: AtomicU64,
    compaction: Mutex<Compaction>,
}

/// How far compaction came.
#[derive(Debug, Clone, Copy)]
struct Compaction {
    /// Below this the newest of each key was kept and the rest removed.
    upto: u64,
    /// When the first tombstone that is still there was appended. Not known after a start: as if it were very old.
    oldest_tombstone: Option<Timestamp>,
}

/// Where the next record of a partition goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub next: u64,
    pub time: Timestamp,
    pub position: u64,
    /// The append that changed it last.
    pub touched_by: u64,
}

impl Topic {
    pub fn partition_count(&self) -> NonZeroU32 {
        u32::try_from(self.partitions.len())
            .ok()
            .and_then(NonZeroU32::new)
            .expect("invariant: a topic is made with a NonZeroU32 of partitions")
    }

    pub fn state(&self, index: u32) -> &PartitionState {
        &self.partitions[index as usize]
    }

    /// What has to be known of a partition when its head has no record to tell it.
    pub fn mark(&self, index: u32, head: &Head) -> Mark {
        let state = self.state(index);
        Mark {
            earliest: state.earliest(),
            floor: head.next,
            time: head.time,
            position: head.position,
            compacted: state.compacted(),
        }
    }

    pub fn settings(&self) -> Settings {
        *self.settings.read().expect("invariant: settings are copied in and out, which cannot panic")
    }

    pub fn set_settings(&self, settings: Settings) {
        *self.settings.write().expect("invariant: settings are copied in and out, which cannot panic") = settings;
    }

    pub fn found(&self) -> Found {
        let Settings { replication, keep, keep_bytes_max, compression } = self.settings();
        Found {
            name: self.name.to_string(),
            partitions: self.partition_count(),
            replication,
            keep,
            keep_bytes_max,
            compression: Ok(compression),
            append_time: true,
            message_bytes_max: MESSAGE_BYTES_MAX,
        }
    }

    /// A topic that was just made.
    pub fn new(number: usize, name: &str, partitions: NonZeroU32, settings: Settings) -> (Self, Vec<Head>) {
        let heads = vec![Head { next: 0, time: Timestamp::MIN, position: 0, touched_by: 0 }; partitions.get() as usize];
        let states = heads.iter().map(|_| PartitionState::new(0, 0, 0)).collect();
        (Self { name: name.into(), number, partitions: states, settings: RwLock::new(settings) }, heads)
    }

    /// A topic as the last owner left it.
    pub fn restore(
        number: usize,
        name: &str,
        partitions: NonZeroU32,
        settings: Settings,
        store: &Store,
    ) -> Result<(Self, Vec<Head>)> {
        let (mut topic, mut heads) = Self::new(number, name, partitions, settings);
        for (index, head) in (0..partitions.get()).zip(&mut heads) {
            let mark = read_mark(store, name, index)?;
            *head = newest(store, name, index, &mark)?;
            topic.partitions[index as usize] = PartitionState::new(mark.earliest, head.next, mark.compacted);
        }
        Ok((topic, heads))
    }
}

impl PartitionState {
    fn new(earliest: u64, end: u64, compacted: u64) -> Self {
        Self {
            earliest: AtomicU64::new(earliest),
            end: AtomicU64::new(end),
            compaction: Mutex::new(Compaction { upto: compacted, oldest_tombstone: Some(Timestamp::MIN) }),
        }
    }

    pub fn earliest(&self) -> u64 {
        self.earliest.load(Ordering::Acquire)
    }

    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    pub fn compacted(&self) -> u64 {
        self.compaction().upto
    }

    pub fn oldest_tombstone(&self) -> Option<Timestamp> {
        self.compaction().oldest_tombstone
    }

    pub fn set_compacted(&self, upto: u64, oldest_tombstone: Option<Timestamp>) {
        *self.compaction() = Compaction { upto, oldest_tombstone };
    }

    fn compaction(&self) -> MutexGuard<'_, Compaction> {
        self.compaction.lock().expect("invariant: it is copied in and out, which cannot panic")
    }

    pub fn set_earliest(&self, earliest: u64) {
        self.earliest.store(earliest, Ordering::Release);
    }

    pub fn set_end(&self, end: u64) {
        self.end.store(end, Ordering::Release);
    }
}

impl Settings {
    pub fn of(declared: &Declared) -> Self {
        Self {
            replication: declared.replication,
            keep: declared.keep,
            keep_bytes_max: declared.keep_bytes_max,
            compression: declared.compression,
        }
    }

    /// As it is stored: an object that a person can read when nothing else can be.
    pub fn to_json(self, partitions: NonZeroU32) -> Vec<u8> {
        let keep = match self.keep {
            Keep::For(time) => json!({ "for_ms": u64::try_from(time.as_millis()).unwrap_or(u64::MAX) }),
            Keep::NewestOfKey => json!("newest_of_key"),
            Keep::Forever => json!("forever"),
        };
        let compression = match self.compression {
            Compression::None => "none",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        };
        json!({
            "partitions": partitions,
            "replication": self.replication,
            "keep": keep,
            "keep_bytes_max": self.keep_bytes_max,
            "compression": compression,
        })
        .to_string()
        .into_bytes()
    }

    pub fn from_json(bytes: &[u8]) -> Option<(NonZeroU32, Self)> {
        let settings: Value = serde_json::from_slice(bytes).ok()?;
        let keep = match &settings["keep"] {
            Value::String(text) if text == "newest_of_key" => Keep::NewestOfKey,
            Value::String(text) if text == "forever" => Keep::Forever,
            keep => Keep::For(Duration::from_millis(keep["for_ms"].as_u64()?)),
        };
        let compression = match settings["compression"].as_str()? {
            "none" => Compression::None,
            "lz4" => Compression::Lz4,
            "zstd" => Compression::Zstd,
            _ => return None,
        };
        let partitions = NonZeroU32::new(u32::try_from(settings["partitions"].as_u64()?).ok()?)?;
        let replication = u16::try_from(settings["replication"].as_u64()?).ok()?;
        let keep_bytes_max = settings["keep_bytes_max"].as_u64();
        Some((partitions, Self { replication, keep, keep_bytes_max, compression }))
    }
}

pub(super) fn check_name(name: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(legal) || matches!(name, "." | "..") {
        return Err(BusError::TopicName { name: name.to_owned() });
    }
    Ok(())
}

pub(super) fn read_mark(store: &Store, topic: &str, index: u32) -> Result<Mark> {
    let Some(bytes) = store.get(&layout::mark_key(topic, index))? else {
        return Ok(Mark { earliest: 0, floor: 0, time: Timestamp::MIN, position: 0, compacted: 0 });
    };
    Mark::decode(&bytes).map_err(|reason| store.malformed(&format!("what is known of {topic}[{index}]"), reason))
}

/// Where a partition goes on: after its newest record, and not below its mark.
fn newest(store: &Store, topic: &str, index: u32, mark: &Mark) -> Result<Head> {
    let floor = Head { next: mark.floor.max(mark.earliest), time: mark.time, position: mark.position, touched_by: 0 };
    let mut records = store.records(topic, layout::record_key(index, 0), layout::record_key(index, u64::MAX));
    records.seek_to_last();
    let Some((key, value)) = records.item() else {
        return records.status().map(|()| floor).map_err(|error| store.reading(&format!("{topic}[{index}]"), &error));
    };
    let malformed = |reason| store.malformed(&format!("the newest record of {topic}[{index}]"), reason);
    let (_, offset) = layout::record_place(key).ok_or_else(|| malformed(layout::Malformed::Short))?;
    let record = layout::decode_record(value).map_err(malformed)?;
    Ok(Head {
        next: floor.next.max(offset + 1),
        time: floor.time.max(record.appended_at),
        position: floor.position.max(record.position + value.len() as u64),
        touched_by: 0,
    })
}
