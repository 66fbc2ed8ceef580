//! Records as they come off a log: many at a time, in one allocation that the caller keeps and reuses.
//!
//! Invariant: a record's bytes live in its batch; clearing the batch keeps the memory. How much a batch holds is the
//! caller's [`BatchLimit`], so a slow consumer costs what it asked for and no more.

use std::ops::Range;
use std::time::Duration;

use contracts::time::Timestamp;

use crate::{Offset, Partition};

/// How much one poll may bring, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimit {
    pub records_max: usize,
    /// A batch ends with the record that reaches this; one record may therefore exceed it.
    pub bytes_max: usize,
    /// A poll returns at the latest after this, with what there is.
    pub wait: Duration,
}

impl Default for BatchLimit {
    /// A micro-batch of the processing protocol: 1,000 records or 5 ms.
    fn default() -> Self {
        Self { records_max: 1_000, bytes_max: 4 * 1024 * 1024, wait: Duration::from_millis(5) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    pub name: &'a str,
    pub value: &'a [u8],
}

/// One record, borrowed from its batch.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    pub partition: &'a Partition,
    pub offset: Offset,
    /// The log's own time, which no producer can set.
    pub appended_at: Timestamp,
    pub key: Option<&'a [u8]>,
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    headers: &'a [HeaderSpan],
    bytes: &'a [u8],
}

impl<'a> Record<'a> {
    pub fn headers(&self) -> impl Iterator<Item = Header<'a>> + use<'a> {
        let bytes = self.bytes;
        self.headers.iter().map(move |span| Header {
            name: std::str::from_utf8(&bytes[span.name.clone()])
                .expect("invariant: a header's name was pushed as text"),
            value: &bytes[span.value.clone()],
        })
    }
}

/// What one poll brought.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    headers: Vec<HeaderSpan>,
    partitions: Vec<Partition>,
    ends: Vec<Partition>,
}

#[derive(Debug)]
struct Entry {
    /// Index into `partitions`.
    partition: usize,
    offset: Offset,
    appended_at: Timestamp,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    headers: Range<usize>,
}

#[derive(Debug)]
struct HeaderSpan {
    name: Range<usize>,
    value: Range<usize>,
}

impl Batch {
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        self.entries.iter().map(|entry| self.record(entry))
    }

    /// The record at a place of the batch.
    pub fn get(&self, place: usize) -> Option<Record<'_>> {
        self.entries.get(place).map(|entry| self.record(entry))
    }

    /// Partitions of which this poll reached the end.
    pub fn ends(&self) -> &[Partition] {
        &self.ends
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether another record would be beyond what was asked for.
    pub fn is_full(&self, limit: &BatchLimit) -> bool {
        self.entries.len() >= limit.records_max || self.bytes.len() >= limit.bytes_max
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.headers.clear();
        self.ends.clear();
    }

    /// For a log, or what speaks for one.
    pub fn push<'h>(
        &mut self,
        partition: &Partition,
        offset: Offset,
        appended_at: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl Iterator<Item = Header<'h>>,
    ) {
        let first_header = self.headers.len();
        for header in headers {
            let name = self.keep(header.name.as_bytes());
            let value = self.keep(header.value);
            self.headers.push(HeaderSpan { name, value });
        }
        let entry = Entry {
            partition: self.index_of(partition),
            offset,
            appended_at,
            key: key.map(|bytes| self.keep(bytes)),
            value: value.map(|bytes| self.keep(bytes)),
            headers: first_header..self.headers.len(),
        };
        self.entries.push(entry);
    }

    pub fn push_end(&mut self, partition: &Partition) {
        if !self.ends.contains(partition) {
            self.ends.push(partition.clone());
        }
    }

    /// A record of another batch, as it is.
    pub fn push_record(&mut self, record: &Record<'_>) {
        self.push(record.partition, record.offset, record.appended_at, record.key, record.value, record.headers());
    }

    fn record(&self, entry: &Entry) -> Record<'_> {
        Record {
            partition: &self.partitions[entry.partition],
            offset: entry.offset,
            appended_at: entry.appended_at,
            key: entry.key.clone().map(|range| &self.bytes[range]),
            value: entry.value.clone().map(|range| &self.bytes[range]),
            headers: &self.headers[entry.headers.clone()],
            bytes: &self.bytes,
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    /// Records come in runs of one partition: the last one is nearly always it.
    fn index_of(&mut self, partition: &Partition) -> usize {
        self.partitions.iter().rposition(|known| known == partition).unwrap_or_else(|| {
            self.partitions.push(partition.clone());
            self.partitions.len() - 1
        })
    }
}
