//! RocksDB as the log uses it: opened with small, named bounds, and its errors told in the words of the bus.
//!
//! Invariant: every write goes through [`Store::write`], one batch each, with the write-ahead log on: a batch is there
//! as a whole or not at all, and once `write` has returned a killed process cannot lose it.
//!
//! The write-ahead log is recovered in the mode that forgives a torn tail (a write nobody was told of) and nothing else:
//! a hole before the tail would be acknowledged records gone in silence, so it is reported as damage.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rocksdb::{
    BlockBasedOptions, BoundColumnFamily, Cache, ColumnFamilyDescriptor, DBCompressionType,
    DBRawIteratorWithThreadMode, DBRecoveryMode, DBWithThreadMode, ErrorKind, LogLevel, MultiThreaded, ReadOptions,
    WriteBatch, WriteBufferManager, WriteOptions,
};

use contracts::topics::Compression;

use super::layout;
use super::options::{Flush, Options};
use crate::{BusError, Partition, Result};

pub(super) type Db = DBWithThreadMode<MultiThreaded>;
pub(super) type Family<'a> = Arc<BoundColumnFamily<'a>>;
/// Key and value of the default family.
pub(super) type Note = (Box<[u8]>, Box<[u8]>);
pub(super) type Records<'a> = DBRawIteratorWithThreadMode<'a, Db>;

/// Files of a level grow to this; retention drops whole ones.
const FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Level one; each further level is ten times as large.
const LEVEL_BYTES: u64 = 64 * 1024 * 1024;
/// Together with the write buffers this bounds how much a start has to replay.
const WRITE_AHEAD_BYTES_MAX: u64 = 64 * 1024 * 1024;
const BLOCK_BYTES: usize = 16 * 1024;
/// What a topic that is written now and then holds in memory at least.
const ARENA_BYTES: usize = 64 * 1024;
/// How long a write waits for files to be flushed or compacted, and how often it looks whether they are.
const STALL_MAX: Duration = Duration::from_secs(30);
const STALL_LOOK_EVERY: Duration = Duration::from_millis(1);
/// RocksDB's own diary beside the data.
const DIARY_BYTES_MAX: usize = 1024 * 1024;
const DIARIES_MAX: usize = 2;

pub(super) struct Store {
    db: Db,
    writing: WriteOptions,
    family_options: rocksdb::Options,
    path: PathBuf,
    reserve_bytes: u64,
    /// Something was written that perhaps only the operating system has.
    unsynced: AtomicBool,
    /// Why the last write failed, until one succeeds.
    failure: Mutex<Option<BusError>>,
}

impl Store {
    pub fn open(dir: &Path, options: &Options) -> Result<Self> {
        let path = dir.join("log");
        let db_options = database_options(options);
        let family_options = family_options(options);
        let families = if path.join("CURRENT").exists() {
            Db::list_cf(&db_options, &path).map_err(|error| opening(&path, &error))?
        } else {
            vec!["default".to_owned()]
        };
        let families = families.into_iter().map(|name| ColumnFamilyDescriptor::new(name, family_options.clone()));
        let db = Db::open_cf_descriptors(&db_options, &path, families).map_err(|error| opening(&path, &error))?;
        Ok(Self::new(db, path, options, family_options))
    }

    /// Opens what can still be read of a damaged log, and changes nothing. A damaged write-ahead log is read up to the
    /// damage; where files are missing or spoiled, all others are read.
    pub fn open_damaged(dir: &Path, options: &Options) -> Result<Self> {
        let path = dir.join("log");
        let family_options = family_options(options);
        let mut db_options = database_options(options);
        db_options.create_if_missing(false);
        db_options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
        let families = Db::list_cf(&db_options, &path).map_err(|error| opening(&path, &error))?;
        let open = |db_options: &rocksdb::Options| {
            let descriptor = |name| ColumnFamilyDescriptor::new(name, family_options.clone());
            Db::open_cf_descriptors_read_only(db_options, &path, families.iter().map(descriptor), false)
        };
        // Without its checks RocksDB forgives missing files, but no longer stops at a hole in the write-ahead log.
        let db = open(&db_options).or_else(|_| {
            db_options.set_paranoid_checks(false);
            open(&db_options)
        });
        let db = db.map_err(|error| opening(&path, &error))?;
        Ok(Self::new(db, path, options, family_options))
    }

