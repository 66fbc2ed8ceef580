//! How the log lies in RocksDB: every key and every value, and nothing else writes or reads bytes.
//!
//! One column family per topic (`topic/NAME`) holds its records, so that a file on disk belongs to one topic, carries
//! its compression, and can be dropped whole by retention. All numbers are big-endian: keys sort as partitions and
//! offsets do.
//!
//! | family | key | value |
//! | --- | --- | --- |
//! | `topic/NAME` | partition u32, offset u64 | record |
//! | `default` | 0 | version of this layout, u32 |
//! | `default` | 1, topic | settings as a JSON object |
//! | `default` | 2, topic, partition u32 | [`Mark`]: earliest u64, floor u64, time i64, position u64, compacted u64 |
//! | `default` | 3, group, topic, partition u32 | committed offset u64 |
//! | `default` | 4, instance | epoch of its newest publisher u64 |
//!
//! Text in a key has its length before it (u16), so that no name is a prefix of another.
//!
//! A record is: one byte of form (high half) and flags (low half), append time i64, position u64, then, each present only
//! if its flag is, key and headers, then the value. *Position* is how many bytes this partition had taken before this
//! record. Time and position never decrease, so retention by age and by size and the search for a time are one binary
//! search over records, and no index has to be kept.
//!
//! Invariant: what this module wrote under [`VERSION`] it can read; another version is refused when the log is opened.

use contracts::time::Timestamp;

use crate::batch::Header;

pub(super) const VERSION: u32 = 1;

/// Bytes of a record's value before its key: form, time, position.
pub(super) const FIXED_BYTES: usize = 17;

const FORM: u8 = 0x10;
const HAS_KEY: u8 = 0x01;
const HAS_VALUE: u8 = 0x02;
const HAS_HEADERS: u8 = 0x04;

pub(super) const VERSION_KEY: [u8; 1] = [0];

/// What is known of a partition beyond its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Retention removed what is before.
    pub earliest: u64,
    /// No offset below this is given again, though its record may be gone or never have been (a marker).
    pub floor: u64,
    /// The append time and position that go with `floor`.
    pub time: Timestamp,
    pub position: u64,
    /// Below this no two records have the same key, in a topic that keeps the newest of each.
    pub compacted: u64,
}

/// A record as stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored<'a> {
    pub appended_at: Timestamp,
    pub position: u64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    headers: &'a [u8],
}

/// Why bytes are no record, mark or number of this layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("it ends too early")]
    Short,
    #[error("its form is {0:#04x}, not {FORM:#04x}")]
    Form(u8),
    #[error("a header's name is not UTF-8")]
    HeaderName,
    #[error("its time is outside the years 0000 to 9999")]
    Time,
}

pub(super) fn family_of(topic: &str) -> String {
    format!("topic/{topic}")
}

pub(super) fn record_key(partition: u32, offset: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&partition.to_be_bytes());
    key[4..].copy_from_slice(&offset.to_be_bytes());
    key
}

/// Partition and offset of a record's key.
pub(super) fn record_place(key: &[u8]) -> Option<(u32, u64)> {
    let (partition, offset) = key.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*partition), u64::from_be_bytes(offset.try_into().ok()?)))
}

pub(super) fn topic_key(topic: &str) -> Vec<u8> {
    text_key(1, &[topic])
}

/// The topic named by a key of [`topic_key`]; `None` for every other key.
pub(super) fn topic_in_key(key: &[u8]) -> Option<&str> {
    let (_, name) = key.strip_prefix(&[1])?.split_first_chunk::<2>()?;
    std::str::from_utf8(name).ok()
}

pub(super) fn mark_key(topic: &str, partition: u32) -> Vec<u8> {
    numbered(text_key(2, &[topic]), partition)
}

pub(super) fn committed_key(group: &str, topic: &str, partition: u32) -> Vec<u8> {
    numbered(text_key(3, &[group, topic]), partition)
}

pub(super) fn epoch_key(instance: &str) -> Vec<u8> {
    text_key(4, &[instance])
}

fn text_key(kind: u8, texts: &[&str]) -> Vec<u8> {
    let mut key = vec![kind];
    for text in texts {
        let length = u16::try_from(text.len()).expect("invariant: names are at most NAME_BYTES_MAX long");
        key.extend_from_slice(&length.to_be_bytes());
        key.extend_from_slice(text.as_bytes());
    }
    key
}

fn numbered(mut key: Vec<u8>, number: u32) -> Vec<u8> {
    key.extend_from_slice(&number.to_be_bytes());
    key
}

