//! State as the core sees it: an ordered store of byte keys, and what this batch has changed in it.
//!
//! Invariant: what was put is what is got, within a batch and, once its [`Changes`] are stored, after it. Whatever one
//! record reads depends on the records before it, never on how they were cut into batches.
//!
//! A row that cannot be read (an unknown version, bytes that end early) is the mistake of whoever opened the store without
//! migrating it. It reads as no row, is remembered, and [`View::into_changes`] then gives the mistake in place of the
//! changes: nothing of such a batch is ever stored or published.
//!
//! Absent on purpose: I/O errors. A store that cannot be read keeps its error to itself, and its owner throws the whole
//! batch away.

pub(crate) mod keys;
mod memory;
mod scan;
#[cfg(test)]
mod tests;
pub(crate) mod value;

pub use keys::is_of_every_event;
pub use memory::MemoryStore;
pub use scan::Scan;
pub use value::Malformed;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::plan::Scratch;
use value::Reader;

/// What the state is read from: the changes of all batches before this one.
pub trait Store {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;

    /// The first row whose key is at least `from` and less than `to`.
    fn first(&self, from: &[u8], to: &[u8]) -> Option<(Vec<u8>, Vec<u8>)>;
}

/// Rows by key; `None` is a row that is no more.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A row that this version cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the row of state with the key {}: {source}", key.escape_ascii())]
pub struct Unreadable {
    pub key: Vec<u8>,
    pub source: Malformed,
}

/// A store and the changes of one batch on top of it.
pub struct View<'s> {
    store: &'s dyn Store,
    changes: Changes,
    /// The first of them.
    unreadable: Option<Unreadable>,
    /// Working memory of matching, kept from record to record.
    pub(crate) scratch: Scratch,
}

impl<'s> View<'s> {
    pub fn over(store: &'s dyn Store) -> Self {
        Self { store, changes: Changes::new(), unreadable: None, scratch: Scratch::default() }
    }

    /// A row as it is; borrowed if this batch changed it.
    pub fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        match self.changes.get(key) {
            Some(change) => change.as_deref().map(Cow::Borrowed),
            None => self.store.get(key).map(Cow::Owned),
        }
    }

    pub fn has(&self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    /// What a row says; none if there is no such row.
    pub fn read<T>(&mut self, key: &[u8], decode: impl FnOnce(&mut Reader<'_>) -> Result<T, Malformed>) -> Option<T> {
        let read = decode(&mut Reader::new(&self.get(key)?));
        self.readable(key, read)
    }

    /// Changes a row where it lies: nothing is copied or allocated if this batch has changed it before. Without such a row
    /// nothing happens.
    pub fn update<T>(&mut self, key: &[u8], change: impl FnOnce(&mut Vec<u8>) -> Result<T, Malformed>) -> Option<T> {
        let changed = if let Some(row) = self.changes.get_mut(key) {
            change(row.as_mut()?)
        } else {
            let mut row = self.store.get(key)?;
            let changed = change(&mut row);
            self.changes.insert(key.to_vec(), Some(row));
            changed
        };
        self.readable(key, changed)
    }

    pub fn put(&mut self, key: &[u8], value: Vec<u8>) {
        self.set(key, Some(value));
    }

    pub fn remove(&mut self, key: &[u8]) {
        self.set(key, None);
    }

    /// How many rows with this prefix there were.
    pub fn remove_prefix(&mut self, prefix: &[u8]) -> usize {
        let keys: Vec<_> = self.scan(prefix).map(|(key, _)| key.into_owned()).collect();
        for key in &keys {
            self.remove(key);
        }
        keys.len()
    }

    /// The rows with this prefix, ascending by key; each is looked for when it is asked for.
    pub fn scan(&self, prefix: &[u8]) -> Scan<'_> {
        self.scan_from(prefix, prefix)
    }

    /// The rows with this prefix whose key is at least `from`.
    pub fn scan_from(&self, prefix: &[u8], from: &[u8]) -> Scan<'_> {
        Scan::new(self.store, &self.changes, from, &scan::end_of(prefix))
    }

    /// The first row whose key is at least `from` and less than `to`.
    pub fn first(&self, from: &[u8], to: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let found = Scan::new(self.store, &self.changes, from, to).next();
        found.map(|(key, value)| (key.into_owned(), value.into_owned()))
    }

    /// What the batch changed, to be stored at once.
    pub fn into_changes(self) -> Result<Changes, Unreadable> {
        match self.unreadable {
            None => Ok(self.changes),
            Some(unreadable) => Err(unreadable),
        }
    }

    fn set(&mut self, key: &[u8], change: Option<Vec<u8>>) {
        match self.changes.get_mut(key) {
            Some(row) => *row = change,
            None => drop(self.changes.insert(key.to_vec(), change)),
        }
    }

    /// What was read, or no row and the mistake kept.
    pub(crate) fn readable<T>(&mut self, key: &[u8], read: Result<T, Malformed>) -> Option<T> {
        read.map_err(|source| {
            self.unreadable.get_or_insert_with(|| Unreadable { key: key.to_vec(), source });
        })
        .ok()
    }
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("changes", &self.changes.len()).field("unreadable", &self.unreadable).finish()
    }
}
