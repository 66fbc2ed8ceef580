//! State as the core sees it: an ordered store of byte keys, and what this batch has changed in it.
//!
//! Invariant: what was put is what is got, within a batch and, once its [`Changes`] are stored, after it. Whatever one
//! record reads depends on the records before it, never on how they were cut into batches.
//!
//! Absent on purpose: I/O errors. A store that cannot be read keeps its error to itself, and its owner throws the whole
//! batch away.

mod memory;

pub use memory::MemoryStore;

use std::collections::BTreeMap;

/// What the state is read from: the changes of all batches before this one.
pub trait Store {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;

    /// The first row whose key is at least `from` and less than `to`.
    fn first(&self, from: &[u8], to: &[u8]) -> Option<(Vec<u8>, Vec<u8>)>;
}

/// Rows by key; `None` is a row that is no more.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A store and the changes of one batch on top of it.
pub struct View<'s> {
    store: &'s dyn Store,
    changes: Changes,
}

impl<'s> View<'s> {
    pub fn over(store: &'s dyn Store) -> Self {
        Self { store, changes: Changes::new() }
    }

    pub fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        match self.changes.get(key) {
            Some(change) => change.clone(),
            None => self.store.get(key),
        }
    }

    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.changes.insert(key, Some(value));
    }

    pub fn remove(&mut self, key: &[u8]) {
        self.changes.insert(key.to_vec(), None);
    }

    /// What the batch changed, to be stored at once.
    pub fn into_changes(self) -> Changes {
        self.changes
    }
}
