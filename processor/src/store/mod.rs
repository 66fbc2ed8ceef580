//! One RocksDB for all tasks of a process: their state, their positions, and the rows that wait to be published.
//!
//! Invariant: every write is one batch with the write-ahead log on, so that it is there as a whole or not at all, and a
//! killed process cannot lose it. A loss of power may take the newest batches with it: then L is smaller, and the input is
//! applied again.
//!
//! Absent on purpose: syncing each batch (the log is the durable copy), and a column family per task (memory is bounded
//! once, for all).

mod damage;
mod error;
mod hot;
mod keys;
mod memory;
mod migration;
mod outgoing;
mod range;
mod sizes;
mod state;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bus::Offset;
use detection::view::{self, Changes};
use rocksdb::{DB, ErrorKind, ReadOptions, WriteBatch, WriteOptions};

pub use error::StoreError;
pub use memory::Memory;
pub use migration::VERSION;
pub(crate) use outgoing::Taken;
pub(crate) use range::{CopiedRow, Copy};
pub use sizes::Sizes;
pub use state::TaskState;

use crate::task::TaskId;
use hot::HotRows;
use keys::Space;

type Result<T> = std::result::Result<T, StoreError>;

/// How long a write waits for files to be flushed or compacted, and how often it looks whether they are.
const STALL_MAX: Duration = Duration::from_secs(30);
const STALL_LOOK_EVERY: Duration = Duration::from_millis(1);
/// A range is removed or copied in batches of about this size.
const CHUNK_BYTES: usize = 1024 * 1024;

pub struct Store {
    db: DB,
    writing: WriteOptions,
    path: PathBuf,
    /// Locked while state is looked up, and from before it is written until that is noted.
    hot: Mutex<HotRows>,
}

/// What is written at once.
#[derive(Default)]
pub struct Batch {
    batch: WriteBatch,
    /// What of it [`HotRows`] is told once it is written.
    state: Vec<StateChange>,
}

enum StateChange {
    Rows(TaskId, Changes),
    /// A whole range, or rows of a checkpoint.
    Unlisted,
}

/// How far a task is, as the store knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Positions {
    /// L.
    pub applied: Offset,
    /// The greatest N this store was told of.
    pub published: Option<Offset>,
}

impl Store {
    /// Opens the store in a directory, which is made when it is not there; migrates what an older release wrote.
    pub fn open(dir: &Path, memory: &Memory) -> Result<Self> {
        Self::open_with(dir, memory, migration::ALL)
    }

    /// The same, but a damaged one is set aside, and an empty one opened: of no task there is a state then.
    pub fn open_or_replace(dir: &Path, memory: &Memory) -> Result<Self> {
        let (path, reason) = match Self::open(dir, memory) {
            Err(StoreError::Damaged { path, reason }) => (path, reason),
            opened => return opened,
        };
        let aside = damage::set_aside(dir)
            .map_err(|error| StoreError::NotWritable { path: path.clone(), reason: error.to_string() })?;
        tracing::error!(
            path = %path.display(), reason, aside = %aside.display(),
            "the state is damaged and was set aside; it is made again from checkpoints or the input"
        );
        Self::open(dir, memory)
    }

    fn open_with(dir: &Path, memory: &Memory, migrations: &[migration::Migration]) -> Result<Self> {
        let path = dir.to_owned();
        std::fs::create_dir_all(&path)
            .map_err(|error| StoreError::NotWritable { path: path.clone(), reason: error.to_string() })?;
        if let Some(reason) = damage::noted(&path) {
            return Err(StoreError::Damaged { path, reason });
        }
        let db = DB::open(&memory::options(memory), &path).map_err(|error| error::opening(&path, &error))?;
        let mut writing = WriteOptions::default();
        // After a full disk the thread that would end a stall can queue up behind it: the waiting is ours.
        writing.set_no_slowdown(true);
        let hot = Mutex::new(HotRows::new(memory.hot_rows_bytes));
        let store = Self { db, writing, path, hot };
        migration::run(&store, migrations)?;
        Ok(store)
    }

    pub fn write(&self, batch: &Batch) -> Result<()> {
        if batch.state.is_empty() {
            return self.write_rows(batch);
        }
        let mut hot = self.hot();
        let written = self.write_rows(batch);
        let mut key = Vec::new();
        for change in &batch.state {
            match change {
                StateChange::Rows(task, changes) if written.is_ok() => {
                    for (row, value) in changes {
                        keys::write_state(*task, row, &mut key);
                        hot.wrote(&key, value.as_deref(), view::is_of_every_event(row));
                    }
                }
                StateChange::Rows(..) | StateChange::Unlisted => hot.forget_all(),
            }
        }
        written
    }

