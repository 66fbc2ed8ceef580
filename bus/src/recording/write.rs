//! Writing a recording.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use contracts::avro::{write_bytes, write_length, write_long};
use contracts::canonical::Digest;

use super::{BLOCK_BYTES, CODEC_KEY, MAGIC, Marker, PARTITIONS_KEY, Partitions, SCHEMA, SCHEMA_KEY};
use crate::{BusError, Record, Result};

/// Records may hold what nobody else should read.
const OWNERS_ALONE: u32 = 0o600;

/// Takes records one by one.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    file: File,
    marker: Marker,
    block: Vec<u8>,
    /// Records in `block`.
    count: usize,
    scratch: Vec<u8>,
}

impl Recorder {
    /// Begins a file, which must not be there yet.
    pub fn create(path: &Path, partitions: &Partitions) -> Result<Self> {
        let failed = |error: std::io::Error| not_writable(path, &error);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNERS_ALONE).open(path).map_err(failed)?;
        let heading = heading(partitions);
        // Of what it heads, so that the same records are the same file.
        let digest = Digest::of(&heading);
        let marker = *digest.as_bytes().first_chunk().expect("invariant: a digest is longer than a marker");
        file.write_all(&heading).and_then(|()| file.write_all(&marker)).map_err(failed)?;
        let (block, scratch) = (Vec::with_capacity(2 * BLOCK_BYTES), Vec::new());
        Ok(Self { path: path.to_owned(), file, marker, block, count: 0, scratch })
    }

    pub fn push(&mut self, record: &Record<'_>) -> Result<()> {
        write(record, &mut self.block);
        self.count += 1;
        if self.block.len() >= BLOCK_BYTES { self.flush() } else { Ok(()) }
    }

    /// Gives the file what was pushed, as a block of its own: whatever happens then, it can be read.
    pub fn flush(&mut self) -> Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        self.end_block()
    }

    /// Ends the file with an empty block, which tells it from one whose recorder was killed.
    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        self.end_block()?;
        self.file.sync_all().map_err(|error| not_writable(&self.path, &error))
    }

    fn end_block(&mut self) -> Result<()> {
        self.scratch.clear();
        write_length(&mut self.scratch, self.count);
        write_length(&mut self.scratch, self.block.len());
        let parts = [&*self.scratch, &self.block, &self.marker];
        let written = parts.into_iter().try_for_each(|part| self.file.write_all(part));
        self.block.clear();
        self.count = 0;
        written.map_err(|error| not_writable(&self.path, &error))
    }
}

fn not_writable(path: &Path, error: &std::io::Error) -> BusError {
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            let reason = "there is such a file already; name another, or remove it".to_owned();
            BusError::NotWritable { path: path.to_owned(), reason }
        }
        std::io::ErrorKind::StorageFull => BusError::DiskFull { path: path.to_owned() },
        _ => BusError::NotWritable { path: path.to_owned(), reason: error.to_string() },
    }
}

fn heading(partitions: &Partitions) -> Vec<u8> {
    let partitions: serde_json::Map<_, _> =
        partitions.iter().map(|(topic, count)| (topic.clone(), count.get().into())).collect();
    let partitions = serde_json::Value::from(partitions).to_string();
    let entries = [(SCHEMA_KEY, SCHEMA), (CODEC_KEY, "null"), (PARTITIONS_KEY, &partitions)];
    let mut out = MAGIC.to_vec();
    write_length(&mut out, entries.len());
    for (key, value) in entries {
        write_bytes(&mut out, key.as_bytes());
        write_bytes(&mut out, value.as_bytes());
    }
    write_length(&mut out, 0);
    out
}

fn write(record: &Record<'_>, out: &mut Vec<u8>) {
    write_bytes(out, record.partition.topic.as_bytes());
    write_long(out, record.partition.index.into());
    write_long(out, record.offset.0.cast_signed());
    write_long(out, record.appended_at.micros());
    for bytes in [record.key, record.value] {
        write_long(out, bytes.is_some().into());
        if let Some(bytes) = bytes {
            write_bytes(out, bytes);
        }
    }
    let headers = record.headers().count();
    if headers > 0 {
        write_length(out, headers);
        for header in record.headers() {
            write_bytes(out, header.name.as_bytes());
            write_bytes(out, header.value);
        }
    }
    write_length(out, 0);
}
