//! A task's state as a whole: copied out as of one moment, and put back.

use std::io;

use bus::Offset;
use rocksdb::{DB, ReadOptions, SnapshotWithThreadMode};

use super::keys::{self, PREFIX_BYTES, Space};
use super::{Batch, CHUNK_BYTES, Result, StateChange, Store};
use crate::task::TaskId;

/// Key and value of a row of state.
pub(crate) type CopiedRow = (Vec<u8>, Vec<u8>);

/// Takes a key and a value.
pub(crate) type Receive<'r> = dyn FnMut(&[u8], &[u8]) -> io::Result<()> + 'r;

pub(crate) struct Copy<'s> {
    store: &'s Store,
    task: TaskId,
    snapshot: SnapshotWithThreadMode<'s, DB>,
}

pub(crate) struct Paste<'s> {
    store: &'s Store,
    task: TaskId,
    batch: Batch,
}

impl Store {
    pub(crate) fn copy(&self, task: TaskId) -> Copy<'_> {
        Copy { store: self, task, snapshot: self.db.snapshot() }
    }

    /// Into a store that has nothing of the task.
    pub(crate) fn paste(&self, task: TaskId) -> Paste<'_> {
        Paste { store: self, task, batch: Batch::default() }
    }
}

impl Copy<'_> {
    /// L as of the same moment.
    pub fn applied(&self) -> Result<Offset> {
        let found = self.snapshot.get(keys::applied(self.task)).map_err(|error| self.store.reading(&error))?;
        let number = found.and_then(|bytes| bytes.try_into().ok());
        number.map(|bytes| Offset(u64::from_be_bytes(bytes))).ok_or_else(|| self.store.malformed("a position"))
    }

    /// Each row, ascending by key. The inner error is the receiver's.
    pub fn rows(&self, each: &mut Receive<'_>) -> Result<io::Result<()>> {
        let (from, to) = keys::space(self.task, Space::State);
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(from);
        options.set_iterate_upper_bound(to);
        // Read once, all of it: the cache is for what is read again.
        options.fill_cache(false);
        let mut walk = self.snapshot.raw_iterator_opt(options);
        walk.seek_to_first();
        while let Some((key, value)) = walk.item() {
            if let Err(error) = each(&key[PREFIX_BYTES..], value) {
                return Ok(Err(error));
            }
            walk.next();
        }
        walk.status().map_err(|error| self.store.reading(&error))?;
        Ok(Ok(()))
    }
}

impl Paste<'_> {
    pub fn row(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let mut whole = Vec::new();
        keys::write_state(self.task, key, &mut whole);
        self.batch.batch.put(whole, value);
        if self.batch.size_bytes() >= CHUNK_BYTES {
            self.write()?;
        }
        Ok(())
    }

    pub fn finish(mut self, at: Offset) -> Result<()> {
        self.batch.put_position(self.task, at);
        self.write()
    }

    fn write(&mut self) -> Result<()> {
        let mut batch = std::mem::take(&mut self.batch);
        batch.state.push(StateChange::Unlisted);
        self.store.write(&batch)
    }
}
