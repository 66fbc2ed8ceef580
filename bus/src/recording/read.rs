//! Reading a recording, block by block.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use contracts::avro::{Items, Reader as Avro, WriterSchema};
use contracts::fault::Fault;
use contracts::time::Timestamp;

use super::{
    BLOCK_BYTES_MAX, CODEC_KEY, FINGERPRINT, HEADING_BYTES_MAX, MAGIC, MARKER_BYTES, Marker, PARTITIONS_KEY,
    Partitions, SCHEMA_KEY, damaged,
};
use crate::{Batch, BatchLimit, BusError, Header, Offset, Partition, Progress, Reader, Result};

/// Reads a recording from its beginning.
#[derive(Debug)]
pub struct Recording {
    path: PathBuf,
    file: BufReader<File>,
    /// Where the next block begins.
    next_block: u64,
    length: u64,
    marker: Marker,
    partitions: Partitions,
    block: Vec<u8>,
    /// How much of `block` was read, and how many records of it were not.
    at: usize,
    left: u64,
    known: Vec<Partition>,
    ending: Option<Ending>,
}

/// How a recording ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With the mark that its recorder set.
    Marked,
    /// Behind a whole block, without the mark: another program wrote it, or its recorder was ended.
    Unmarked,
    /// Within a block, of which nothing was read.
    CutShort { block_at: u64, bytes: u64 },
}

/// What the next bytes of the file are.
enum Block {
    Whole { count: u64 },
    End(Ending),
}

impl Recording {
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| unreadable(path, &error);
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut file = BufReader::with_capacity(super::BLOCK_BYTES, file);
        let heading = Heading::read(&mut file).map_err(|reason| damaged(path, reason))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            next_block: heading.bytes,
            length,
            marker: heading.marker,
            partitions: heading.partitions,
            block: Vec::new(),
            at: 0,
            left: 0,
            known: Vec::new(),
            ending: None,
        })
    }

    /// As its recorder wrote it down; empty if another program made the file.
    pub fn partitions(&self) -> &Partitions {
        &self.partitions
    }

    /// Known once it was read to its end.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// How many bytes the file has, and how many of them were read.
    pub fn extent(&self) -> (u64, u64) {
        (self.length, self.next_block)
    }

    fn take_block(&mut self) -> Result<()> {
        match self.read_block()? {
            Block::Whole { count } => (self.left, self.at) = (count, 0),
            Block::End(ending) => self.ending = Some(ending),
        }
        Ok(())
    }

    fn read_block(&mut self) -> Result<Block> {
        let at = self.next_block;
        let cut = Block::End(Ending::CutShort { block_at: at, bytes: self.length.saturating_sub(at) });
        if self.is_over()? {
            return Ok(Block::End(Ending::Unmarked));
        }
        let (Some(count), Some(size)) = (self.number()?, self.number()?) else { return Ok(cut) };
        let size = usize::try_from(size.1).ok().filter(|size| *size <= BLOCK_BYTES_MAX).map(|bytes| (size.0, bytes));
        let (Ok(records), Some((size_bytes, size))) = (u64::try_from(count.1), size) else {
            let reason =
                format!("byte {at}: expected a block of at most {BLOCK_BYTES_MAX} bytes, found another count or size");
            return Err(damaged(&self.path, reason));
        };
        self.block.clear();
        // No more is allocated than the file has.
        let wanted = size + MARKER_BYTES;
        let read = self.file.by_ref().take(wanted as u64).read_to_end(&mut self.block);
        if read.map_err(|error| unreadable(&self.path, &error))? < wanted {
            return Ok(cut);
        }
        if self.block[size..] != self.marker {
            return Err(damaged(&self.path, format!("byte {at}: the block does not end with the file's marker")));
        }
        if records == 0 && size > 0 {
            return Err(damaged(&self.path, format!("byte {at}: a block of {size} bytes without a record")));
        }
        self.block.truncate(size);
        self.next_block += (count.0 + size_bytes + wanted) as u64;
        let is_mark = records == 0 && self.is_over()?;
        Ok(if is_mark { Block::End(Ending::Marked) } else { Block::Whole { count: records } })
    }

    /// A number of Avro and how many bytes it took; nothing if the file ends in it.
    fn number(&mut self) -> Result<Option<(usize, i64)>> {
        let mut bytes = Vec::with_capacity(10);
        for byte in self.file.by_ref().take(10).bytes() {
            bytes.push(byte.map_err(|error| unreadable(&self.path, &error))?);
            if bytes.last().is_some_and(|byte| *byte < 0x80) {
                let number = Avro::new(&bytes).long().map_err(|fault| damaged(&self.path, fault))?;
                return Ok(Some((bytes.len(), number)));
            }
        }
        if bytes.len() < 10 { Ok(None) } else { Err(damaged(&self.path, "a number of more than 64 bits")) }
    }

    /// Moves the next record of the block into the batch.
    fn take_record(&mut self, batch: &mut Batch) -> Result<()> {
        let mut from = Avro::new(&self.block[self.at..]);
        let taken = take(&mut from, &mut self.known, batch);
        taken.map_err(|fault| {
            damaged(&self.path, format!("the block before byte {}, at {}: {fault}", self.next_block, self.at))
        })?;
        self.at += from.at();
        self.left -= 1;
        if self.left == 0 && self.at < self.block.len() {
            let reason = format!("the block before byte {} has more bytes than records", self.next_block);
            return Err(damaged(&self.path, reason));
        }
        Ok(())
    }

    fn is_over(&mut self) -> Result<bool> {
        let waiting = self.file.fill_buf().map(<[u8]>::is_empty);
        waiting.map_err(|error| unreadable(&self.path, &error))
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> BusError {
    BusError::NotReadable { path: path.to_owned(), reason: error.to_string() }
}

impl Reader for Recording {
    fn next(&mut self, batch: &mut Batch, limit: &BatchLimit) -> Result<Progress> {
        batch.clear();
        while !batch.is_full(limit) {
            if self.left > 0 {
                self.take_record(batch)?;
            } else if self.ending.is_none() {
                self.take_block()?;
            } else {
                break;
            }
        }
        Ok(if batch.is_empty() { Progress::Done } else { Progress::More })
    }
}

fn take(from: &mut Avro<'_>, known: &mut Vec<Partition>, batch: &mut Batch) -> std::result::Result<(), Fault> {
    let topic = from.str()?;
    let index = number(from, "a partition")?;
    let offset = number(from, "an offset")?;
    let at = from.at();
    let appended_at = Timestamp::from_micros(from.long()?)
        .map_err(|error| Fault::malformed(at, "a time within the years 0 to 9999", error.to_string()))?;
    let [key, value] = [optional(from)?, optional(from)?];
    let mut headers = Vec::new();
    let mut items = Items::default();
    while items.next(from)?.is_some() {
        headers.push(Header { name: from.str()?, value: from.bytes()? });
    }
    // Records come in runs of one partition: the last one is nearly always it.
    let place = known.iter().rposition(|partition| partition.index == index && &*partition.topic == topic);
    let place = place.unwrap_or_else(|| {
        known.push(Partition::new(topic, index));
        known.len() - 1
    });
    batch.push(&known[place], Offset(offset), appended_at, key, value, headers.into_iter());
    Ok(())
}

fn number<N: TryFrom<i64>>(from: &mut Avro<'_>, what: &'static str) -> std::result::Result<N, Fault> {
    let at = from.at();
    let number = from.long()?;
    N::try_from(number).map_err(|_| Fault::malformed(at, what, number.to_string()))
}

fn optional<'a>(from: &mut Avro<'a>) -> std::result::Result<Option<&'a [u8]>, Fault> {
    Ok(if from.choice(2)? == 0 { None } else { Some(from.bytes()?) })
}

