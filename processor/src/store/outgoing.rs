//! The outbox as a publication takes it: rows and positions of many tasks as of one moment.

use std::ops::Range;

use bus::Offset;
use rocksdb::{DB, ReadOptions, SnapshotWithThreadMode};

use super::keys::{self, Space};
use super::{Batch, Result, Store};
use crate::outbox::Stored;
use crate::task::TaskId;

/// One snapshot.
pub(crate) struct Outgoing<'s> {
    store: &'s Store,
    snapshot: SnapshotWithThreadMode<'s, DB>,
}

/// What was taken from it.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    bytes: Vec<u8>,
    keys: Vec<Box<[u8]>>,
    rows: Vec<Range<usize>>,
    pub tasks: Vec<TakenTask>,
}

#[derive(Debug)]
pub(crate) struct TakenTask {
    pub task: TaskId,
    /// X: all rows of offsets below it were taken, or published before.
    pub next: Offset,
    pub bytes: usize,
}

impl Outgoing<'_> {
    /// Takes the rows of a task that follow from what it has applied, `bytes_max` at most; beyond, the rows of one more offset: they
    /// go together. So none go without a position that moves behind them.
    pub fn take(&self, task: TaskId, published: Offset, bytes_max: usize, taken: &mut Taken) -> Result<()> {
        let Some(applied) = self.applied(task)?.filter(|applied| *applied > published) else { return Ok(()) };
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(keys::outbox(task, published, 0));
        options.set_iterate_upper_bound(keys::outbox(task, applied, 0));
        let mut walk = self.snapshot.raw_iterator_opt(options);
        let bytes_before = taken.bytes.len();
        let (mut next, mut current) = (applied, None);
        walk.seek_to_first();
        while let Some((key, row)) = walk.item() {
            let offset = keys::outbox_offset(key).ok_or_else(|| self.store.malformed("the key of an outbox row"))?;
            if current.replace(offset) != Some(offset) && taken.bytes.len() >= bytes_max {
                next = offset;
                break;
            }
            taken.keys.push(key.into());
            let start = taken.bytes.len();
            taken.bytes.extend_from_slice(row);
            taken.rows.push(start..taken.bytes.len());
            walk.next();
        }
        walk.status().map_err(|error| self.store.reading(&error))?;
        if next > published {
            taken.tasks.push(TakenTask { task, next, bytes: taken.bytes.len() - bytes_before });
        }
        Ok(())
    }

    fn applied(&self, task: TaskId) -> Result<Option<Offset>> {
        let bytes = self.snapshot.get(keys::applied(task)).map_err(|error| self.store.reading(&error))?;
        let number = |bytes: Vec<u8>| bytes.try_into().map_err(|_| self.store.malformed("a position"));
        bytes.map(number).transpose().map(|number| number.map(|bytes| Offset(u64::from_be_bytes(bytes))))
    }
}

impl Taken {
    pub fn stored(&self, store: &Store) -> Result<Vec<Stored<'_>>> {
        let decode = |range: &Range<usize>| Stored::decode(&self.bytes[range.clone()]);
        self.rows.iter().map(|range| decode(range).ok_or_else(|| store.malformed("an outbox row"))).collect()
    }

    pub fn row_count(&self) -> usize {
        self.rows.len()
    }
}

impl Store {
    pub(crate) fn outgoing(&self) -> Outgoing<'_> {
        Outgoing { store: self, snapshot: self.db.snapshot() }
    }

    /// What was taken is visible: its rows go, and how far each task is published is noted.
    pub(crate) fn published(&self, taken: &Taken) -> Result<()> {
        let mut batch = Batch::default();
        for key in &taken.keys {
            batch.batch.delete(key);
        }
        for task in &taken.tasks {
            batch.put_published(task.task, task.next);
        }
        self.write(&batch)
    }

    /// Rows of offsets below N are visible: they go, and N is noted.
    pub(crate) fn drop_published(&self, task: TaskId, published: Offset) -> Result<()> {
        let mut batch = Batch::default();
        batch.batch.delete_range(keys::outbox(task, Offset(0), 0), keys::outbox(task, published, 0));
        batch.put_published(task, published);
        self.write(&batch)
    }

    pub(crate) fn waiting_bytes(&self, task: TaskId) -> Result<usize> {
        let (from, to) = keys::space(task, Space::Outbox);
        let mut walk = self.db.raw_iterator_opt(super::bounded(from.to_vec(), to.to_vec()));
        let mut bytes = 0;
        walk.seek_to_first();
        while let Some(row) = walk.value() {
            bytes += row.len();
            walk.next();
        }
        walk.status().map_err(|error| self.reading(&error))?;
        Ok(bytes)
    }
}