    fn write_rows(&self, batch: &Batch) -> Result<()> {
        let deadline = Instant::now() + STALL_MAX;
        loop {
            // RocksDB takes the batch even if it does not write it.
            match self.db.write_opt(WriteBatch::from_data(batch.batch.data()), &self.writing) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Incomplete => {
                    if Instant::now() >= deadline {
                        return Err(StoreError::Stalled { path: self.path.clone(), waited: STALL_MAX });
                    }
                    std::thread::sleep(STALL_LOOK_EVERY);
                }
                Err(error) => return Err(self.noted(error::writing(&self.path, &error))),
            }
        }
    }

    /// The state of a task as it is now, for one batch of records.
    pub fn state(&self, task: TaskId) -> TaskState<'_> {
        TaskState::new(self, task)
    }

    /// `None`: this store has nothing of the task.
    pub fn positions(&self, task: TaskId) -> Result<Option<Positions>> {
        let Some(applied) = self.number(&keys::applied(task))? else { return Ok(None) };
        let published = self.number(&keys::published(task))?;
        Ok(Some(Positions { applied: Offset(applied), published: published.map(Offset) }))
    }

    /// Removes everything of a task. Its positions go first: a store that was stopped in between has nothing of it either.
    pub fn wipe(&self, task: TaskId) -> Result<()> {
        for space in Space::ALL {
            let (from, to) = keys::space(task, space);
            let mut batch = Batch::default();
            batch.batch.delete_range(from, to);
            batch.state.push(StateChange::Unlisted);
            self.write(&batch)?;
        }
        Ok(())
    }

    /// The names of the migrations that ran on this store, in order.
    pub fn migrations(&self) -> Result<Vec<String>> {
        let (from, to) = keys::migrations();
        let mut walk = self.db.raw_iterator_opt(bounded(from, to));
        let mut names = Vec::new();
        walk.seek_to_first();
        while let Some(name) = walk.value() {
            names.push(String::from_utf8_lossy(name).into_owned());
            walk.next();
        }
        walk.status().map_err(|error| self.reading(&error))?;
        Ok(names)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn hot(&self) -> MutexGuard<'_, HotRows> {
        self.hot.lock().expect("invariant: nothing panics between two changes of it")
    }

    fn number(&self, key: &[u8]) -> Result<Option<u64>> {
        let Some(bytes) = self.db.get_pinned(key).map_err(|error| self.reading(&error))? else { return Ok(None) };
        let number = <[u8; 8]>::try_from(&bytes[..]);
        number.map(|bytes| Some(u64::from_be_bytes(bytes))).map_err(|_| self.malformed("a position"))
    }

    fn reading(&self, error: &rocksdb::Error) -> StoreError {
        self.noted(error::reading(&self.path, error))
    }

    fn malformed(&self, what: &str) -> StoreError {
        let reason = format!("{what} is not what this program writes");
        self.noted(StoreError::Damaged { path: self.path.clone(), reason })
    }

    /// Damage is put on record, for the next start.
    fn noted(&self, error: StoreError) -> StoreError {
        if let StoreError::Damaged { reason, .. } = &error {
            damage::note(&self.path, reason);
        }
        error
    }
}

/// Bounds of a walk; the store gives them to RocksDB, which then need not look beyond.
fn bounded(from: Vec<u8>, to: Vec<u8>) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_iterate_lower_bound(from);
    options.set_iterate_upper_bound(to);
    options
}

impl Batch {
    pub fn put_state(&mut self, task: TaskId, changes: Changes) {
        let mut key = Vec::new();
        for (row, change) in &changes {
            keys::write_state(task, row, &mut key);
            match change {
                Some(value) => self.batch.put(&key, value),
                None => self.batch.delete(&key),
            }
        }
        self.state.push(StateChange::Rows(task, changes));
    }

    pub fn put_position(&mut self, task: TaskId, applied: Offset) {
        self.batch.put(keys::applied(task), applied.0.to_be_bytes());
    }

    pub fn put_published(&mut self, task: TaskId, published: Offset) {
        self.batch.put(keys::published(task), published.0.to_be_bytes());
    }

    /// `row` as [`crate::Rows`] encodes it.
    pub fn put_row(&mut self, task: TaskId, offset: Offset, index: u32, row: &[u8]) {
        self.batch.put(keys::outbox(task, offset, index), row);
    }

    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    pub fn size_bytes(&self) -> usize {
        self.batch.size_in_bytes()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("changes", &self.batch.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