/// What stands before the first block.
struct Heading {
    partitions: Partitions,
    marker: Marker,
    bytes: u64,
}

impl Heading {
    fn read(file: &mut BufReader<File>) -> std::result::Result<Self, String> {
        // A heading is short and must be there as a whole; the buffer may end within it.
        let mut bytes = Vec::new();
        file.by_ref().take(HEADING_BYTES_MAX as u64).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| {
            format!(
                "expected an Avro object container (first bytes {MAGIC:02X?}), found {:02X?}",
                &bytes[..bytes.len().min(4)]
            )
        })?;
        let mut from = Avro::new(rest);
        let mut heading = Self { partitions: Partitions::new(), marker: [0; MARKER_BYTES], bytes: 0 };
        let mut schema = None;
        let fault = |fault: Fault| format!("its heading: {fault}");
        let mut items = Items::default();
        while items.next(&mut from).map_err(fault)?.is_some() {
            let (key, value) = (from.str().map_err(fault)?, from.bytes().map_err(fault)?);
            match key {
                SCHEMA_KEY => schema = Some(value),
                CODEC_KEY if value != b"null" => {
                    let codec = String::from_utf8_lossy(value);
                    return Err(format!("expected blocks that are not compressed (codec null), found {codec}"));
                }
                PARTITIONS_KEY => heading.partitions = partitions(value)?,
                _ => {}
            }
        }
        check_schema(schema)?;
        heading.marker.copy_from_slice(from.take(MARKER_BYTES).map_err(fault)?);
        let length = MAGIC.len() + from.at();
        let back = i64::try_from(bytes.len() - length).map_err(|error| error.to_string())?;
        file.seek_relative(-back).map_err(|error| error.to_string())?;
        heading.bytes = length as u64;
        Ok(heading)
    }
}

fn check_schema(schema: Option<&[u8]>) -> std::result::Result<(), String> {
    let text = schema.and_then(|bytes| str::from_utf8(bytes).ok()).ok_or("its heading has no schema")?;
    let schema = WriterSchema::parse(text).map_err(|error| format!("its schema: {error}"))?;
    if schema.fingerprint() == *FINGERPRINT {
        return Ok(());
    }
    let name = schema.record_name().unwrap_or("no record");
    Err(format!(
        "expected records of log_record_v1, found {name} or another version of it; `tripline tail --record` writes it"
    ))
}

fn partitions(json: &[u8]) -> std::result::Result<Partitions, String> {
    let counts: std::collections::BTreeMap<String, u32> = serde_json::from_slice(json)
        .map_err(|error| format!("its heading: {PARTITIONS_KEY}: expected an object of numbers: {error}"))?;
    let of = |(topic, count): (String, u32)| NonZeroU32::new(count).map(|count| (topic, count));
    Ok(counts.into_iter().filter_map(of).collect())
}
