//! Rows one by one, written many at a time.
//!
//! Rows gather in a buffer until it holds [`CHUNK_BYTES`] or its oldest row has waited for the linger; then whoever
//! notices first, the sending thread or the one that watches the linger, writes all of them as one batch.
//!
//! Invariant: a row is in `waiting` or in `settled` or reported; the sink is called on the caller's thread alone. Back-
//! pressure: a sender that finds the buffer full writes it out itself.

use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use contracts::partition::partition_of;

use super::layout;
use super::log::Log;
use super::topics::Topic;
use crate::{BusError, Fate, FateSink, Offset, Partition, Producer, ProducerSettings, Result, Row, To};

/// More in one batch gains nothing and makes readers wait.
const CHUNK_BYTES: usize = 512 * 1024;

pub(super) struct EmbeddedProducer {
    shared: Arc<Shared>,
    fates: FateSink,
    watcher: Option<JoinHandle<()>>,
}

struct Shared {
    log: Arc<Log>,
    linger: Duration,
    records_max: usize,
    bytes_max: usize,
    buffer: Mutex<Buffer>,
    /// Wakes the watcher: a first row came while it was asleep, or the producer is gone.
    changed: Condvar,
}

#[derive(Default)]
struct Buffer {
    waiting: Vec<Waiting>,
    bytes: Vec<u8>,
    settled: Vec<Settled>,
    oldest: Option<Instant>,
    watcher: Watcher,
}

#[derive(Default, PartialEq, Eq)]
enum Watcher {
    /// It looks again by itself after a linger.
    #[default]
    Awake,
    /// It must be woken for the next row.
    Asleep,
    /// It is to end.
    Dismissed,
}

struct Waiting {
    topic: Arc<Topic>,
    index: u32,
    /// Its place in the buffer's bytes.
    bytes: Range<usize>,
    tag: u64,
}

struct Settled {
    tag: u64,
    result: Result<(Partition, Offset)>,
}

/// The topic and partition a row goes to, and its size, all checked.
pub(super) fn place(log: &Log, row: &Row<'_>) -> Result<(Arc<Topic>, u32)> {
    let topic = log.topic(row.topic)?;
    let count = topic.partition_count();
    let (index, key) = match row.to {
        To::Key(key) => (partition_of(key, count), Some(key)),
        To::Partition { index, key } => (index, key),
    };
    if index >= count.get() {
        let partition = Partition { topic: topic.name.clone(), index };
        return Err(BusError::UnknownPartition { partition, partitions: count.get() });
    }
    row.check_size()?;
    if key.is_none() && topic.settings().keep == contracts::topics::Keep::NewestOfKey {
        return Err(BusError::KeyMissing { topic: row.topic.to_owned() });
    }
    Ok((topic, index))
}

pub(super) fn encode(into: &mut Vec<u8>, row: &Row<'_>) {
    let key = match row.to {
        To::Key(key) => Some(key),
        To::Partition { key, .. } => key,
    };
    layout::encode_record(into, key, row.value, row.headers);
}

impl EmbeddedProducer {
    pub fn start(log: Arc<Log>, settings: &ProducerSettings, fates: FateSink) -> Result<Self> {
        let shared = Arc::new(Shared {
            log,
            linger: settings.linger,
            records_max: settings.buffer_records_max.max(1),
            bytes_max: settings.buffer_bytes_max.clamp(1, CHUNK_BYTES),
            buffer: Mutex::default(),
            changed: Condvar::new(),
        });
        let watched = shared.clone();
        let watcher = std::thread::Builder::new()
            .name("log-linger".to_owned())
            .spawn(move || watched.watch())
            .map_err(|error| BusError::Thread { name: "log-linger", reason: error.to_string() })?;
        Ok(Self { shared, fates, watcher: Some(watcher) })
    }

    fn report(&mut self, settled: Vec<Settled>) {
        for Settled { tag, result } in settled {
            (self.fates)(Fate { tag, result });
        }
    }
}

