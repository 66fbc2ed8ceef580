//! Rows of state that were read lately, in memory: what most records need is found without asking RocksDB.
//!
//! Invariant: a row here is what RocksDB has, after every write that succeeded; a key that RocksDB has no row for may be here
//! as just that. A row comes here by being read; one that is only ever written, or found by walking over rows, takes no room.
//! Every write of state is told here. One that failed forgets everything: whether it was written is not known.
//!
//! Beyond its bound one row in [`LEAVES_ONE_IN`] leaves, at random. The least recently used would be the worst choice for
//! groups that come round one after the other, where it is the one that is needed next; and every hit would have to be noted.
//!
//! Absent on purpose: rows that are here and not yet in RocksDB. A process that is killed loses nothing of this.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

const LEAVES_ONE_IN: u64 = 8;

pub(super) struct HotRows {
    rows: HashTable<HotRow>,
    hasher: RandomState,
    bytes: usize,
    bytes_max: usize,
    /// For the next draw. Nothing that is published depends on who leaves.
    draw: u64,
}

/// One piece of memory for both: a lookup waits for it once.
struct HotRow {
    /// The whole key, then the value.
    bytes: Box<[u8]>,
    value: Value,
}

#[derive(Clone, Copy)]
enum Value {
    /// RocksDB has no such row.
    None,
    From(u32),
}

/// Of a row beside its bytes: its place in the table, which is half full at least, and what an allocation costs.
const ROW_BYTES: usize = 2 * size_of::<HotRow>() + 16;

impl HotRows {
    pub fn new(bytes_max: usize) -> Self {
        Self { rows: HashTable::new(), hasher: RandomState::new(), bytes: 0, bytes_max, draw: 1 }
    }

    /// A row: as it is here, or as it is found elsewhere; then it is here too.
    pub fn get<E>(
        &mut self,
        key: &[u8],
        find: impl FnOnce() -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Option<Vec<u8>>, E> {
        let hash = self.hasher.hash_one(key);
        if let Some(known) = self.rows.find(hash, |row| row.key() == key) {
            return Ok(known.value().map(<[u8]>::to_vec));
        }
        let found = find()?;
        let row = HotRow::new(key, found.as_deref());
        self.bytes += row.size_bytes();
        self.rows.insert_unique(hash, row, |row| self.hasher.hash_one(row.key()));
        self.keep_within_bound();
        Ok(found)
    }

    /// A row was written, or removed. Nobody reads on in what is removed.
    pub fn wrote(&mut self, key: &[u8], value: Option<&[u8]>) {
        let hash = self.hasher.hash_one(key);
        let Ok(mut known) = self.rows.find_entry(hash, |row| row.key() == key) else { return };
        let row = known.get_mut();
        self.bytes -= row.size_bytes();
        let Some(value) = value else {
            known.remove();
            return;
        };
        row.set(value);
        self.bytes += row.size_bytes();
        self.keep_within_bound();
    }

    pub fn forget_all(&mut self) {
        self.rows.clear();
        self.bytes = 0;
    }

    #[cfg(test)]
    pub fn size_bytes(&self) -> usize {
        assert_eq!(self.bytes, self.rows.iter().map(HotRow::size_bytes).sum::<usize>(), "each row is counted as it is");
        self.bytes
    }

    fn keep_within_bound(&mut self) {
        let Self { rows, bytes, bytes_max, draw, .. } = self;
        while *bytes > *bytes_max {
            rows.retain(|row| {
                // Marsaglia's xorshift.
                *draw ^= *draw << 13;
                *draw ^= *draw >> 7;
                *draw ^= *draw << 17;
                let stays = !draw.is_multiple_of(LEAVES_ONE_IN);
                *bytes -= if stays { 0 } else { row.size_bytes() };
                stays
            });
        }
    }
}

impl HotRow {
    fn new(key: &[u8], value: Option<&[u8]>) -> Self {
        let from = u32::try_from(key.len()).expect("invariant: keys are short");
        let bytes = [key, value.unwrap_or_default()].concat().into_boxed_slice();
        Self { bytes, value: value.map_or(Value::None, |_| Value::From(from)) }
    }

    fn key(&self) -> &[u8] {
        match self.value {
            Value::None => &self.bytes,
            Value::From(at) => &self.bytes[..at as usize],
        }
    }

    fn value(&self) -> Option<&[u8]> {
        match self.value {
            Value::None => None,
            Value::From(at) => Some(&self.bytes[at as usize..]),
        }
    }

    /// Most rows that change for every event keep their length: they are changed where they lie.
    fn set(&mut self, value: &[u8]) {
        match self.value {
            Value::From(at) if self.bytes.len() - at as usize == value.len() => {
                self.bytes[at as usize..].copy_from_slice(value);
            }
            _ => *self = Self::new(self.key(), Some(value)),
        }
    }

    fn size_bytes(&self) -> usize {
        ROW_BYTES + self.bytes.len()
    }
}
