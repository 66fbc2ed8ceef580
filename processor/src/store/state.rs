//! A task's state as the core reads it during one batch.
//!
//! Reads do not fail for the core: an error is kept, what was asked for reads as no row, and [`TaskState::check`] gives the
//! error to the task, which throws the batch away.

use std::cell::RefCell;

use detection::view::{self, Unreadable};
use rocksdb::{DB, DBRawIteratorWithThreadMode};

use super::keys::{self, PREFIX_BYTES, Space};
use super::{Result, Store, StoreError, bounded};
use crate::task::TaskId;

pub struct TaskState<'s> {
    store: &'s Store,
    task: TaskId,
    /// Keys are put together here.
    key: RefCell<Vec<u8>>,
    /// Made when it is first needed; nobody else writes to this task while the batch is made.
    walk: RefCell<Option<DBRawIteratorWithThreadMode<'s, DB>>>,
    /// The first one.
    error: RefCell<Option<rocksdb::Error>>,
}

impl<'s> TaskState<'s> {
    pub(super) fn new(store: &'s Store, task: TaskId) -> Self {
        Self { store, task, key: RefCell::default(), walk: RefCell::default(), error: RefCell::default() }
    }

    /// What went wrong while the state was read.
    pub(crate) fn check(&self) -> Result<()> {
        self.error.borrow().as_ref().map_or(Ok(()), |error| Err(self.store.reading(error)))
    }

    pub(crate) fn unreadable(&self, source: Unreadable) -> StoreError {
        StoreError::Unreadable { path: self.store.path.clone(), task: self.task, source }
    }

    fn keep(&self, error: rocksdb::Error) {
        self.error.borrow_mut().get_or_insert(error);
    }
}

impl view::Store for TaskState<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let mut whole = self.key.borrow_mut();
        keys::write_state(self.task, key, &mut whole);
        let found = self.store.hot().get(&whole, || self.store.db.get(&*whole));
        found.unwrap_or_else(|error| {
            self.keep(error);
            None
        })
    }

    fn first(&self, from: &[u8], to: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut walk = self.walk.borrow_mut();
        let walk = walk.get_or_insert_with(|| {
            let (start, end) = keys::space(self.task, Space::State);
            self.store.db.raw_iterator_opt(bounded(start.to_vec(), end.to_vec()))
        });
        let mut whole = self.key.borrow_mut();
        keys::write_state(self.task, from, &mut whole);
        // Whoever scans asks for what lies behind the row that came last: a step costs a fraction of a search.
        if walk.key().is_some_and(|at| is_just_behind(&whole, at)) {
            walk.next();
        } else {
            walk.seek(&*whole);
        }
        let found = walk.item().map(|(key, value)| (&key[PREFIX_BYTES..], value));
        let found = found.filter(|(key, _)| *key < to).map(|(key, value)| (key.to_vec(), value.to_vec()));
        if let Err(error) = walk.status() {
            self.keep(error);
        }
        found
    }
}

/// Whether no key lies between `at` and `key`.
fn is_just_behind(key: &[u8], at: &[u8]) -> bool {
    key.strip_prefix(at).is_some_and(|rest| rest == [0])
}

impl std::fmt::Debug for TaskState<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskState").field("task", &self.task).finish_non_exhaustive()
    }
}
