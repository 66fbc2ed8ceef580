//! What the store may use, each bound with its reason.
//!
//! One table of rows, one block cache and one write-buffer budget serve all tasks: more partitions do not mean more memory.

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, LogLevel, Options,
    WriteBufferManager,
};

/// Beyond these bounds rows are read from RocksDB again, reads go to the disk again, and writers wait for a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Rows of state that were read lately. Most of the memory for reading is theirs: in the same room fewer blocks would
    /// hold what is asked for, each among neighbours that are not.
    pub hot_rows_bytes: usize,
    /// Blocks, indexes and filters of files.
    pub block_cache_bytes: usize,
    /// What was written and is not in files yet.
    pub write_buffer_bytes: usize,
    pub open_files_max: i32,
    /// Threads that flush and compact.
    pub background_jobs_max: i32,
}

impl Default for Memory {
    /// For some hundred thousand live groups in well under 100 MB, the rest of the process included.
    fn default() -> Self {
        Self {
            hot_rows_bytes: 32 * 1024 * 1024,
            block_cache_bytes: 8 * 1024 * 1024,
            write_buffer_bytes: 24 * 1024 * 1024,
            open_files_max: 128,
            background_jobs_max: 2,
        }
    }
}

/// Rows are small and read one by one: small blocks waste less of the cache.
const BLOCK_BYTES: usize = 4 * 1024;
const FILTER_BITS_PER_KEY: f64 = 10.0;
const FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Level one; each further level is ten times as large.
const LEVEL_BYTES: u64 = 64 * 1024 * 1024;
/// Bounds how much a start has to replay.
const WRITE_AHEAD_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Many small ones: a row is put in by a walk over the buffer, which costs most where it lies beyond the processor's caches. Some are
/// flushed together, so that files stay as large as they were.
const BUFFERS: u8 = 6;
const BUFFERS_MERGED: i32 = 2;
/// Of a write buffer: a filter in front of it, for the many rows that are looked for and are not there.
const BUFFER_FILTER_SHARE: f64 = 0.02;
/// RocksDB's own diary beside the data.
const DIARY_BYTES_MAX: usize = 1024 * 1024;
const DIARIES_MAX: usize = 2;

pub(super) fn options(memory: &Memory) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&Cache::new_lru_cache(memory.block_cache_bytes));
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    // In pieces: a filter as large as its file would push everything else out of the cache whenever it is read.
    table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    table.set_partition_filters(true);
    table.set_pin_top_level_index_and_filter(true);
    table.set_block_size(BLOCK_BYTES);
    table.set_format_version(5);
    table.set_bloom_filter(FILTER_BITS_PER_KEY, false);
    table.set_optimize_filters_for_memory(true);

    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&table);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_write_buffer_size(memory.write_buffer_bytes / usize::from(BUFFERS));
    options.set_max_write_buffer_number(i32::from(BUFFERS));
    options.set_min_write_buffer_number_to_merge(BUFFERS_MERGED);
    options.set_write_buffer_manager(&WriteBufferManager::new_write_buffer_manager(memory.write_buffer_bytes, true));
    options.set_memtable_whole_key_filtering(true);
    options.set_memtable_prefix_bloom_ratio(BUFFER_FILTER_SHARE);
    options.set_target_file_size_base(FILE_BYTES);
    options.set_max_bytes_for_level_base(LEVEL_BYTES);
    options.set_max_total_wal_size(WRITE_AHEAD_BYTES_MAX);
    // A torn tail is a write that nothing followed from. Any other hole is damage, and said.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    // The file that nobody reads any more would be removed by whoever read it last: the thread that applies.
    options.set_avoid_unnecessary_blocking_io(true);
    options.set_max_open_files(memory.open_files_max);
    options.set_max_background_jobs(memory.background_jobs_max);
    options.set_log_level(LogLevel::Warn);
    options.set_max_log_file_size(DIARY_BYTES_MAX);
    options.set_keep_log_file_num(DIARIES_MAX);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options
}
