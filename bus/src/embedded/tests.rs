//! What is particular to the embedded log; what it shares with Kafka is in the conformance suite.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contracts::topics::{Compression, Declared, Keep, Partitioning};

use super::{Embedded, Options};
use crate::{Batch, BatchLimit, Bus, Header, Partition, ProducerSettings, Progress, Row, Start, To, Until};

pub(super) fn declared(name: &str, partitions: u32, keep: Keep) -> Declared {
    Declared {
        name: name.to_owned(),
        partitions: NonZeroU32::new(partitions).unwrap(),
        replication: 1,
        keep,
        keep_bytes_max: None,
        compression: Compression::Lz4,
        partitioning: Partitioning::Free,
    }
}

/// Sends rows as (partition, key, value) to `topic` and answers their offsets.
pub(super) fn send(log: &Embedded, topic: &str, rows: &[(u32, Option<&str>, Option<&str>)]) -> Vec<u64> {
    let offsets = Arc::new(Mutex::new(Vec::new()));
    let sink = offsets.clone();
    let mut producer = log
        .producer(
            &ProducerSettings::default(),
            Box::new(move |fate| sink.lock().unwrap().push(fate.result.unwrap().1.0)),
        )
        .unwrap();
    for (tag, &(index, key, value)) in rows.iter().enumerate() {
        let to = To::Partition { index, key: key.map(str::as_bytes) };
        producer.send(&Row { topic, to, value: value.map(str::as_bytes), headers: &[] }, tag as u64).unwrap();
    }
    assert_eq!(producer.flush(Duration::from_secs(10)).unwrap(), 0);
    drop(producer);
    Arc::try_unwrap(offsets).unwrap().into_inner().unwrap()
}

/// Everything in a partition, as (offset, key, value).
pub(super) fn contents(log: &Embedded, topic: &str, index: u32) -> Vec<(u64, String, Option<String>)> {
    let mut reader = log.read(&[(Partition::new(topic, index), Start::Earliest)], Until::End).unwrap();
    let mut batch = Batch::default();
    let mut found = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).unwrap();
    while reader.next(&mut batch, &BatchLimit::default()).unwrap() == Progress::More {
        found.extend(
            batch.records().map(|record| (record.offset.0, text(record.key.unwrap_or(b"-")), record.value.map(text))),
        );
    }
    found
}

#[test]
fn what_was_sent_is_read_also_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let log = Embedded::open(dir.path(), Options::default()).unwrap();
    log.create(&declared("t", 2, Keep::Forever)).unwrap();
    assert_eq!(send(&log, "t", &[(0, Some("a"), Some("1")), (1, None, Some("2")), (0, None, None)]), [0, 0, 1]);
    let expected = [(0, "a".to_owned(), Some("1".to_owned())), (1, "-".to_owned(), None)];
    assert_eq!(contents(&log, "t", 0), expected);
    drop(log);
    let log = Embedded::open(dir.path(), Options::default()).unwrap();
    assert_eq!(contents(&log, "t", 0), expected);
    assert_eq!(send(&log, "t", &[(0, None, Some("3"))]), [2]);
}

#[test]
fn headers_survive() {
    let dir = tempfile::tempdir().unwrap();
    let log = Embedded::open(dir.path(), Options::default()).unwrap();
    log.create(&declared("t", 1, Keep::Forever)).unwrap();
    let headers = [Header { name: "content-type", value: b"x" }, Header { name: "empty", value: b"" }];
    let mut producer = log.producer(&ProducerSettings::default(), Box::new(|_| {})).unwrap();
    producer.send(&Row { topic: "t", to: To::Key(b"k"), value: Some(b"v"), headers: &headers }, 0).unwrap();
    producer.flush(Duration::from_secs(10)).unwrap();
    let mut reader = log.read(&[(Partition::new("t", 0), Start::Earliest)], Until::End).unwrap();
    let mut batch = Batch::default();
    reader.next(&mut batch, &BatchLimit::default()).unwrap();
    let found: Vec<Header<'_>> = batch.records().next().unwrap().headers().collect();
    assert_eq!(found, headers);
}