impl Producer for EmbeddedProducer {
    fn send(&mut self, row: &Row<'_>, tag: u64) -> Result<()> {
        let (topic, index) = place(&self.shared.log, row)?;
        let mut buffer = self.shared.buffer();
        let start = buffer.bytes.len();
        encode(&mut buffer.bytes, row);
        let bytes = start..buffer.bytes.len();
        buffer.waiting.push(Waiting { topic, index, bytes, tag });
        if buffer.oldest.is_none() {
            buffer.oldest = Some(Instant::now());
            if buffer.watcher == Watcher::Asleep {
                self.shared.changed.notify_one();
            }
        }
        if buffer.bytes.len() >= self.shared.bytes_max
            || buffer.waiting.len() >= self.shared.records_max
            || self.shared.linger.is_zero()
        {
            self.shared.write(&mut buffer);
        }
        let settled = std::mem::take(&mut buffer.settled);
        drop(buffer);
        self.report(settled);
        Ok(())
    }

    /// Writes what waits; never longer than one write, so nothing stays unknown.
    fn flush(&mut self, _within: Duration) -> Result<usize> {
        let mut buffer = self.shared.buffer();
        self.shared.write(&mut buffer);
        let settled = std::mem::take(&mut buffer.settled);
        drop(buffer);
        self.report(settled);
        Ok(0)
    }
}

/// Rows that were taken are written, and their fates told, even when nobody flushed.
impl Drop for EmbeddedProducer {
    fn drop(&mut self) {
        let mut buffer = self.shared.buffer();
        buffer.watcher = Watcher::Dismissed;
        self.shared.write(&mut buffer);
        let settled = std::mem::take(&mut buffer.settled);
        drop(buffer);
        self.shared.changed.notify_one();
        self.report(settled);
        if let Some(watcher) = self.watcher.take() {
            // A watcher that panicked has nothing left to do.
            let _ = watcher.join();
        }
    }
}

impl Shared {
    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().expect("invariant: nothing panics while it holds the buffer")
    }

    fn write(&self, buffer: &mut Buffer) {
        if buffer.waiting.is_empty() {
            return;
        }
        let mut append = self.log.append();
        // Side by side in the batch, the rows of a partition go into the store's sorted list one after the other.
        let mut order: Vec<usize> = (0..buffer.waiting.len()).collect();
        order.sort_by_key(|place| (buffer.waiting[*place].topic.number, buffer.waiting[*place].index));
        let mut offsets = vec![Offset(0); order.len()];
        for place in order {
            let row = &buffer.waiting[place];
            offsets[place] = append.push(&row.topic, row.index, &mut buffer.bytes[row.bytes.clone()]);
        }
        let outcome = append.commit();
        let settled = buffer.waiting.drain(..).zip(offsets).map(|(row, offset)| Settled {
            tag: row.tag,
            result: match &outcome {
                Ok(()) => Ok((Partition { topic: row.topic.name.clone(), index: row.index }, offset)),
                Err(error) => Err(error.clone()),
            },
        });
        buffer.settled.extend(settled);
        buffer.bytes.clear();
        buffer.oldest = None;
    }

    /// Writes what has waited for the linger. Sleeps for good only after a linger that brought nothing, so that a sender
    /// who flushes every row does not pay for waking it each time.
    fn watch(&self) {
        const INTACT: &str = "invariant: nothing panics while it holds the buffer";
        let mut buffer = self.buffer();
        while buffer.watcher != Watcher::Dismissed {
            let pause = match buffer.oldest {
                None => {
                    buffer.watcher = Watcher::Asleep;
                    buffer = self.changed.wait_while(buffer, |buffer| buffer.sleeps()).expect(INTACT);
                    if buffer.watcher == Watcher::Asleep {
                        buffer.watcher = Watcher::Awake;
                    }
                    self.linger
                }
                Some(oldest) => self.linger.saturating_sub(oldest.elapsed()),
            };
            if pause.is_zero() {
                self.write(&mut buffer);
            } else {
                let undisturbed = |buffer: &mut Buffer| buffer.watcher != Watcher::Dismissed;
                buffer = self.changed.wait_timeout_while(buffer, pause, undisturbed).expect(INTACT).0;
            }
        }
    }
}

impl Buffer {
    fn sleeps(&self) -> bool {
        self.watcher == Watcher::Asleep && self.oldest.is_none()
    }
}

impl std::fmt::Debug for EmbeddedProducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedProducer").field("linger", &self.shared.linger).finish_non_exhaustive()
    }
}
