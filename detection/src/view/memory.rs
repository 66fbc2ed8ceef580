//! A store in memory: for tests, for `rules test`, for anything that need not outlive its process.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{Changes, Store};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryStore {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl MemoryStore {
    pub fn apply(&mut self, changes: Changes) {
        for (key, change) in changes {
            match change {
                Some(value) => drop(self.rows.insert(key, value)),
                None => drop(self.rows.remove(&key)),
            }
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Store for MemoryStore {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.rows.get(key).cloned()
    }

    fn first(&self, from: &[u8], to: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let first = self.rows.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to))).next();
        first.map(|(key, value)| (key.clone(), value.clone()))
    }
}
