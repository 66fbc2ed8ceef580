//! Rows of state that were read lately, in memory: what most records need is found without asking RocksDB.
//!
//! Invariant: a row here is what RocksDB has, after every write that succeeded; a key that RocksDB has no row for may be here
//! as just that. A row comes here by being read; one that is only ever written, or found by walking over rows, takes no room.
//! One that an alert leaves behind was looked for before it was made, and comes by being found: few are asked for again.
//! Every write of state is told here. One that failed forgets everything: whether it was written is not known.
//!
//! A row is known by 128 bits of its key under a hash whose own key is drawn at every start: whoever names endpoints and groups
//! can find no two keys that are taken for one another. Whole keys would take more room than what most rows say.
//!
//! Beyond its bound one row in [`LEAVES_ONE_IN`] leaves, at random. The least recently used would be the worst choice for
//! groups that come round one after the other, where it is the one that is needed next; and every hit would have to be noted.
//!
//! Absent on purpose: rows that are here and not yet in RocksDB. A process that is killed loses nothing of this.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use siphasher::sip128::SipHasher13;

const LEAVES_ONE_IN: u64 = 8;

pub(super) struct HotRows {
    rows: HashTable<HotRow>,
    hasher: SipHasher13,
    bytes: usize,
    bytes_max: usize,
    /// For the next draw. Nothing that is published depends on who leaves.
    draw: u64,
}

struct HotRow {
    key: KeyHash,
    /// `None`: RocksDB has no such row.
    value: Option<Box<[u8]>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct KeyHash {
    /// Where in the table.
    place: u64,
    rest: u64,
}

/// Of a row beside its value: its place in the table, which is half full at least, and what an allocation costs.
const ROW_BYTES: usize = 2 * size_of::<HotRow>() + 16;

impl HotRows {
    pub fn new(bytes_max: usize) -> Self {
        let drawn = || RandomState::new().hash_one(());
        let hasher = SipHasher13::new_with_keys(drawn(), drawn());
        Self { rows: HashTable::new(), hasher, bytes: 0, bytes_max, draw: 1 }
    }

    /// A row: as it is here, or as it is found elsewhere; then it is here too.
    pub fn get<E>(
        &mut self,
        key: &[u8],
        find: impl FnOnce() -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Option<Vec<u8>>, E> {
        let key = self.hash(key);
        if let Some(known) = self.rows.find(key.place, |row| row.key == key) {
            return Ok(known.value.as_deref().map(<[u8]>::to_vec));
        }
        let found = find()?;
        let row = HotRow { key, value: found.as_deref().map(Into::into) };
        self.bytes += row.size_bytes();
        self.rows.insert_unique(key.place, row, |row| row.key.place);
        self.keep_within_bound();
        Ok(found)
    }

    /// A row was written, or removed. Nobody reads on in what is removed. One that is made now comes here only if `is_kept`.
    pub fn wrote(&mut self, key: &[u8], value: Option<&[u8]>, is_kept: bool) {
        let key = self.hash(key);
        let Ok(mut known) = self.rows.find_entry(key.place, |row| row.key == key) else { return };
        let row = known.get_mut();
        self.bytes -= row.size_bytes();
        let Some(value) = value.filter(|_| is_kept || row.value.is_some()) else {
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

    fn hash(&self, key: &[u8]) -> KeyHash {
        let hash = self.hasher.hash(key);
        KeyHash { place: hash.h1, rest: hash.h2 }
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
    /// Most rows that change for every event keep their length: they are changed where they lie.
    fn set(&mut self, value: &[u8]) {
        match &mut self.value {
            Some(known) if known.len() == value.len() => known.copy_from_slice(value),
            known => *known = Some(value.into()),
        }
    }

    fn size_bytes(&self) -> usize {
        ROW_BYTES + self.value.as_ref().map_or(0, |value| value.len())
    }
}
