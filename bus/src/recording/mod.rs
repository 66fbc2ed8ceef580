//! Records of a log in a file: an Avro object container of `log_record_v1`, which any Avro library reads.
//!
//! Invariant: what was recorded comes back as it was, byte for byte, in the order in which it was written. The same records
//! give the same file. A file that ends within a block is read up to the block before, and [`Ending`] says so.
//!
//! Absent on purpose: compression (a file is compressed as a whole, by what is made for it), and an index: a recording is
//! read from its beginning.

mod read;
mod write;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::LazyLock;

use contracts::avro::{Fingerprint, WriterSchema};

use crate::BusError;

pub use read::{Ending, Recording};
pub use write::Recorder;

/// The schema of what stands in a recording.
pub const SCHEMA: &str = include_str!("log_record_v1.avsc");
/// A block is written once it has so many bytes.
pub const BLOCK_BYTES: usize = 256 * 1024;
/// A block of more is not read: no writer that keeps to the size of a record makes one.
pub const BLOCK_BYTES_MAX: usize = 64 * 1024 * 1024;
/// All of what stands before the first block.
pub const HEADING_BYTES_MAX: usize = 1024 * 1024;

const MAGIC: &[u8; 4] = b"Obj\x01";
const MARKER_BYTES: usize = 16;
const SCHEMA_KEY: &str = "avro.schema";
const CODEC_KEY: &str = "avro.codec";
/// A JSON object: how many partitions each topic had, also those without a record.
const PARTITIONS_KEY: &str = "tripline.partitions";

/// How many partitions each recorded topic has.
pub type Partitions = BTreeMap<String, NonZeroU32>;

/// What stands between blocks.
type Marker = [u8; MARKER_BYTES];

static FINGERPRINT: LazyLock<Fingerprint> =
    LazyLock::new(|| WriterSchema::parse(SCHEMA).expect("invariant: our schema is one").fingerprint());

const RESCUE: &str = "Record it again, or give another file";

fn damaged(path: &Path, reason: impl std::fmt::Display) -> BusError {
    let what = "the recording".to_owned();
    BusError::Damaged { path: path.to_owned(), what, reason: reason.to_string(), rescue: RESCUE.to_owned() }
}