    fn new(db: Db, path: PathBuf, options: &Options, family_options: rocksdb::Options) -> Self {
        let mut writing = WriteOptions::default();
        writing.set_sync(options.flush == Flush::EveryWrite);
        // A write that waits inside of RocksDB for a flush can wait for ever: after a full disk the thread that would resume
        // the flush queues up behind it. So RocksDB answers at once, and the waiting is ours.
        writing.set_no_slowdown(true);
        // Rows of a partition come in order: remembering where the last one went makes the next one cheap.
        writing.set_memtable_insert_hint_per_batch(true);
        let unsynced = AtomicBool::new(true);
        Self {
            db,
            writing,
            family_options,
            path,
            reserve_bytes: options.disk_reserve_bytes,
            unsynced,
            failure: Mutex::default(),
        }
    }

    pub fn write(&self, batch: &WriteBatch) -> Result<()> {
        self.keep_reserve(batch.size_in_bytes())?;
        self.write_tidying(batch)
    }

    /// A write that makes room, and therefore may use the reserve.
    pub fn write_tidying(&self, batch: &WriteBatch) -> Result<()> {
        let outcome = self.write_when_ready(batch).map_err(|error| writing(&self.path, &error));
        *self.failure() = outcome.as_ref().err().cloned();
        self.unsynced.store(true, Ordering::Release);
        outcome
    }

    /// Tries again while RocksDB asks for patience; after [`STALL_MAX`] its answer is the answer.
    fn write_when_ready(&self, batch: &WriteBatch) -> std::result::Result<(), rocksdb::Error> {
        let deadline = Instant::now() + STALL_MAX;
        loop {
            // RocksDB takes the batch even if it does not write it.
            match self.db.write_opt(WriteBatch::from_data(batch.data()), &self.writing) {
                Err(error) if error.kind() == ErrorKind::Incomplete && Instant::now() < deadline => {
                    std::thread::sleep(STALL_LOOK_EVERY);
                }
                outcome => return outcome,
            }
        }
    }

    fn failure(&self) -> MutexGuard<'_, Option<BusError>> {
        self.failure.lock().expect("invariant: it is only copied in and out, which cannot panic")
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.db.get(key).map_err(|error| self.reading("settings and offsets", &error))
    }

    /// The family of a topic's records; made when it is not there, with the compression that was declared.
    pub fn make_family(&self, topic: &str, compression: Compression) -> Result<()> {
        let name = layout::family_of(topic);
        let mut options = self.family_options.clone();
        options.set_compression_type(compression_type(compression));
        if self.db.cf_handle(&name).is_none() {
            self.db.create_cf(&name, &options).map_err(|error| writing(&self.path, &error))?;
            return Ok(());
        }
        self.set_compression(topic, compression)
    }

    /// Files written from now on are compressed this way.
    pub fn set_compression(&self, topic: &str, compression: Compression) -> Result<()> {
        let name = match compression {
            Compression::None => "kNoCompression",
            Compression::Lz4 => "kLZ4Compression",
            Compression::Zstd => "kZSTD",
        };
        self.db
            .set_options_cf(&self.family(topic), &[("compression", name)])
            .map_err(|error| writing(&self.path, &error))
    }

    pub fn family(&self, topic: &str) -> Family<'_> {
        self.db
            .cf_handle(&layout::family_of(topic))
            .expect("invariant: a topic's family is made before the topic is known, and never dropped")
    }

    /// Records of `from..to` (keys of [`layout::record_key`]) as they are now.
    pub fn records(&self, topic: &str, from: [u8; 12], to: [u8; 12]) -> Records<'_> {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(from);
        options.set_iterate_upper_bound(to);
        self.db.raw_iterator_cf_opt(&self.family(topic), options)
    }

    /// Everything in the default family whose key begins with `kind`.
    pub fn notes(&self, kind: u8) -> Result<Vec<Note>> {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound([kind]);
        options.set_iterate_upper_bound([kind + 1]);
        self.db
            .iterator_opt(rocksdb::IteratorMode::Start, options)
            .collect::<std::result::Result<_, _>>()
            .map_err(|error| self.reading("settings and offsets", &error))
    }

    /// Drops whole files of a topic that hold nothing but `from..=to`.
    pub fn drop_files(&self, topic: &str, from: [u8; 12], to: [u8; 12]) -> Result<()> {
        self.db.delete_file_in_range_cf(&self.family(topic), from, to).map_err(|error| writing(&self.path, &error))
    }

    /// Brings what was written since the last time to the disk itself. Not after a failed write: RocksDB recovers from a
    /// full disk by itself, but not from being asked to sync the file on which a write has failed.
    pub fn sync(&self) -> Result<()> {
        if let Some(failure) = self.failure().clone() {
            return Err(failure);
        }
        if self.unsynced.swap(false, Ordering::AcqRel) {
            self.db.flush_wal(true).map_err(|error| {
                self.unsynced.store(true, Ordering::Release);
                writing(&self.path, &error)
            })?;
        }
        Ok(())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a failed read means. `what` names the damaged part in words.
    pub fn reading(&self, what: &str, error: &rocksdb::Error) -> BusError {
        damaged(&self.path, what, error)
    }

    /// A partition that cannot be read on from an offset.
    pub fn unreadable(&self, partition: &Partition, from: u64, error: &rocksdb::Error) -> BusError {
        let rescue = format!("What is before that offset, and other partitions, can be read. {RESCUE}");
        let mut damaged = self.reading(&format!("{partition} from offset {from} on"), error);
        if let BusError::Damaged { rescue: said, .. } = &mut damaged {
            *said = rescue;
        }
        damaged
    }

    /// What was read is not what this program writes.
    pub fn malformed(&self, what: &str, reason: layout::Malformed) -> BusError {
        BusError::Damaged {
            path: self.path.clone(),
            what: what.to_owned(),
            reason: reason.to_string(),
            rescue: RESCUE.to_owned(),
        }
    }

    /// Refuses a write that would leave less room than the reserve. Tidying up goes past it.
    fn keep_reserve(&self, bytes: usize) -> Result<()> {
        if self.reserve_bytes == 0 {
            return Ok(());
        }
        let Ok(disk) = rustix::fs::statvfs(&self.path) else {
            return Ok(());
        };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < self.reserve_bytes.saturating_add(bytes as u64) {
            return Err(BusError::DiskFull { path: self.path.clone() });
        }
        Ok(())
    }
}