impl Mark {
    pub fn encode(&self) -> [u8; 40] {
        let mut bytes = [0; 40];
        let fields = [
            self.earliest.to_be_bytes(),
            self.floor.to_be_bytes(),
            self.time.micros().to_be_bytes(),
            self.position.to_be_bytes(),
            self.compacted.to_be_bytes(),
        ];
        for (place, field) in bytes.chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field);
        }
        bytes
    }

    pub fn decode(mut bytes: &[u8]) -> Result<Self, Malformed> {
        let mut next = || take_array::<8>(&mut bytes);
        Ok(Self {
            earliest: u64::from_be_bytes(next()?),
            floor: u64::from_be_bytes(next()?),
            time: timestamp(next()?)?,
            position: u64::from_be_bytes(next()?),
            compacted: u64::from_be_bytes(next()?),
        })
    }
}

pub(super) fn decode_number(mut bytes: &[u8]) -> Result<u64, Malformed> {
    take_array(&mut bytes).map(u64::from_be_bytes)
}

/// Appends a record to `into`. Time and position are zero until [`stamp`] knows them: a row may wait for its turn.
pub(super) fn encode_record(into: &mut Vec<u8>, key: Option<&[u8]>, value: Option<&[u8]>, headers: &[Header<'_>]) {
    let flag = |present: bool, flag: u8| if present { flag } else { 0 };
    into.push(
        FORM | flag(key.is_some(), HAS_KEY) | flag(value.is_some(), HAS_VALUE) | flag(!headers.is_empty(), HAS_HEADERS),
    );
    into.extend_from_slice(&[0; FIXED_BYTES - 1]);
    if let Some(key) = key {
        put_counted(into, key);
    }
    if !headers.is_empty() {
        put_length(into, headers.len());
        for header in headers {
            put_counted(into, header.name.as_bytes());
            put_counted(into, header.value);
        }
    }
    into.extend_from_slice(value.unwrap_or_default());
}

/// Gives an encoded record its append time and position.
pub(super) fn stamp(record: &mut [u8], appended_at: Timestamp, position: u64) {
    record[1..9].copy_from_slice(&appended_at.micros().to_be_bytes());
    record[9..17].copy_from_slice(&position.to_be_bytes());
}

pub(super) fn decode_record(mut bytes: &[u8]) -> Result<Stored<'_>, Malformed> {
    let bytes = &mut bytes;
    let form = take_array::<1>(bytes)?[0];
    if form & 0xF0 != FORM {
        return Err(Malformed::Form(form));
    }
    let appended_at = timestamp(take_array(bytes)?)?;
    let position = u64::from_be_bytes(take_array(bytes)?);
    let key = if form & HAS_KEY == 0 { None } else { Some(take_counted(bytes)?) };
    let all = *bytes;
    if form & HAS_HEADERS != 0 {
        for _ in 0..take_length(bytes)? {
            std::str::from_utf8(take_counted(bytes)?).map_err(|_| Malformed::HeaderName)?;
            take_counted(bytes)?;
        }
    }
    let headers = &all[..all.len() - bytes.len()];
    let value = if form & HAS_VALUE == 0 { None } else { Some(*bytes) };
    Ok(Stored { appended_at, position, key, value, headers })
}

/// Offset and record of an entry of a topic's family.
pub(super) fn decode_item<'a>(key: &[u8], value: &'a [u8]) -> Result<(u64, Stored<'a>), Malformed> {
    let (_, offset) = record_place(key).ok_or(Malformed::Short)?;
    Ok((offset, decode_record(value)?))
}

impl<'a> Stored<'a> {
    pub fn headers(&self) -> impl Iterator<Item = Header<'a>> + use<'a> {
        let mut bytes = self.headers;
        let count = if bytes.is_empty() { 0 } else { take_length(&mut bytes).unwrap_or(0) };
        (0..count).map(move |_| {
            let mut next = || take_counted(&mut bytes).expect("invariant: decode_record walked these headers");
            let name = std::str::from_utf8(next()).expect("invariant: decode_record checked the name");
            Header { name, value: next() }
        })
    }
}

fn put_counted(into: &mut Vec<u8>, bytes: &[u8]) {
    put_length(into, bytes.len());
    into.extend_from_slice(bytes);
}

/// LEB128.
fn put_length(into: &mut Vec<u8>, mut length: usize) {
    loop {
        let [low, ..] = length.to_le_bytes();
        length >>= 7;
        if length == 0 {
            return into.push(low & 0x7F);
        }
        into.push(low | 0x80);
    }
}

fn take_length(bytes: &mut &[u8]) -> Result<usize, Malformed> {
    let mut length = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let byte = take_array::<1>(bytes)?[0];
        length |= usize::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok(length);
        }
    }
    Err(Malformed::Short)
}

fn take_counted<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let length = take_length(bytes)?;
    let (taken, rest) = bytes.split_at_checked(length).ok_or(Malformed::Short)?;
    *bytes = rest;
    Ok(taken)
}

fn timestamp(bytes: [u8; 8]) -> Result<Timestamp, Malformed> {
    Timestamp::from_micros(i64::from_be_bytes(bytes)).map_err(|_| Malformed::Time)
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(Malformed::Short)?;
    *bytes = rest;
    Ok(*taken)
}
