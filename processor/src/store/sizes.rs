//! How large the store is, as RocksDB counts.

use super::{Result, Store};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    pub files_bytes: u64,
    pub buffers_bytes: u64,
    pub cache_bytes: u64,
    /// Indexes and filters that are not in the cache.
    pub readers_bytes: u64,
    pub keys_estimate: u64,
    pub pending_compaction_bytes: u64,
}

impl Store {
    pub fn sizes(&self) -> Result<Sizes> {
        let property = |name: &str| {
            let value = self.db.property_int_value(name).map_err(|error| self.reading(&error))?;
            Ok(value.unwrap_or_default())
        };
        Ok(Sizes {
            files_bytes: property("rocksdb.total-sst-files-size")?,
            buffers_bytes: property("rocksdb.cur-size-all-mem-tables")?,
            cache_bytes: property("rocksdb.block-cache-usage")?,
            readers_bytes: property("rocksdb.estimate-table-readers-mem")?,
            keys_estimate: property("rocksdb.estimate-num-keys")?,
            pending_compaction_bytes: property("rocksdb.estimate-pending-compaction-bytes")?,
        })
    }
}