pub(super) fn malformed_record(store: &Store, partition: &Partition, from: u64, reason: layout::Malformed) -> BusError {
    store.malformed(&format!("a record of {partition} at offset {from} or after it"), reason)
}

fn database_options(options: &Options) -> rocksdb::Options {
    let mut db = rocksdb::Options::default();
    db.create_if_missing(true);
    db.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    db.set_max_total_wal_size(WRITE_AHEAD_BYTES_MAX);
    db.set_write_buffer_manager(&WriteBufferManager::new_write_buffer_manager(options.memory.write_buffer_bytes, true));
    db.set_max_open_files(options.memory.open_files_max);
    db.set_max_background_jobs(2);
    db.set_log_level(LogLevel::Warn);
    db.set_max_log_file_size(DIARY_BYTES_MAX);
    db.set_keep_log_file_num(DIARIES_MAX);
    db.set_stats_dump_period_sec(0);
    db.set_stats_persist_period_sec(0);
    db
}

/// The same for every family of a log, which share one cache through them.
fn family_options(options: &Options) -> rocksdb::Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&Cache::new_lru_cache(options.memory.block_cache_bytes));
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_block_size(BLOCK_BYTES);
    table.set_format_version(5);
    let mut family = rocksdb::Options::default();
    family.set_block_based_table_factory(&table);
    family.set_compression_type(DBCompressionType::Lz4);
    family.set_write_buffer_size(options.memory.write_buffer_bytes / 3);
    family.set_max_write_buffer_number(3);
    family.set_arena_block_size(ARENA_BYTES);
    family.set_target_file_size_base(FILE_BYTES);
    family.set_max_bytes_for_level_base(LEVEL_BYTES);
    family
}

fn compression_type(compression: Compression) -> DBCompressionType {
    match compression {
        Compression::None => DBCompressionType::None,
        Compression::Lz4 => DBCompressionType::Lz4,
        Compression::Zstd => DBCompressionType::Zstd,
    }
}

/// What a failed write means. RocksDB tells causes in the text of its errors only.
fn writing(path: &Path, error: &rocksdb::Error) -> BusError {
    let text = error.as_ref();
    if text.contains("No space left on device") || text.contains("NoSpace") {
        BusError::DiskFull { path: path.to_owned() }
    } else if error.kind() == ErrorKind::Corruption {
        damaged(path, "the log", error)
    } else {
        BusError::NotWritable { path: path.to_owned(), reason: text.to_owned() }
    }
}

fn opening(path: &Path, error: &rocksdb::Error) -> BusError {
    match error.kind() {
        ErrorKind::IOError if !error.as_ref().contains("No such file") => writing(path, error),
        _ => damaged(path, "the log", error),
    }
}

fn damaged(path: &Path, what: &str, error: &rocksdb::Error) -> BusError {
    BusError::Damaged {
        path: path.to_owned(),
        what: what.to_owned(),
        reason: error.as_ref().to_owned(),
        rescue: RESCUE.to_owned(),
    }
}

pub(super) const RESCUE: &str = "Nothing was changed. `tripline salvage NEW_DIRECTORY` copies every record that can still be read, \
     and says which cannot";

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}
