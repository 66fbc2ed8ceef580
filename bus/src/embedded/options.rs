//! What the owner of an embedded log may choose, each with the default that suits `tripline up`.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use contracts::time::Timestamp;

/// The clock that stamps records.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

#[derive(Clone)]
pub struct Options {
    pub clock: Clock,
    pub flush: Flush,
    pub memory: Memory,
    /// How often retention and compaction run by themselves; `None`: only when [`super::Embedded::maintain`] is called.
    pub maintenance_interval: Option<Duration>,
    /// How long a compacted topic keeps a tombstone that is the newest of its key, so that readers can learn of it.
    pub tombstone_keep: Duration,
    /// Appending stops with [`crate::BusError::DiskFull`] when less than this would be left, so that the log can still
    /// tidy up, and what else lives on the disk can still run.
    pub disk_reserve_bytes: u64,
    /// How long [`crate::Bus::committed`] waits for a publication that is still open.
    pub stable_wait_max: Duration,
    pub habits: Habits,
}

/// What survives a loss of power. A killed process loses nothing under any of them: every write is handed to the
/// operating system before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// Whatever the operating system had written by then, often half a minute behind.
    OsDecides,
    /// All but the last so many milliseconds.
    EveryMillis(u64),
    /// Everything acknowledged. Each write waits for the disk.
    EveryWrite,
}

/// What RocksDB may hold in memory. Beyond it: reads go to the disk again, writers wait for a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Blocks, indexes and filters of files.
    pub block_cache_bytes: usize,
    /// Records that are not in files yet, of all topics together.
    pub write_buffer_bytes: usize,
    pub open_files_max: i32,
}

/// Habits of Kafka that an embedded log does not have by nature, for tests of those who must live with them. Everything
/// follows from these values and the order of calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Habits {
    /// Every publication takes one more offset in each partition it wrote to, as a transaction's marker does.
    pub offset_holes: bool,
    /// Publications, counted from 0 since the log was opened, whose answer is lost, and what became of each.
    pub unknown_answers: Vec<(u64, Lost)>,
    /// For this long after a publication its offsets are not stable, and [`crate::Bus::committed`] waits.
    pub late_stable_offsets: Option<Duration>,
}

/// What became of a publication whose answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    AfterCommit,
    BeforeCommit,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Arc::new(system_time),
            flush: Flush::EveryMillis(1_000),
            memory: Memory::default(),
            maintenance_interval: Some(Duration::from_secs(30)),
            tombstone_keep: Duration::from_hours(24),
            disk_reserve_bytes: 64 * 1024 * 1024,
            stable_wait_max: Duration::from_secs(30),
            habits: Habits::default(),
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self { block_cache_bytes: 8 * 1024 * 1024, write_buffer_bytes: 24 * 1024 * 1024, open_files_max: 256 }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("flush", &self.flush)
            .field("memory", &self.memory)
            .field("maintenance_interval", &self.maintenance_interval)
            .field("tombstone_keep", &self.tombstone_keep)
            .field("disk_reserve_bytes", &self.disk_reserve_bytes)
            .field("stable_wait_max", &self.stable_wait_max)
            .field("habits", &self.habits)
            .finish_non_exhaustive()
    }
}

/// A system clock set before 1970 or beyond 9999 reads as the nearest time there is.
fn system_time() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_micros())
        .ok()
        .and_then(|micros| Timestamp::from_micros(micros).ok())
        .unwrap_or(Timestamp::MAX)
}
